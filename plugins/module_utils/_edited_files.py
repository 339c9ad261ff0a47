# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings in files that belong to others and know no drop-ins, so that they can be taken out again byte for byte. Pure: text in, text out.

What is ours stands in a marked block at the top; lines that it replaces are kept as comments with a mark of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

BEGIN = "# BEGIN pyweb.stack hardening\n"
END = "# END pyweb.stack hardening\n"
REPLACED = "#pyweb.stack# "


def restored(text: str) -> str:
    """The text as it was without us, with what others have changed since."""
    before, begin, rest = text.partition(BEGIN)
    if begin:
        dummy, end, after = rest.partition(END)
        # A block that somebody has cut short is theirs.
        text = before + after if end else text
    return re.sub("^" + re.escape(REPLACED), "", text, flags=re.MULTILINE)


def _block(lines: Iterable[str]) -> str:
    block = "".join(line + "\n" for line in lines)
    return BEGIN + block + END if block else ""


def with_block(text: str, lines: Iterable[str]) -> str:
    """The text with these lines at the top, instead of ours that are there; without lines, as it was without us."""
    return _block(lines) + restored(text)


def without_lines(text: str, pattern: str, lines: Iterable[str]) -> str:
    """The text with comments in place of lines that match all of the pattern, and with these lines at the top. Where none matches, it is as it was
    without us: somebody has chosen otherwise."""
    changed, count = re.subn(f"^(?={pattern}$)", REPLACED, restored(text), flags=re.MULTILINE)
    return _block(lines) + changed if count else changed


def fstab(text: str, lines: Iterable[str]) -> str:
    """The text of C(/etc/fstab) with these lines at the top, but for those of mount points that it has lines for already."""
    taken = {line.split()[1] for line in restored(text).splitlines() if len(line.split()) > 1 and not line.lstrip().startswith("#")}
    return with_block(text, [line for line in lines if line.split()[1] not in taken])


INCLUDE = re.compile(r"[ \t]*include[ \t=]", re.IGNORECASE)
SETTING = re.compile(r"^[ \t]*(\w+)[ \t]*=", re.MULTILINE)


def without_keys_of(lines: Iterable[str], texts: Iterable[str]) -> list[str]:
    """The lines, but for those like "key = value" whose key one of the texts sets. None at all when no setting is left of those that were there."""
    taken = {key for text in texts for key in SETTING.findall(text)}
    given = list(lines)
    settings = [line for line in given if SETTING.match(line)]
    left = [line for line in settings if SETTING.findall(line)[0] not in taken]
    return [line for line in given if line in left or line not in settings] if left or not settings else []


def sshd_config(text: str, lines: Iterable[str]) -> str:
    """The text of sshd_config with these lines right after the Include that it begins with, so that they win against no drop-in:
    sshd takes the first value that it meets. Without lines, or where it does not begin with an Include, the text is as it was without us."""
    stock = restored(text).splitlines(keepends=True)
    first = next((number for number, line in enumerate(stock) if line.strip() and not line.lstrip().startswith("#")), None)
    given = list(lines)
    if not given or first is None or not INCLUDE.match(stock[first]):
        return "".join(stock)
    include = stock[first].rstrip("\r\n")
    stock[first] = REPLACED + stock[first]
    return _block([include, *given]) + "".join(stock)


def _umask(now: str, wanted: str) -> str:
    return f"{int(now, 8) | int(wanted, 8):03o}"


def _mode(now: str, wanted: str) -> str:
    return f"{int(now, 8) & int(wanted, 8):04o}"


def _larger(now: str, wanted: str) -> str:
    return str(max(int(now), int(wanted)))


def _smaller(now: str, wanted: str) -> str:
    return str(min(int(now), int(wanted)))


# What is stricter of two values of a key of login.defs.
STRICTER = {"UMASK": _umask, "HOME_MODE": _mode, "LOGIN_RETRIES": _smaller, "LOGIN_TIMEOUT": _smaller}


def _value_for(key: str, values: list[str], wanted: str) -> str:
    """values: those that the file has for the key, without us. What cannot be read counts for nothing."""
    try:
        return STRICTER.get(key, _larger)(values[-1], wanted) if values else wanted
    except ValueError:
        return wanted


def _values(text: str, key: str) -> list[str]:
    return re.findall(rf"^[ \t]*{key}[ \t]+(\S+)", text, flags=re.MULTILINE)


def _implied(text: str, key: str) -> list[str]:
    """What a key that the file lacks is by another one: without a HOME_MODE, useradd makes homes by UMASK."""
    masks = _values(text, "UMASK") if key == "HOME_MODE" else []
    return [f"{0o777 & ~int(mask, 8):04o}" for mask in masks[-1:] if re.fullmatch("[0-7]+", mask)]


def login_defs(text: str, wanted: Mapping[str, str]) -> str:
    """The text of login.defs with these settings; where it has something stricter, that stays.

    Programs differ in which of two lines counts (pam_umask: the first, shadow: the last), so there is one of each key.
    """
    stock = restored(text)
    lines, replaced = [], []
    for key, value in wanted.items():
        found = _values(stock, key)
        chosen = _value_for(key, found or _implied(stock, key), value)
        if found != [chosen]:
            lines.append(f"{key} {chosen}")
            replaced.append(key)
    if replaced:
        stock = re.sub(rf"^([ \t]*(?:{'|'.join(replaced)})[ \t])", lambda match: REPLACED + match.group(1), stock, flags=re.MULTILINE)
    return _block(lines) + stock
