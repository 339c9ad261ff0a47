# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as build tools and people write them."""

from __future__ import annotations

import random
import re
import string
import subprocess
import sys

import pytest
from ansible_collections.pyweb.stack.plugins.module_utils._host.build import hashed

HASHED = [
    # Vite
    "/assets/main-C9dY_kQ2.js", "/assets/main-QwErTyUi.css", "/assets/main--x3K9f_a.js", "/assets/main-_AbcDEfg.js", "/assets/Zx8_KqLm.woff2",
    "/static/assets/vendor-DTq0Xz1b.js.map", "/assets/main-C9dY_kQ2.js.br",
    "/assets/photo-Dk_3fQwZ.webp", "/shop/assets/img/photo-xT-9bqLr.png",
    # Nuxt, SvelteKit, Astro, Next.js
    "/_nuxt/abcdefgh.js", "/_nuxt/entry.QzXyAbCd.css", "/_nuxt/builds/meta/0c1f.json", "/_app/immutable/entry/start.js", "/shop/_nuxt/Ab3dEfGh.js",
    "/_astro/page.Dh8s1_Qa.css", "/_next/static/abc/_buildManifest.js",
    # webpack, Parcel
    "/js/main.7b1c9e0d.js", "/js/2.7b1c9e0d.chunk.js", "/media/logo.5d5d9eefa31e5e13a6610d9fa7a283bb.svg", "/5d5d9eefa31e5e13a661.png",
    "/js/7b1c9e0d.js", "/page.Bq2xT9_a.js",
    # Django, Flask, Sprockets, Angular, Bun
    "/static/site.0a1b2c3d4e5f.css", "/static/LICENSE.0a1b2c3d4e5f", "/static/jquery.min.0a1b2c3d4e5f.js",
    "/static/app-5d41402abc4b2a76b9719d911017c592.js", "/static/app-" + "0a" * 32 + ".js", "/main-5X7KQ2AB.js", "/index-pnbcks0q.js",
    "/main-QWKZPLRT.js", "/shop/chunk-ABZDEFGH.js.map", "/styles-XKCDQWER.css.br", "/chunk-pnbcksqz.js",
]
PLAIN = [
    "/static/style.css", "/static/jquery-3.7.1.min.js", "/static/bootstrap.bundle.js", "/static/logo-download.svg", "/static/react.development.js",
    "/static/report.20261120.pdf", "/static/report-20261120.pdf", "/static/report-202611201530.pdf", "/static/report.20261120ab.pdf",
    "/static/icon-512x1024.png", "/static/inter-v12-bold.woff2", "/static/lib-es5-main.js", "/static/menu-DropDown.js", "/static/Download.js",
    "/static/menu-Dropdown.js", "/static/background.css", "/static/download.js", "/static/licenses", "/service-worker.js", "/manifest.json",
    "/_app/version.json", "/_nuxt/builds/latest.json", "/static/photo-12345678.jpg", "/static/admin/js/SelectBox.js", "/assets/my-COMPUTER.png",
    "/app.1234567.js", "/static/v1.2.3.js", "/static/sorting-both2.gif",
    # Pictures and documents, as people name them, also where Vite puts its own.
    "/img/photo-HarborB2.jpg", "/invoice-ACC20417.pdf", "/assets/bill-ACC20417.pdf", "/assets/phone-iTablet9.png",
    "/assets/logo-BitBuckt.svg", "/assets/logo-GitForge.svg", "/assets/norm-EN-55032.pdf", "/img/hero-poster3x.png", "/assets/hero-poster3x.png",
    "/calendar-2027KW05.ics", "/img/logo-OpenID2c.svg", "/static/jquery-LICENSES.js", "/static/main-PORTRAIT.jpg",
]
# No page of an old release must be found, whatever its name looks like.
PAGES = ["/index-AbCdEfGh.html", "/page.4f3a9c1b.htm", "/_nuxt/index.html", "/_next/static/x.html", "/a-C9dY_kQ2.html.gz", "/a-C9dY_kQ2.xhtml"]


@pytest.mark.parametrize("path", HASHED)
def test_what_tools_write_is_kept_and_cached(path):
    assert hashed.is_kept(path) and hashed.is_immutable(path)


@pytest.mark.parametrize("form", ["/assets/index-{}.js", "/assets/logo-{}.svg", "/js/{}.js", "/img.{}.png", "/shop/_nuxt/{}.js", "/LICENSE.{}"])
@pytest.mark.parametrize(("alphabet", "length"), [("BASE64", 8), ("abcdef", 20), ("0abcdef", 8), ("0abcdef", 12), ("abcdef", 32), ("aA", 8)])
def test_what_is_cached_is_possible(form, alphabet, length):
    found = [form.format(name) for name in names(BASE64 if alphabet == "BASE64" else alphabet, length, 2000)] + HASHED
    assert [path for path in found if hashed.is_immutable(path) and not re.search(hashed.POSSIBLE, path)] == []


def test_most_files_without_a_hash_are_told_at_once():
    assert sum(bool(re.search(hashed.POSSIBLE, path)) for path in ("/static/style.css", "/static/admin/js/core.js", "/img/logo-download.svg")) == 0


@pytest.mark.parametrize("path", PLAIN)
def test_what_people_write_is_not_cached(path):
    assert not hashed.is_immutable(path)


def test_every_name_of_bun_is_kept():
    assert [name for name in names(string.ascii_lowercase + string.digits, 8) if not hashed.is_kept(f"/index-{name}.js")] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_never_kept(path):
    assert not hashed.is_kept(path) and not hashed.is_immutable(path)


@pytest.mark.parametrize("path", [
    "/static/style.css", "/static/bootstrap.bundle.js", "/static/logo-download.svg", "/static/background.css", "/static/jquery-3.7.1.min.js", "/README",
])
def test_plain_words_are_not_even_kept(path):
    assert not hashed.is_kept(path)


def names(alphabet, length, count=20000):
    choose = random.Random(7)
    return ["".join(choose.choices(alphabet, k=length)) for dummy in range(count)]


BASE64 = string.ascii_letters + string.digits + "_-"


@pytest.mark.parametrize("form", ["/assets/index-{}.js", "/assets/index-{}.css", "/assets/{}.js", "/_nuxt/{}.js", "/_app/immutable/nodes/3.{}.js"])
def test_every_name_of_vite_and_nuxt_is_kept(form):
    assert [name for name in names(BASE64, 8) if not hashed.is_kept(form.format(name))] == []


@pytest.mark.parametrize(("form", "alphabet", "length", "most"), [
    ("/assets/index-{}.js", BASE64, 8, 0.02),
    ("/assets/logo-{}.svg", BASE64, 8, 0.06),
    ("/js/app.{}.js", string.digits + "abcdef", 8, 0.03),
    ("/static/site.{}.css", string.digits + "abcdef", 12, 0.01),
    ("/static/app-{}.css", string.digits + "abcdef", 32, 0.001),
    ("/{}.png", string.digits + "abcdef", 20, 0.001),
])
def test_nearly_every_hash_is_cached(form, alphabet, length, most):
    found = names(alphabet, length)
    assert sum(not hashed.is_immutable(form.format(name)) for name in found) <= most * len(found)


# Each would keep a pattern busy whose time doubles with a few characters more, for longer than anybody waits.
LONG = [
    "/x-" + "a" * 8000 + "!.js", "/x-" + "aB" * 4000 + "!.js", "/x-" + "abC" * 3000 + "!.js", "/assets/x-" + "Abc" * 2500 + "!.svg",
    "/x-" + "ab-" * 2500 + "!.js", "/x-" + "ab_" * 2500 + ".js", "/x-" + "1x" * 4000 + "!.js", "/" + "0" * 8000 + "/x", "/" + "A" * 8000 + "/",
    "/" + "assets/" * 1100 + "x", "/" + "assets/a-" * 900 + "Ab3dEfGh.svg!", "/" + "-0a" * 2600, "/" + ".a" * 4000, "/x" + ".abcdefgh" * 900 + "/",
    "/" + "-AbCdEf3." * 900 + "!", "/" + "abcdef" * 1300, "/x-12345678" + "9" * 7900 + ".js",
]


def test_no_visitor_keeps_a_pattern_busy():
    code = f"from re import search\nfor pattern in {[hashed.PAGES, hashed.POSSIBLE, *hashed.IMMUTABLE.values()]!r}:\n" \
           f"    for path in {LONG!r}:\n        search(pattern, path)\n"
    subprocess.run([sys.executable, "-"], input=code, text=True, check=True, timeout=300)
