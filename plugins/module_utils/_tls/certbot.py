# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How certbot is asked, what it answers, and what it remembers."""

from __future__ import annotations

import dataclasses
import datetime
import os
import re
import subprocess
import time
import typing as t
import urllib.parse

LINEAGES = "/etc/letsencrypt/live"
LOG = "/var/log/letsencrypt/letsencrypt.log"
RENEWALS = "/etc/letsencrypt/renewal"
ACCOUNTS = "/etc/letsencrypt/accounts"
DIRECTORIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
# What it says when nobody has looked at the request: it counts against no limit.
UNREACHABLE = re.compile(r"(connection|requests\.exceptions|max retries|timed? ?out|network|name or service|service (busy|unavailable)|\b50[0-9]\b)", re.I)
# An authority that has lost its data, as test ones do, does not know its accounts any more.
UNKNOWN_ACCOUNT = re.compile(r"accountDoesNotExist|specified an account that does not exist", re.I)
# A nonce may be refused at any time, and nothing is wrong then: the same is asked again (RFC 8555, 6.5). certbot itself does so once.
BAD_NONCE = re.compile(r"badNonce|anti-replay nonce", re.I)
TRIES = 3
LIMITED = re.compile(r"rateLimited|too many (certificates|requests|failed|new|currently)", re.I)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How certificates are asked for: the group nginx_acme, with words made to addresses."""

    directory: str
    fallback: str = ""
    contact: str = ""
    key_type: str = "ecdsa"
    # File with the external account's keys, as certbot reads it; empty without.
    account_file: str = ""
    webroot: str = ""
    addresses: tuple[str, ...] = ()
    dns_plugin: str = ""
    dns_credentials: str = ""
    dns_propagation: int = 60

    @classmethod
    def of(cls, given: dict[str, t.Any]) -> Settings:
        words = {name: DIRECTORIES.get(given.get(name, ""), given.get(name, "")) for name in ("directory", "fallback")}
        return cls(**{**given, **words, "addresses": tuple(given.get("addresses", ()))})


def lineage(site: str) -> str:
    return f"pyweb-{site}"


def command(site: str, names: t.Sequence[str], dns: bool, settings: Settings, directory: str) -> list[str]:
    """Asks C(directory) for a certificate for C(names), whatever there is already."""
    how = ["--webroot", "--webroot-path", settings.webroot]
    if dns:
        plugin = f"dns-{settings.dns_plugin}"
        how = ["--authenticator", plugin, f"--{plugin}-credentials", settings.dns_credentials,
               f"--{plugin}-propagation-seconds", str(settings.dns_propagation)]
    key = {"ecdsa": ["--key-type", "ecdsa"], "rsa": ["--key-type", "rsa", "--rsa-key-size", "2048"]}[settings.key_type]
    own = settings.account_file and directory == settings.directory
    return [
        "certbot", "certonly", "--non-interactive", "--agree-tos", "--no-eff-email", "--force-renewal", "--renew-with-new-domains",
        "--no-directory-hooks", "--cert-name", lineage(site), "--server", directory, *how, *key,
        *(["--email", settings.contact] if settings.contact else ["--register-unsafely-without-email"]),
        # Not as arguments, which everybody on the host can read.
        *(["--config", settings.account_file] if own else []),
        *(argument for name in names for argument in ("--domain", name)),
    ]


@dataclasses.dataclass(frozen=True)
class Answer:
    """How certbot ended: C(fault) is empty when it has a certificate."""

    fault: str = ""
    failed_names: frozenset[str] = frozenset()
    unreachable: bool = False
    limited: bool = False
    # Seconds since the epoch before which the authority does not want to be asked again; 0 when it does not say.
    not_before: float = 0
    unknown_account: bool = False


def run(arguments: list[str]) -> Answer:
    """Ask for one certificate."""
    answer = Answer()
    for dummy in range(TRIES):
        answer = _run(arguments)
        if not BAD_NONCE.search(answer.fault):
            break
    return answer


def _run(arguments: list[str]) -> Answer:
    try:
        # Challenges take long when an authority looks from several places.
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer(fault=f"certbot did not end well: {error}", unreachable=True)
    if done.returncode == 0:
        return Answer()
    # certbot 2.1 of Debian 12 stumbles over its own error on Python 3.11; only its log has what the authority said.
    return understand(_logged() if "AttributeError: can't set attribute" in done.stdout else done.stdout)


def _logged() -> str:
    try:
        with open(LOG, encoding="utf-8", errors="replace") as stream:
            found = re.findall(r"^acme\.messages\.Error: (.*)$", stream.read(), re.MULTILINE)
    except OSError:
        found = []
    return found[-1] if found else ""


def understand(output: str) -> Answer:
    """What certbot's output says of a failure."""
    names = frozenset(re.findall(r"^\s*(?:Domain|Identifier): (\S+)$", output, re.MULTILINE))
    details = re.findall(r"^\s*Detail: (.+)$", output, re.MULTILINE)
    noise = re.compile(
        r"^(Saving debug log|Ask for help|See the logfile|Some challenges have failed|Requesting a|Renewing an|Account registered|- - -|Hint:|\s*$)"
    )
    lines = [line.strip() for line in output.splitlines() if not noise.match(line.strip())]
    limited = bool(LIMITED.search(output))
    fault = "; ".join(dict.fromkeys(details)) or " ".join(lines[-2:]) or "certbot failed and said nothing"
    return Answer(fault[:600], names, not names and not limited and bool(UNREACHABLE.search(output)), limited, _retry_after(output),
                  bool(UNKNOWN_ACCOUNT.search(output)))


def _retry_after(output: str) -> float:
    found = re.search(r"retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)", output, re.I)
    if not found:
        return 0
    return datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00").timestamp()


def put_account_aside(server: str) -> bool:
    """Has certbot make a new account for C(server). The old one stays beside it: the authority may find its data again. False when there is none."""
    address = urllib.parse.urlsplit(server)
    place = os.path.join(ACCOUNTS, f"{address.netloc}{address.path}".rstrip("/"))
    if not os.path.isdir(place):
        return False
    os.rename(place, f"{place}.unknown-{int(time.time())}")
    return True


def next_call() -> str:
    """When certbot's timer comes next, as systemd writes it; empty when it does not run."""
    try:
        done = subprocess.run(
            ["systemctl", "show", "certbot.timer", "--property", "NextElapseUSecRealtime", "--value"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()


def remembered(text: str) -> dict[str, str]:
    """What a file of /etc/letsencrypt/renewal/ says, without its sections."""
    return dict(re.findall(r"^(\w+) = (.*)$", text, re.MULTILINE))


def kept(text: str, seconds_before: float, wanted: bool) -> str:
    """The file with when to renew, and whether. Names that fail at a renewal do not take the others with them."""
    top = {"renew_before_expiry": f"{max(1, int(seconds_before // 3600))} hours"}
    if seconds_before < 7200:
        top = {"renew_before_expiry": f"{max(1, int(seconds_before))} seconds"}
    text = _without(text, ["renew_before_expiry", "autorenew", "allow_subset_of_names"])
    text = "".join(f"{name} = {value}\n" for name, value in top.items()) + text
    return text.replace("[renewalparams]\n", f"[renewalparams]\nallow_subset_of_names = True\nautorenew = {wanted}\n", 1)


def without_account(text: str, server: str) -> str:
    """The file of a certificate by C(server) without its account, so that certbot takes the one that there is."""
    return _without(text, ["account"]) if remembered(text).get("server") == server else text


def _without(text: str, names: list[str]) -> str:
    return re.sub(rf"^(# )?({'|'.join(names)}) = .*\n", "", text, flags=re.MULTILINE)
