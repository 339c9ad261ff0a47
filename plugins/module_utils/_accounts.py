# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is worth telling of the accounts of a host, and what its sudoers say already. Pure: reads the files as text."""

from __future__ import annotations

import re
from collections.abc import Iterable

FIRST_PERSON = 1000
LAST_PERSON = 59999
NO_SHELLS = ("/nologin", "/false", "/sync")


def _fields(text: str, count: int) -> list[list[str]]:
    return [fields for fields in (line.split(":") for line in text.splitlines()) if len(fields) >= count and fields[0]]


def homes(passwd: str) -> list[str]:
    """Home directories below /home of people who can log in; passwd: the text of /etc/passwd."""
    return sorted(
        {
            fields[5].rstrip("/")
            for fields in _fields(passwd, 7)
            if fields[2].isdigit() and FIRST_PERSON <= int(fields[2]) <= LAST_PERSON and re.fullmatch(r"/home/[^/\s]+/?", fields[5])
            if not fields[6].endswith(NO_SHELLS)
        }
    )


def notes(passwd: str, shadow: str, last_change_days: int, today: int) -> list[str]:
    """One sentence for each account that somebody should look at.

    shadow: the text of /etc/shadow. today: days since 1970. last_change_days: a password that is older is told of.
    """
    said = [f"{fields[0]} has the user id 0, as root has" for fields in _fields(passwd, 7) if fields[2] == "0" and fields[0] != "root"]
    for fields in _fields(shadow, 3):
        name, password, changed = fields[:3]
        if not password:
            said.append(f"{name} needs no password")
        elif not password.startswith(("!", "*")) and changed.isdigit() and 0 < int(changed) < today - last_change_days:
            said.append(f"{name} has a password that is {today - int(changed)} days old")
    return said


def sudo_settings(texts: Iterable[str]) -> list[str]:
    """The names that sudoers set for everybody by Defaults, as "use_pty" or "timestamp_timeout"."""
    names: set[str] = set()
    for text in texts:
        joined = text.replace("\\\n", " ")
        for entry in re.findall(r"^[ \t]*Defaults[ \t]+(.*)$", joined, flags=re.MULTILINE):
            unquoted = re.sub(r'"[^"]*"', "", entry)
            names.update(re.findall(r"(?:^|,)[ \t]*!?[ \t]*([a-z_]+)", unquoted))
    return sorted(names)
