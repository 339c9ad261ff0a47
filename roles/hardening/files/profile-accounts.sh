# Installed by the Ansible role pyweb.stack.hardening.
# shellcheck shell=sh
# A shell that nobody uses ends after a quarter of an hour (CIS Debian Benchmark 5.4; Lynis SHLL-6220). Commands that run are not touched.
# Not readonly: where a later file sets it, too, sh would end the login.
[ -n "${TMOUT:-}" ] || TMOUT=900
export TMOUT
# New files are nobody else's (CIS Debian Benchmark 5.4), also where login.defs does not reach. What takes away more stays.
if [ $((0$(umask) | 027)) -eq $((027)) ]; then
    umask 027
fi
