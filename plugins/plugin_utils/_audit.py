# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What graders have found on hosts: passed, accepted with a reason, open. Pure: reads their reports as text."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.pyweb.stack.plugins.plugin_utils._summary import aligned


# Whose sandboxes are shown: what listens to others, or runs what others have written.
UNITS = ("ssh.service", "nginx.service", "cron.service", "supervisor.service", "pyweb*")
# The end of a process's unit: its release, and the number of one of several instances.
INSTANCE = re.compile(r"(-\d+)?\.\d{8}T\d{6}Z-\w+(\.service)?$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclasses.dataclass(frozen=True)
class Finding:
    """grader: lynis, ssh-audit or openscap. test: its name of the test. reason: why the finding is accepted, else empty."""

    grader: str
    test: str
    text: str
    reason: str = ""


def from_lynis(report: str) -> tuple[str, list[Finding]]:
    """One line about the whole, and what it warns of or suggests. The report is lynis-report.dat: key=value, or key[]=test|text|…"""
    values, findings = {}, []
    for line in report.splitlines():
        key, separator, value = line.partition("=")
        if separator and key in ("warning[]", "suggestion[]"):
            # Such as "Consider hardening SSH configuration" and, for one of several, "MaxSessions (set 10 to 2)".
            test, text, detail = (value.split("|") + ["", ""])[:3]
            findings.append(Finding("lynis", test, f"{text.rstrip('.')}: {detail}" if detail not in ("", "-") else text))
        elif separator:
            values[key] = value
    return f"lynis: hardening index {values.get('hardening_index', 'unknown')}, {values.get('lynis_tests_done', '?')} tests", findings


def from_ssh_audit(report: str) -> tuple[str, list[Finding]]:
    """One line about the whole, and every algorithm with a failure or a warning. The report is what ssh-audit --json prints.

    Where it prints something else, it has not reached the host, which is a finding: nobody knows what is wrong there.
    """
    try:
        found = json.loads(report)
    except ValueError:
        said = next((line.strip() for line in COLOUR.sub("", report).splitlines() if line.strip()), "")
        return "ssh-audit: FAILED", [Finding("ssh-audit", "FAILED", said.removeprefix("[exception] "))]
    findings, total, passed = [], 0, 0
    for kind in ("kex", "key", "enc", "mac"):
        for entry in found.get(kind, []):
            total += 1
            notes = [note for level in ("fail", "warn") for note in entry.get("notes", {}).get(level, [])]
            passed += not notes
            findings += [Finding("ssh-audit", entry["algorithm"], note) for note in notes]
    return f"ssh-audit: {passed} of {total} algorithms", findings


# What counts in the share that passes; rules that do not apply, or ask a person, do not.
SCAP_RULE = re.compile(r"^(?:xccdf_\S+?_rule_)?(\S+):(pass|fixed|fail|error|unknown)$")


def from_openscap(report: str) -> tuple[str, list[Finding]]:
    """One line about the profiles, and each rule that is not met in one of them.

    The report has a line "profile: NAME" before what oscap xccdf eval --progress prints for each: RULE:RESULT. After that comes, where oscap
    has reckoned it, "score: NUMBER": of 100, in which rules count by their weight and by the size of their group.
    """
    shares: dict[str, list[int]] = {}
    scores: dict[str, str] = {}
    unmet: dict[str, list[str]] = {}
    profile = ""
    for line in report.splitlines():
        if line.startswith("profile: "):
            profile = line.partition(" ")[2].strip()
            shares[profile] = [0, 0]
        elif line.startswith("score: ") and profile:
            scores[profile] = f" (score {float(line.partition(' ')[2]):.1f})"
        elif (rule := SCAP_RULE.match(line.strip())) and profile:
            passed = rule[2] in ("pass", "fixed")
            shares[profile][0] += passed
            shares[profile][1] += 1
            if not passed:
                unmet.setdefault(rule[1], []).append(profile)
    summary = [
        f"{name} {passed} of {total} rules{scores.get(name, '')}" if total else f"{name} not in the content"
        for name, (passed, total) in shares.items()
    ]
    return f"openscap: {', '.join(summary)}", [Finding("openscap", name, ", ".join(profiles)) for name, profiles in unmet.items()]


def exposure(report: str) -> list[str]:
    """Units with their exposure, a process once for all its releases and instances. The report is what systemd-analyze security --json=short prints."""
    entries = [entry for entry in json.loads(report) if any(fnmatch.fnmatchcase(entry["unit"], pattern) for pattern in UNITS)]
    return list(dict.fromkeys(f"{INSTANCE.sub('', entry['unit'])} {entry['exposure']}" for entry in entries))


def from_systemd(report: str) -> str:
    """The exposure of units as one line."""
    return f"systemd-analyze security (10 is worst): {', '.join(exposure(report)) or 'no units'}"


def judged(findings: Iterable[Finding], accepted: Iterable[Mapping[str, str]]) -> list[Finding]:
    """The findings, those that are accepted with the reason."""
    rules = list(accepted)
    result = []
    for finding in findings:
        reasons = [rule["reason"] for rule in rules if rule["grader"] == finding.grader and fnmatch.fnmatchcase(finding.test, rule["test"])]
        result.append(dataclasses.replace(finding, reason=reasons[0] if reasons else ""))
    return result


def audit(reports: Mapping[str, str], accepted: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """What graders say of one host: lines for people, how many findings are open, and both apart, for table().

    reports: by grader (lynis, ssh-audit, openscap, systemd), the text of its report; empty when the grader is not there.
    """
    rules = list(accepted)
    summary, findings = {}, []
    readers = {"lynis": from_lynis, "ssh-audit": from_ssh_audit, "openscap": from_openscap}
    for grader, reader in readers.items():
        if reports.get(grader, "").strip():
            summary[grader], found = reader(reports[grader])
            findings += found
        else:
            summary[grader] = f"{grader}: not run, it is not installed" + (", or has no content" if grader == "openscap" else "")
    ran = [grader for grader, line in summary.items() if ": not run" not in line]
    exposed = exposure(reports["systemd"]) if reports.get("systemd", "").strip() else []
    if reports.get("systemd", "").strip():
        summary["systemd"] = from_systemd(reports["systemd"])
    findings = list(dict.fromkeys(judged(findings, rules)))
    opened = [finding for finding in findings if not finding.reason]
    lines = list(summary.values())
    lines += [f"accepted: {f.grader} {f.test}: {f.text} [{f.reason}]" for f in findings if f.reason]
    lines += [f"by choice: cis {rule['test']} [{rule['reason']}]" for rule in rules if rule["grader"] == "cis"]
    lines += [f"open: {f.grader} {f.test}: {f.text}" for f in opened]
    return {"lines": lines, "open": len(opened), "accepted": len(findings) - len(opened), "ran": ran, "summary": summary, "exposed": exposed,
            "findings": [dataclasses.asdict(finding) for finding in findings]}


def _shared(found: Mapping[str, Iterable[str]]) -> list[str]:
    """Lines that several hosts may have, each once, with the hosts that it is about where these are not all of them."""
    where: dict[str, list[str]] = {}
    for host, lines in found.items():
        for line in lines:
            where.setdefault(line, []).append(host)
    return [line if len(hosts) == len(found) else f"{line} ({', '.join(hosts)})" for line, hosts in where.items()]


def table(audits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What audit() returned for each host as lines: what ran, what is accepted, and last what is open; what hosts have in common stands once."""
    graders = ("lynis", "ssh-audit", "openscap")
    rows = [["HOST", *(grader.upper() for grader in graders), "ACCEPTED", "OPEN"]]
    for host, its in audits.items():
        cells = [its["summary"][grader].partition(": ")[2] if grader in its["ran"] else "not installed" for grader in graders]
        rows.append([host, *cells, str(its["accepted"]), str(its["open"])])
    lines = aligned(rows)
    parts = {
        "EXPOSED": {host: [f"{unit} of 10 by systemd-analyze security" for unit in its["exposed"]] for host, its in audits.items()},
        "ACCEPTED": {host: [f"{f['grader']} {f['test']}: {f['text']} [{f['reason']}]" for f in its["findings"] if f["reason"]]
                     + [line.partition(": ")[2] for line in its["lines"] if line.startswith("by choice: ")] for host, its in audits.items()},
        "OPEN": {host: [f"{f['grader']} {f['test']}: {f['text']}" for f in its["findings"] if not f["reason"]] for host, its in audits.items()},
    }
    for title, found in parts.items():
        shared = _shared(found)
        if shared:
            lines += ["", *(f"{title}: {line}" for line in shared)]
    return lines
