# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shop that says which host it is on, and who has asked; /page is a page with files of its release."""

import json
import pathlib
import socket

NAMES = json.loads((pathlib.Path(__file__).parent / "names.json").read_text())
PAGE = "<!doctype html>\n<html lang=en><meta charset=utf-8><title></title><link rel=icon href='data:,'>\n" + "".join(
    [f"<link rel=stylesheet href='{name}'>\n" for name in NAMES["styles"]] + [f"<script type=module src='{name}'></script>\n" for name in NAMES["scripts"]])


def app(environ, start_response):
    if environ["PATH_INFO"] == "/page":
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE.encode()]
    form = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = {
        "host": socket.gethostname(), "address": environ.get("HTTP_X_FORWARDED_FOR"), "scheme": environ["wsgi.url_scheme"],
        "name": environ["HTTP_HOST"], "form": len(form), "said": "our shop",
    }
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Release", answer["host"])])
    return [json.dumps(answer).encode()]
