# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(source) of an application, and what it depends on (C(dependencies))."""

from __future__ import annotations

from .option import Options

SOURCE: Options = {
    "repo": {
        "type": "str",
        "description": "Address of a git repository, as the host reaches it. Its submodules come along.",
        "example": "https://git.example.com/shop.git",
    },
    "version": {
        "type": "str", "default": "HEAD",
        "description": "Branch, tag or commit of O(source.repo), or version of O(source.package). V(HEAD) is the repository's default branch.",
    },
    "directory": {
        "type": "str", "otherwise": "the top",
        "description": "Directory of the source that has the application. It becomes the release, with all paths and commands relative to it; "
                       "what lies outside of it is left out.",
        "example": "backend",
    },
    "deploy_key": {
        "type": "str", "no_log": True, "otherwise": "made on the host",
        "description": [
            "Private SSH key that may read O(source.repo). It exists as a file only while git fetches.",
            "Without it, an address for SSH uses a key that is made on the host; the public half is shown, to be added to the repository.",
        ],
    },
    "token": {
        "type": "str", "no_log": True,
        "description": "Token that may read O(source.repo) over HTTPS, alone or as V(user:token). It is in no command line and in no file.",
    },
    "known_hosts": {
        "type": "list", "elements": "str", "default": [], "no_log": False,
        "description": "Lines for C(known_hosts). Without them, the host key that the server shows first is accepted and kept.",
    },
    "path": {
        "type": "str",
        "description": "Directory on the controller, relative to the playbook, else to the inventory. What git ignores there is left out. "
                       "The host needs neither git nor credentials.",
        "example": "../shop",
    },
    "prepare": {
        "type": "list", "elements": "str", "default": [], "commands": True,
        "description": "Commands that run in O(source.path) on the controller before it is sent, once in a run; not in check mode, "
                       "nor for the playbook C(releases).",
        "example": ["npm ci && npm run build"],
    },
    "include": {
        "type": "list", "elements": "str", "default": [],
        "description": "Paths in O(source.path) that are sent although git ignores them, such as what O(source.prepare) makes.",
    },
    "archive": {
        "type": "str",
        "description": "A C(.tar), C(.tar.gz), C(.tar.bz2), C(.tar.xz) or C(.zip) file on the controller, or the address of one that the host "
                       "reaches, whatever the address ends with.",
        "example": "dist/shop-1.4.tar.gz",
    },
    "checksum": {
        "type": "str", "pattern": "sha256:[0-9a-f]{64}",
        "accepts": "sha256: and 64 digits in hexadecimal are needed (sha256sum prints them)",
        "description": "What O(source.archive) has to be, as V(sha256:) and the 64 digits that C(sha256sum) prints. Required for an address.",
    },
    "package": {
        "type": "str",
        "description": "Package from an index as V(name==version) or V(name[extra]==version), or the path of a wheel on the controller.",
        "example": "shop[redis]==1.4.0",
    },
}

NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"
DEPENDENCIES: Options = {
    "file": {
        "type": "str", "otherwise": "the first that is there",
        "description": [
            "The file in the source that says what is needed.",
            "By default the first of C(uv.lock), C(pylock.toml), C(poetry.lock), C(pdm.lock), C(Pipfile.lock), C(requirements.lock) of Rye, "
            "C(requirements.txt), C(pyproject.toml) and C(setup.py) that is there.",
        ],
        "example": "requirements/production.txt",
    },
    "groups": {
        "type": "list", "elements": "str", "default": [], "pattern": NAME, "accepts": "letters, digits, dots, dashes and _ are accepted",
        "description": "Dependency groups that are installed too; for C(Pipfile.lock), its categories.",
    },
    "extras": {
        "type": "list", "elements": "str", "default": [], "pattern": NAME, "accepts": "letters, digits, dots, dashes and _ are accepted",
        "description": "Extras of the project that are installed too.",
    },
    # Addresses may hold a password.
    "index": {
        "type": "str", "no_log": True, "otherwise": "PyPI",
        "description": "Package index in place of PyPI. A password in the address is in no command line, output or manifest.",
    },
    "extra_indexes": {
        "type": "list", "elements": "str", "default": [], "no_log": True,
        "description": "Package indexes that are asked before O(dependencies.index), as are those that the project itself names.",
    },
    "git": {
        "type": "list", "elements": "dict", "default": [],
        "description": "Keys and tokens for git repositories among the requirements. Those of O(source) are taken for other repositories of the same "
                       "server. They are in no lock, command line, output or manifest, and build steps do not see them.",
        "example": [{"url": "https://git.example.com/team/", "token": "read-only"}],
        "options": {
            "url": {
                "type": "str", "required": True,
                "description": "Beginning of the addresses that it is for, as V(https://git.example.com/team/) or V(git@git.example.com:team/lib.git). "
                               "The longest one counts.",
            },
            "token": {"type": "str", "no_log": True, "description": "Token for an address for HTTPS, alone or as V(user:token)."},
            "deploy_key": {"type": "str", "no_log": True, "description": "Private SSH key for an address for SSH."},
            "known_hosts": {
                "type": "list", "elements": "str", "default": [], "no_log": False,
                "description": "Lines for C(known_hosts). Without them, the host key that the server shows first is accepted and kept.",
            },
        },
    },
    "wheelhouse": {
        "type": "str",
        "description": "Directory with wheels, in the source or as an absolute path on the host. With it no index is asked, "
                       "neither for the server nor for what the project is built with.",
    },
}
