# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet report: what the status found, as one page of HTML that needs nothing else. Pure: the time is in what is given."""

from __future__ import annotations

import html
import re
import time
from typing import Any, Iterable

from ansible_collections.pyweb.stack.plugins.plugin_utils import _findings, _status
from ansible_collections.pyweb.stack.plugins.plugin_utils._table import age

# Days within which the end of a certificate is listed.
SOON = 60
# Entries of the history that are shown, the newest.
HISTORY = 60

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1b1f24; --soft: #57606a; --line: #d5dae0;
  --bad: #b3261e; --mild: #8a5a00; --good: #1a6b33; --bad-back: #fdecea; --mild-back: #fff4dc; --link: #0b57a8; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --card: #1d2126; --text: #e6e9ec; --soft: #a0a9b3; --line: #373e46; --bad: #ff9d94;
  --mild: #f0c060; --good: #7fd49a; --bad-back: #3a1f1d; --mild-back: #362b14; --link: #8cc2ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1rem; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: .5rem 0 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } a { color: var(--link); }
p { margin: .25rem 0; } .soft { color: var(--soft); } .good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; } .mild { color: var(--mild); }
ul { list-style: none; margin: 0; padding: 0; } li { background: var(--mild-back); border-left: .3rem solid var(--mild); margin: .4rem 0; padding: .4rem .7rem;
  overflow-wrap: anywhere; } li.problem { background: var(--bad-back); border-color: var(--bad); }
table { background: var(--card); border: 1px solid var(--line); border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
div { overflow-x: auto; } th { color: var(--soft); font-size: .85rem; font-weight: 600; } code { font: .88em ui-monospace, monospace; }
@media (max-width: 48rem) { thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; } tr { border-bottom: .4rem solid var(--page); } td { display: grid; gap: .5rem; overflow-wrap: anywhere;
  grid-template-columns: 7.5rem 1fr; border: 0; padding: .15rem .6rem; }
  td:empty { display: none; } td::before { content: attr(data-name); color: var(--soft); font-size: .85rem; } }
@media print { :root { --page: #fff; --card: #fff; --text: #000; --soft: #444; --line: #999; --bad: #900; --mild: #640; --good: #040; --bad-back: #fff;
  --mild-back: #fff; --link: #000; } body { max-width: none; padding: 0; font-size: 10pt; } tr, li { break-inside: avoid; } h2 { break-after: avoid; } }
"""


class Markup(str):
    """Text that is HTML already."""


def safe(value: Any) -> str:
    return value if isinstance(value, Markup) else html.escape(str("" if value is None else value))


def marked(kind: str, text: str) -> Markup:
    return Markup(f'<span class="{kind}">{safe(text)}</span>')


def code(text: str | None) -> Markup:
    return Markup(f"<code>{safe(text)}</code>" if text else "")


def day(moment: str | None) -> str:
    """UTC as 20261120T201500Z in a form that people read; anything else as it is."""
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)\d\dZ", moment or "")
    return "{}-{}-{} {}:{}".format(*found.groups()) if found else str(moment or "")


def table(names: list[str], rows: Iterable[list[Any]], empty: str) -> str:
    """With the name of its column at each cell, for narrow screens."""
    lines = ["<tr>" + "".join(f'<td data-name="{safe(name)}">{safe(cell)}</td>' for name, cell in zip(names, row)) + "</tr>" for row in rows]
    if not lines:
        return f'<p class="soft">{safe(empty)}</p>'
    head = "".join(f'<th scope="col">{safe(name)}</th>' for name in names)
    return f"<div><table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table></div>"


def processes(its: list[dict[str, Any]]) -> Markup:
    text = _status.grouped(its)
    return marked("bad", text) if any(process["state"] != "active" for process in its) else Markup(safe(text))


def backup(told: dict[str, Any], now: float) -> str:
    """The age of the last good backup, marked where there is none or the last run has failed."""
    text, found = _status.backup(told, now), told.get("backup")
    return marked("bad", text) if found and (found["failure"] or not found["last"]) else text


def application(told: dict[str, Any], now: float) -> str:
    names = ["Host", "Live release", "Version", "Since", "By", "Health", "Processes", "Certificate"]
    # As in the table of status: only where backups are made at all.
    kept = any(one.get("backup") for one in told["hosts"].values())
    names += ["Backup"] if kept else []
    rows, soon = [], _findings.CERTIFICATE_DAYS
    for host, one in told["hosts"].items():
        health = _status.health(one)
        unwell = (one.get("health") or {}).get("fault") or one.get("visitor")
        certificate = _status.certificate(one, now)
        left = _findings.days_left((one.get("certificate") or {}).get("expires"), now)
        since = one.get("since") or one.get("created") or ""
        rows.append([
            host, code(one["live"]) if one.get("live") else marked("bad", "nothing"), one.get("version"),
            f"{day(since)} ({age(since, now)})" if one.get("live") else "", one.get("by"), marked("bad" if unwell else "good", health) if health else "",
            processes(one.get("processes", [])), marked("bad", certificate) if certificate and (left is None or left < soon) else certificate,
        ])
        rows[-1] += [backup(one, now)] if kept else []
    return table(names, rows, "It is placed on no host.")


def host(one: dict[str, Any], name: str) -> list[Any]:
    if not one["reachable"]:
        return [name, marked("bad", "cannot be reached"), "", "", "", "", "", ""]
    updates, free = one.get("updates"), _findings.free(one)
    pending = "unknown" if updates is None else "none" if not updates["packages"] else f"{len(updates['packages'])}, {len(updates['security'])} security"
    disk = f"{_status.size(one['disk_free'])} of {_status.size(one['disk_total'])} ({free} %)"
    return [
        name, one["system"], _status.length(one["up"]), f"{one['load']} of {one['processors']}",
        f"{_status.size(one['memory_available'])} of {_status.size(one['memory_total'])}", marked("bad", disk) if free < _findings.DISK else disk,
        marked("mild", pending) if updates and updates["security"] else pending, marked("mild", f"due: {one['reboot']}") if one["reboot"] else "not due",
    ]


def expiring(told: dict[str, Any], now: float) -> list[list[Any]]:
    """Certificates that end soon, the first first."""
    found = []
    for app, its in told["applications"].items():
        for name, one in its["hosts"].items():
            moment = (one.get("certificate") or {}).get("expires")
            left = _findings.days_left(moment, now)
            if left is not None and left < SOON:
                found.append((moment, [app, name, day(moment), marked("bad" if left < _findings.CERTIFICATE_DAYS else "mild", f"{left} days")]))
    return [row for dummy, row in sorted(found, key=lambda item: item[0])]


def happened(told: dict[str, Any]) -> list[list[Any]]:
    """Who has done what, the newest first; what happened on several hosts within a deploy is one line."""
    words = {"activate": "deploy", "rollback": "rollback", "restart": "restart", "scale": "scale", "return": "automatic return"}
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for app, its in told["applications"].items():
        for name, one in its["hosts"].items():
            for entry in one.get("history", []):
                key = (app, *(str(entry.get(part) or "") for part in ("action", "release", "from", "by")))
                line = found.setdefault(key, {"time": str(entry.get("time") or ""), "hosts": [], "why": entry.get("why")})
                line["time"] = max(line["time"], str(entry.get("time") or ""))
                line["hosts"] += [] if name in line["hosts"] else [name]
    newest = sorted(found.items(), key=lambda item: item[1]["time"], reverse=True)[:HISTORY]
    rows = []
    for (app, action, release, before, by), line in newest:
        what = words.get(action, action)
        said = marked("bad", f"{what}: {line['why']}" if line["why"] else what) if action == "return" else what
        rows.append([day(line["time"]), app, said, code(release), code(before), by, ", ".join(line["hosts"])])
    return rows


def page(told: dict[str, Any]) -> str:
    """C(told) is what _status.report() returned."""
    now = _findings.seconds(told["now"])
    problems = sum(item["level"] == "problem" for item in told["findings"])
    count = f"{len(told['applications'])} application{'s' * (len(told['applications']) != 1)} on {len(told['hosts'])} host{'s' * (len(told['hosts']) != 1)}"
    verdict = marked("bad", f"{problems} problem{'s' * (problems != 1)}") if problems else marked("good", "All is well")
    parts = [
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">', '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="robots" content="noindex">', f"<title>Fleet report, {safe(day(told['now']))} UTC</title>", f"<style>{STYLE}</style>", "</head>", "<body>",
        "<h1>Fleet report</h1>", f'<p class="soft">{safe(count)}, looked at on {safe(day(told["now"]))} UTC. All times are UTC.</p>', f"<p>{verdict}</p>",
        "<h2>What needs somebody</h2>" if told["findings"] else "", "<ul>" if told["findings"] else "",
    ]
    for item in told["findings"]:
        where = f"{item['app']} on {item['host']}" if item["app"] else item["host"]
        parts.append(f'<li class="{safe(item["level"])}"><strong>{safe(item["level"].capitalize())}, {safe(where)}:</strong> {safe(item["text"])}.</li>')
    parts.append("</ul>" if told["findings"] else "")
    for name, its in told["applications"].items():
        link = f' <a href="{safe(its["url"])}">{safe(its["url"])}</a>' if its["url"] else ""
        parts += [f"<h2>{safe(name)}{link}</h2>", application(its, now)]
    parts += [
        "<h2>Hosts</h2>",
        table(["Host", "System", "Up", "Load", "Memory free", "Disk free", "Updates", "Reboot"],
              [host(one, name) for name, one in told["hosts"].items()], "There is no host."),
        "<h2>What expires</h2>",
        table(["Application", "Host", "Certificate ends", "In"], expiring(told, now), f"No certificate ends within {SOON} days."),
        "<h2>What has happened</h2>",
        table(["When", "Application", "What", "Release", "In place of", "By", "Hosts"], happened(told), "Nothing was deployed yet."),
        f'<p class="soft">Made by <code>ansible-playbook pyweb.stack.report</code> of pyweb.stack, {safe(time.strftime("%Y", time.gmtime(now)))}. '
        "A problem needs somebody; a notice is worth a look. Health checks were asked when the hosts were looked at.</p>", "</body>", "</html>", "",
    ]
    return "\n".join(part for part in parts if part or part == "")
