# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd as text: what C(systemctl show) and C(systemctl cat) print, and files of environment variables. Pure: no I/O."""

from __future__ import annotations

import re
import shlex

# What is asked of each unit.
PROPERTIES = (
    "Id", "LoadState", "ActiveState", "UnitFileState", "User", "Group", "WorkingDirectory", "FragmentPath", "TriggeredBy", "MainPID", "TimeoutStopUSec",
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(
    r"SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|CREDENTIAL|PRIVATE|SALT|DSN|(^|_)(KEY|PASS|PWD|AUTH)(_|$)|(DATABASE|DB|REDIS|BROKER|MONGO|AMQP)_UR[LI]"
)
_WITH_PASSWORD = re.compile(r"://[^/\s@]*:[^/\s@]*@")


def shown(text: str) -> list[dict[str, str]]:
    """The properties of each unit, from the output of C(systemctl show) for several units: blocks with empty lines between them."""
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in re.split(r"\n\s*\n", text)]
    return [block for block in blocks if block.get("Id")]


def settings(text: str, section: str = "Service") -> dict[str, list[str]]:
    """What one section says, from C(systemctl cat): the file and its drop-ins. An empty value takes back what was before it, as in systemd."""
    found: dict[str, list[str]] = {}
    inside = False
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{section}]"
        elif inside and "=" in line and line[0] not in "#;":
            name, value = (part.strip() for part in line.split("=", 1))
            if value:
                found.setdefault(name, []).append(value)
            else:
                found.pop(name, None)
    return found


def command(values: list[str]) -> list[str]:
    """The words of the last C(ExecStart), without systemd's prefixes such as C(-) and C(!), and as the program gets them: C(%%) is a percent sign there."""
    if not values:
        return []
    text = re.sub(r"^[-@:+!|]+", "", values[-1])
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return [word.replace("%%", "%").replace("$$", "$") for word in words]


def assignments(values: list[str]) -> dict[str, str]:
    """C(Environment) lines of a unit, each with one or more quoted assignments."""
    found: dict[str, str] = {}
    for value in values:
        try:
            words = shlex.split(value)
        except ValueError:
            words = value.split()
        for word in words:
            name, equals, rest = word.partition("=")
            if equals and _NAME.fullmatch(name):
                found[name] = rest.replace("%%", "%")
    return found


def environment_file(text: str) -> dict[str, str]:
    """Variables of an C(EnvironmentFile), a C(.env) or a file that a shell reads; lines that are none are left out."""
    found: dict[str, str] = {}
    for line in re.sub(r"\\\n", "", text).splitlines():
        line = re.sub(r"^\s*(export\s+)?", "", line).rstrip()
        name, equals, value = line.partition("=")
        name, value = name.strip(), value.strip()
        if line[:1] in ("#", ";") or not equals or not _NAME.fullmatch(name):
            continue
        quote = value[:1]
        if quote in ("'", '"') and len(value) > 1 and value.endswith(quote):
            value = value[1:-1]
            if quote == '"':
                value = re.sub(r"\\([\"\\$`])", r"\1", value)
        elif quote not in ("'", '"'):
            value = re.sub(r"\s+#.*$", "", value)
        found[name] = value
    return found


def is_secret(name: str, value: str) -> bool:
    """Whether the value of a variable is to be masked: by its name, or for a password in an address."""
    return bool(_SECRET.search(name.upper()) or _WITH_PASSWORD.search(value))


def seconds(text: str) -> int | None:
    """Whole seconds of a time as systemd shows it, such as C(1min 30s); None for infinity and for what is none."""
    units = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    parts = re.findall(r"(\d+)(d|h|min|s)\b", text)
    return sum(int(number) * units[unit] for number, unit in parts) if parts else None
