# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shop as large as real ones, and its history, for the benchmark of deploys.

It imports what it needs and serves /healthz; most of its modules are there to be fetched, compiled and kept.
"""

from __future__ import annotations

import os
import pathlib
import random
import subprocess

REQUIREMENTS = """\
flask
sqlalchemy
alembic
requests
pydantic
jinja2
pyjwt
python-dateutil
babel
beautifulsoup4
gunicorn
"""
# The dependency that changes: pure Python, of a usual size, and with a long history.
CHANGING = "redis"
VERSIONS = ("5.0.1", "5.0.2", "5.0.3", "5.0.4", "5.0.5", "5.0.6", "5.0.7", "5.0.8", "5.1.0", "5.1.1", "5.2.0", "5.2.1")

PACKAGES = 30
MODULES = 10  # in each package
WORDS = "order cart item price stock user address invoice payment refund voucher shipment parcel review rating search page menu banner".split()

WSGI = """\
import flask
import redis
import requests
import sqlalchemy

from shop.area00 import order_0

application = flask.Flask("shop")
CLIENTS = (redis.Redis, requests.Session, sqlalchemy.MetaData)


@application.get("/healthz")
def health():
    return {"release": RELEASE, "areas": order_0.__name__}


RELEASE = "RELEASE-TEXT"
"""


def module(chance: random.Random, size: int = 16) -> str:
    """Python as people write it: classes with methods, some constants, some text."""
    lines = ['"""' + " ".join(chance.choices(WORDS, k=12)) + '."""', "", "from __future__ import annotations", "", "import dataclasses", ""]
    for number in range(size):
        one, two, three = chance.sample(WORDS, 3)
        lines += [
            "", "@dataclasses.dataclass", f"class {one.title()}{two.title()}{number}:",
            f'    """{" ".join(chance.choices(WORDS, k=9))}."""', "",
            f"    {two}: str = {two!r}", f"    {three}: int = {chance.randrange(10000)}", "",
            f"    def {one}_{three}(self, {one}: int, factor: float = {chance.random():.4f}) -> float:",
            f"        if {one} > self.{three}:", f"            raise ValueError(f'{one} {{{one}}} is above {{self.{three}}}')",
            f"        return sum(number * factor for number in range({one})) + self.{three}", "",
        ]
    return "\n".join(lines) + "\n"


class Shop:
    """Its repository: some commits to begin with (C(fill-N)), then for each further lock C(code-N) (some modules changed) and C(lock-N)."""

    def __init__(self, folder: pathlib.Path, locks: list[str]) -> None:
        self.folder = folder
        self.locks = locks
        self.chance = random.Random(1)

    def git(self, *arguments: str) -> None:
        person = {"NAME": "Bench", "EMAIL": "bench@example.com", "DATE": "2026-01-01T12:00:00Z"}
        identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", "-C", self.folder, *arguments], check=True, env={**os.environ, **settings, **identity})

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def areas(self) -> list[str]:
        return [f"shop/area{area:02}/{WORDS[number]}_{number}.py" for area in range(PACKAGES) for number in range(MODULES)]

    def commit(self, name: str) -> None:
        self.write("shop/wsgi.py", WSGI.replace("RELEASE-TEXT", name))
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", f"--message={name}")
        # Not a tag: nobody sees it before it is "pushed".
        self.git("update-ref", f"refs/bench/{name}", "HEAD")

    def change(self, name: str) -> None:
        for path in self.chance.sample(self.areas(), 8):
            self.write(path, module(self.chance))
        self.commit(name)

    def make(self, bundle: pathlib.Path, fill: int) -> None:
        self.git("init", "--quiet", "--initial-branch=main")
        for path in self.areas():
            self.write(path, module(self.chance))
        for area in range(PACKAGES):
            self.write(f"shop/area{area:02}/__init__.py", "")
            self.write(f"shop/templates/area{area:02}.html", "<p>" + " ".join(self.chance.choices(WORDS, k=800)) + "</p>\n")
            self.write(f"shop/static/area{area:02}.js", "\n".join(f"export const {word}{number} = {number};" for number in range(20) for word in WORDS))
        self.write("shop/__init__.py", "")
        self.write("requirements.txt", self.locks[0])
        for number in range(fill):
            self.change(f"fill-{number}")
        for number, lock in enumerate(self.locks[1:]):
            self.change(f"code-{number}")
            self.write("requirements.txt", lock)
            self.commit(f"lock-{number}")
        self.git("bundle", "create", "--quiet", str(bundle), "--all")
