# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role hardening sets, from its options, its own settings and what was found on the host. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any

# What Debian and Ubuntu themselves show before a login.
DISTRIBUTION_BANNER = re.compile(r"(Debian|Ubuntu)[^\n]*\s*$")
HEADER = "# Installed by the Ansible role pyweb.stack.hardening.\n"


def firewall_rules(allowed: list[dict[str, Any]], numbers: Mapping[str, int]) -> list[str]:
    """Rules of nftables for the items of C(hardening_firewall.allow); one for each family of addresses that an item names.

    C(numbers) are those of the protocols without ports.
    """
    rules = []
    for item in allowed:
        protocol = item.get("protocol", "tcp")
        number = numbers.get(protocol)
        accept = f"meta l4proto {number} accept" if number else f"{protocol} dport {item['port']} accept"
        sources = item.get("from", [])
        if not sources:
            rules.append(accept)
        for family, those in (("ip", [source for source in sources if ":" not in source]), ("ip6", [source for source in sources if ":" in source])):
            if those:
                rules.append(f"{family} saddr {{ {', '.join(those)} }} {accept}")
    return rules


def _lets_in(item: Mapping[str, Any], protocol: str, port: int) -> bool:
    first, dash, last = str(item.get("port", 0)).partition("-")
    return item.get("protocol", "tcp") == protocol and int(first) <= port <= int(last or first)


def closed_ports(served: list[dict[str, Any]], allowed: list[dict[str, Any]], ssh_ports: list[int], ways: list[str]) -> list[str]:
    """What the firewall would shut others off from, in words: those of C(served), each with C(protocol), C(port) and C(by), that nothing lets in.

    C(allowed) is C(hardening_firewall.allow), C(ways) are rules for the tunnel by which Ansible comes.
    """
    closed = []
    for item in served:
        protocol, port = item["protocol"], item["port"]
        open_to_ssh = protocol == "tcp" and port in ssh_ports or f"{protocol} dport {port} accept" in ways
        if not open_to_ssh and not any(_lets_in(rule, protocol, port) for rule in allowed):
            closed.append(f"{protocol}{f' port {port}' if port else ''} ({item['by'] or 'the kernel'})")
    return closed


def _values(given: Any) -> Iterator[Any]:
    if isinstance(given, (list, tuple)):
        for item in given:
            yield from _values(item)
    elif given is not None:
        yield given


def ssh_settings(own: list[dict[str, Any]], given: Mapping[str, Any], strict: bool) -> list[dict[str, Any]]:
    """Keywords of sshd_config with their values, in order.

    C(given) is C(hardening_ssh.settings). It comes first, since sshd uses the first value that it meets, and in place of our own.
    C(own) has C(keyword), C(value) and, for the level strict, C(strict); without a value for its level, one is left out.
    """
    settings = [
        {"keyword": keyword, "value": {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value), "given": True}
        for keyword, values in given.items() for value in _values(values)
    ]
    asked = {setting["keyword"].lower() for setting in settings}
    for item in own:
        if item["keyword"].lower() in asked:
            continue
        value = item["strict"] if strict and "strict" in item else item.get("value")
        if value is not None:
            settings.append({"keyword": item["keyword"], "value": value, "given": item.get("given", False)})
    return settings


def sysctl_settings(own: list[dict[str, Any]], given: Mapping[str, Any], found: Mapping[str, str]) -> list[dict[str, Any]]:
    """Settings of the kernel, each with C(name), C(value) and C(why), in order.

    C(found) are those that this kernel has, with their values. One of C(own) keeps the value that was found if that is one of
    C(stricter), and is not set where it is C(unless), nor where one of those whose names match C(beside) has a value of C(stricter): the kernel
    takes the larger of both. C(given) is C(hardening_sysctl.settings): empty means that nothing is set.
    """
    settings = []
    for item in own:
        name = item["name"]
        if name not in given and name not in found:
            continue
        now = found.get(name, "")
        stricter = item.get("stricter", [])
        undone = any(found[other] in stricter for other in fnmatch.filter(found, item.get("beside", "")))
        value = now if now in stricter else "" if now == item.get("unless") or undone else item["value"]
        settings.append({**item, "value": given.get(name, value)})
    names = {item["name"] for item in own}
    settings += [{"name": name, "value": value, "why": ""} for name, value in given.items() if name not in names]
    return [setting for setting in settings if setting["value"] not in ("", None)]


def _files_beside(files: list[tuple[str, dict[str, Any]]], wanted: bool, there: list[str], of_others: list[str]) -> list[dict[str, Any]]:
    """Each behind the path without which nobody needs it; those that others may have written stay theirs."""
    return [{**file, "wanted": wanted and needed in there} for needed, file in files if file["path"] not in of_others]


def job_files(jobs: list[dict[str, Any]], wanted: bool, there: list[str], of_others: list[str]) -> list[dict[str, Any]]:
    """Who may have jobs, as files: each of C(jobs) has C(path), C(group), C(names) and the C(program) without which nobody needs it.

    Files that others may have written under the same name stay theirs (C(of_others)).
    """
    files = [
        (item["program"], {"path": item["path"], "content": HEADER + "\n".join(item["names"]) + "\n", "mode": "0640", "group": item["group"]})
        for item in jobs
    ]
    return _files_beside(files, wanted, there, of_others)


def hiding_files(hidden: Mapping[str, str], wanted: bool, there: list[str], of_others: list[str]) -> list[dict[str, Any]]:
    """Files that take the place of packages' files of the same name: C(hidden) has, by the path of a package's file, that of the one that hides it.

    Those that others may have written (C(of_others)) stay theirs.
    """
    files = [
        (of_package, {"path": path, "content": f"{HEADER}# Instead of {of_package}, which is looser than the role's own file.\n"})
        for of_package, path in hidden.items()
    ]
    return _files_beside(files, wanted, there, of_others)


def banner_files(names: Mapping[str, str], kept: str, found: Mapping[str, Any], text: str | None, given: bool) -> list[dict[str, Any]]:
    """What people see before they log in, and copies of what was there, in the directory C(kept): C(names) has the name of each by its path.

    C(found) has C(originals), the contents by path, and C(there), the paths that exist. C(text) is None where no banner is wanted. Then, and
    where somebody has written one of their own and C(given) is false, what was there comes back.
    """
    files = []
    for path, name in names.items():
        if path not in found["originals"]:
            continue
        original, copy = found["originals"][path], f"{kept}/{name}"
        if text is not None and (given or DISTRIBUTION_BANNER.match(original)):
            files.append({"path": copy, "wanted": True, "content": original, "mode": "0600"})
            files.append({"path": path, "wanted": True, "content": f"{text.strip()}\n"})
        elif copy in found["there"]:
            files.append({"path": path, "wanted": True, "content": original})
            files.append({"path": copy, "wanted": False, "content": ""})
    return files


def wanted_files(files: list[dict[str, Any]], edited: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What M(pyweb.stack.config_files) is to write: those of C(files) that are C(wanted), and what was C(edited) within files of others."""
    written = [
        {"path": file["path"], "content": file["content"], "mode": file.get("mode", "0644"), "group": file.get("group", "root")}
        for file in files if file["wanted"]
    ]
    return written + [{"path": path, "content": file["content"], "mode": file["mode"]} for path, file in edited.items()]
