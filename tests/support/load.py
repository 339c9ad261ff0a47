# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drive a site while something happens to it, and tell whether any visitor would have noticed.

    load.py https://guestbook.example.com --connect 172.17.0.2 --get / Guestbook --post /applause --count 1000

Four kinds of visitors come at once: HTTP/1.1 and HTTP/2, each on connections that they keep and on a new one for every
request. Each asks for pages (GET) and sends forms (POST). A request has failed if there was no complete answer in time,
or its status is not what a visitor expects (200 for GET, 2xx or 3xx for POST), or the expected text is not on the page.
Nothing is ever sent twice, with the one exception that every HTTP/2 client makes: a request that the server's GOAWAY
names as not processed goes out again on another connection, and is counted as `retried`. The Python API's `reloads` makes a second one,
for sites whose nginx is reloaded meanwhile.

As a rule a visitor asks again when it has its answer. With --arrivals requests begin at a constant rate whether or not
others are answered, and take as long as from the moment at which they should have begun: what has to wait is noticed.
--sockets keeps some WebSockets open besides, on each of which a message has to come back every second.

The end comes when everything asked for is reached: --count requests, --seconds, the file named by --until; or at SIGTERM
and SIGINT. The exit status is 0 if there were requests and none failed.

As a Python API:

    with Load("https://guestbook.example.com", connect="172.17.0.2", get={"/": "Guestbook"}, count=1000) as load:
        deploy()
    assert load.result.failed == 0, load.result.summary()
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys

from load_connections import ROTATE
from load_records import KINDS, Request, Result
from load_visitors import Load

__all__ = ["KINDS", "ROTATE", "Load", "Request", "Result"]


def main(arguments: list[str] | None = None) -> int:
    first, _blank, rest = __doc__.partition("\n")
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="https://NAME of the site; NAME goes into SNI and Host")
    parser.add_argument("--connect", metavar="ADDRESS[:PORT]", help="connect there instead of looking NAME up")
    parser.add_argument("--get", nargs="+", action="append", metavar=("PATH", "TEXT"), help="a page, and a text expected on it (default: /)")
    parser.add_argument("--post", nargs="+", action="append", metavar=("PATH", "FIELD=VALUE"), help="a form to send")
    parser.add_argument("--arrivals", action="store_true", help="requests begin at a constant rate, whether or not others are answered")
    parser.add_argument("--sockets", nargs=2, metavar=("PATH", "NUMBER"), help="keep so many WebSockets open there")
    parser.add_argument("--assets", action="store_true", help="also get the style sheets, scripts and images that the pages name")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="kinds of visitors (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="visitors of each kind (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=200, help="requests per second, 0 for as fast as possible (default: %(default)s)")
    parser.add_argument("--count", type=int, default=0, help="at least this many requests")
    parser.add_argument("--seconds", type=float, default=0, help="at least this long")
    parser.add_argument("--until", metavar="FILE", help="until this file exists")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for one request (default: %(default)s)")
    parser.add_argument("--release-header", default="X-Release", help="names the release in answers (default: %(default)s)")
    parser.add_argument("--cafile", help="verify the certificate with this; without it, any is taken")
    parser.add_argument("--json", metavar="FILE", help="write the result there ('-' for standard output, instead of the summary)")
    options = parser.parse_args(arguments)
    if not (options.count or options.seconds or options.until):
        parser.error("say when to end: --count, --seconds or --until")
    try:
        load = Load(
            options.url,
            connect=options.connect,
            get={path: " ".join(text) or None for path, *text in options.get or []},
            post={path: dict(field.split("=", 1) for field in fields) for path, *fields in options.post or []},
            assets=options.assets,
            arrivals=options.arrivals,
            sockets=(options.sockets[0], int(options.sockets[1])) if options.sockets else None,
            kinds=options.kind,
            workers=options.workers,
            rate=options.rate,
            count=options.count,
            seconds=options.seconds,
            until=options.until,
            timeout=options.timeout,
            release_header=options.release_header,
            cafile=options.cafile,
        )
    except ValueError as error:
        parser.error(str(error))
    result = load.run()
    if options.json == "-":
        print(json.dumps(result.as_dict(), indent=2))
    else:
        print(result.summary())
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(result.as_dict(), indent=2) + "\n")
    return 0 if result.requests and not result.failed else 1


if __name__ == "__main__":
    sys.exit(main())
