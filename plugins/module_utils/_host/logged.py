# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application has logged before it failed, without what says nothing about it. Pure."""

from __future__ import annotations

import re
import typing as t

BEGIN = "Traceback (most recent call last):"
# Between two tracebacks of one fault.
BETWEEN = re.compile(r"(During handling of the above exception, another exception occurred|The above exception was the direct cause of .*):")
# Python's marks below a line of a traceback.
MARK = re.compile(r"[ ~^]*\^[ ~^]*")
# How the main process of gunicorn ends when its workers could not start; why they could not, they have said themselves.
HALT = re.compile(r"gunicorn\.errors\.HaltServer\b")
# Where no fault of an application is: its server, and what imports.
OTHERS = re.compile(r'  File "(<frozen |.*/site-packages/(gunicorn|uvicorn|click)/|.*/lib/python3[.0-9]*/(asyncio|importlib|runpy))')


def concise(text: str, lines: int) -> str:
    """The last C(lines) lines, of tracebacks what is about the application, and of equal ones the first."""
    kept: list[str] = []
    seen: set[tuple[str, ...]] = set()
    for block in _blocks([line for line in text.splitlines() if not MARK.fullmatch(line)]):
        if block[0] != BEGIN:
            kept += block
        elif HALT.match(block[-1]) or tuple(block) in seen:
            # What led from another one to it goes as well.
            while kept and (not kept[-1].strip() or BETWEEN.fullmatch(kept[-1])):
                kept.pop()
        else:
            seen.add(tuple(block))
            kept += _frames(block)
    return "\n".join(kept[-lines:]).strip("\n")


def _blocks(lines: list[str]) -> t.Iterator[list[str]]:
    """Tracebacks with the line that names the exception, and each other line by itself."""
    number = 0
    while number < len(lines):
        end = number + 1
        if lines[number] == BEGIN:
            while end < len(lines) and lines[end].startswith(" "):
                end += 1
            end = min(end + 1, len(lines))
        yield lines[number:end]
        number = end


def _frames(block: list[str]) -> list[str]:
    """Without frames of others, unless there are no other frames."""
    frames: list[list[str]] = []
    for line in block[1:-1]:
        if line.startswith("  File ") or not frames:
            frames.append([])
        frames[-1].append(line)
    own = [frame for frame in frames if not OTHERS.match(frame[0])]
    return [block[0], *(line for frame in own or frames for line in frame), *block[1:][-1:]]
