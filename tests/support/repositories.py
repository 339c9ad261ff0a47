# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The git repositories that the tests deploy from.

    repositories.py DIRECTORY

writes DIRECTORY/guestbook.bundle, DIRECTORY/probe.bundle and DIRECTORY/page.bundle (`git clone` reads them).

guestbook  the branch main is at v1.0.0; v2.0.0 is the next version; broken cannot be imported
probe      each tag is a way to be deployed or to go wrong, see PROBE; main is at `one`
page       a site of files as a bundler makes it, at the tags one and two; main is at `one`
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

CHECKOUT = pathlib.Path(__file__).parents[2]
EXAMPLES, APPS = CHECKOUT / "examples", CHECKOUT / "tests" / "apps"

# tag: (how it comes, its text, its behaviour)
PROBE = {
    "one": ("package", "one", ""),
    "two": ("package", "two", ""),  # another source, the same lock
    "fail": ("package", "three", "fail"),
    "exit": ("package", "three", "exit"),
    "hang": ("package", "three", "hang"),
    "error": ("package", "three", "error"),
    "lone": ("lone", "lone", ""),
    "requirements": ("requirements", "requirements", ""),
    "servers": ("servers", "servers", ""),  # brings servers that we do not know
    "configured": ("configured", "configured", ""),  # brings a configuration of gunicorn
    "procfile": ("procfile", "procfile", ""),  # runs on a platform as it is
    "unpinned": ("unpinned", "unpinned", ""),
    "leftover": ("leftover", "leftover", ""),  # somebody has committed build/ with old code in it
    "missing": ("missing", "missing", ""),  # what these two require cannot be had
    "wrong-hash": ("wrong-hash", "wrong-hash", ""),
}
REQUIREMENTS = {
    "requirements": "itsdangerous==2.2.0\n",
    "unpinned": "# whatever is newest\nitsdangerous\n",
    "procfile": "gunicorn==27.0.1\n",
    "servers": "daphne==4.2.3\ngranian==2.8.7\nhypercorn==0.18.0\nwaitress==3.0.2\n",
    "missing": "itsdangerous==99.0.0\n",
    "wrong-hash": f"itsdangerous==2.2.0 --hash=sha256:{'0' * 64}\n",
}
# What a form has besides the module and its requirements.
FILES = {
    "configured": {"gunicorn.conf.py": "bind = '0.0.0.0:9000'\ndaemon = True\nworkers = 1\nthreads = 9\nraw_env = ['FROM_FILE=yes']\n"},
    "procfile": {"Procfile": (
        "# as on a platform\n"
        "web: gunicorn probe:app --workers 2\n"
        "worker: echo working for $PYWEB_RELEASE; sleep infinity\n"
        "release: echo migrated >> $PYWEB_SHARED/migrations\n"
    )},
}


class Repository:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> None:
        person = {"NAME": "Test", "EMAIL": "test@example.com", "DATE": "2026-01-01T12:00:00Z"}
        identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", "-C", self.folder, *arguments], check=True, env={**os.environ, **settings, **identity})

    def commit(self, tag: str) -> None:
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", f"--message={tag}")
        self.git("tag", tag)

    def bundle(self, target: pathlib.Path) -> None:
        self.git("checkout", "--quiet", "main")
        self.git("bundle", "create", "--quiet", str(target.absolute()), "--branches", "--tags", "HEAD")


def lock(folder: str | pathlib.Path) -> None:
    """uv.lock of a project, with today's versions. It names the package index that is in use here, so it is made and not kept."""
    uv = pathlib.Path(sys.executable).with_name("uv")
    subprocess.run([uv, "lock", "--quiet", "--directory", folder, "--python", sys.executable], check=True)


def guestbook(target: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(pathlib.Path(folder))
        source = EXAMPLES / "guestbook"
        ignored = shutil.ignore_patterns(".venv", "__pycache__", "instance", "manifest.json", "*.????????.css", "*.????????.svg")
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=ignored)
        lock(folder)
        repository.commit("v1.0.0")
        repository.git("checkout", "--quiet", "-b", "next")
        repository.git("am", "--quiet", str(EXAMPLES / "guestbook-2.0.0.patch"))
        repository.git("tag", "v2.0.0")
        with (pathlib.Path(folder) / "guestbook" / "__init__.py").open("a") as module:
            module.write('\nraise RuntimeError("guestbook: this release cannot start")\n')
        repository.commit("broken")
        repository.bundle(target)


def probe(target: pathlib.Path, tags: dict[str, tuple[str, str, str]] | None = None) -> None:
    code = (APPS / "probe.py").read_text()
    assert code.count('TEXT = "one"') == 1
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as package:
        shutil.copytree(APPS / "package", package, dirs_exist_ok=True)
        lock(package)
        repository = Repository(pathlib.Path(folder))
        for tag, (form, text, behaviour) in (tags or PROBE).items():
            for entry in pathlib.Path(folder).iterdir():
                if entry.name != ".git":
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            packaged = form in ("package", "leftover")
            module = pathlib.Path(folder) / ("src/probe/__init__.py" if packaged else "probe.py")
            module.parent.mkdir(parents=True, exist_ok=True)
            module.write_text(code.replace('TEXT = "one"', f'TEXT = "{text}"'))
            if behaviour:
                (module.parent / "BEHAVIOUR").write_text(behaviour + "\n")
            if packaged:
                shutil.copytree(package, folder, dirs_exist_ok=True)
            if form in REQUIREMENTS:
                (pathlib.Path(folder) / "requirements.txt").write_text(REQUIREMENTS[form])
            for name, text in FILES.get(form, {}).items():
                (pathlib.Path(folder) / name).write_text(text)
            if form == "leftover":
                old = pathlib.Path(folder) / "build" / "lib" / "probe" / "__init__.py"
                old.parent.mkdir(parents=True)
                old.write_text(code)
            repository.commit(tag)
            if tag == "one":
                repository.git("checkout", "--quiet", "--detach")
        repository.bundle(target)


def page(target: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(pathlib.Path(folder))
        root = pathlib.Path(folder) / "dist"
        for tag in ("one", "two"):
            shutil.rmtree(root, ignore_errors=True)
            script = f'document.querySelector("p").textContent = "This is page {tag}.";\n'
            name = f"assets/app.{hashlib.sha256(script.encode()).hexdigest()[:8]}.js"
            files = {
                name: script,
                "index.html": f'<!doctype html>\n<title>page {tag}</title>\n<h1>page {tag}</h1>\n<p>…</p>\n<script src="/{name}"></script>\n',
                "about/index.html": f"<!doctype html>\n<title>about {tag}</title>\n",
                ".env": "PASSWORD=secret\n",
                "../private.txt": "secret\n",
            }
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            repository.commit(tag)
            if tag == "one":
                repository.git("checkout", "--quiet", "--detach")
        repository.bundle(target)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: repositories.py DIRECTORY")
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    guestbook(directory / "guestbook.bundle")
    probe(directory / "probe.bundle")
    page(directory / "page.bundle")
