# Installed by the Ansible role pyweb.stack.hardening.
# shellcheck shell=sh
# A shell that nobody uses ends after a quarter of an hour (CIS Debian Benchmark 5.4; Lynis SHLL-6220). Commands that run are not touched.
# Not readonly: where a later file sets it, too, sh would end the login.
[ -n "${TMOUT:-}" ] || TMOUT=900
export TMOUT
