# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(site) of an application: what nginx serves."""

from __future__ import annotations

from .option import Options

# As nginx writes times.
TIME = "[1-9][0-9]*(ms|s|m|h|d)"

TLS: Options = {
    "source": {
        "type": "str", "choices": ["self-signed", "files", "company-ca", "acme"], "otherwise": "files with a certificate, else self-signed",
        "description": "Where the certificate comes from. V(acme): by itself, from Let's Encrypt or what C(nginx_acme) says; V(company-ca): signed by "
                       "C(nginx_ca).",
    },
    "certificate": {"type": "str", "description": "File on the host with the certificate and its chain."},
    "key": {"type": "str", "description": "File on the host with the private key."},
    "hsts_max_age": {
        "type": "int", "otherwise": "`0`",
        "description": "Seconds for which browsers may only use HTTPS. Only with a certificate that they trust.",
    },
}
LIMITS: Options = {
    "requests": {
        "type": "str", "pattern": "[1-9][0-9]*r/[sm]", "accepts": "a rate such as 10r/s or 30r/m is needed",
        "description": "Requests of one address.", "example": "10r/s",
    },
    "burst": {"type": "int", "default": 0, "minimum": 0, "description": "Requests beyond the rate that are let through at once."},
    "connections": {"type": "int", "default": 0, "minimum": 0, "otherwise": "no limit", "description": "Requests of one address at the same time."},
}
SITE: Options = {
    "domains": {
        "type": "list", "elements": "str", "required": True,
        "description": "Host names of the site, the canonical one first. An address is one for visitors who have no name; its certificate is then "
                       "shown to all who send none.",
        "example": ["shop.example.com"],
    },
    "path": {
        "type": "str", "default": "/", "pattern": r"/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?", "accepts": "a path such as /api is needed",
        "see": "site",
        "description": "Path of the domains below which the application is. Another application has C(/) of the same domains, and with it their "
                       "certificate and all that holds for a whole domain. All other paths in C(site) count from this one.",
        "example": "/api",
    },
    "probes": {
        "type": "list", "elements": "str", "default": [], "pattern": "/[A-Za-z0-9._~/-]*", "accepts": "a path that begins with / is needed",
        "description": "Paths that are answered over HTTP as well, by a name of the site, by one that no site has and by none, for a load balancer's "
                       "probe. By another name than its own the application sees the first of its names, and always C(https).",
        "example": ["/healthz"],
    },
    "canonical": {
        "type": "bool", "default": False,
        "description": "Visitors of all other O(site.domains) are sent to the first one, such as from C(www.shop.example.com) to C(shop.example.com).",
    },
    "redirects": {
        "type": "dict", "default": {},
        "description": "Paths, and the paths or addresses to which their visitors are sent for good, with their query. A path with a slash at its end stands "
                       "for all below it.",
        "example": {"/old/": "/new/"},
    },
    "headers": {
        "type": "dict", "default": {},
        "description": "Headers of all answers. They take the place of our own (C(X-Content-Type-Options), C(X-Frame-Options), C(Referrer-Policy)) and of the "
                       "application's; an empty text takes one of ours away. C(Content-Security-Policy-Report-Only) tries a policy out without enforcing it.",
        "example": {"Permissions-Policy": "camera=()"},
    },
    "access": {
        "type": "dict", "default": {}, "see": "site",
        "description": "Paths and who may come to what begins with them: C(allow), a list of addresses and networks, C(users), names with their hashed "
                       "passwords, or both.",
        "example": {"/admin/": {"allow": ["192.0.2.0/24"]}},
    },
    "limits": {"type": "dict", "options": LIMITS, "description": "What one address may ask for; what is more is answered with status 429."},
    "streams": {
        "type": "list", "elements": "str", "default": [], "pattern": "/[A-Za-z0-9._~/-]*", "accepts": "a path that begins with / is needed",
        "description": "Paths whose answers come in pieces that must not wait, whatever their type. An answer with C(X-Accel-Buffering) C(no) needs no option.",
        "example": ["/chat/"],
    },
    "static": {
        "type": "dict", "default": {}, "see": "site",
        "description": "Addresses and the directories of the release that nginx serves there; an address without a slash at its end is a single file. "
                       "C(style.css.gz) beside C(style.css) is what a browser gets that understands it.",
        "example": {"/static/": "staticfiles", "/robots.txt": "staticfiles/robots.txt"},
    },
    "error_pages": {
        "type": "dict", "default": {}, "see": "site",
        "description": "Pages of the release for errors of nginx itself, by their status: C(403), C(404), C(413), C(429), C(503) and C(504). They lie in one "
                       "of the directories of O(site.static), or in O(site.root). Answers of the application stay as they are.",
        "example": {"503": "staticfiles/503.html"},
    },
    "retry_after": {
        "type": "int", "otherwise": "`300`", "minimum": 1,
        "description": "Seconds after which visitors are told to come back during maintenance.",
    },
    "trusted_proxies": {
        "type": "list", "elements": "str", "default": [], "pattern": r"[0-9a-f.:]+(/[0-9]{1,3})?",
        "accepts": "an address or a network such as 192.0.2.0/24 is needed",
        "description": "Addresses and networks of what stands in front of this site, such as a balancer or a CDN, besides C(nginx_server.trusted_proxies).",
        "example": ["192.0.2.0/24"],
    },
    "root": {
        "type": "str",
        "description": "Directory of the release with all of a site of files alone, in place of C(processes.web).",
        "example": "dist",
    },
    "fallback": {
        "type": "str",
        "description": "File in O(site.root) that answers where no other is there.",
        "example": "index.html",
    },
    "tls": {
        "type": "dict", "options": TLS, "otherwise": "self-signed",
        "description": "Certificate of the site. Without it, a self-signed one for O(site.domains) is made.",
        "example": {"source": "acme"},
    },
    "http3": {
        "type": "bool", "default": False,
        "description": "Offer HTTP/3 as well, by UDP port 443, which the firewall of this collection then opens to whom TCP port 443 is open. "
                       "For a whole domain. nginx of Debian 12 has no HTTP/3.",
    },
    "client_max_body_size": {"type": "str", "otherwise": "`10m`", "description": "Largest request body. V(0) is without limit.", "example": "50m"},
    "read_timeout": {
        "type": "str", "pattern": TIME, "accepts": "a number and its unit are needed, such as 120s or 5m", "otherwise": "`60s`",
        "description": "For how long the application may be silent while it answers: reports that take long, WebSockets without pings. "
                       "gunicorn's own limit is its option C(--timeout).",
        "example": "120s",
    },
    "extra_config": {
        "type": "str",
        "description": "nginx directives for the end of the site's server block.",
        "example": "underscores_in_headers on;",
    },
}
