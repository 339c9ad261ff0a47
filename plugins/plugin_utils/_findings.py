# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, or worth a look, in what the module release_status has returned. Pure: no I/O; the time is given."""

from __future__ import annotations

import calendar
import time
from typing import Any, Iterator

# Days before its end from which a certificate is a problem: everything that renews it by itself has done so earlier.
CERTIFICATE_DAYS = 14
# Per cent of a disk, or of its inodes, below which little free space is a problem.
DISK = 10

Finding = dict[str, str]


def seconds(moment: str) -> float:
    """C(moment) is UTC as 20261120T201500Z. Raises ValueError for anything else."""
    return calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))


def days_left(moment: str | None, now: float) -> int | None:
    """Whole days until a moment, negative after it; None where it is not known."""
    try:
        return int((seconds(moment or "") - now) // 86400)
    except ValueError:
        return None


def free(host: dict[str, Any]) -> int:
    """Free space of the disk in per cent."""
    return round(100 * host["disk_free"] / host["disk_total"]) if host.get("disk_total") else 100


def finding(level: str, host: str, app: str, text: str) -> Finding:
    """C(level) is problem for what needs somebody, or notice; C(app) is empty for what concerns the host."""
    return {"level": level, "host": host, "app": app, "text": text}


def of_host(name: str, host: dict[str, Any], others: list[str]) -> Iterator[Finding]:
    if free(host) < DISK:
        yield finding("problem", name, "", f"its disk has {free(host)} % free")
    if host.get("inodes_free") is not None and host["inodes_free"] < DISK:
        yield finding("problem", name, "", f"its disk has {host['inodes_free']} % of its inodes free")
    if host.get("reboot"):
        yield finding("notice", name, "", f"a reboot is due: {host['reboot']}")
    updates = host.get("updates") or {}
    if updates.get("security"):
        yield finding("notice", name, "", f"{len(updates['security'])} security updates are pending: {', '.join(sorted(updates['security'])[:8])}"
                                          f"{' …' if len(updates['security']) > 8 else ''}")
    for other in others:
        yield finding("notice", name, "", f"it has an application {other}, which the inventory does not place there")


def of_application(host: str, app: str, told: dict[str, Any], now: float) -> Iterator[Finding]:
    """C(told) is what one host says of one application."""
    if told.get("fault"):
        yield finding("problem", host, app, f"it cannot be looked at: {told['fault']}")
        return
    if not told.get("live"):
        yield finding("problem", host, app, "nothing is live: deploy it")
    if told.get("damage"):
        yield finding("problem", host, app, told["damage"].rstrip("."))
    for process in told.get("processes", []):
        if process["state"] != "active":
            yield finding("problem", host, app, f"its process {process['name']} is {process['state']}")
        elif process.get("restarts"):
            yield finding("notice", host, app, f"its process {process['name']} has ended by itself and was restarted {process['restarts']} times")
    for fault in {(told.get("health") or {}).get("fault"): None, told.get("visitor"): None}:
        if fault:
            yield finding("problem", host, app, fault)
    certificate = told.get("certificate")
    if certificate:
        left = days_left(certificate.get("expires"), now)
        if left is None:
            yield finding("problem", host, app, f"its certificate {certificate['path']} cannot be read")
        elif left < 0:
            yield finding("problem", host, app, "its certificate has expired")
        elif left < CERTIFICATE_DAYS:
            yield finding("problem", host, app, f"its certificate expires in {left} days")
    yield from of_backup(host, app, told.get("backup"), now)
    for process, scaled in (told.get("scale") or {}).items():
        yield finding("notice", host, app, f"its process {process} was scaled to {scaled['option']} {scaled['number']} by {scaled['by']}, "
                                           f"while the inventory has {scaled['instead_of'] or 'the default'}")
    if told.get("failure"):
        failed = told["failure"]
        error = (failed.get("error") or "").partition("\n")[0].rstrip(".")
        how = "failed" if failed["state"] == "failed" else "was bad"
        yield finding("notice", host, app, f"release {failed['release']}, which came after the live one, {how}{': ' + error if error else ''}")
    if told.get("switch"):
        switch = told["switch"]
        yield finding("notice", host, app, f"a switch to {switch['release']} is under way, by {switch.get('by') or '?'} since {switch.get('since')}")
    elif (told.get("lease") or {}).get("until", 0) > now:
        yield finding("notice", host, app, f"{told['lease']['by']} is deploying since {told['lease'].get('since')}")


def of_backup(host: str, app: str, told: dict[str, Any] | None, now: float) -> Iterator[Finding]:
    """A backup that failed, or that has not come for twice the time that it should have."""
    if not told:
        return
    last, patience = told["last"], 2 * (told["period"] or float("inf"))
    good = f"the last good one is of {last['time']}" if last else "there is no good one yet"
    if told["failure"]:
        yield finding("problem", host, app, f"its backup failed at {told['failure']['time']} ({told['failure']['error'].rstrip('.')}); {good}")
    elif now - (seconds(last["time"]) if last else told["since"]) > patience:
        yield finding("problem", host, app, f"its backup is overdue, {good}")


def differences(app: str, hosts: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """Hosts whose live release is not the one that most have; of several, the newest counts. A copy that a restart has made is the same."""
    live = {host: told.get("copy_of") or told.get("live") for host, told in hosts.items() if not told.get("fault")}
    common = max(live.values(), key=lambda release: (list(live.values()).count(release), release or ""), default=None)
    having = [host for host, release in live.items() if release == common]
    for host, release in live.items():
        if release and release != common:
            where = having[0] if len(having) == 1 else f"{len(having)} other hosts"
            yield finding("problem", host, app, f"{release} is live there, but {common} on {where}")


def findings(hosts: dict[str, dict[str, Any] | None], now: float) -> list[Finding]:
    """All that there is, problems first. C(hosts) has the answer of each, None for one that gave none."""
    found: list[Finding] = []
    names: dict[str, dict[str, dict[str, Any]]] = {}
    for host, told in hosts.items():
        if told is None:
            found.append(finding("problem", host, "", "it cannot be reached"))
            continue
        found += of_host(host, told["host"], told.get("others", []))
        for app, its in told["applications"].items():
            names.setdefault(app, {})[host] = its
            found += of_application(host, app, its, now)
    for app, its_hosts in names.items():
        found += differences(app, its_hosts)
    return sorted(found, key=lambda item: (item["level"] != "problem", item["app"], item["host"]))
