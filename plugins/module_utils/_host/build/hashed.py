# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which static files carry a hash of their content in their name, as the build tools write it.

The one place that says so: the build keeps these files when their release has gone, nginx lets browsers keep
them for a year. Keeping one too many costs a few bytes; a browser that keeps one too many cannot be called back.
So C(IMMUTABLE) has the certain shapes only, and C(KEPT) those that may as well be a word.

All patterns are for the path in the URL (C(/static/app.4f3a9c1b.js)) or any end of it that begins with a slash, are
searched in it, and are written in what Python's re and nginx's PCRE have in common. Visitors choose what nginx searches: the time that
C(PAGES), C(IMMUTABLE) and C(POSSIBLE) take grows with the length of a path, and not faster.
"""

from __future__ import annotations

import re

# A page is never kept, and never cached: a page of an old release must not be found.
PAGES = r"\.x?html?(\.(gz|br|zst))?$"

# .js, .chunk.js, .min.css.map, .js.gz
_ENDS = r"(\.[A-Za-z][A-Za-z0-9]{0,10}){1,3}$"
# A date, 20261120, has the digits of a hash.
_NO_DATE = r"(?!(19|20)[0-9]{2}(0[1-9]|1[0-2]))"
# The lengths that tools write; at the short ones a word or a number has to be told from a hash.
_HEX = rf"{_NO_DATE}((?=[0-9]*[a-f])(?=[a-f]*[0-9])([0-9a-f]{{8}}|[0-9a-f]{{10}}|[0-9a-f]{{12}}|[0-9a-f]{{16}})|[0-9a-f]{{20}}" \
       r"|[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})"
# 512x1024, v2-large, es5-main, Dropdown, DropDown, LICENSE2: eight characters that people write.
_WORDS = r"[A-Z]?[a-z]{2,}([A-Z][a-z]{2,})*"
_PART = rf"(v?[0-9]+(x[0-9]+)?[a-z]{{0,2}}|[A-Z]?[a-z]{{2,}}[0-9]{{0,4}}|{_WORDS}|[A-Z]{{4,}}[0-9]?|[a-z])"
_EIGHT = r"[0-9A-Za-z_-]{8}"
# A word can be read in many ways, which are tried where there are eight characters only.
_NO_WORD = rf"(?={_EIGHT}\.)(?!{_PART}([-_]{_PART})*\.)"
_MIXED = "(?=[^.]*([0-9]|[a-z][^.]*[A-Z]|[A-Z][^.]*[a-z]))"
# What build tools alone write. Pictures and documents have names that people gave, and such names have eight characters, too:
# INV12345, iPhone12, 15ProMax, GitHub24, MeetTheB.
_CODE = r"(?=(\.[a-z]+)?\.(m?js|css|woff2?|ttf|otf|eot|wasm)(\.|$))"
_NO_NAME = rf"(?!([0-9]{{1,4}}|[a-z])?{_WORDS}[A-Z]?[0-9]{{0,4}}[a-z]?\.|[A-Z]{{1,5}}[-_]?[A-Z]{{0,3}}[0-9]{{4,}}\." \
           r"|[A-Z]?[0-9]{4}[A-Z]{2,4}[0-9]{0,2}\.)"

IMMUTABLE = {
    "SvelteKit": r"/_app/immutable/",
    # The one file that says which build is the newest has no hash.
    "Nuxt": r"/_nuxt/(?!builds/latest\.)",
    "Astro": r"/_astro/",
    "Next.js": r"/_next/static/",
    "webpack, Parcel, Django, Flask-Static-Digest, Sprockets": rf"[._-]{_HEX}{_ENDS}",
    "Django, for a file without an ending": rf"\.{_NO_DATE}(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{{12}}$",
    "webpack, the hash alone": rf"/{_HEX}{_ENDS}",
    "Vite, Rollup, Parcel, Angular": rf"[.-]{_NO_DATE}{_NO_WORD}{_MIXED}{_EIGHT}{_CODE}{_ENDS}",
    # Of eight letters alike, which a word may be, too: only with the names that these tools give.
    "Angular, esbuild": rf"/(chunk|main|polyfills|scripts|styles)-[A-Z2-7]{{8}}(?=\.(m?js|css)(\.|$)){_ENDS}",
    "Bun": rf"/chunk-[0-9a-z]{{8}}(?=\.(m?js|css)(\.|$)){_ENDS}",
    "Vite, pictures and the like": rf"^(?=.*/_?assets/).*[.-]{_NO_DATE}{_NO_WORD}{_NO_NAME}{_MIXED}(?=[^.]*[A-Z]){_EIGHT}{_ENDS}",
    "Vite, the hash alone": rf"/{_NO_WORD}(?=[^.]*[0-9])(?=[^.]*[a-z])(?=[^.]*[A-Z]){_EIGHT}{_ENDS}",
}
# What has none of this has no hash, which is cheaper to see than that no pattern above is there: nginx asks for it at each request.
POSSIBLE = r"[0-9A-Z][^/0-9A-Z]*$|[a-f]{20}|/chunk-|/_(app/immutable|nuxt|astro|next/static)/"
KEPT = {
    **IMMUTABLE,
    "anything of Vite's": rf"/assets/([^/]+/)*([^/]*[.-])?{_EIGHT}{_ENDS}",
    "a hash that looks like a word or a number": rf"[.-](?=[^.]*[0-9A-Z]){_EIGHT}{_ENDS}",
    "the hash alone, without a digit": rf"/(?=[^.]*[a-z][A-Z])(?=[^.]*[A-Z]){_EIGHT}\.(m?js|css)(\.map)?$",
    "a hash of Bun that looks like a word": r"-[0-9a-z]{8}\.(m?js|css)(\.map)?$",
    "other lengths": rf"[.-](?=[^.]*[0-9])[0-9A-Za-z_-]{{9,64}}{_ENDS}",
}

_PAGE = re.compile(PAGES)
_KEPT = re.compile("|".join(KEPT.values()))
_IMMUTABLE = re.compile("|".join(IMMUTABLE.values()))


def is_kept(path: str) -> bool:
    """Is the file with this path in the URL kept beside its release? Pages of an earlier release ask for it."""
    return not _PAGE.search(path) and bool(_KEPT.search(path))


def is_immutable(path: str) -> bool:
    """May browsers keep the file with this path in the URL without asking again? nginx decides by the same patterns."""
    return not _PAGE.search(path) and bool(_IMMUTABLE.search(path))
