# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what an application or a build step printed to the option that helps. Pure: one table."""

from __future__ import annotations

import re
import typing as t

BUILD: t.Final = "build"
RUN: t.Final = "run"


class Hint(t.NamedTuple):
    """One row: C(pattern) is searched in the text; {name} in C(sentence) is what a group has found; C(phases) are those it holds for."""

    pattern: str
    sentence: str
    phases: tuple[str, ...] = (BUILD, RUN)


# The more certain a row is, the earlier it stands: the first that fits is said.
HINTS = (
    Hint(r"(?:KeyError: '|Set the |environment variable `?|EnvironmentError: )([A-Z][A-Z0-9_]{2,})(?:'| environment variable|`? (?:is )?not set)"
         r"|([A-Z][A-Z0-9_]{2,}) not found\. Declare it as envvar|The (SECRET_KEY) setting must not be empty",
         "build steps see neither env nor secrets: give {name} a value for the build in build_env.", (BUILD,)),
    Hint(r"(?:KeyError: '|Set the |environment variable `?|EnvironmentError: )([A-Z][A-Z0-9_]{2,})(?:'| environment variable|`? (?:is )?not set)"
         r"|([A-Z][A-Z0-9_]{2,}) not found\. Declare it as envvar|The (SECRET_KEY) setting must not be empty",
         "the environment has no {name}: set it in env, or in secrets.", (RUN,)),
    Hint(r"unable to open database file|attempt to write a readonly database",
         "SQLite has to write its file and beside it: put the database below $PYWEB_SHARED, the directory that outlives releases.", (RUN,)),
    Hint(r"Read-only file system:? ?'([^']+)'",
         "{name} cannot be written: write below $PYWEB_SHARED, name a directory of the source in shared, or an absolute path in the process's writable.",
         (RUN,)),
    Hint(r"Read-only file system",
         "a release cannot be written to: write below $PYWEB_SHARED, name the directory in shared, or an absolute path in the process's writable.", (RUN,)),
    Hint(r"(?i)cannot enable executable stack|failed to map segment from shared object|write\+execute|LLVM ERROR: .*(?:alloc|permission)"
         r"|Unable to allocate section memory|mprotect.*(?:not permitted|denied)|ffi_prep_closure|Fatal process (?:out of memory|error).*CodeRange"
         r"|Failed to reserve virtual memory for CodeRange|V8.*SetPermissions",
         "memory that is both written and executed is refused, which compilers at run time need: set jit: true for the process.", (RUN,)),
    Hint(r"Too many open files", "the process may not open more files: raise files of the process, which is 65536 by default.", (RUN,)),
    Hint(r"can't start new thread|pthread_create failed|Resource temporarily unavailable.*fork|BlockingIOError: \[Errno 11\].*fork",
         "the process may not start more threads or processes: raise tasks of the process.", (RUN,)),
    Hint(r"\bMemoryError\b|Cannot allocate memory|oom-kill|Out of memory",
         "there was too little memory: raise memory of the process where it is set, or take fewer workers.", (RUN,)),
    Hint(r"Network is unreachable|Address family not supported by protocol",
         "the network is refused: network of the process says what it may reach (yes, local or no).", (RUN,)),
    Hint(r"(?:Permission denied|No such file or directory): '(/(?:root|home)(?:/[^']*)?)'",
         "{name} is hidden from applications: let a variable such as HOME or XDG_CACHE_HOME in env lead below /srv/<name>/shared.", (RUN,)),
    Hint(r"Invalid HTTP_HOST header: '([^']+)'", "add {name} to ALLOWED_HOSTS in Django's settings.", (RUN,)),
)


def hint(text: str, phase: str) -> str:
    """One sentence for the first row that fits C(text), printed in C(phase) (build or run); empty when none does."""
    for row in HINTS:
        found = re.search(row.pattern, text) if phase in row.phases else None
        if found:
            return row.sentence.replace("{name}", next((group for group in found.groups() if group), ""))
    return ""
