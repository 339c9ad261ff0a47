# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions about releases: ids, what a deploy has to do, where a rollback goes, what may be pruned. Pure: no I/O, no clock."""

from __future__ import annotations

import re
import typing as t

ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{7,12}")
# A release that was started once and then left in order is a place to go back to.
GOOD = ("active", "superseded")
# Switches to a copy of the live release: the release that they leave is not another one.
SAME = ("restart", "scale")


class ReleaseError(Exception):
    """One sentence for the user."""


def valid_id(release: str) -> str:
    """The only form of id that ever becomes part of a path."""
    if not isinstance(release, str) or not ID.fullmatch(release):
        raise ReleaseError(f"release is {release!r}: an id such as 20261120T201500Z-1a2b3c4 is needed (release_info lists them).")
    return release


def new_id(now: str, revision: str, taken: list[str]) -> str:
    """C(now) is UTC as 20261120T201500Z. Two releases of one second get different ids by a longer revision."""
    for length in (7, 8, 9, 10, 11, 12):
        release = f"{now}-{revision[:length]}"
        if release not in taken:
            return valid_id(release)
    raise ReleaseError(f"a release of {revision[:12]} was made this very second already: run the deploy again.")


def same(manifest: dict[str, t.Any], wanted: dict[str, t.Any]) -> bool:
    """Is this release what is wanted? Source revision + configuration + Python + secrets; dependencies follow from the revision."""
    return all(manifest.get(key) == wanted.get(key) for key in ("revision", "config_digest", "python", "python_version", "secrets_digest"))


def usable(release: str, manifest: dict[str, t.Any], host: dict[str, t.Any]) -> bool:
    """Whether a deploy may go to this kept release of a host.

    Not to what a restart has left; and where anything was scaled, a release of its own takes over what still holds.
    """
    if manifest.get("state") not in ("built", *GOOD) or manifest.get("replaced_by"):
        return False
    return release == host["live"] or not (manifest.get("scale") or host["releases"].get(host["live"], {}).get("scale"))


def plan(hosts: dict[str, dict[str, t.Any]], now: str, force: bool = False) -> dict[str, t.Any]:
    """What a deploy has to do, from what C(inspect) said on each host that takes part.

    Returns the release's id, revision and version for all hosts, and for each host whether to build and whether to activate;
    also the host that finds the versions of all requirements, if there is anything to agree on, and for which platforms.
    """
    # In check mode, a host that is not set up yet cannot tell the revision.
    first = next(host for host in hosts.values() if host["revision"])
    revision, version = first["revision"], first["version"]
    wanted = {name: {**host["wanted"], "revision": revision} for name, host in hosts.items()}
    known: dict[str, dict[str, dict[str, t.Any]]] = {
        name: {} if force else {
            release: manifest for release, manifest in host["releases"].items() if usable(release, manifest, host) and same(manifest, wanted[name])
        } for name, host in hosts.items()
    }
    # An id that failed, was left as bad or was cut short on any host is used up.
    spoiled = {
        release for name, host in hosts.items() for release, manifest in host["releases"].items()
        if manifest.get("state") not in ("built", *GOOD)
    }
    candidates = {release for releases in known.values() for release in releases} - spoiled
    live = {host["live"] for name, host in hosts.items() if host["live"] in known[name]} & candidates
    if live or candidates:
        release = max(live or candidates)
    else:
        release = new_id(now, revision, [item for host in hosts.values() for item in host["releases"]])
    steps = {}
    for name, host in hosts.items():
        is_live = host["live"] in known[name]
        steps[name] = {
            "release": host["live"] if is_live else release,
            "build": not is_live and release not in known[name],
            # The end of a switch whose controller died is a part of the next one's work.
            "activate": not is_live or not host["running"] or bool(host.get("switch")),
        }
    # Requirements without versions mean the same on all hosts, on one that joins later, too.
    building = [name for name, step in steps.items() if step["build"]]
    having = [name for name in hosts if release in known[name]]
    lock_host = next(iter(having or building)) if building and (having or len(building) > 1) else None
    platforms = sorted({hosts[name]["platform"] for name in building if hosts[name].get("platform")})
    return {"release": release, "revision": revision, "version": version, "hosts": steps, "lock_host": lock_host, "platforms": platforms}


def named(releases: dict[str, dict[str, t.Any]], wanted: str) -> str:
    """The release that a person means by an id, a version or the beginning of a revision; of several, the newest."""
    matches = [wanted] if wanted in releases else sorted(
        release for release, manifest in releases.items()
        if wanted in (manifest.get("version"), manifest.get("revision"))
        or (len(wanted) >= 7 and str(manifest.get("revision", "")).startswith(wanted))
    )
    matches = [release for release in matches if releases[release].get("state") in ("built", *GOOD, "bad")]
    if not matches:
        kept = ", ".join(sorted(releases, reverse=True)) or "none"
        raise ReleaseError(f"no release {wanted!r} is kept on this host: kept are {kept}.")
    return matches[-1]


def donor(releases: dict[str, dict[str, t.Any]], build_digest: str, python: tuple[str, str]) -> str | None:
    """A finished build of the very same: a change of configuration needs no other. What became of it later does not matter.

    C(python) is the interpreter and its version: after an upgrade of the host, /usr/bin/python3 is another one.
    """
    same_build = [
        release for release, manifest in releases.items()
        if manifest.get("build_digest") == build_digest and (manifest.get("python"), manifest.get("python_version")) == python
        and manifest.get("environment") and manifest.get("state") in ("built", *GOOD, "bad", "failed")
    ]
    return max(same_build, default=None)


def cut_short(live: str | None, switch: dict[str, t.Any] | None) -> bool:
    """Is the release that is live there by a rollback that nobody has ended yet? Who goes back again then means the same one."""
    return bool(switch and switch.get("action") == "rollback" and switch["release"] == live != switch["from"])


def rollback_target(
    live: str | None, releases: dict[str, dict[str, t.Any]], history: list[dict[str, t.Any]], wanted: str | None = None, switch: dict[str, t.Any] | None = None,
) -> str:
    """The release to go back to: the last good one in the history before the live one, or the one that is named.

    C(switch) is one that nobody has ended yet, and that the history does not know. What a restart has left is the live release under another id.
    """
    if wanted:
        return named(releases, wanted)
    if live and cut_short(live, switch):
        return live
    if switch and switch["release"] == live != switch["from"] and switch["from"] in releases and switch.get("action") not in SAME:
        return str(switch["from"])
    for entry in reversed(history):
        release = entry["release"]
        manifest = releases.get(release, {})
        if release != live and manifest.get("state") == "superseded" and not manifest.get("replaced_by"):
            return str(release)
    raise ReleaseError("there is no release to go back to: none was live before this one, or all are bad or pruned.")


def _root(releases: dict[str, dict[str, t.Any]], release: str | None) -> str | None:
    """What it is a copy of, by one restart or several; or itself."""
    return releases.get(release or "", {}).get("copy_of") or release


def _last_rollback(host: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """The entry of the history, if the last switch of this host was a rollback. What a restart has made since is the same release."""
    last: dict[str, t.Any] = next((entry for entry in reversed(host["history"]) if entry.get("action") not in SAME), {})
    live = _root(host["releases"], host["live"])
    return last if live and last.get("action") == "rollback" and _root(host["releases"], last["release"]) == live else None


def _went_back(host: dict[str, t.Any]) -> tuple[str | None, str] | None:
    """From where to where the last rollback of this host led, if what it led to is live."""
    last = _last_rollback(host)
    return (_root(host["releases"], last["from"]), _root(host["releases"], last["release"]) or "") if last else None


def ended_alone(host: dict[str, t.Any]) -> bool:
    """Has this host completed its last rollback by itself?

    The controller had gone away before it could tell anybody, so who asks for a rollback again means the one that has come about.
    """
    return bool((_last_rollback(host) or {}).get("alone"))


def _left_behind(host: dict[str, t.Any], old: str | None, target: str) -> bool:
    """Does this host still serve C(old), and could it go to C(target)? One that has tried and returned has it as bad or failed."""
    return _root(host["releases"], host["live"]) == old and any(
        _root(host["releases"], release) == target and item.get("state") in ("built", *GOOD) for release, item in host["releases"].items())


def rollback_of_all(hosts: dict[str, dict[str, t.Any]], wanted: str | None = None) -> tuple[str, str]:
    """The release that a rollback of all hosts goes to, as the host that is named first has it. Raises ReleaseError when there is none, or more than one.

    A run that died has left hosts where they were to go: the one on which it died, and those that others have not followed yet. Who asks for it
    again means the same release.
    """
    if not wanted:
        for name, host in hosts.items():
            if cut_short(host["live"], host.get("switch")):
                return name, host["live"]
        went = {name: way for name, host in hosts.items() if (way := _went_back(host))}
        ahead = {name: target for name, (old, target) in went.items() if any(_left_behind(host, old, target) for host in hosts.values())}
        if len(set(ahead.values())) > 1:
            there = ", ".join(f"{name} to {hosts[name]['live']}" for name in ahead)
            raise ReleaseError(f"hosts have gone back to different releases ({there}): say which one all are to serve, "
                               f"as -e version={max(ahead.values())}.")
        if ahead:
            leader = next(iter(ahead))
            return leader, hosts[leader]["live"]
        for name, host in hosts.items():
            if ended_alone(host):
                return name, host["live"]
    first, host = next(iter(hosts.items()))
    return first, rollback_target(host["live"], host["releases"], host["history"], wanted, host.get("switch"))


def fallback(damaged: str, releases: dict[str, dict[str, t.Any]], history: list[dict[str, t.Any]]) -> str:
    """Where the host goes at boot when the live release is damaged: to what it is a copy of, else where a rollback would go. Raises ReleaseError."""
    for release, manifest in releases.items():
        if manifest.get("replaced_by") == damaged and manifest.get("state") == "superseded":
            return release
    return rollback_target(damaged, releases, history)


def counterpart(releases: dict[str, dict[str, t.Any]], target: str, manifest: dict[str, t.Any]) -> str | None:
    """What a host has in place of C(target), the release of another host with this C(manifest): a host that was restarted alone has a copy of it."""
    if target in releases:
        return target
    root = manifest.get("copy_of") or target
    return max((
        release for release, item in releases.items() if (item.get("copy_of") or release) == root and item.get("state") in ("built", *GOOD, "bad")
    ), default=None)


def prunable(
    releases: dict[str, dict[str, t.Any]], live: str | None, history: list[dict[str, t.Any]], keep: int, running: set[str], oldest: str = "",
) -> list[str]:
    """Ids that may be deleted, the oldest first: beyond the newest C(keep) good ones, or made before C(oldest) (UTC as 20261120T201500Z).

    Never the live one, the rollback target, a pinned one, one that still runs, or one that is being built or switched to.
    """
    protected = set(running)
    if live:
        protected.add(live)
    # Pages of the release that was left last are still open in browsers and ask for its assets, even if it is bad.
    if history:
        protected.update(history[-1][key] for key in ("release", "from") if history[-1].get(key))
    try:
        protected.add(rollback_target(live, releases, history))
    except ReleaseError:
        pass
    good = sorted((release for release, item in releases.items() if item.get("state") in GOOD and not item.get("replaced_by")), reverse=True)
    protected.update(release for release in good[:max(keep, 1)] if release[:16] >= oldest)
    unfinished = sorted((release for release, item in releases.items() if item.get("state") not in (*GOOD, "gone")), reverse=True)
    # The newest failed or unfinished build stays for a look.
    protected.update(unfinished[:1])
    protected.update(release for release, item in releases.items() if item.get("pinned"))
    return sorted(release for release in releases if release not in protected)
