# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From pyweb_apps to what each role is given, and one sentence for everything that is wrong."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _processes
from ansible_collections.pyweb.stack.plugins.plugin_utils import _apps

SHOP = {
    "source": {"repo": "https://git.example.com/shop.git"},
    "processes": {"web": {"wsgi": "shop.wsgi"}},
    "site": {"domains": ["shop.example.com"], "static": {"/static/": "staticfiles"}},
}
GROUPS = {"all": ["web1", "web2", "db1"], "pyweb": ["web1", "web2"], "canary": ["web2"]}


def changed(*changes, base=None):
    """A copy of SHOP; each change is a path with dots and its value."""
    app = copy.deepcopy(SHOP if base is None else base)
    for path, value in changes:
        *parents, last = path.split(".")
        place = app
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return app


def fault(apps, **arguments):
    with pytest.raises(_apps.AppsError) as caught:
        _apps.resolve(apps, **arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def one(app, **arguments):
    (resolved,) = _apps.resolve({"shop": app}, **arguments)
    return resolved


# --- what is refused --------------------------------------------------------------------------------------------------

AT = "pyweb_apps.shop"
PROCESS_KINDS = "exactly one of wsgi, asgi and command is needed."
DIGEST = "sha256:" + "0" * 64
VERSION = "a branch, a tag or a commit is needed."
PATH = "a path inside the release is needed, relative, without .., spaces and quotes."

WRONG = {
    # misspelt, at each depth
    "application": ([("sources", 1)], f"{AT}.sources is not an option; did you mean source?"),
    "application, nothing near": ([("zzz", 1)], f"{AT}.zzz is not an option; accepted are state, hosts, preset, source, python,"),
    "source": ([("source.repos", 1)], f"{AT}.source.repos is not an option; did you mean repo?"),
    "process": ([("processes.web.worker", 1)], f"{AT}.processes.web.worker is not an option; did you mean workers?"),
    "health": ([("processes.web.health.statuses", [200])], f"{AT}.processes.web.health.statuses is not an option; did you mean status?"),
    "site": ([("site.domain", "x")], f"{AT}.site.domain is not an option; did you mean domains?"),
    "tls": ([("site.tls", {"certificate": "/a", "key": "/b", "keys": "/c"})], f"{AT}.site.tls.keys is not an option; did you mean key?"),
    # types
    "not a mapping": ([("source", "https://git.example.com/shop.git")], "source"),
    "a process that is a text": ([("processes.web", "shop.wsgi")], f"{AT}.processes.web is a text: a mapping is needed."),
    "state": ([("state", "gone")], f"{AT}.state is 'gone': accepted are present and absent."),
    "workers": ([("processes.web.workers", "many")], f"{AT}.processes.web: argument 'workers' is of type"),
    "tls without key": ([("site.tls", {"certificate": "/a"})], f"{AT}.site.tls.key is missing: {AT}.site.tls.certificate needs it."),
    "tls from files without any": ([("site.tls", {"source": "files"})], f"{AT}.site.tls.certificate is missing: with the source 'files'"),
    "tls from two places": (
        [("site.tls", {"source": "acme", "certificate": "/a", "key": "/b"})], f"{AT}.site.tls.certificate goes with the source 'files', but"),
    "tls by acme for an address": (
        [("site", {"domains": ["192.0.2.7"], "tls": {"source": "acme"}})], f"{AT}.site.tls.source is 'acme', but '192.0.2.7' is an address"),
    "site without domains": ([("site", {"static": {}})], f"{AT}: missing required arguments: domains found in site."),
    # source
    "no source": ([("source", None)], f"{AT}.source.repo is missing: the address of the git repository is needed, or path, archive or package in its place."),
    "no repository": ([("source", {"version": "main"})], f"{AT}.source.repo is missing"),
    "version like an option": ([("source.version", "--upload-pack=x")], f"{AT}.source.version is '--upload-pack=x': {VERSION}"),
    "version with an operator": ([("source.version", "main~1")], f"{AT}.source.version is 'main~1': {VERSION}"),
    "version as a range": ([("source.version", "a..b")], f"{AT}.source.version is 'a..b': {VERSION}"),
    "version with a space": ([("source.version", "a b")], f"{AT}.source.version is 'a b': {VERSION}"),
    "two sources": ([("source", {"repo": "x", "path": "y"})], f"{AT}.source has repo and path: exactly one of repo, path, archive, package is needed."),
    "token over SSH": ([("source", {"repo": "git@git.example.com:x", "token": "s3cret"})], f"{AT}.source.token goes with an address that begins with https://"),
    "deploy key over https": ([("source.deploy_key", "s3cret")], f"{AT}.source.deploy_key goes with an address for SSH"),
    "prepare of a repository": ([("source.prepare", ["make"])], f"{AT}.source.prepare goes with {AT}.source.path, but the source is {AT}.source.repo."),
    "checksum of a directory": ([("source", {"path": "x", "checksum": DIGEST})], f"{AT}.source.checksum goes with {AT}.source.archive"),
    "version of a directory": ([("source", {"path": "x", "version": "v2"})], f"{AT}.source.version goes with {AT}.source.repo or {AT}.source.package"),
    "version of an archive": ([("source", {"archive": "x.zip", "version": "v2"})], f"but the source is {AT}.source.archive."),
    "include up": ([("source", {"path": "x", "include": ["../y"]})], f"{AT}.source.include is '../y': {PATH}"),
    "archive of another kind": ([("source", {"archive": "x.rar"})], f"{AT}.source.archive is 'x.rar': a .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz or .zip file"),
    "archive with a password": ([("source", {"archive": "https://a:s3cret@b/x.rar"})], f"{AT}.source.checksum is missing"),
    "no checksum": ([("source", {"archive": "https://example.com/x.zip"})], f"{AT}.source.checksum is missing: an archive from the net needs"),
    "another checksum": ([("source", {"archive": "x.zip", "checksum": "md5:0"})], f"{AT}.source.checksum is 'md5:0': sha256: and 64 digits"),
    "package of any version": ([("source", {"package": "shop"})], f"{AT}.source.package is 'shop': name==version"),
    "package from a version on": ([("source", {"package": "shop>=1"})], f"{AT}.source.package is 'shop>=1': name==version"),
    "version of a package": ([("source", {"package": "shop", "version": "release/2"})],
                             f"{AT}.source.version is 'release/2': the version of a package is needed"),
    "version of a wheel": ([("source", {"package": "shop-1-py3-none-any.whl", "version": "2"})], f"{AT}.source.version goes with"),
    # scalars of the application
    "python": ([("python", "python3")], f"{AT}.python is 'python3': a version such as 3.12 or 3.12.8, or the path of an interpreter on the host is needed."),
    "manager": ([("manager", "upstart")], f"{AT}.manager is 'upstart': accepted are systemd and supervisor."),
    "keep_releases": ([("keep_releases", 1)], f"{AT}.keep_releases is 1: at least 2 are needed"),
    # environment
    "env: bool": ([("env.DEBUG", True)], f"{AT}.env.DEBUG is a bool: write the text that the application should see, in quotes."),
    "env: none": ([("env.DEBUG", None)], f"{AT}.env.DEBUG is a NoneType"),
    "env: list": ([("env.HOSTS", ["a"])], f"{AT}.env.HOSTS is a list"),
    "env: name": ([("env", {"A-B": "x"})], f"{AT}.env.A-B is not a name for an environment variable"),
    "env: reserved": ([("env", {"PYWEB_APP": "x"})], f"{AT}.env.PYWEB_APP is not a name for an environment variable"),
    "env: longer than Linux takes": ([("env", {"A": "é" * 70000})], f"{AT}.env.A has 140000 bytes: Linux takes 128 kB"),
    "env: NUL": ([("env", {"A": "x\0y"})], f"{AT}.env.A has a NUL character"),
    "secrets: bool": ([("secrets.KEY", False)], f"{AT}.secrets.KEY is a bool"),
    "build_env: list": ([("build_env.KEY", [])], f"{AT}.build_env.KEY is a list"),
    "build_env: an index for pip": ([("build_env", {"PIP_INDEX_URL": "https://a:secret@packages.example.com/simple", "PIP_NO_CACHE_DIR": "1"})],
                                    f"{AT}.build_env has PIP_INDEX_URL, which pip reads, and uv, which installs packages here, does not: let "
                                    "dependencies.index say it; for pip in a build step, write it into that command."),
    "build_env: constraints for pip": ([("build_env", {"PIP_CONSTRAINT": "constraints.txt"})], "does not: let a line -c of the requirements file say it"),
    "env and secrets": ([("env", {"B": "1", "A": "1"}), ("secrets", {"A": "2", "B": "2"})], f"{AT}.env and {AT}.secrets both have A: keep one of them."),
    # processes
    "process name": ([("processes.my-worker", {"command": "x"})], f"{AT}.processes.my-worker: 'my-worker' is not a name for a process"),
    "nothing to run": ([("processes.web", {})], f"{AT}.processes.web has nothing to run: {PROCESS_KINDS}"),
    "two things to run": ([("processes.web.asgi", "a:b")], f"{AT}.processes.web has wsgi and asgi to run: {PROCESS_KINDS}"),
    "three things to run": ([("processes.web", {"wsgi": "a", "asgi": "b", "command": "c"})], f"has wsgi and asgi and command to run: {PROCESS_KINDS}"),
    "an unknown server": ([("processes.web.server", "apache")], f"{AT}.processes.web.server is 'apache': accepted are gunicorn and uvicorn."),
    "wsgi by uvicorn": ([("processes.web.server", "uvicorn")], f"{AT}.processes.web.server is uvicorn, which serves ASGI only: take gunicorn"),
    "not an entry": ([("processes.web.wsgi", "shop/wsgi.py")], f"{AT}.processes.web.wsgi is 'shop/wsgi.py': module:callable is needed"),
    "an entry with options": ([("processes.web.wsgi", "shop --reload")], "module:callable is needed"),
    "server of a command": ([("processes.web", {"command": "x {socket}", "server": "gunicorn"})], f"{AT}.processes.web.server goes with wsgi or asgi"),
    "workers of a command": ([("processes.beat", {"command": "x", "workers": 2})], f"{AT}.processes.beat.workers goes with wsgi or asgi"),
    "TLS by options": ([("processes.web.options", ["--certfile", "/etc/ssl/shop.pem"])],
                       f"{AT}.processes.web.options has --certfile, but TLS ends at nginx, which asks the server without it: leave it out;"),
    "TLS by options of uvicorn": ([("processes.web", {"asgi": "shop:app", "options": ["--ssl-keyfile=shop.key"]})],
                                  f"{AT}.processes.web.options has --ssl-keyfile, but TLS ends at nginx"),
    "a socket by options": ([("processes.web.options", ["--bind", "0.0.0.0:8000"])], f"{AT}.processes.web.options has --bind, but a release listens"),
    "a port by a short option": ([("processes.web.options", ["-b:8000"])], f"{AT}.processes.web.options has -b, but a release listens on a socket"),
    "a port of uvicorn": ([("processes.web", {"asgi": "a:b", "options": ["--port=8000"]})], f"{AT}.processes.web.options has --port, but a release listens"),
    "a server in the background": ([("processes.web.options", ["-D"])], f"{AT}.processes.web.options has -D, but a release listens on a socket of its own"),
    "an option and its value in one": ([("processes.web.options", ["--preload", "--env KEY=s3cret"])],
                                       f"{AT}.processes.web.options has --env and its value in one item, which the server would take for one word: make"),
    "options of a command": ([("processes.beat", {"command": "x", "options": ["-v"]})], f"{AT}.processes.beat.options goes with wsgi or asgi"),
    "gevent for asgi": ([("processes.web", {"asgi": "a:b", "worker_class": "gevent"})],
                        f"{AT}.processes.web.worker_class is gevent, but asgi is given: sync, gthread and gevent serve wsgi."),
    "asgi for wsgi": ([("processes.web.worker_class", "asgi")], f"{AT}.processes.web.worker_class is asgi, but wsgi is given: it serves asgi."),
    "uvicorn's worker_class": ([("processes.web", {"asgi": "a:b", "server": "uvicorn", "worker_class": "asgi"})],
                               "worker_class goes with gunicorn, but the server is uvicorn"),
    "threads of sync": ([("processes.web.worker_class", "sync"), ("processes.web.threads", 2)],
                        f"{AT}.processes.web.threads goes with wsgi and the worker_class gthread"),
    "threads of asgi": ([("processes.web", {"asgi": "a:b", "threads": 2})], f"{AT}.processes.web.threads goes with wsgi"),
    "no time": ([("processes.web.timeout", 0)], f"{AT}.processes.web.timeout is 0: a whole number from 1 is needed."),
    "a timeout of a server without one": ([("processes.web", {"asgi": "a:b", "timeout": 9})],
                                          f"{AT}.processes.web.timeout goes with gunicorn, but the server is uvicorn"),
    "no requests": ([("processes.web.max_requests", 0)], f"{AT}.processes.web.max_requests is 0: a whole number from 1 is needed."),
    "one worker that ends": ([("processes.web", {"asgi": "a:b", "workers": 1, "max_requests": 9})],
                             f"{AT}.processes.web.max_requests with uvicorn needs at least 2"),
    "web without socket": ([("processes.web", {"command": "serve"})], f"{AT}.processes.web.command holds neither {{socket}}, "),
    "wsgi beside web": ([("processes.api", {"wsgi": "a:b"})], f"{AT}.processes.api.wsgi is for the process named web"),
    "web twice": ([("processes.web.count", 2)], f"{AT}.processes.web runs once on each host: use workers"),
    "web once per fleet": ([("processes.web.singleton", True)], f"{AT}.processes.web runs once on each host: use workers"),
    "health path": ([("processes.web.health", {"path": "healthz"})], f"{AT}.processes.web.health.path is 'healthz': a path that begins with / is needed."),
    "health never": ([("processes.web.health", {"successes": 0})], f"{AT}.processes.web.health.successes is 0: a whole number from 1 is needed."),
    "health at once": ([("processes.web.health", {"timeout": 0})], f"{AT}.processes.web.health.timeout is 0: a whole number from 1 is needed."),
    "health of nobody": ([("processes.web.health", {"host": "a b"})], f"{AT}.processes.web.health.host is 'a b': a name of the site is needed"),
    "health of a worker": ([("processes.beat", {"command": "x", "health": {"path": "/"}})], f"{AT}.processes.beat.health is for the process named web."),
    "no workers": ([("processes.web.workers", 0)], f"{AT}.processes.web.workers is 0: a whole number from 1 is needed."),
    "negative threads": ([("processes.web.threads", -1)], f"{AT}.processes.web.threads is -1: a whole number from 1 is needed."),
    "no instance": ([("processes.beat", {"command": "x", "count": 0})], f"{AT}.processes.beat.count is 0: a whole number from 1 is needed."),
    "no time to stop": ([("processes.web.stop_timeout", 0)], f"{AT}.processes.web.stop_timeout is 0: a whole number from 1 is needed."),
    # address
    "no port": ([("site", None), ("processes.web.address", "127.0.0.1")], f"{AT}.processes.web.address is '127.0.0.1': it is for web, and an IP address and"),
    "a name": ([("site", None), ("processes.web.address", "localhost:80")], f"{AT}.processes.web.address is 'localhost:80'"),
    "a port too high": ([("site", None), ("processes.web.address", "127.0.0.1:65536")], f"{AT}.processes.web.address is '127.0.0.1:65536'"),
    "no brackets": ([("site", None), ("processes.web.address", "::1:8000")], f"{AT}.processes.web.address is '::1:8000'"),
    "address of a worker": ([("processes.beat", {"command": "x", "address": "127.0.0.1:1"})], f"{AT}.processes.beat.address is '127.0.0.1:1': it is for web"),
    "address and site": ([("processes.web.address", "127.0.0.1:8000")], f"{AT}.processes.web.address is for another reverse proxy: leave out {AT}.site"),
    # jobs
    "schedule": ([("processes.tidy", {"command": "x", "schedule": "0 3 * * *"})],
                 f"{AT}.processes.tidy.schedule is '0 3 * * *': a time as systemd writes it is needed, such as daily,"),
    "schedule of web": ([("processes.web.schedule", "daily")], f"{AT}.processes.web.schedule is for a command that runs once at its time"),
    "two jobs": ([("processes.tidy", {"command": "x", "schedule": "daily", "count": 2})], f"{AT}.processes.tidy.schedule is for a command that runs once"),
    # limits
    "memory by supervisor": ([("manager", "supervisor"), ("processes.web.memory", "512M")],
                             f"{AT}.processes.web.memory goes with manager: systemd, but {AT}.manager is supervisor."),
    "watch": ([("watch", 301)], f"{AT}.watch is 301.0: a number of seconds up to 300 is needed."),
    "memory": ([("processes.web.memory", "512")], f"{AT}.processes.web.memory is '512': a number and K, M, G or T are needed, such as 512M."),
    "cpu": ([("processes.web.cpu", "1.5")], f"{AT}.processes.web.cpu is '1.5': a part of one core is needed"),
    "tasks": ([("processes.web.tasks", 0)], f"{AT}.processes.web.tasks is 0: a whole number from 1 is needed."),
    "files": ([("processes.web.files", 0)], f"{AT}.processes.web.files is 0"),
    "writable: all": ([("processes.web.writable", ["/"])], f"{AT}.processes.web.writable has '/': a name below shared/"),
    "writable: up": ([("processes.web.writable", ["../x"])], f"{AT}.processes.web.writable has '../x'"),
    "writable: two in one": ([("processes.web.writable", ["/a /b"])], f"{AT}.processes.web.writable has '/a /b'"),
    "network": ([("processes.web.network", "lan")], f"{AT}.processes.web.network is 'lan': accepted are yes, local and no."),
    # site
    "no domain": ([("site.domains", [])], f"{AT}.site.domains is empty: at least one domain is needed."),
    "domain in upper case": ([("site.domains", ["Shop.example.com"])], f"{AT}.site.domains has 'Shop.example.com': a host name in lower case is needed"),
    "probe without a slash": ([("site.probes", ["healthz"])], f"{AT}.site.probes has 'healthz': a path that begins with / is needed"),
    "time without its unit": ([("site.read_timeout", "120")], f"{AT}.site.read_timeout is '120': a number and its unit are needed"),
    "a bool for a mapping": ([("site.tls", True)], f"{AT}.site.tls is True: a mapping is needed, of "),
    "a text for a mapping, which may be a secret": ([("source", "https://token@git.example.com")], f"{AT}.source is a text: a mapping is needed, of repo,"),
    "a number for a name": ([("site.tls", {1: 2})], f"{AT}.site.tls.1 is not an option"),
    "a number for a path": ([("site.redirects", {1: "/b"})], f"{AT}.site.redirects has '1'"),
    "two options that are none, on two levels": ([("site.tls.kee", 1), ("sources", {})], "is not an option; did you mean"),
    "one network without a list": ([("site.access", {"/": {"allow": "192.0.2.0/24"}})], f"{AT}.site.access[/]: allow is a list such as [192.0.2.0/24]"),
    "users without names": ([("site.access", {"/": {"users": True}})], "and users a mapping of names and hashed passwords."),
    "domain with a port": ([("site.domains", ["shop.example.com:80"])], "a host name in lower case is needed, such as shop.example.com,"),
    "domain in other letters": ([("site.domains", ["bücher.example"])], "a host name in lower case is needed, such as xn--bcher-kva.example, or"),
    "domain as an address of a page": ([("site.domains", ["https://Www.example.org:8443/x"])], "such as www.example.org, or an address"),
    "domain that ends the directive": ([("site.domains", ["a; include /x"])], "a host name in lower case is needed, such as shop.example.com, or"),
    "address out of range": ([("site.domains", ["198.51.100.256"])], f"{AT}.site.domains has '198.51.100.256', which is no address"),
    "address with a leading zero": ([("site.domains", ["198.51.100.07"])], "which is no address"),
    "address of an interface": ([("site.domains", ["fe80::7%eth1"])], "which is no address"),
    "long domain": ([("site.domains", [".".join(["a" * 60] * 5)])], "a host name in lower case is needed"),
    "domain twice": ([("site.domains", ["a.example", "a.example"])], f"{AT}.site.domains has 'a.example', which is there twice."),
    "canonical wildcard": ([("site.canonical", True), ("site.domains", ["*.a.example"])], "with canonical, the first has to be the name that all are sent to."),
    "redirect to nowhere": ([("site.redirects", {"/a": "b c"})], f"{AT}.site.redirects has '/a': 'b c': a path and where to"),
    "redirect that ends the directive": ([("site.redirects", {"/a": "/b; include /x"})], f"{AT}.site.redirects has '/a'"),
    "header on two lines": ([("site.headers", {"X-A": "a\nb"})], f"{AT}.site.headers has 'X-A'"),
    "header that ends the directive": ([("site.headers", {"X-A": "a\\"})], f"{AT}.site.headers has 'X-A'"),
    "header that is true": ([("site.headers", {"X-A": True})], f"{AT}.site.headers has 'X-A': True, which no header says: write the word in quotes"),
    "network that is none": ([("site.access", {"/": {"allow": ["192.0.2.0/33"]}})], "allow has '192.0.2.0/33': an address or a network"),
    "plain password": ([("site.access", {"/": {"users": {"jo": "secret"}}})], f"{AT}.site.access[/].users.jo is not a hashed password: give what 'openssl"),
    "access for a name": ([("site.access", {"/": {"allow": ["all"]}})], f"{AT}.site.access[/].allow has 'all': an address or a network"),
    "access for nobody": ([("site.access", {"/": {}})], f"{AT}.site.access[/] is {{}}: a mapping with allow, users or both is needed."),
    "rate": ([("site.limits", {"requests": "10"})], f"{AT}.site.limits.requests is '10': a rate such as 10r/s or 30r/m is needed"),
    "stream": ([("site.streams", ["chat"])], f"{AT}.site.streams has 'chat': a path that begins with / is needed"),
    "static address": ([("site.static", {"static": "x"})], f"{AT}.site.static has 'static': an address that begins and ends with / is needed"),
    "error page of the application": ([("site.error_pages", {500: "x"})], f"{AT}.site.error_pages[500]: nginx itself answers with 403, 404,"),
    "error page that nginx may not read": ([("site.error_pages", {404: "a/404.html"})], "which is in none of the directories of site.static (staticfiles)"),
    "proxy by name": ([("site.trusted_proxies", ["lb"])], f"{AT}.site.trusted_proxies has 'lb': an address or a network such as 192.0.2.0/24 is needed"),
    "static up": ([("site.static", {"/../": "x"})], f"{AT}.site.static has '/../'"),
}
BAD_PATHS = ["/etc", "../x", "a/../b", "", ".venv/lib", ".pyweb", "a b", "a'b", 'a"b', "a\\b", "a;b", "a{b}", "$HOME", "a//b", ".", "./.venv", "a/./b", "./"]
WRONG.update({f"static directory {path!r}": ([("site.static", {"/s/": path})], f"{AT}.site.static[/s/] is {path!r}: {PATH}") for path in BAD_PATHS})
WRONG.update({f"shared directory {path!r}": ([("shared", [path])], f"{AT}.shared is {path!r}: {PATH}") for path in BAD_PATHS})


@pytest.mark.parametrize("changes, sentence", WRONG.values(), ids=WRONG)
def test_wrong(changes, sentence):
    assert sentence in fault({"shop": changed(*changes)})


@pytest.mark.parametrize("name", ["guest/book", "../etc", "Shop", "9lives", "-shop", "shop-", "a--b", "a_b", "a.b", "shop ", "", "ä", "a" * 27])
def test_names_that_cannot_be_accounts(name):
    assert f"pyweb_apps has {name!r}, which is not a name for an application" in fault({name: SHOP})


@pytest.mark.parametrize("name", ["a", "a" * 26, "shop2", "shop-api", "a-b-c"])
def test_names_that_can(name):
    assert [app["name"] for app in _apps.resolve({name: SHOP})] == [name]


@pytest.mark.parametrize("apps, kind", [(None, "empty"), ({}, "empty"), ([], "empty"), ("", "empty"), ("shop", "a text"), ([SHOP], "a list")])
def test_no_application(apps, kind):
    assert fault(apps).startswith(f"pyweb_apps is {kind}: define at least one application")


def test_a_list_for_an_application_may_hold_secrets():
    assert fault({"shop": [{"secrets": {"KEY": "geheim"}}]}) == f"{AT} is a list: a mapping is needed."


@pytest.mark.parametrize("apps, sentence", [
    ({"shop": SHOP, "shop-build": changed(("site.domains", ["b.example"]))},
     "pyweb_apps has shop and shop-build, which both need a system account shop-build: rename one of them."),
    ({"shop-web": SHOP, "shop": changed(("site.domains", ["b.example"]))},
     "pyweb_apps has shop-web and shop, which both need a system account shop-web: rename one of them."),
    ({"shop": SHOP, "shop-build": {"state": "absent"}}, "both need a system account shop-build"),
    ({name: changed(("site", None), ("processes.web.address", "127.0.0.1:8000")) for name in ("shop", "blog")},
     "pyweb_apps.blog.processes.web.address is '127.0.0.1:8000', which pyweb_apps.shop has too: take another port."),
    ({"shop": changed(("site.probes", ["/up"])), "blog": changed(("site.domains", ["b.example"]), ("site.probes", ["/up"]))},
     "pyweb_apps.blog.site.probes has '/up', which pyweb_apps.shop has too: a probe names no site"),
    ({"shop": SHOP, "blog": SHOP},
     "pyweb_apps.blog.site.domains has 'shop.example.com', which pyweb_apps.shop has too: a domain belongs to one application; give"),
])
def test_applications_that_collide(apps, sentence):
    assert sentence in fault(apps)


def test_the_domain_of_an_absent_application_is_free():
    assert len(_apps.resolve({"shop": changed(("state", "absent")), "blog": SHOP})) == 2


# --- what is accepted -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("changes", [
    [("site.domains", ["*.example.com", "localhost", "xn--bcher-kva.example"])],
    [("site.static", {"/static/": "a/b/", "/media/x-y.z/": "c.d"})],
    [("shared", ["media", "var/uploads"])],
    [("processes.web.wsgi", "shop.wsgi:create_app('x')")],
    [("processes.web", {"asgi": "shop.asgi:app", "server": "gunicorn"})],
    [("processes.web", {"command": "hypercorn --bind unix:{socket} shop:app"})],
    [("processes.web", {"command": "npm start -- --port=$PORT"})],
    [("processes.web", {"command": "serve ${PORT:-8000}"})],
    [("processes.beat", {"command": "celery beat", "singleton": True}), ("processes.worker_2", {"command": "celery", "count": 3})],
    [("processes.tidy", {"command": "tidy", "schedule": "Mon..Fri 03:00", "singleton": True})],
    [("manager", "supervisor"), ("processes.tidy", {"command": "tidy", "schedule": "daily", "memory": "1G"})],
    [("site", None), ("processes.web.address", "[::1]:8000")],
    [("source.version", "release/2.0"), ("python", "3.12")],
    [("source", {"repo": "git@git.example.com:x", "deploy_key": "x"})],
    [("source", {"path": "../shop", "prepare": ["make"], "include": ["dist"]})],
    [("source", {"archive": "shop.tar.gz"})],
    [("source", {"archive": "SHOP.ZIP"})],
    [("source", {"archive": "https://git.example.com/api/shop/zipball/v1.2", "checksum": DIGEST})],
    [("source", {"archive": "https://example.com/shop.zip?signature=x", "checksum": DIGEST})],
    [("source", {"package": "shop[x, y]==1.4.0"})],
    [("source", {"package": "shop", "version": "1.4.0"})],
    [("source", {"package": "dist/shop-1.4-py3-none-any.whl"})],
    [("source", {"repo": None, "path": "../shop"})],
    [("site", None)],
    [("site.redirects", {"/old/": "/new/", "/b": "https://b.example/x?y=z"}),
     ("site.canonical", True), ("site.headers", {"X-A": "", "X-B": "default-src 'self'"})],
    [("site.access", {"/admin/": {"allow": ["10.0.0.0/8", "::1"], "users": {"jo": "$6$salt$abc/."}}}),
     ("site.limits", {"requests": "30r/m", "connections": 5})],
])
def test_right(changes):
    assert one(changed(*changes))["state"] == "present"


@pytest.mark.parametrize("process, server, packages", [
    ({"wsgi": "a:b"}, "gunicorn", ["gunicorn"]),
    ({"asgi": "a:b"}, "uvicorn", ["uvicorn", "websockets"]),
    ({"asgi": "a:b", "server": "gunicorn"}, "gunicorn", ["gunicorn"]),
    ({"asgi": "a:b", "worker_class": "asgi"}, "gunicorn", ["gunicorn"]),
    ({"wsgi": "a:b", "worker_class": "gevent"}, "gunicorn", ["gunicorn", "gevent", "packaging"]),
    ({"command": "x {socket}"}, None, []),
])
def test_the_kind_of_a_process_decides_its_server(process, server, packages):
    resolved = one(changed(("processes.web", process)))
    web = resolved["appserver"]["processes"]["web"]
    assert (web["kind"], web["server"]) == (next(iter(process)), server)
    assert web["health"] == {"path": "/", "host": None, "status": None, "body": None, "successes": 1, "timeout": 60}
    assert [package.split("==")[0] for package in resolved["app"]["server_packages"]] == packages


def test_slices():
    app = one(changed(
        ("env", {"PORT": 80, "RATIO": 0.5, "NAME": "x"}), ("shared", ["media/"]), ("migrate", ["python check.py", "python migrate.py"]),
        ("site.domains", ["*.example.com", "b.example"]),
        ("site.client_max_body_size", "10m"), ("site.read_timeout", "5m"), ("site.extra_config", "underscores_in_headers on;"),
        ("site.tls", {"certificate": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key"}), ("site.static", {"/static/": "out/static/"}),
    ))
    assert app["app"]["env"] == {"PORT": "80", "RATIO": "0.5", "NAME": "x"}
    assert {name: value for name, value in app["app"]["source"].items() if value} == {"repo": SHOP["source"]["repo"], "version": "HEAD"}
    assert (app["app"]["shared"], app["app"]["static"]) == (["media"], {"/static/": "out/static"})
    assert app["app"]["migrate"] == ["python check.py", "python migrate.py"]
    # What the check goes by must be a name that a client can ask for.
    assert app["appserver"]["site"] == {"domain": "www.example.com", "files": False}
    assert app["site"] == {
        "name": "shop", "state": "present", "domains": ["*.example.com", "b.example"], "upstream": "unix:/srv/shop/current/.pyweb/web.sock",
        "static": [{"url": "/static/", "paths": ["/srv/shop/current/out/static", "/srv/shop/assets/static"]}],
        "groups": ["shop-web"], "client_max_body_size": "10m", "read_timeout": "5m", "extra_config": "underscores_in_headers on;",
        "tls": {"certificate": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key"},
    }


@pytest.mark.parametrize("domains, written, checked", [
    (["192.0.2.10"], ["192.0.2.10"], "192.0.2.10"),
    (["192.0.2.10", "shop.example.com"], ["192.0.2.10", "shop.example.com"], "shop.example.com"),
    (["[2001:DB8:0::1]"], ["2001:db8::1"], "[2001:db8::1]"),
])
def test_an_address_is_a_domain_for_those_who_have_no_name(domains, written, checked):
    app = one(changed(("site.domains", domains), ("site.probes", ["/healthz"])))
    assert (app["site"]["domains"], app["site"]["probes"], app["appserver"]["site"]["domain"]) == (written, ["/healthz"], checked)


@pytest.mark.parametrize("item, said", [
    ({"url": "ftp://x"},
     "pyweb_apps.shop.dependencies.git has the url 'ftp://x': the beginning of an address is needed, such as https://git.example.com/team/."),
    ({"url": "https://me:pw@x/y"}, "pyweb_apps.shop.dependencies.git has 'https://x/y', which needs token and nothing else."),
    ({"url": "git@x:y", "token": "t"}, "pyweb_apps.shop.dependencies.git has 'git@x:y', which needs deploy_key and nothing else."),
])
def test_access_to_repositories_among_the_requirements(item, said):
    with pytest.raises(_apps.AppsError) as error:
        one(changed(("dependencies", {"git": [item]})))
    assert str(error.value) == said


def test_another_token_makes_no_new_release():
    digests = {one(changed(("dependencies", {"git": [{"url": "https://x/y", "token": token}]})))["app"]["config_digest"] for token in ("one", "two")}
    assert digests == {one(changed(("dependencies", {})))["app"]["config_digest"]}


def test_the_directory_is_part_of_what_a_release_is_made_from():
    whole, part = (one(changed(("source.directory", directory)))["app"] for directory in (None, "backend"))
    assert part["source"]["directory"] == "backend" and whole["config_digest"] != part["config_digest"]
    for value in ("./backend", "backend/", "././backend/"):
        assert one(changed(("source.directory", value)))["app"]["config_digest"] == part["config_digest"]
    for value, said in (("../x", "a path inside the release is needed"), ("/srv", "a path inside the release is needed")):
        with pytest.raises(_apps.AppsError, match=said):
            one(changed(("source.directory", value)))


def test_applications_with_workers_share_a_host():
    other, idle, absent = changed(("site", None), ("hosts", ["web2"])), changed(("site", None), ("processes", {"beat": {"command": "x"}})), {"state": "absent"}
    apps = {"shop": SHOP, "blog": other, "jobs": idle, "gone": absent, "node": changed(("site", None), ("processes.web", {"command": "node $PORT"}))}
    shares = {host: {app["name"]: app["appserver"].get("applications") for app in _apps.resolve(apps, host=host, groups=GROUPS)} for host in ("web1", "web2")}
    assert shares == {"web1": {"shop": 1, "jobs": 1, "gone": None, "node": 1}, "web2": {"shop": 2, "blog": 2, "jobs": 2, "gone": None, "node": 2}}
    (chosen,) = _apps.resolve(apps, app="shop", host="web2", groups=GROUPS)
    assert chosen["appserver"]["applications"] == 2 and chosen["app"]["config_digest"] == one(SHOP)["app"]["config_digest"]


def test_without_a_site_nginx_is_given_nothing():
    app = one(changed(("site", None)))
    assert app["site"] == {"name": "shop", "state": "absent"} and "site" not in app["appserver"]


@pytest.mark.parametrize("given, network", [(True, "yes"), (False, "no"), ("local", "local")])
def test_yaml_takes_yes_and_no_for_something_else(given, network):
    assert one(changed(("processes.web.network", given)))["appserver"]["processes"]["web"]["network"] == network


@pytest.mark.parametrize("changes, procfile", [
    ([], None),
    ([("processes", {})], {"defined": [], "web": True, "hosts": len(GROUPS["pyweb"])}),
    ([("processes", {}), ("hosts", ["web1"])], {"defined": [], "web": True, "hosts": 1}),
    ([("processes", {"beat": {"command": "x", "hosts": ["web2"]}}), ("site", None)], {"defined": ["beat"], "web": False, "hosts": len(GROUPS["pyweb"])}),
    ([("processes", {}), ("site", {"domains": ["a.example"], "root": "public"})], None),
])
def test_what_the_source_says_itself(changes, procfile):
    """What runs elsewhere is defined all the same."""
    app = one(changed(*changes), host="web1", groups=GROUPS)
    assert (app["app"]["procfile"], app["appserver"]["procfile"], app["migrates"]) == (procfile, bool(procfile), bool(procfile))


def test_absent():
    (app,) = _apps.resolve({"shop": {"state": "absent"}})
    assert {app["state"], app["app"]["state"], app["appserver"]["state"], app["site"]["state"]} == {"absent"}


@pytest.mark.parametrize("command", ["python -c 'import a, b'", "npm run build -- --only=a,b", "set -e\nmake a,b\n"])
def test_a_command_alone_is_not_parted_at_its_commas(command):
    app = one(changed(("source", {"path": "shop", "prepare": command}), ("build", command), ("hooks.after_build", command)))["app"]
    assert app["build"] == app["source"]["prepare"] == [hook["command"] for hook in app["hooks"]["after_build"]] == [command]


def test_the_input_stays_as_it_is():
    apps = {"shop": changed(("site.static", {"/s/": "a/"}))}
    before = copy.deepcopy(apps)
    _apps.resolve(apps, overrides={"shop": {"env": {"A": "1"}}}, version="v1", host="web1", groups=GROUPS)
    assert apps == before


# --- the configuration's digest ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("change, differs", [
    (("env", {"A": "1"}), True),
    (("build_env", {"A": "1"}), True),
    (("build", ["make"]), True),
    (("shared", ["media"]), True),
    (("processes.web.workers", 3), True),
    (("processes.beat", {"command": "x"}), True),
    (("site.static", {}), True),
    (("secrets", {"A": "1"}), False),
    (("source.version", "v2"), False),
    (("site.domains", ["other.example"]), False),
    (("keep_releases", 9), False),
    (("migrate", "x"), False),
    (("python", "3.12"), False),
])
def test_configuration_alone_makes_a_new_release(change, differs):
    assert (one(SHOP)["app"]["config_digest"] != one(changed(change))["app"]["config_digest"]) is differs


def test_the_digest_is_the_same_on_every_host():
    app = changed(("processes.beat", {"command": "x", "singleton": True}), ("processes.worker", {"command": "x", "hosts": ["web2"]}))
    digests = {one(app, host=host, groups=GROUPS)["app"]["config_digest"] for host in ("web1", "web2")}
    assert len(digests) == 1


# What version 0.1.0 has written into the manifests of hosts for these applications.
RECORDED = {
    "small": ("0b5881e5676154c0197b03a67eba24929d10af93ce6f3027157ae18044be6539", {
        "source": {"repo": "https://git.example.com/small.git"}, "processes": {"web": {"wsgi": "small:app"}},
    }),
    "shop": ("a51fee12d9ed013cc1e48e53686d2bac006a24504d001b712797d3bb63d1409c", {
        "source": {"repo": "https://git.example.com/shop.git", "version": "v2"}, "env": {"DJANGO_SETTINGS_MODULE": "shop.settings"},
        "build_env": {"NODE_ENV": "production"}, "build": ["npm ci", "python manage.py collectstatic --noinput"], "shared": ["media"],
        "dependencies": {
            "extras": ["postgres"], "groups": ["prod"],
            "index": "https://me:secret@pypi.example.com/simple", "extra_indexes": ["https://other.example.com/simple"],
        },
        "manager": "supervisor", "hooks": {"before_build": ["true"], "after_build": ["true"]},
        "processes": {
            "web": {"wsgi": "shop.wsgi:application", "workers": 3, "max_requests": 1000, "options": ["--preload"],
                    "health": {"path": "/healthz", "successes": 2}},
            "worker": {"command": "celery -A shop worker", "count": 2}, "tidy": {"command": "python tidy.py", "schedule": "daily"},
        },
        "site": {"domains": ["shop.example.com"], "static": {"/static/": "staticfiles"}},
    }),
    "stream": ("26dbe9dd3f9bd7136685d7de6aada3beaad961bb449649d2a056ba2baf0c3198", {
        "source": {"archive": "https://files.example.com/stream.tar.gz", "checksum": DIGEST}, "python": "3.12",
        "processes": {"web": {"asgi": "stream:app", "server": "uvicorn", "memory": "512M", "writable": ["data"], "network": "local", "jit": True}},
        "site": {"domains": ["stream.example.com"]},
    }),
    "pages": ("e83f27a08a75f4835c1d826d7b3e3c93e90488a79ddb841570f1f4553496173e", {
        "source": {"repo": "https://git.example.com/pages.git"}, "build": ["make"], "site": {"domains": ["pages.example.com"], "root": "public"},
    }),
    "flask": ("920c1513d89e923c127a02ca6cd4b0cd851bc35d1b25b44903e8dc1b8b7c19b2", {
        "preset": "flask", "source": {"repo": "https://git.example.com/f.git"}, "processes": {"web": {"wsgi": "f:app"}},
        "site": {"domains": ["f.example.com"]},
    }),
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_newer_collection_alone_makes_no_release_out_of_date(name):
    """An option that is new here says so in its declaration (version_added); it counts when it is used."""
    recorded, app = RECORDED[name]
    (resolved,) = _apps.resolve({name: app})
    assert resolved["app"]["config_digest"] == recorded


def test_an_option_that_came_later_counts_when_it_is_used():
    app = changed(("processes.web.timeout", 300), base=RECORDED["small"][1])
    (resolved,) = _apps.resolve({"small": app})
    assert resolved["app"]["config_digest"] != RECORDED["small"][0]


def test_what_a_preset_shares_counts_where_it_is_left_out():
    (resolved,) = _apps.resolve({"flask": changed(("shared", []), base=RECORDED["flask"][1])})
    assert resolved["app"]["config_digest"] != RECORDED["flask"][0]


# --- overrides, placement, narrowing ----------------------------------------------------------------------------------

@pytest.mark.parametrize("base, override, result", [
    ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
    ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ({"a": {"b": 1}}, {"a": None}, {"a": None}),
    ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
])
def test_merge(base, override, result):
    assert _apps.merge(base, override) == result


def test_overrides_are_merged_and_checked():
    app = one(changed(("env", {"A": "1", "B": "1"})), overrides={"shop": {"env": {"B": "2"}, "site": {"domains": ["staging.example"]}}})
    assert app["app"]["env"] == {"A": "1", "B": "2"}
    assert app["site"]["domains"] == ["staging.example"] and app["site"]["static"]
    assert fault({"shop": SHOP}, overrides={"shop": {"sources": 1}}) == f"{AT}.sources is not an option; did you mean source?"
    assert fault({"shop": SHOP}, overrides={"shpo": {}}) == "pyweb_app_overrides has 'shpo', which pyweb_apps does not define."
    assert fault({"shop": SHOP}, overrides=["shop"]) == "pyweb_app_overrides is a list: a mapping like pyweb_apps is needed."


@pytest.mark.parametrize("hosts, host, placed", [
    (None, "web1", True),
    (["canary"], "web1", False),
    (["canary"], "web2", True),
    (["web1"], "web1", True),
    (["web1", "canary"], "web2", True),
    ([], "web1", False),
    (["canary"], None, True),
])
def test_placement_of_applications(hosts, host, placed):
    assert bool(_apps.resolve({"shop": changed(("hosts", hosts))}, host=host, groups=GROUPS)) is placed


@pytest.mark.parametrize("process, app_hosts, found", [
    ({}, None, ["web1", "web2"]),
    ({"hosts": ["canary"]}, None, ["web2"]),
    ({"hosts": ["web1", "web2"]}, None, ["web1", "web2"]),
    ({"singleton": True}, None, ["web1"]),
    ({"singleton": True}, ["canary"], ["web2"]),
    ({"singleton": True, "hosts": ["web2", "web1"]}, None, ["web2"]),
])
def test_placement_of_processes(process, app_hosts, found):
    app = changed(("processes.beat", {"command": "x", **process}), ("hosts", app_hosts))
    hosts = []
    for host in ("web1", "web2"):
        for resolved in _apps.resolve({"shop": app}, host=host, groups=GROUPS):
            hosts += [host] if "beat" in resolved["appserver"]["processes"] else []
            assert "hosts" not in resolved["appserver"]["processes"]["web"]
    assert hosts == found


@pytest.mark.parametrize("change, where", [(("hosts", ["wbe1"]), AT), (("processes.beat", {"command": "x", "hosts": ["wbe1"]}), f"{AT}.processes.beat")])
def test_placement_on_an_unknown_host(change, where):
    sentence = f"{where}.hosts has 'wbe1': neither a group nor a host of the inventory has this name."
    assert fault({"shop": changed(change)}, host="web1", groups=GROUPS) == sentence


BOTH = {"shop": SHOP, "blog": changed(("site.domains", ["blog.example"]))}


@pytest.mark.parametrize("arguments, versions", [
    ({}, {"shop": "HEAD", "blog": "HEAD"}),
    ({"app": "blog"}, {"blog": "HEAD"}),
    ({"app": "blog", "version": "v2"}, {"blog": "v2"}),
])
def test_narrowing(arguments, versions):
    assert {app["name"]: app["app"]["source"]["version"] for app in _apps.resolve(BOTH, **arguments)} == versions


def test_narrowing_one_application_needs_no_name():
    assert one(SHOP, version="v2")["app"]["source"]["version"] == "v2"


@pytest.mark.parametrize("apps, arguments, sentence", [
    (BOTH, {"app": "shpo"}, "app is 'shpo': pyweb_apps defines shop, blog."),
    (BOTH, {"version": "v2"}, "version is 'v2', but not for which application: add -e app=… (shop, blog)."),
    ({"shop": SHOP}, {"version": "-x"}, f"version is '-x': {VERSION}"),
    ({"shop": SHOP}, {"version": "a:b"}, f"version is 'a:b': {VERSION}"),
    # A fault in the other application is told all the same.
    ({"shop": SHOP, "blog": {}}, {"app": "shop"},
     "pyweb_apps.blog.source.repo is missing: the address of the git repository is needed, or path, archive or package in its place."),
])
def test_narrowing_to_what_is_not_there(apps, arguments, sentence):
    assert fault(apps, **arguments) == sentence


# --- environment as text ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("values, text", [
    ({}, ""),
    ({"B": "2", "A": "1"}, "A=1\0B=2\0"),
    ({"A": "two\nlines = 'x' $HOME %s # \"y\" ü"}, "A=two\nlines = 'x' $HOME %s # \"y\" ü\0"),
])
def test_environment_text(values, text):
    assert _apps.environment_text(values) == text


@pytest.mark.parametrize("option", ["python", "source.version"])
def test_a_version_that_yaml_took_for_a_number(option):
    with pytest.raises(_apps.AppsError, match="write it in quotes"):
        one(changed((option, 3.1)))


def test_what_goes_with_systemd_alone_in_a_role_that_is_used_alone():
    processes = {"web": {"wsgi": "shop:app"}, "tidy": {"command": "x", "schedule": "daily", "memory": "1G"}, "worker": {"command": "x", "cpu": "50%"}}
    fault = _processes.processes_fault(processes, "appserver_config.processes", "supervisor")
    assert fault == "appserver_config.processes.worker.cpu goes with manager: systemd, but appserver_config.manager is supervisor."
    assert _processes.processes_fault(processes, "appserver_config.processes") == ""


@pytest.mark.parametrize("process, says", [
    ({"wsgy": "shop:app"}, "appserver_config.processes.web.wsgy is not an option; did you mean wsgi?"),
    ({}, "appserver_config.processes.web has nothing to run"),
    ("gunicorn", "appserver_config.processes.web is a text: a mapping is needed."),
    ({"wsgi": "shop:app", "kind": "wsgi", "server": "gunicorn", "workers": None, "health": {"path": "/", "status": None, "timeout": 60}}, ""),
])
def test_processes_of_a_role_that_is_used_alone(process, says):
    fault = _processes.processes_fault({"web": process}, "appserver_config.processes")
    assert fault.startswith(says) and bool(fault) == bool(says)


def test_single_files_and_error_pages():
    app = one(changed(("site.static", {"/static/": "out", "/robots.txt": "out/robots.txt"}), ("site.error_pages", {503: "out/errors/503.html"})))
    assert app["app"]["static"] == {"/static/": "out", "/robots.txt": "out/robots.txt"}
    assert {"url": "/robots.txt", "paths": ["/srv/shop/current/out/robots.txt"]} in app["site"]["static"]
    assert app["site"]["error_pages"] == {"503": "/srv/shop/current/out/errors/503.html"}


def test_error_pages_of_a_site_of_files_are_in_its_root():
    (app,) = _apps.resolve({"docs": {"source": {"repo": "https://git.example.com/docs.git"}, "site": {
        "domains": ["docs.example.com"], "root": "dist", "error_pages": {"404": "404.html"}}}})
    assert app["site"]["error_pages"] == {"404": "/srv/docs/current/dist/404.html"}
