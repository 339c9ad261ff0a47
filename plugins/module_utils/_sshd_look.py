# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at the SSH server of a host and at the connection that this runs through, for the role hardening."""

from __future__ import annotations

import dataclasses
import os
import pwd
import re
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pyweb.stack.plugins.module_utils import _edited_files as edited_files
from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_look as look
from ansible_collections.pyweb.stack.plugins.module_utils import _ssh_access as ssh_access
from ansible_collections.pyweb.stack.plugins.module_utils import _ssh_access_look as ssh_access_look
from ansible_collections.pyweb.stack.plugins.module_utils import _sshd_strictness as strictness
from ansible_collections.pyweb.stack.plugins.module_utils import _way_in as way_in
from ansible_collections.pyweb.stack.plugins.module_utils import _way_in_look as way_in_look

SSHD = "/usr/sbin/sshd"
SSHD_CONFIG = "/etc/ssh/sshd_config"


def look_at_ssh(module: AnsibleModule) -> dict[str, t.Any]:
    connection = ssh_access.connection_of(ssh_access_look.ancestors())
    user = pwd.getpwuid(connection.uid) if connection else None
    reached = connection if connection and connection.has_addresses else None
    result: dict[str, t.Any] = {
        "installed": os.path.exists(SSHD),
        "error": "",
        "settings": {},
        "port": reached.port if reached else None,
        "ports": [],
        "listening": [],
        "address": reached.server if reached else "localhost",
        "user": user.pw_name if user else None,
        "can_return": False,
        "looked_at": [],
        "lines": [],
        "undone": [],
        "loosened": [],
        "waits": [],
        "foreseen": [],
        "ways": [],
        "way_unknown": "",
        "exempt": [],
    }
    if connection:
        table = look.read(module.params["files"].get("firewall", "")) or ""
        found = way_in_look.find(connection, lambda command: _said(module, command), table)
        result["ways"] = way_in.written(found.ways)
        result["way_unknown"] = found.unknown
        earlier = re.findall(r"^\t\tip6? saddr (\S+) tcp dport \{[^}]*\} accept # runs plays$", table, flags=re.MULTILINE)
        # Either file remembers them, since either group may be switched off.
        jails = re.findall(r"^# Plays run from: (.*)$", look.read(module.params["files"].get("fail2ban", "")) or "", flags=re.MULTILINE)
        own = [reached.client.partition("%")[0]] if reached else []
        result["exempt"] = sorted({*own, *earlier, *(address for line in jails for address in line.split())})
    if not result["installed"]:
        return result
    result["listening"] = way_in_look.ssh_ports(lambda command: _said(module, command))
    if not os.path.isdir("/run/sshd"):
        # It is there only while the server runs; where systemd starts it for each connection, it may not be.
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    # Match blocks may be about this connection.
    criteria: list[str] = []
    if connection and user:
        criteria += ["-C", f"user={user.pw_name},host={connection.client},addr={connection.client}"]
        criteria += ["-C", f"laddr={connection.server},lport={connection.port}"]
    # As strict as sshd -t, and tells the settings as well.
    rc, stdout, stderr = module.run_command([SSHD, "-T", *criteria])
    if rc != 0:
        result["error"] = stderr.strip().replace("\r", "").replace("\n", "; ")
        return result
    settings = ssh_access.settings_from(stdout)
    result["settings"] = settings
    result["ports"] = sorted(int(port) for port in settings.get("port", []))
    _compare_settings(module, result, criteria)
    if connection and user:
        files = ssh_access.key_files(settings, user.pw_name, user.pw_dir, user.pw_uid)
        looked = [ssh_access_look.look_at_keys(path, user, connection.client, module.params["rsa_bits"]) for path in files]
        result["looked_at"] = [said for dummy, said in looked]
        result["can_return"] = any(usable for usable, dummy in looked) or bool(ssh_access.other_sources(settings))
    return result


def edited(module: AnsibleModule, found: dict[str, t.Any]) -> dict[str, dict[str, str]]:
    """sshd_config as it should be, by its path; found: what look_at_ssh has returned. Of keywords that may be there more than once, such as Port,
    sshd and graders count the lines: these are in the drop-in only."""
    text = look.text_of_others(SSHD_CONFIG)
    if text is None:
        return {}
    said = [line for line in found["lines"] if line["value"] is not None and line["keyword"].lower() in {*strictness.SINGLE, "banner"}]
    # Graders do not understand lists that take away.
    lines = [f"{line['keyword']} {line['value']}" for line in said if not line["value"].startswith("-")] if module.params["sshd_words"] else []
    return {SSHD_CONFIG: look.with_mode(SSHD_CONFIG, edited_files.sshd_config(text, lines))}


def _said(module: AnsibleModule, command: list[str]) -> str:
    try:
        rc, stdout, dummy = module.run_command(command, handle_exceptions=False)
    except OSError:
        return ""
    return stdout if rc == 0 else ""


def _sshd_settings(module: AnsibleModule, *options: str) -> dict[str, list[str]]:
    """What sshd -T prints of the section for everybody; nothing when it refuses."""
    rc, stdout, dummy = module.run_command([SSHD, "-T", *options])
    return ssh_access.settings_from(stdout) if rc == 0 else {}


def _settings_by(module: AnsibleModule, text: str, *options: str) -> dict[str, list[str]]:
    """What sshd -T prints of another text of sshd_config."""
    with tempfile.NamedTemporaryFile("w", dir=module.tmpdir, suffix=".conf") as stream:
        stream.write(text)
        stream.flush()
        return _sshd_settings(module, "-f", stream.name, *options)


def _foresee(module: AnsibleModule, lines: list[strictness.Line], drop_in: str, text: str, criteria: list[str]) -> dict[str, list[str]]:
    """The settings for this connection as they would be with these lines in the drop-in."""
    with tempfile.NamedTemporaryFile("w", dir=module.tmpdir, suffix=".conf") as stream:
        stream.write(strictness.drop_in(lines))
        stream.flush()
        return _settings_by(module, strictness.with_file(text, drop_in, stream.name), *criteria)


def _compare_settings(module: AnsibleModule, result: dict[str, t.Any], criteria: list[str]) -> None:
    wanted = [strictness.Setting(**setting) for setting in module.params["sshd"]]
    if module.params["root_waits"] and result["user"] == "root":
        wanted, result["waits"] = strictness.root_first(wanted)
    drop_in = module.params["files"].get("ssh", "")
    if not wanted:
        return
    stock = _sshd_settings(module, "-f", "/dev/null")
    # What is ours in that file only repeats the drop-in.
    text = edited_files.restored(look.read(SSHD_CONFIG) or "")
    now = before = _sshd_settings(module)
    if os.path.exists(drop_in):
        before = _settings_by(module, strictness.without_file(text, drop_in))
    lines = [strictness.line_for(setting, before, stock) for setting in wanted]
    result["lines"] = [dataclasses.asdict(line) for line in lines]
    result["undone"] = strictness.undone(lines, result["settings"])
    result["foreseen"] = strictness.undone(lines, _foresee(module, lines, drop_in, text, criteria))
    result["loosened"] = strictness.loosened(now, before, [setting.keyword for setting in wanted if setting.given])
