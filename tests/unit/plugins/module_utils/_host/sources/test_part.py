# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications in a subdirectory of their source, with the real git."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.part import export
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.registry import source_of

ENV = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
}
FILES = {"README": "", "backend/Procfile": "web: x", "backend/mysite/wsgi.py": "1", "frontend/package.json": "{}", "apps/api/main.py": "2", "lib/x.py": "3"}


@pytest.fixture
def part(tmp_path):
    """What is exported of a repository with these files, links and this directory."""
    def part(directory, more=None, links=None):
        origin = tmp_path / "origin"
        for name, text in {**FILES, **(more or {})}.items():
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            (origin / name).write_text(text)
        for name, target in (links or {}).items():
            (origin / name).symlink_to(target)
        for arguments in (["init", "--quiet"], ["add", "-A"], ["commit", "--quiet", "-m", "x"]):
            subprocess.run(["git", "-C", str(origin), *arguments], check=True, env=ENV)
        home, target = tmp_path / "build", tmp_path / "target"
        home.mkdir()
        target.mkdir()
        source = source_of(str(home), {"source": {"repo": f"file://{origin}", "directory": directory}}, dict(ENV))
        try:
            export(source, source.resolve(), str(target))
        finally:
            assert not [name for name in os.listdir(home) if name.startswith(".part")]
        return sorted(str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir() or path.is_symlink())

    return part


@pytest.mark.parametrize("directory, expected", [("backend", ["Procfile", "mysite/wsgi.py"]), ("apps/api", ["main.py"]), (None, sorted(FILES))])
def test_the_directory_is_the_release(part, directory, expected):
    assert part(directory) == expected


@pytest.mark.parametrize("directory, more", [
    ("apps/api", ["apps/api/requirements.txt"]), ("apps/api", ["apps/api/requirements/prod.txt"]), ("apps/api", ["apps/api/pyproject.toml"]),
    ("frontend", []), ("frontend", ["frontend/tool.py"]), ("backend", []),
])
def test_requirements_above_are_of_no_use_to_it(part, directory, more):
    assert part(directory, dict.fromkeys(["requirements.txt", *more], "")) == sorted(
        name.removeprefix(f"{directory}/") for name in (*FILES, *more) if name.startswith(f"{directory}/"))


def test_links_within_it_stay(part):
    assert part("backend", links={"backend/again": "mysite/wsgi.py", "backend/dangling": "nowhere"}) == ["Procfile", "again", "dangling", "mysite/wsgi.py"]


@pytest.mark.parametrize("directory, more, links, said", [
    ("bakend", {}, {}, "which is no directory of file://{}: it has apps, backend, frontend, lib."),
    ("README", {}, {}, "which is no directory of"),
    ("api", {}, {"api": "apps/api"}, "which is behind a link in"),
    ("backend", {}, {"backend/lib": "../lib"}, "but lib in it is a link to ../lib, which is outside and not part of the release: deploy the whole source"),
    ("apps/api", {"uv.lock": "", "apps/api/pyproject.toml": ""}, {},
     "but the versions that it is locked to are in uv.lock, outside of it: leave it out and set dependencies.file to 'apps/api/pyproject.toml', as docs/"),
    ("apps/api", {"apps/uv.lock": "", "apps/api/pyproject.toml": ""}, {},
     "are in apps/uv.lock, outside of it: make it 'apps' and set dependencies.file to 'api/pyproject.toml', as docs/recipes.md shows."),
    ("apps/api", {"requirements.txt": "flask"}, {},
     "which has no file that says what the application needs, and requirements.txt is outside of it: deploy the whole source, as docs/recipes.md shows, or put "
     "an empty requirements.txt into apps/api."),
    ("backend", {"backend/mysite/__init__.py": "", "poetry.lock": ""}, {}, "and poetry.lock is outside of it"),
    ("apps/api", {"apps/uv.lock": ""}, {}, "and apps/uv.lock is outside of it"),
])
def test_what_would_be_missing_is_told(part, tmp_path, directory, more, links, said):
    with pytest.raises(BuildError) as error:
        part(directory, more, links)
    assert str(error.value).startswith(f"source.directory is {directory!r}, ") and said.replace("{}", f"{tmp_path}/origin") in str(error.value)
