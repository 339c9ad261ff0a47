# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at what the role hardening decides on, except sshd: files, accounts, packages, kernel settings. Changes nothing."""

from __future__ import annotations

import glob
import os
import stat
import time
import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.pyweb.stack.plugins.module_utils import _accounts as accounts
from ansible_collections.pyweb.stack.plugins.module_utils import _edited_files as edited_files

# Runs a command; its exit code, what it printed, and its errors.
Run = Callable[[list[str]], tuple[int, str, str]]

# Stands in every file that the role writes.
MARK = "pyweb.stack"
NFT = "/usr/sbin/nft"
AIDE_DATABASE = "/var/lib/aide/aide.db"
AIDE_UNIT = "pyweb-aide.service"  # by which pyweb-hardening makes it
LOGIN_DEFS = "/etc/login.defs"
FSTAB = "/etc/fstab"
SUDOERS = "/etc/sudoers"
OLD_PASSWORD = 365  # days


def read(path: str) -> str | None:
    """The text of a file; None where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def sysctls(names: list[str], directory: str = "/proc/sys/") -> dict[str, str]:
    """The values of those kernel settings that this kernel has; a name with "*" stands for those of all interfaces."""
    paths = {name: glob.escape(directory) + name.replace(".", "/") for name in names}
    found = {path[len(directory) :].replace("/", ".") if "*" in name else name: path for name, pattern in paths.items() for path in glob.glob(pattern)}
    values = {name: read(path) for name, path in found.items()}
    return {name: " ".join(value.split()) for name, value in values.items() if value is not None}


def missing_packages(run: Run, wanted: list[str]) -> list[str]:
    """Those that are not installed; of names with "|" between them, one is enough."""
    if not wanted:
        return []
    names = [name for names in wanted for name in names.split("|")]
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n", *names]
    dummy, stdout, dummy = run(query)
    installed = {line.partition(" ")[2] for line in stdout.splitlines() if line.startswith("installed ")}
    return [package.partition("|")[0] for package in wanted if not installed & set(package.split("|"))]


def drop_ins_of_others(path: str) -> list[str]:
    """The texts of the files in the directory of drop-ins of that path, but for the role's own."""
    texts = (read(name) or "" for name in sorted(glob.glob(path + ".d/*.conf")))
    return [text for text in texts if MARK not in text]


def text_of_others(path: str) -> str | None:
    """The text of a file of which every byte must stay; None where it cannot be read, or not as UTF-8."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError):
        return None


def edited(login_defs: Mapping[str, str], blocks: Mapping[str, list[str]], instead: Iterable[Mapping[str, t.Any]]) -> dict[str, dict[str, str]]:
    """By path, the content that files of others should have, and the mode that they have.

    blocks: by path, lines for the top of the file; what drop-ins of others set, or other lines of fstab, is left to them.
    instead: "lines" for the top of the file at "path" instead of those that match "of", while "wanted".
    """
    by_path = {one["path"]: one for one in instead}
    texts = {path: text_of_others(path) for path in (LOGIN_DEFS, *blocks, *by_path)}
    contents = {LOGIN_DEFS: edited_files.login_defs(texts[LOGIN_DEFS] or "", login_defs)}
    for path, lines in blocks.items():
        text = texts[path] or ""
        contents[path] = (edited_files.fstab(text, lines) if path == FSTAB
                          else edited_files.with_block(text, edited_files.without_keys_of(lines, drop_ins_of_others(path))))
    for path, one in by_path.items():
        text = texts[path] or ""
        contents[path] = edited_files.without_lines(text, one["of"], one["lines"]) if one["wanted"] else edited_files.restored(text)
    return {path: with_mode(path, contents[path]) for path, text in texts.items() if text is not None}


def with_mode(path: str, content: str) -> dict[str, str]:
    """A content for a file, and the mode that the file has."""
    return {"content": content, "mode": f"{stat.S_IMODE(os.stat(path).st_mode):04o}"}


def look_at_accounts(own: str) -> dict[str, t.Any]:
    """own: the drop-in of sudo that does not count, since it is ours."""
    passwd, shadow = read("/etc/passwd") or "", read("/etc/shadow") or ""
    sudo = None
    if os.path.exists(SUDOERS):
        drop_ins = SUDOERS + ".d"
        names = sorted(os.listdir(drop_ins)) if os.path.isdir(drop_ins) else []
        files = [SUDOERS] + [os.path.join(drop_ins, name) for name in names if "." not in name and not name.endswith("~")]
        sudo = accounts.sudo_settings(read(path) or "" for path in files if path != own)
    return {
        "names": [line.partition(":")[0] for line in passwd.splitlines()],
        "homes": [home for home in accounts.homes(passwd) if os.path.isdir(home)],
        "notes": accounts.notes(passwd, shadow, OLD_PASSWORD, int(time.time() // 86400)),
        "sudo": sudo,
    }


def too_open(modes: str) -> list[str]:
    """Paths that may more than they should; modes: lines with an octal mode and a path."""
    found = []
    for mode, dummy, path in (line.partition(" ") for line in modes.splitlines() if line[:1].isdigit()):
        try:
            state = os.stat(path)
        except OSError:
            continue
        if stat.S_IMODE(state.st_mode) & ~int(mode, 8):
            found.append(path)
    return found


def lacks_database(run: Run, drop_in: str, database: str = AIDE_DATABASE) -> bool:
    """Whether AIDE is asked for, but has nothing to compare with and is not about to: a host that lost its power meanwhile, for one."""
    return os.path.exists(drop_in) and not os.path.exists(database) and run(["systemctl", "is-active", "--quiet", AIDE_UNIT])[0] != 0


def waiting(run: Run, kept: str, files: Mapping[str, str], table: str, unit: str) -> list[str]:
    """Names of files that are not in force as they are. kept: the directory with copies of what is in force."""
    found = [name for name, path in files.items() if read(path) != read(os.path.join(kept, name))]
    if "firewall" in files and "firewall" not in found and os.path.exists(NFT):
        rc, live, dummy = run([NFT, "-s", "-t", "list", "table", *table.split()])
        wanted = os.path.exists(files["firewall"])
        enabled = run(["systemctl", "is-enabled", "--quiet", unit])[0] == 0
        is_live = rc == 0 and live == read(os.path.join(kept, "firewall.live"))
        if (wanted and not (enabled and is_live)) or (not wanted and (enabled or rc == 0)):
            found.append("firewall")
    if "aide" in files and "aide" not in found and lacks_database(run, files["aide"]):
        found.append("aide")
    if "modes" in files and "modes" not in found and too_open(read(files["modes"]) or ""):
        found.append("modes")
    return found
