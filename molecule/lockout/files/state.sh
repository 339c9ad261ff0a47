# shellcheck shell=sh
find /etc /usr/local /var/lib -name '*pyweb*' -not -path '/etc/*/*wants*'
nft list ruleset 2>/dev/null || true
dpkg-query --show
