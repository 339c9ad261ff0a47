# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bash runs a command of the user's: it ends at the first fault, in a pipe as well."""

from __future__ import annotations

# What writes into a pipe ends by SIGPIPE (128 + 13) when the reader has had enough, as in "yes | python manage.py migrate":
# no fault, when the last command of the pipe has ended well. ERR is trapped before -e ends the shell, and DEBUG before the next command.
# Left of && and in a condition it stays a fault: bash decides about those by itself, and what follows has not run.
_BEFORE = """\
pyweb_next='set -e; trap - DEBUG; case "$BASH_COMMAND" in pyweb_s=*) ;; *) pyweb_ended_well= ;; esac'
trap 'pyweb_s=("$?" "${PIPESTATUS[@]}"); case "$-" in *e*) if [ "${pyweb_s[0]}" = 141 ] && [ "${pyweb_s[-1]}" = 0 ]; then \
pyweb_ended_well=1; set +e; trap "$pyweb_next" DEBUG; fi;; esac' ERR
"""
_AFTER = """
pyweb_s=("$?"); if [ -n "${pyweb_ended_well-}" ]; then exit 0; fi; exit "${pyweb_s[0]}"
"""


def script(command: str) -> list[str]:
    """The arguments that run C(command), of one line or several, by bash."""
    return ["/bin/bash", "-o", "pipefail", "-Eec", f"{_BEFORE}{command}{_AFTER}"]
