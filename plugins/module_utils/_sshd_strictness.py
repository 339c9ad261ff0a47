# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of two values of a keyword of sshd is the stricter one, and what a drop-in may say so that nothing gets looser.

Values are in the words of C(sshd -T). Decides on what the caller has read; nothing here touches the host.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import os
import re
import typing as t

# From the loosest value to the strictest.
_YES_IS_LOOSE = ("yes", "no")
_NO_IS_LOOSE = ("no", "yes")
_FORWARDING = ("yes", "all", "local", "remote", "no")
_SCALES: dict[str, tuple[str, ...]] = {
    "permitrootlogin": ("yes", "without-password", "forced-commands-only", "no"),
    "passwordauthentication": _YES_IS_LOOSE,
    "kbdinteractiveauthentication": _YES_IS_LOOSE,
    "hostbasedauthentication": _YES_IS_LOOSE,
    "permitemptypasswords": _YES_IS_LOOSE,
    "permituserenvironment": _YES_IS_LOOSE,
    "permituserrc": _YES_IS_LOOSE,
    "permittunnel": ("yes", "point-to-point", "ethernet", "no"),
    "x11forwarding": _YES_IS_LOOSE,
    "allowagentforwarding": _YES_IS_LOOSE,
    "allowtcpforwarding": _FORWARDING,
    "allowstreamlocalforwarding": _FORWARDING,
    "gatewayports": ("yes", "clientspecified", "no"),
    # Compression before the login was open to attacks.
    "compression": ("yes", "delayed", "no"),
    "tcpkeepalive": _YES_IS_LOOSE,
    "debianbanner": _YES_IS_LOOSE,
    "strictmodes": _NO_IS_LOOSE,
    "ignorerhosts": ("no", "shosts-only", "yes"),
    "disableforwarding": _NO_IS_LOOSE,
    # How much is there to find when something has happened.
    "loglevel": ("QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3"),
}
# Seconds, numbers of attempts: less is stricter. Zero means "no limit".
_LESS_IS_STRICTER = frozenset({"logingracetime", "clientaliveinterval", "clientalivecountmax", "maxauthtries", "maxsessions"})
_MORE_IS_STRICTER = frozenset({"requiredrsasize"})
_LISTS = frozenset({"kexalgorithms", "ciphers", "macs", "hostkeyalgorithms", "pubkeyacceptedalgorithms", "casignaturealgorithms"})
# Keywords of which only the first value counts, as far as they are known here.
SINGLE = frozenset(_SCALES) | _LESS_IS_STRICTER | _MORE_IS_STRICTER | _LISTS | {"maxstartups", "pubkeyauthentication"}
_SYNONYMS = {"prohibit-password": "without-password"}
# What the role gives its word for: another file, or a Match block, must not undo it.
_PROMISED = frozenset({"permitrootlogin", "passwordauthentication", "kbdinteractiveauthentication", "pubkeyauthentication", "permitemptypasswords"})


@dataclasses.dataclass(frozen=True)
class Setting:
    """One line of a drop-in. A setting that is given stands as it is: somebody has asked for it."""

    keyword: str
    value: str
    given: bool = False


_WHO = frozenset({"permitrootlogin", "allowusers", "allowgroups", "denyusers", "denygroups"})


def root_first(settings: list[Setting]) -> tuple[list[Setting], list[str]]:
    """The settings with root let in by key, and the keywords that wait for that: what they say of root, and of who may log in at all."""
    waits = [setting.keyword for setting in settings if setting.keyword.lower() in _WHO]
    others = [setting for setting in settings if setting.keyword not in waits]
    return [Setting("PermitRootLogin", "prohibit-password"), *others], list(dict.fromkeys(waits))


@dataclasses.dataclass(frozen=True)
class Line:
    """What the drop-in gets for a setting: a value, or None and why the line is left out."""

    keyword: str
    value: str | None
    why: str = ""


def _words(value: str) -> str:
    return _SYNONYMS.get(value, value)


def is_looser(keyword: str, value: str, than: str) -> bool:
    """Whether value lets more in than the other; false also of values that nothing is known of."""
    keyword, value, than = keyword.lower(), _words(value), _words(than)
    if value == than:
        return False
    if keyword in _SCALES:
        scale = _SCALES[keyword]
        return value in scale and than in scale and scale.index(value) < scale.index(than)
    if keyword in _LESS_IS_STRICTER or keyword in _MORE_IS_STRICTER:
        if not (value.isdecimal() and than.isdecimal()):
            return False
        if keyword in _MORE_IS_STRICTER:
            return int(value) < int(than)
        return (int(value) or float("inf")) > (int(than) or float("inf"))
    if keyword == "maxstartups":
        return _stricter_startups(value, than) != value
    if keyword in _LISTS:
        return not set(value.split(",")) <= set(than.split(","))
    return False


def _stricter_startups(one: str, other: str) -> str:
    """start:rate:full, as in 10:30:100: from how many logins on, how many percent are refused, and when all are."""
    if not all(re.fullmatch(r"\d+:\d+:\d+", value) for value in (one, other)):
        return one
    (start, rate, full), (start2, rate2, full2) = ([int(part) for part in value.split(":")] for value in (one, other))
    return f"{min(start, start2)}:{max(rate, rate2)}:{min(full, full2)}"


def line_for(setting: Setting, before: t.Mapping[str, list[str]], stock: t.Mapping[str, list[str]]) -> Line:
    """The line for a setting.

    before: what sshd -T prints without our drop-in; stock: what it prints without any configuration.
    A stricter value that somebody has set stays theirs: the line is left out, so that their file decides.
    """
    keyword = setting.keyword.lower()
    found = before.get(keyword, [])
    if setting.given or len(found) != 1:
        return Line(setting.keyword, setting.value)
    if keyword in _LISTS:
        return _line_for_list(setting, found[0], stock.get(keyword, []))
    value = setting.value
    if keyword == "banner" and found[0] not in ("none", value):
        return Line(setting.keyword, None, f"is {found[0]} here, which somebody has written")
    if keyword == "maxstartups":
        value = _stricter_startups(setting.value, found[0])
        if value == found[0] != setting.value:
            return Line(setting.keyword, None, f"is {found[0]} here, which is stricter than {setting.value}")
    elif keyword != "pubkeyauthentication" and is_looser(keyword, value, found[0]):
        return Line(setting.keyword, None, f"is {found[0]} here, which is stricter than {value}")
    return Line(setting.keyword, value)


def _line_for_list(setting: Setting, before: str, stock: list[str]) -> Line:
    """Takes away from what sshd has by default where that is what the host uses, so that a newer version brings its newer
    algorithms; from a list that somebody has set, it takes away too, and never adds."""
    if before == "".join(stock):
        return Line(setting.keyword, setting.value)
    names = before.split(",")
    if setting.value.startswith("-"):
        patterns = setting.value[1:].split(",")
        kept = [name for name in names if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
    else:
        kept = [name for name in setting.value.split(",") if name in names]
    if not kept:
        return Line(setting.keyword, None, f"is {before} here, of which nothing would be left")
    if set(kept) == set(names):
        return Line(setting.keyword, None, f"is {before} here, which is as strict")
    return Line(setting.keyword, ",".join(kept))


def undone(lines: t.Iterable[Line], effective: t.Mapping[str, list[str]]) -> list[str]:
    """What was promised but is not in force, as in C(passwordauthentication yes instead of no)."""
    found = []
    for line in lines:
        keyword = line.keyword.lower()
        now = (effective.get(keyword) or [None])[0]
        if line.value is not None and keyword in _PROMISED and now is not None:
            exact = keyword == "pubkeyauthentication" and now != line.value
            if exact or is_looser(keyword, now, line.value):
                found.append(f"{keyword} {now} instead of {line.value}")
    return found


def loosened(effective: t.Mapping[str, list[str]], before: t.Mapping[str, list[str]], given: t.Collection[str]) -> list[str]:
    """Known keywords that are looser than without the drop-in, though nobody asked for that."""
    asked = {keyword.lower() for keyword in given}
    known = SINGLE - asked
    return sorted(
        f"{keyword} {effective[keyword][0]} instead of {before[keyword][0]}"
        for keyword in known
        if keyword in effective and keyword in before and is_looser(keyword, effective[keyword][0], before[keyword][0])
    )


def without_file(text: str, left_out: str, directory: str = "/etc/ssh") -> str:
    """A configuration of sshd whose Include lines name every file that they match, except one."""
    return _included(text, directory, lambda dummy, paths: [path for path in paths if os.path.realpath(path) != os.path.realpath(left_out)])


def with_file(text: str, path: str, other: str, directory: str = "/etc/ssh") -> str:
    """The same with another file in the place of that one, which need not be there yet."""
    return _included(text, directory, lambda pattern, paths: [other if name == path else name for name in _and(paths, path, pattern)])


def _and(paths: list[str], path: str, pattern: str) -> list[str]:
    """The paths that a pattern matches, with one more that it would match."""
    parts, patterns = path.split("/"), pattern.split("/")
    matches = len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))
    return sorted({*paths, path}) if matches else paths


def _included(text: str, directory: str, chosen: t.Callable[[str, list[str]], list[str]]) -> str:
    """A configuration whose Include lines name files; chosen: which ones, by a pattern and those that it matches."""
    lines = []
    for line in text.splitlines():
        found = re.match(r"\s*include[\s=]+(.*)", line, re.IGNORECASE)
        if found is None:
            lines.append(line)
            continue
        for pattern in found[1].replace('"', " ").split():
            if pattern.startswith("#"):
                break
            pattern = os.path.join(directory, pattern)
            lines += [f'Include "{path}"' for path in chosen(pattern, sorted(glob.glob(pattern)))]
    return "\n".join(lines) + "\n"


def drop_in(lines: t.Iterable[Line]) -> str:
    """What the drop-in says of these."""
    return "".join(f"{line.keyword} {line.value}\n" for line in lines if line.value is not None)
