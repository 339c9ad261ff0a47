# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells an application from another one of its name, which another inventory has on the same host.

Provisioning notes it, and each deploy adds the source that it builds from. One of both, source or domains, may change at any time; where both are
others than those that are noted, it is another application.
"""

from __future__ import annotations

import json
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._addresses import without_password
from ansible_collections.pyweb.stack.plugins.module_utils._host.files import read_json, write_file

SCHEMA = 1
# What the playbook push lets an application be deployed from, as of_source() says it.
PUSHED = "repo /var/lib/pyweb-push/{name}/deployed"
MODE = 0o600  # a path on a controller is nobody else's business


class Identity(t.TypedDict):
    """/var/lib/pyweb/<name>/identity.json"""

    schema: int  # SCHEMA
    sources: list[str]  # what it comes from, as of_source() says it, and what it has been built from since
    domains: list[str]  # none without a site
    domain: str  # the one of them by which the host asks its own nginx; empty without a site


def _lasting(path: str) -> str:
    """C(path) without what changes from one build to the next: directories with a digit, the version in a file's name, and its ending."""
    *directories, name = path.split("/")
    name = re.sub(r"(?i)\.(tar(\.\w+)?|t[gbx]z2?|zip|whl)$", "", name)
    kept = [part for part in directories if part and not re.search(r"\d", part)] + [re.split(r"[-_.]?v?\d", name, maxsplit=1)[0]]
    return ("/" if path.startswith("/") else "") + "/".join(part for part in kept if part)


def of_source(source: t.Mapping[str, t.Any]) -> str:
    """C(source) of an application as it stays from one version to the next, without passwords and without how it is reached."""
    kind = next((kind for kind in ("repo", "path", "archive", "package") if source.get(kind)), "")
    value = without_password(str(source.get(kind) or ""))
    if kind == "repo":
        found = re.fullmatch(r"(?:\w[\w+.-]*://)?(?:[^/@]+@)?([^/:]*)(?::\d+(?=/))?[:/]+(.*?)(?:\.git)?/*", value)
        return f"repo {found[1].lower()}/{found[2]}" if found else f"repo {value}"
    if kind == "package" and not value.endswith(".whl"):
        return "package " + re.sub(r"[-_.]+", "-", re.split(r"[\s\[=]", value, maxsplit=1)[0]).lower()
    scheme, mark, rest = value.partition("://")
    host, slash, path = rest.partition("/") if mark else ("", "", scheme)
    lasting = _lasting(path.partition("?")[0] if mark else path)
    return f"{kind} {host.lower()}{slash}{lasting}".rstrip()


def noted(record: t.Any) -> Identity | None:
    """What a host has noted; none where nobody has, or where a newer version of the collection has."""
    return t.cast(Identity, record) if isinstance(record, dict) and record.get("schema") == SCHEMA else None


def fault(name: str, before: Identity | None, source: str, domains: list[str] | None) -> str:
    """In a sentence, that another application is there; empty where it is this one, or where nobody can tell. C(domains) are None where they are not known."""
    if not before or domains is None or source in (*before["sources"], PUSHED.format(name=name)):
        return ""
    if set(domains) & set(before["domains"]) or not (domains or before["domains"]):
        return ""
    return (f"pyweb_apps.{name} has the source {source} and {_names(domains)}, but the {name} that another inventory has set up on this host has "
            f"the source {' or '.join(before['sources'])} and {_names(before['domains'])}: take another name; to replace that one, run the playbook site once "
            f"with only one of both changed, or remove it by ansible-playbook pyweb.stack.destroy -e app={name} -e confirm={name}.")


def _names(domains: list[str]) -> str:
    return f"the domains {', '.join(domains)}" if domains else "no domains"


def note(source: str, domains: list[str], domain: str) -> str:
    """The text of the file."""
    return _text({"schema": SCHEMA, "sources": [source], "domains": sorted(domains), "domain": domain})


def add_source(path: str, name: str, source: str) -> None:
    """A deploy may come with another source long before somebody provisions with it."""
    before = noted(read_json(path))
    if before and source and source not in (*before["sources"], PUSHED.format(name=name)):
        write_file(path, _text({**before, "sources": [*before["sources"], source]}), mode=MODE, group=os.getgid())


def _text(identity: Identity) -> str:
    return json.dumps(identity, indent=1, sort_keys=True) + "\n"
