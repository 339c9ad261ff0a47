# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load a page again and again in headless Chromium, and tell whether it has got all of its files: pages.py ADDRESS COUNT

Several browsers at once, without a cache. A load is whole when the page, two style sheets, two scripts and the part that one of them fetches later
have come with status 200, and all are of one release.
"""

from __future__ import annotations

import collections
import json
import subprocess
import sys
import threading
import time
import urllib.request

DRIVER = "http://127.0.0.1:9515"
NAME, PATH, FILES, BROWSERS = "shop.example.com", "/page", 6, 3
LOADED = """
const done = arguments[arguments.length - 1];
const files = () => performance.getEntries().filter(entry => ["navigation", "resource"].includes(entry.entryType));
const wait = () => document.title && document.readyState === "complete"
  ? done([document.title, globalThis.entry, getComputedStyle(document.body).getPropertyValue("--release"),
          files().map(entry => [entry.name, entry.responseStatus])])
  : setTimeout(wait, 20);
wait();
"""


def ask(path, body=None):
    request = urllib.request.Request(DRIVER + path, json.dumps(body).encode() if body is not None else None, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["value"]


class Browsers:
    """What they have seen, all together."""

    def __init__(self, address, count):
        self.address, self.left, self.lock = address, count, threading.Lock()
        self.loads, self.releases, self.failed = 0, collections.Counter(), []

    def take(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def note(self, seen):
        title, entry, style, files = seen
        with self.lock:
            self.loads += 1
            self.releases[title] += 1
            if len(files) != FILES or {status for _name, status in files} != {200} or {title} != {entry, style.strip(" '\"")}:
                self.failed.append(seen)

    def run(self):
        try:
            self.drive()
        except OSError as error:
            self.failed.append(f"{error}: {error.read().decode()}" if hasattr(error, "read") else str(error))

    def drive(self):
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--host-resolver-rules=MAP {NAME} {self.address}"]
        wanted = {"acceptInsecureCerts": True, "timeouts": {"script": 60000, "pageLoad": 60000}, "goog:chromeOptions": {"args": options}}
        session = "/session/" + ask("/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        for command, params in (("Network.enable", {}), ("Network.setCacheDisabled", {"cacheDisabled": True})):
            ask(session + "/goog/cdp/execute", {"cmd": command, "params": params})
        while self.take():
            ask(session + "/url", {"url": f"https://{NAME}{PATH}"})
            self.note(ask(session + "/execute/async", {"script": LOADED, "args": []}))
        urllib.request.urlopen(urllib.request.Request(DRIVER + session, method="DELETE"), timeout=60).close()


def main(address, count):
    browsers = Browsers(address, int(count))
    driver = subprocess.Popen(["chromedriver", "--port=9515", "--log-level=SEVERE"], stdout=subprocess.DEVNULL)
    try:
        for _attempt in range(100):
            try:
                ask("/status")
                break
            except OSError:
                time.sleep(0.2)
        threads = [threading.Thread(target=browsers.run) for _number in range(BROWSERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        driver.terminate()
        driver.wait()
    print(json.dumps({"loads": browsers.loads, "releases": browsers.releases, "failed": browsers.failed}))


if __name__ == "__main__":
    main(*sys.argv[1:])
