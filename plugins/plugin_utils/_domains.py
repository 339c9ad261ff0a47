# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which application has which path of a domain. Pure: no I/O.

Applications with the same domain share one server of nginx: that of the application whose path is C(/), its owner. Where nobody has C(/), it is
the first one that has the domain. The role nginx decides by the same rule which site of a host that is.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.plugin_utils import _sites

# Options of a whole domain, with every path on it.
OF_DOMAIN = ("tls", "http3", "canonical", "trusted_proxies", "retry_after", "error_pages", "extra_config")
# Those that an application goes by which is left alone on a domain.
INHERITED = ("tls", "http3", "canonical", "trusted_proxies", "retry_after")


def _taken(sites: dict[str, dict[str, Any]]) -> None:
    """Raises AppsError where two have the same path of a domain, or one has a domain twice."""
    owners: dict[tuple[str, str], str] = {}
    for name, site in sites.items():
        for domain in site["domains"]:
            other = owners.setdefault((domain, site["path"]), name)
            if other != name:
                raise AppsError(
                    f"pyweb_apps.{name}.site.domains has {domain!r}, which pyweb_apps.{other} has too: a domain belongs to one application; "
                    "give another one a site.path, such as /api."
                    if site["path"] == "/" else
                    f"pyweb_apps.{name}.site.path is {site['path']!r}, which pyweb_apps.{other} has on {domain} too: take another path."
                )
        for domain in site["domains"]:
            if site["domains"].count(domain) > 1:
                raise AppsError(f"pyweb_apps.{name}.site.domains has {domain!r}, which is there twice.")


def _first(domain: str, sites: dict[str, dict[str, Any]]) -> str | None:
    """Whose server has the domain."""
    having = [name for name, site in sites.items() if domain in site["domains"]]
    return next((name for name in having if sites[name]["path"] == "/"), having[0] if having else None)


def _check_part(name: str, site: dict[str, Any], other: str, whole: dict[str, Any]) -> None:
    """Whether an application below a path goes with the site of another that it is part of."""
    where = f"pyweb_apps.{name}.site"
    for domain in site["domains"]:
        if domain not in whole["domains"]:
            raise AppsError(
                f"{where}.domains has {domain!r}, which pyweb_apps.{other}.site.domains does not have: "
                f"{where}.path is a path of that site, so name domains of it alone."
            )
    for option in OF_DOMAIN:
        if site[option]:
            raise AppsError(f"{where}.{option} is for a whole domain: {site['domains'][0]} is the site of pyweb_apps.{other}, so set it there.")


def _check_apart(name: str, site: dict[str, Any], others: dict[str, dict[str, Any]]) -> None:
    """Whether nobody else has set something up below the path of this application."""
    inside = f"{site['path']}/"
    for other, their in others.items():
        prefix = their["path"].rstrip("/")
        if other == name or f"{prefix}/".startswith(inside) or not set(their["domains"]) & set(site["domains"]):
            continue
        for option in ("static", "redirects", "access", "streams"):
            for url in their[option]:
                if f"{prefix}{url}/".startswith(inside):
                    raise AppsError(
                        f"pyweb_apps.{other}.site.{option} has {url!r}, which lies below {site['path']}, the site.path of pyweb_apps.{name}: "
                        "leave it to that application."
                    )


def settle(apps: dict[str, dict[str, Any]]) -> None:
    """Give each application below a path all domains of its site, and what holds for the whole domain. Raises AppsError for what cannot be.

    C(apps) are complete but for that. What an absent application says of its domain goes on for those that stay below it.
    """
    sites = {name: app["site"] for name, app in apps.items() if app["site"] and app["state"] == "present"}
    _taken(sites)
    parts = {name: site for name, site in sites.items() if site["path"] != "/"}
    wholes = {}
    for name, site in parts.items():
        other = _first(site["domains"][0], sites)
        if other and other != name:
            _check_part(name, site, other, sites[other])
            wholes[name] = sites[other]
        _check_apart(name, site, sites)
    for name, site in parts.items():
        if name not in wholes:
            gone = [key for key, app in apps.items() if app["state"] == "absent" and app["site"] and app["site"]["path"] in (None, "/")
                    and set(site["domains"]) <= set(app["site"]["domains"])]
            if gone:
                wholes[name] = _sites.checked_site(f"pyweb_apps.{gone[0]}.site", apps[gone[0]]["site"])
    for name, whole in wholes.items():
        site = sites[name]
        site.update({"domains": list(whole["domains"]), **{option: site[option] or whole[option] for option in INHERITED}})
