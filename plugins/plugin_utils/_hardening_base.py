# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with C(hardening_base) of role hardening, in sentences. Pure. No sentence repeats a key: it may be a private one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

ACCOUNT = re.compile("[a-z_][a-z0-9_-]{0,31}")  # NAME_REGEX of Debian's adduser
# As sshd(8) has them in AUTHORIZED_KEYS FILE FORMAT: options, type, key, comment.
KEY = re.compile(
    r"(\S.*\s)?(ssh-(rsa|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)\s+AAAA[0-9A-Za-z+/]+={0,3}(\s.*)?"
)
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
PATTERNS = {
    "hostname": (re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*"), "give a name such as web1 or web1.example.com"),  # RFC 1123
    "timezone": (re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*"), "give a name such as Europe/Vienna; timedatectl list-timezones has them"),
    "locale": (re.compile(r"(C|[a-z]{2,3}_[A-Z]{2})\.UTF-8(@[a-z]+)?"), "give one such as en_GB.UTF-8; /usr/share/i18n/SUPPORTED has them"),
    "swap": (re.compile("[1-9][0-9]*[MG]"), "give a size such as 512M or 2G"),
}


def base_faults(base: Mapping[str, Any]) -> list[str]:
    faults = [
        f"hardening_base.{name} is '{base[name]}'; {remedy}." for name, (pattern, remedy) in PATTERNS.items()
        if base.get(name) is not None and not pattern.fullmatch(str(base[name]))
    ]
    admins = base.get("admins") or []
    for admin in admins:
        faults += _faults_of(admin)
    twice = [name for name, times in Counter(admin["name"] for admin in admins).items() if times > 1]
    return faults + [f"hardening_base.admins has {name} twice; give all keys in one." for name in twice]


def _faults_of(admin: Mapping[str, Any]) -> Iterator[str]:
    name, keys = admin["name"], admin.get("keys") or []
    if name == "root" or not ACCOUNT.fullmatch(name):
        yield f"hardening_base.admins has '{name}', which is no name for an administrator; give one of small letters, digits, - and _ that is not root."
    if admin.get("state") != "absent" and not keys:
        yield f"hardening_base.admins has {name} without keys; give the lines of .pub files, since administrators have no password."
    lines = [line.strip() for key in keys for line in str(key).splitlines()]
    if not all(KEY.fullmatch(line) for line in lines if line):
        yield f"hardening_base.admins has a key of {name} that is no public key of OpenSSH; give the line of a .pub file."
