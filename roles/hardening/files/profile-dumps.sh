# Installed by the Ansible role pyweb.stack.hardening.
# shellcheck shell=dash
# No dump of the memory of a program that crashes (CIS Debian Benchmark 1.5; Lynis KRNL-5820).
ulimit -c 0 2>/dev/null || :
