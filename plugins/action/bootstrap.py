# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import re

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.pyweb.stack.plugins.module_utils import _apt
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apt_wait, _filters

_filters.load()

# On one line, for every shell; a host that has Python does no more than its first command.
SCRIPT = """
{listing}command -v python3 >/dev/null && exit 0
{check}
{variables}
export LC_ALL=C LANGUAGE=C DEBIAN_FRONTEND=noninteractive
apt-get -qq -o Acquire::Retries=3 update >&2 && apt-get -qq -o {no_waiting} install --no-install-recommends -y python3 python3-apt >&2 && echo installed
"""
# Where there is no input, it may be a terminal that never ends.
READ = 'while IFS= read -r variable; do export "$variable"; done'
WOULD_INSTALL = 77
PATTERN = re.compile(r"/[A-Za-z0-9_.*/-]*")


def script_for(check_mode, patterns=(), variables=False, read=()):
    """What the host's shell gets. patterns: of the paths to tell, of characters that no shell takes apart; read: of those whose content is told, too;
    variables: whether given() is its input.

    Without a last newline: where root logs in, Ansible goes on with "&& sleep 0", which cannot begin a line.
    """
    return SCRIPT.format(
        listing=(f"for path in {' '.join(patterns)}; do [ -e \"$path\" ] && echo \"found:$path\"; done; " if patterns else "")
        + (f"for path in {' '.join(read)}; do [ -f \"$path\" ] && echo \"read:$path:$(base64 -w 0 <\"$path\")\"; done; " if read else ""),
        check=f"exit {WOULD_INSTALL}" if check_mode else "",
        variables=READ if variables else "",
        no_waiting=_apt.NO_WAITING,
    ).strip()


def contents(lines):
    """By path, what the script has read."""
    found = [line.removeprefix("read:").rpartition(":") for line in lines if line.startswith("read:")]
    return {path: base64.b64decode(text).decode("utf-8", "replace") for path, dummy, text in found}


def given(environment):
    """What the script reads its variables from: sudo logs a command with all that is in it, and a proxy may have a password."""
    return "".join(f"{name}={value}\n" for name, value in environment.items()).encode()


class ActionModule(ActionBase):
    """Installs Python where it is missing, over the shell alone: no module runs before."""

    _supports_check_mode = True
    _VALID_ARGS = frozenset({"lock_timeout", "look_for", "read"})
    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        check_mode = self._task.check_mode
        environment: dict[str, object] = {}
        # As a module would have it: a host may reach the outside through a proxy only.
        self._compute_environment_string(environment)
        script = script_for(check_mode, self._patterns("look_for"), bool(environment), self._patterns("read"))

        def attempt():
            done = self._low_level_execute_command(script, in_data=given(environment) or None)
            return done, _apt.held_by(done["stderr"] + done["stdout"]) if done["rc"] not in (0, WOULD_INSTALL) else ""

        timeout = float(self._task.args.get("lock_timeout", _apt.LOCK_TIMEOUT))
        done = _apt_wait.until_free(attempt, task_vars["inventory_hostname"], timeout)
        if done["rc"] == WOULD_INSTALL:
            raise AnsibleActionFail(
                f"{task_vars['inventory_hostname']} has no Python yet, which this role installs first; check mode installs nothing,"
                " so nothing more can be looked at: run once without --check."
            )
        if done["rc"] != 0:
            # With a terminal, what apt-get said of errors is in the output, and ssh's own words are in the other.
            said = _apt.errors(f"{done['stderr']}\n{done['stdout']}")
            raise AnsibleActionFail(f"Python could not be installed on {task_vars['inventory_hostname']} (code {done['rc']}): {said}.")
        lines = done["stdout"].splitlines()
        return {**result, "changed": "installed" in lines, "found": [line.removeprefix("found:") for line in lines if line.startswith("found:")],
                "contents": contents(lines)}

    def _patterns(self, option):
        asked = self._task.args.get(option) or []
        patterns = [asked] if isinstance(asked, str) else list(asked)
        for pattern in patterns:
            if not PATTERN.fullmatch(pattern):
                raise AnsibleActionFail(f"{option} has {pattern!r}: an absolute path is needed, with * for what differs.")
        return patterns
