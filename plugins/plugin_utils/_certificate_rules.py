# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role nginx refuses in what is said of certificates, before it looks at the host. Pure: no I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.pyweb.stack.plugins.plugin_utils._site_rules import ADDRESS, Rule, Site, mismatched, names, sentences

DIRECTORY = r"letsencrypt|staging|https://[^ ]+"


def _sources(sites: list[Site], source_of: dict[str, str], acme: dict[str, t.Any], ca: dict[str, t.Any]) -> list[Rule]:
    strict = [site for site in sites if int(site["tls"]["hsts_max_age"]) > 0]
    return [
        Rule("A site with half of tls in nginx_sites", names(site for site in sites if bool(site["tls"]["certificate"]) != bool(site["tls"]["key"])),
             "give certificate and key, or neither for a self-signed certificate"),
        Rule("A site with tls.source files but without tls.certificate in nginx_sites",
             names(site for site in sites if source_of[site["name"]] == "files" and not site["tls"]["certificate"]),
             "give certificate and key, files on the host"),
        Rule("A site with tls.certificate and another tls.source than files in nginx_sites",
             names(site for site in sites if source_of[site["name"]] != "files" and site["tls"]["certificate"]), "keep one of the two"),
        Rule("A site with tls.hsts_max_age and a self-signed certificate in nginx_sites",
             names(site for site in strict if source_of[site["name"]] == "self-signed"),
             "browsers would lock themselves out, so give a certificate that they trust or take hsts_max_age out"),
        Rule("A site with tls.hsts_max_age in nginx_sites and nginx_acme.directory being staging",
             names(site for site in strict if source_of[site["name"]] == "acme" and acme["directory"] == "staging"),
             "browsers do not trust its certificates, so take hsts_max_age out until directory is another"),
        Rule("A site with tls.source company-ca in nginx_sites and without nginx_ca.certificate or nginx_ca.key",
             names(site for site in sites if source_of[site["name"]] == "company-ca" and not (ca["certificate"] and ca["key"])),
             "give both, as texts in PEM"),
    ]


def _authority(acme: dict[str, t.Any], acme_sites: list[Site], plugins: list[str], system: str) -> list[Rule]:
    plugin = acme["dns_plugin"]
    return [
        Rule("A domain of a site with tls.source acme in nginx_sites",
             [name for site in acme_sites for name in site["domains"] if ADDRESS.fullmatch(name)],
             "authorities give certificates for names, so leave addresses to a site with another source"),
        Rule("A site with tls.source acme and the challenge dns in nginx_sites and without nginx_acme.dns_plugin",
             [] if plugin else names(site for site in acme_sites if site["dns"]),
             "a wildcard needs it, so name the plugin of your name servers, or take the wildcard out"),
        Rule("dns_plugin in nginx_acme", [plugin] if plugin and plugin not in plugins else [], f"{system} has {', '.join(plugins)}"),
        Rule("dns_credentials in nginx_acme", ["empty"] if plugin and not acme["dns_credentials"] else [],
             "give what the plugin needs, see the page of certbot on it"),
        Rule("directory or fallback in nginx_acme", mismatched(DIRECTORY, [place for place in (acme["directory"], acme["fallback"]) if place]),
             "write letsencrypt, staging or an address that begins with https://"),
        Rule("eab_kid in nginx_acme without eab_hmac_key, or the other way round,",
             ["half given"] if bool(acme["eab_kid"]) != bool(acme["eab_hmac_key"]) else [], "the authority has told you both"),
    ]


def faults(sites: list[Site], known: dict[str, t.Any]) -> list[str]:
    """One sentence for each rule that is broken.

    C(sites) are those that have a server of their own, with their defaults; C(known) is what role nginx has found out: by the name of a site where its
    certificate comes from (C(sources)), C(acme) and C(ca) as nginx_acme and nginx_ca with their defaults, C(acme_sites), C(plugins) of certbot that the
    system has, and the name of that (C(system)).
    """
    return sentences([*_sources(sites, known["sources"], known["acme"], known["ca"]),
                      *_authority(known["acme"], known["acme_sites"], list(known["plugins"]), known["system"])])
