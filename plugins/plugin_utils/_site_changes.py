# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role nginx works out from what it has found on the host: whose sites stay or go, and which certificates are to be made.

Pure: no I/O. What was found is what M(pyweb.stack.nginx_info) returns.
"""

from __future__ import annotations

import posixpath
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._nginx_config import RECORD_SCHEMA
from ansible_collections.pyweb.stack.plugins.plugin_utils._site_plan import Authority, Pair, Plan, answers_without_name

Site = dict[str, t.Any]
# What stands behind a site's name in the name of a file of a certificate that a run has made.
DIGEST = re.compile(r"-[0-9a-f]{12}\.(crt|key)$")


class Record(t.TypedDict):
    """What the parts of the configuration that all sites have in common say of a site.

    A run with another inventory, which keeps the site, writes these parts as well. So the record is a line in the site's own file, where
    module_utils/_nginx_config.py reads it.
    """

    schema: int  # RECORD_SCHEMA; who changes the rest counts it up
    name: str
    path: str
    names: list[str]  # its domains as they are in a request
    probes: list[str]
    upstream: str
    root: str
    read_timeout: str
    trusted_proxies: list[str]  # empty for a site in the server of another one, as the next two are without effect there
    retry_after: int  # seconds
    acme: bool
    nameless: bool  # its certificate is for visitors who send no name, if no other comes first
    certificate: str
    key: str


class Changes(t.TypedDict):
    shared: list[Record]  # of all sites that are to be present, and of those that stay
    records: dict[str, Record]  # by the name of a site to be present, what is written into its file
    nameless: t.Any  # Pair, or Record of a site that stays; None where visitors without a name are refused
    leaving: list[Site]  # sites on the host that nginx_sites does not have, and that go
    kept: list[Site]  # those that stay, since another inventory has set them up
    kept_files: list[str]  # their configuration and certificates
    acme_to_begin: list[Pair]  # without a certificate yet: a self-signed one comes first
    acme_damaged: list[str]  # names of sites
    acme_gone: list[str]  # files of sites that no longer ask by ACME
    to_make: list[Pair]  # certificates that this run makes


def _name(path: str) -> str:
    """Of the site that a file of ACME is for."""
    return posixpath.splitext(posixpath.basename(path))[0]


def _to_begin(pairs: list[Pair], missing: set[str]) -> list[Pair]:
    without = [pair for pair in pairs if pair["certificate"] in missing]
    return without + [pair for pair in pairs if pair["key"] in missing and pair not in without]


def _self_signed(pair: Pair) -> Pair:
    place = f"{pair['place']}/self-signed"
    return {**pair, "source": "self-signed", "certificate": f"{place}/fullchain.pem", "key": f"{place}/privkey.pem"}


def _gone(listed: list[str], asking: list[Authority], kept: list[str], store: str, directory: str) -> list[str]:
    """Files below the store that are not in the directory of those who ask are of an earlier version of this collection."""
    names = [site["name"] for site in asking] + kept
    return [path for path in listed if path.startswith(f"{store}/") and (posixpath.dirname(path) != directory or _name(path) not in names)]


def _record(site: Site, plan: Plan) -> Record:
    server = plan["server_of"][site["name"]]
    whole = server == site["name"]
    pair = plan["certificate_of"][server]
    return {
        "schema": RECORD_SCHEMA, "name": site["name"], "path": site["path"], "names": plan["names_of"][site["name"]], "probes": site["probes"],
        "upstream": site["upstream"], "root": site["root"], "read_timeout": site["read_timeout"],
        "trusted_proxies": site["trusted_proxies"] if whole else [], "retry_after": int(site["retry_after"] if whole else plan["usual_retry_after"]),
        "acme": pair["source"] == "acme", "nameless": answers_without_name(site),
        "certificate": pair["certificate"], "key": pair["key"],
    }


def _says_something(record: Record, plan: Plan) -> bool:
    unusual = record["retry_after"] != plan["usual_retry_after"]
    return unusual or bool(record["probes"] or record["trusted_proxies"] or record["acme"] or record["nameless"])


def changes(plan: Plan, look: dict[str, t.Any], *, keep: bool, store: str, directory: str) -> Changes:
    """keep says whether other sites stay; store is where certificates by ACME are, directory the one of who asks for them."""
    unlisted = [site for site in look["sites"] if site["name"] not in plan["named"]]
    kept = unlisted if keep else []
    names = [site["name"] for site in kept]
    missing = set(look["missing_files"])
    due = {found["site"] for found in look["certificates"] if found["source"] == "company-ca" and found["due"]}
    own = [_record(site, plan) for site in plan["sites"]]
    others = [site["record"] for site in kept if site.get("record")]
    begin = _to_begin(plan["acme_pairs"], missing)
    made = [pair for pair in plan["self_signed"] if pair["certificate"] in missing or pair["key"] in missing or pair["site"] in due]
    return {
        # In an order that both inventories have.
        "shared": sorted(own + others, key=lambda record: str(record["name"])),
        "records": {record["name"]: record for record in own if _says_something(record, plan)},
        "nameless": plan["nameless"] or next((record for record in others if record["nameless"]), None),
        "leaving": [] if keep else unlisted,
        "kept": kept,
        "kept_files": [site["path"] for site in kept] + [path for path in look["listed"] if DIGEST.sub("", posixpath.basename(path)) in names],
        "acme_to_begin": begin,
        "acme_damaged": [found["site"] for found in look["certificates"] if found["source"] == "acme" and found["damaged"]],
        "acme_gone": _gone(look["listed"], plan["acme_sites"], names, store, directory),
        "to_make": made + [_self_signed(pair) for pair in begin],
    }
