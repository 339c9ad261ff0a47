# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project that takes its version from git tags: a release has no repository that its build backend could ask."""

from __future__ import annotations

import glob
import os
import re
import typing as t

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.text import names
from ansible_collections.pyweb.stack.plugins.module_utils._host.sources.versions import VARIABLES

# What build backends say that cannot find the version.
UNKNOWN = re.compile(r"(setuptools-scm|setuptools_scm) was unable to detect version|Unable to detect version control system|"
                     r"Cannot find the version from SCM|does not appear to be a (git|Git) (project|repository)|Versioning for this project requires|"
                     r"versioningit could not find a version")
# The one that takes it by no variable.
DEAF = "versioningit"
# They ask git alone, and make up a version where there is none.
GUESSING = "setuptools-git-versioning"
VERSIONEERS = "0+unknown"


def variables(version: str | None, given: dict[str, str]) -> dict[str, str]:
    """What tells the version to build backends, as far as the user has not."""
    return {name: version for name in VARIABLES if version and name not in given}


def unknown(shown: str, error: BuildError) -> BuildError:
    """One sentence before what the build backend of the project C(shown) has said at length."""
    remedy = "give it by build_env, as SETUPTOOLS_SCM_PRETEND_VERSION or what its build backend reads"
    if DEAF in str(error):
        remedy = f"set default-version in [tool.{DEAF}] of its pyproject.toml, since {DEAF} asks git alone"
        return BuildError(f"the project {shown} takes its version from git tags, which a release does not have: {remedy}.\n{error}")
    return BuildError(f"the project {shown} takes its version from git tags, and this source has none: {remedy}.\n{error}")


def guessed(shown: str, pyproject: dict[str, t.Any]) -> list[str]:
    """What to tell of the project C(shown), which was built with a version that its build backend has made up."""
    required = names("\n".join(pyproject.get("build-system", {}).get("requires", [])))
    if GUESSING not in required or "version_file" in pyproject.get("tool", {}).get(GUESSING, {}):
        return []
    return [f"the project {shown} was built without its right version: {GUESSING} asks git alone, which a release does not have; take setuptools-scm, which "
            f"is told the version, or set version_file in [tool.{GUESSING}]."]


def unversioned(venv: str) -> list[str]:
    """What to tell of projects in the environment C(venv) that versioneer has given no version."""
    found = glob.glob(f"{glob.escape(venv)}/lib/python3*/site-packages/*-{VERSIONEERS}*.dist-info")
    remedy = "mark its _version.py export-subst in .gitattributes, which is right for tags of source.repo, or take setuptools-scm, which is told the version"
    return [f"the project {name} was built as version {VERSIONEERS}: versioneer asks git alone, which a release does not have; {remedy}."
            for name in sorted(os.path.basename(path).partition("-")[0] for path in found)]
