# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the files of the shop's page, named as Vite and Nuxt do. No two releases have a file in common."""

import base64
import hashlib
import json
import os
import pathlib

RELEASE = os.environ["PYWEB_RELEASE"]


def put(name, text):
    """Writes a file with the hash of its content in the place of * in its name, and returns that."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()[:8]
    path = pathlib.Path("dist", name.replace("*", digest))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return f"/{path.relative_to('dist')}"


late = put("assets/Late-*.js", f'export const release = "{RELEASE}";\n')
# Like a part of an application that is fetched once somebody wants to see it: a switch may come first.
main = put("assets/index-*.js", f"""setTimeout(() => import("{late}").then(
  part => {{ document.title = part.release; }}, fault => {{ document.title = `no file: ${{fault}}`; }}), 1000 * Math.random());
""")
styles = [put(name, f"body {{ --release: '{RELEASE}'; }}\n") for name in ("assets/index-*.css", "_nuxt/entry.*.css")]
names = {"styles": styles, "scripts": [main, put("_nuxt/*.js", f'globalThis.entry = "{RELEASE}";\n')]}
pathlib.Path("names.json").write_text(json.dumps(names))
