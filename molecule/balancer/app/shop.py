# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shop that says which host it is on, and who has asked."""

import json
import socket


def app(environ, start_response):
    form = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = {
        "host": socket.gethostname(), "address": environ.get("HTTP_X_FORWARDED_FOR"), "scheme": environ["wsgi.url_scheme"],
        "name": environ["HTTP_HOST"], "form": len(form), "said": "our shop",
    }
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Release", answer["host"])])
    return [json.dumps(answer).encode()]
