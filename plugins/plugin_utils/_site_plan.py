# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role nginx works out from its sites before it looks at the host: which of them share a server, and where certificates come from.

Pure: no I/O. A site is an item of C(nginx_sites), as its argument specification describes it; nothing else has been checked yet, so that
any site may lack its domains, or have those of another one.
"""

from __future__ import annotations

import hashlib
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.pyweb.stack.plugins.plugin_utils._merge import merge
from ansible_collections.pyweb.stack.plugins.plugin_utils._sites import address_of

Site = dict[str, t.Any]
# Of C(nginx_acme), what is kept beside the domains of a site.
SETTINGS = ("directory", "fallback", "contact", "key_type", "addresses", "dns_plugin", "dns_propagation")


class Pair(t.TypedDict, total=False):
    """A certificate and its key, as paths on the host."""

    site: str
    source: str  # self-signed, company-ca, files or acme
    domains: list[str]
    certificate: str
    key: str
    place: str  # of acme: the directory that holds the link to what is in use


class Authority(t.TypedDict):
    """A site that asks for certificates by ACME."""

    name: str
    domains: list[str]
    dns: bool  # its challenge is DNS-01
    settings: dict[str, t.Any]  # SETTINGS and paths, for all sites the same


class Plan(t.TypedDict):
    named: list[str]  # of all sites, absent ones included
    sites: list[Site]  # those that are to be present, with all their defaults
    server_of: dict[str, str]  # by the name of a site, that of the site whose server of nginx it is in
    wholes: list[Site]  # those with a server of their own; what holds for a whole domain is theirs
    names_of: dict[str, list[str]]  # by the name of a site, its domains as they are in a request
    tls_source_of: dict[str, str]  # by the name of a whole: self-signed, company-ca, files or acme
    given_files: list[str]  # certificates and keys of one's own
    self_signed: list[Pair]  # those that a run makes
    acme_sites: list[Authority]
    acme_pairs: list[Pair]
    certificate_of: dict[str, Pair]  # by the name of a whole
    nameless: Pair | None  # shown to those who send no name; None where they are refused
    quic_sites: list[str]  # wholes with HTTP/3
    usual_retry_after: int  # seconds, where a site says nothing of it


def answers_without_name(site: Site) -> bool:
    """Is it for visitors who send no name, too: probes, and those who come to an address?"""
    return bool(site["probes"]) or any(address_of(str(domain)) for domain in site["domains"])


def _server_of(sites: list[Site]) -> dict[str, str]:
    """A path is in the server of the site with / of its domain or, where none has it, of the first one that has the domain."""
    by_path = [site for site in sites if site["path"] == "/"] + [site for site in sites if site["path"] != "/"]
    first: dict[str, str] = {}
    for site in by_path:
        for domain in site["domains"]:
            first.setdefault(domain, site["name"])
    return {site["name"]: site["name"] if site["path"] == "/" else first.get((site["domains"] or [""])[0], site["name"]) for site in by_path}


def _source(site: Site) -> str:
    if site["tls"]["source"] != "auto":
        return str(site["tls"]["source"])
    return "files" if site["tls"]["certificate"] else "self-signed"


def _self_signed(site: Site, source: str, directory: str, ca: str) -> Pair:
    """The name tells domains and authority, so that others get another certificate."""
    signer = ca if source == "company-ca" else ""
    digest = hashlib.sha256((" ".join(site["domains"]) + signer).encode()).hexdigest()[:12]
    stem = f"{directory}/{site['name']}-{digest}"
    return {"site": site["name"], "source": source, "domains": site["domains"], "certificate": f"{stem}.crt", "key": f"{stem}.key"}


def _acme(site: Site, store: str) -> Pair:
    """By a link to what certbot has got, or to a self-signed certificate until then."""
    place = f"{store}/{site['name']}"
    return {
        "site": site["name"], "source": "acme", "domains": site["domains"], "place": place,
        "certificate": f"{place}/current/fullchain.pem", "key": f"{place}/current/privkey.pem",
    }


def _given(site: Site) -> Pair:
    tls = site["tls"]
    return {"site": site["name"], "source": "files", "domains": site["domains"], "certificate": tls["certificate"], "key": tls["key"]}


def _settings(acme: dict[str, t.Any], paths: dict[str, str]) -> dict[str, t.Any]:
    """paths are those of files on the host; that of an account bound to one elsewhere is there only where nginx_acme has one."""
    found = {key: acme[key] for key in SETTINGS} | paths
    return found if acme["eab_kid"] else {**found, "account_file": ""}


def plan(
    given: list[Site], *, defaults: Site, directory: str, store: str, ca: str, acme: dict[str, t.Any], paths: dict[str, str],
    refuses_nameless: bool = True,
) -> Plan:
    """given is C(nginx_sites) and defaults those of one of them; directory holds the certificates that a run makes, store those by ACME; ca is the
    certificate of the company's authority; acme is C(nginx_acme) with its defaults; refuses_nameless says whether this nginx can refuse a handshake."""
    # What is empty is not given.
    all_sites = [merge(defaults, {name: value for name, value in site.items() if value is not None}) for site in given]
    # The first of several members tells what they are.
    sites = [{**site, "upstream": site["members"][0]} if site["members"] else site for site in all_sites if site["state"] == "present"]
    server_of = _server_of(sites)
    wholes = [site for site in sites if server_of[site["name"]] == site["name"]]
    source_of = {site["name"]: _source(site) for site in wholes}
    made = [_self_signed(site, source, directory, ca) for site in wholes if (source := source_of[site["name"]]) in ("self-signed", "company-ca")]
    by_acme = [site for site in wholes if source_of[site["name"]] == "acme"]
    pairs = [_acme(site, store) for site in by_acme]
    files = [site["tls"][part] for part in ("certificate", "key") for site in wholes if site["tls"][part]]
    settings = _settings(acme, paths) if by_acme else {}
    certificate_of = {pair["site"]: pair for pair in made + pairs}
    certificate_of |= {site["name"]: _given(site) for site in wholes if site["name"] not in certificate_of}
    nameless = [site for site in sites if answers_without_name(site) or not refuses_nameless]
    return {
        "named": [site["name"] for site in all_sites],
        "sites": sites,
        "server_of": server_of,
        "wholes": wholes,
        "names_of": {site["name"]: [f"[{domain}]" if ":" in domain else domain for domain in site["domains"]] for site in sites},
        "tls_source_of": source_of,
        "given_files": list(dict.fromkeys(files)),
        "self_signed": made,
        "acme_sites": [
            {
                "name": site["name"], "domains": site["domains"], "settings": settings,
                "dns": acme["challenge"] == "dns" or any(domain.startswith("*") for domain in site["domains"]),
            }
            for site in by_acme
        ],
        "acme_pairs": pairs,
        "certificate_of": certificate_of,
        "nameless": certificate_of[server_of[nameless[0]["name"]]] if nameless else None,
        "quic_sites": [site["name"] for site in wholes if boolean(site["http3"], strict=False)],
        "usual_retry_after": int(defaults["retry_after"]),
    }
