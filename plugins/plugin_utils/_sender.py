# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions before release_info and release_build have in common."""

from __future__ import annotations

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import split_password
from ansible_collections.pyweb.stack.plugins.plugin_utils import _places
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import OnHost


class Sender(OnHost):
    def arguments(self, task_vars: dict) -> tuple[dict, str | None]:
        """For the module, and the file to send."""
        arguments = dict(self._task.args)
        # A report runs nothing on the controller: what was prepared last is looked at.
        look = self._task.check_mode or not boolean(arguments.pop("prepare", True), strict=False)
        source = arguments.get("source")
        if not isinstance(source, dict):
            return arguments, None
        # A host gets a repository by itself.
        if source.get("repo"):
            return {**arguments, "source": hidden(source), "sent": None}, None
        from ansible_collections.pyweb.stack.plugins.plugin_utils import _pack

        try:
            offered = _pack.offer(source, _places.places(task_vars), f"{constants.DEFAULT_LOCAL_TMP}/pyweb", look)
        except _pack.PackError as error:
            raise AnsibleActionFail(f"{arguments.get('name')}: {error}") from None
        file = offered.pop("file") if offered else None
        source, query = without_query(source)
        return {**arguments, "source": hidden(source), "sent": offered, **({"query": query} if query else {})}, file


def without_query(source: dict) -> tuple[dict, str]:
    """What is behind the question mark of an archive's address is often a signature: it goes where Ansible hides it."""
    address, mark, query = str(source.get("archive") or "").partition("?")
    return ({**source, "archive": address}, query) if mark and "://" in address else (source, "")


def hidden(source: dict) -> dict:
    """A password in an address goes where Ansible hides it: it prints the other arguments of a module."""
    option = "archive" if source.get("archive") else "repo"
    url, password = split_password(str(source.get(option) or ""))
    if not password:
        return source
    token = source.get("token")
    return {**source, option: url, "token": f"{password}:{token}" if token and ":" not in password else token or password}
