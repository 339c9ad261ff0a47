# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules have."""

from __future__ import annotations


class ModuleDocFragment:

    NAME = r"""
options:
  name:
    description: Name of the application.
    type: str
    required: true
"""

    LEASE = r"""
options:
  lease:
    description: Who deploys, as O(pyweb.stack.release#module:state=begin) returned it.
    type: dict
    required: true
"""

    KEEP = r"""
options:
  keep_releases:
    description: How many good releases are kept.
    type: int
    default: 5
  keep_days:
    description: Days after which a good release is deleted.
    type: int
  keep_free:
    description: Megabytes that are to be free, before a build begins and after a switch; below, old releases are deleted until it is so.
    type: int
    default: 512
"""

    SOURCE = r"""
options:
  source:
    description: Where the application comes from. Exactly one of O(source.repo), O(source.path), O(source.archive) and O(source.package).
    type: dict
    suboptions:
      repo:
        description: Address of a git repository, as the host reaches it.
        type: str
      version:
        description: Branch, tag or commit of O(source.repo), or version of O(source.package). V(HEAD) is the repository's default branch.
        type: str
        default: HEAD
      deploy_key:
        description:
          - Private SSH key that may read the repository. It exists as a file only while git fetches.
          - Without it, an address for SSH uses a key that is made on the host; the public half is shown, to be added to the repository.
        type: str
      token:
        description: Token that may read the repository over HTTPS, alone or as V(user:token). It is in no command line and in no file.
        type: str
      known_hosts:
        description: Lines for C(known_hosts); without them, the host key that the server shows first is accepted and kept.
        type: list
        elements: str
        default: []
      path:
        description: Directory on the controller, relative to the playbook's; what git ignores there is left out. The host needs no git and no credentials.
        type: str
      prepare:
        description: Commands that run in O(source.path) on the controller before it is sent, such as V(npm ci && npm run build).
        type: list
        elements: str
        default: []
      include:
        description: Paths in O(source.path) that are sent although git ignores them, such as what O(source.prepare) makes.
        type: list
        elements: str
        default: []
      archive:
        description: A C(.tar), C(.tar.gz), C(.tar.bz2), C(.tar.xz) or C(.zip) file, on the controller or at an address that the host reaches.
        type: str
      checksum:
        description: What the archive has to be, as V(sha256:) and 64 hexadecimal digits. Required for an address.
        type: str
      package:
        description: Package from an index as V(name==version) or V(name[extra]==version), or the path of a wheel on the controller.
        type: str
  sent:
    description: What the controller has of the source. The action plugin fills it in, playbooks do not.
    type: dict
  query:
    description: What follows the question mark in the address of O(source.archive), often a signature. The action plugin takes it out of there.
    type: str
  python:
    description: Version of Python such as V(3.12) or, exact and managed by uv, V(3.12.8), or the path of an interpreter; the distribution's by default.
    type: str
  dependencies:
    description: What the application needs, where it differs from what its source says.
    type: dict
    suboptions:
      file:
        description:
          - The file in the source that says what is needed.
          - >-
            By default the first of C(uv.lock), C(pylock.toml), C(poetry.lock), C(pdm.lock), C(Pipfile.lock), C(requirements.txt),
            C(pyproject.toml) that is there.
        type: str
      groups:
        description: Dependency groups that are installed too.
        type: list
        elements: str
        default: []
      extras:
        description: Extras of the project that are installed too.
        type: list
        elements: str
        default: []
      index:
        description: Package index in place of PyPI. A password in the address is in no command line, output or manifest.
        type: str
      extra_indexes:
        description: Package indexes that are asked before O(dependencies.index).
        type: list
        elements: str
        default: []
      wheelhouse:
        description: Directory with wheels, in the source or as an absolute path on the host. With it no index is asked.
        type: str
"""
