#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_build
short_description: Build a release of a Python web application beside the live one
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - Makes one release directory with the source of one revision, an environment of its own, the results of the build steps,
    links to the shared directories and static files that nginx may read. Nothing that is live changes.
  - All of it runs as the application's build user. A build that fails is kept for a look and never becomes live.
extends_documentation_fragment:
  - pyweb.stack.release.name
  - pyweb.stack.release.source
  - pyweb.stack.release.lease
  - pyweb.stack.release.keep
attributes:
  check_mode:
    description: Can run in check_mode and say that a release would be built.
    support: full
  diff_mode:
    description: A release is a whole directory; its revision is what changes.
    support: none
notes:
  - An action plugin goes before it, and sends what the source has on the controller to a host that does not have it yet.
options:
  release:
    description: Id of the release to build, as O(pyweb.stack.release#module:state=begin) returned it.
    type: str
    required: true
  revision:
    description: The commit to build, or the digest of what the source is otherwise.
    type: str
    required: true
  server_packages:
    description: Pinned packages that are added when the application's own requirements lack them.
    type: list
    elements: str
    default: []
  env:
    description: Environment variables of build steps and processes. They travel with the release.
    type: dict
    default: {}
  build_env:
    description: Environment variables of build steps only.
    type: dict
    default: {}
  secrets:
    description: Secrets of the application as C(NAME=value), each ended by a NUL character. Build steps do not see them.
    type: str
    default: ''
  build:
    description: Commands, run by bash in the release with its environment.
    type: list
    elements: str
    default: []
  shared:
    description: Directories of the release that outlive it. They become links into C(shared/), and are the application's alone unless O(static) names them.
    type: list
    elements: str
    default: []
  static:
    description:
      - Addresses and the directories of the release that nginx serves there; V(/) is for a site of files alone.
      - A directory that lies in one of O(shared) is the application's data. It becomes readable for the group C(<name>-web), now and later.
    type: dict
    default: {}
  procfile:
    description: >-
      The processes that are defined (V(defined), a list) and whether there has to be one named web (V(web)).
      A C(Procfile) of the source adds what it has besides. Without this option it is not read.
    type: dict
  config_digest:
    description: Digest of the configuration that belongs to the release.
    type: str
    default: ''
  hooks:
    description: What runs at each phase, as the role app takes it. Files of tasks are the business of the playbook.
    type: dict
    default: {}
  force:
    description: Build again what was built already. Without it, a release that differs in its configuration only is a copy by hard links.
    type: bool
    default: false
  platforms:
    description: The versions of Python and machines of all hosts that build the release, such as V(3.13 x86_64).
    type: list
    elements: str
    default: []
  lock_only:
    description: Only find the versions of all requirements, for all O(platforms). Nothing is built.
    type: bool
    default: false
  lock:
    description: What another host returned with O(lock_only). Taken where it fits, so that all hosts have the same versions.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Build what was begun
  pyweb.stack.release_build:
    name: guestbook
    release: "{{ begun.release }}"
    revision: "{{ begun.revision }}"
    lease: "{{ begun.lease }}"
    source: {repo: "https://git.example.com/guestbook.git"}
    server_packages: [gunicorn==27.0.1]
  when: begun.build
"""

RETURN = r"""
release:
  description: Id of the release.
  returned: always
  type: str
lock:
  description: All requirements with their versions, and what they were found for.
  returned: with O(lock_only)
  type: dict
manifest:
  description: What the release was made from, and how long each phase took in seconds.
  returned: when it was built
  type: dict
"""

import contextlib
import grp
import hashlib
import json
import os
import pwd

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pyweb.stack.plugins.module_utils import (
    _build, _engine, _environment, _hooks, _options, _processes, _prune, _releases, _source, _step,
)

# What a release that is copied has in common with the one that it was copied from.
COPIED = ("environment", "lock_digest", "python", "python_version", "lock")


def build_digest(params):
    """What a build is made from. Configuration that only processes see is not part of it, nor is a password in an address."""
    dependencies = params["dependencies"] or {}
    material = {name: params[name] for name in ("revision", "python", "server_packages", "build_env", "build", "shared", "static")}
    material["dependencies"] = {name: json.loads(_step.without_password(json.dumps(value))) for name, value in dependencies.items()}
    material["hooks"] = {phase: _hooks.commands(params["hooks"], phase) for phase in ("after_fetch", "before_build", "after_build")}
    return hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()


def donor_of(app, params, digest):
    if params["force"]:
        return None
    # As who builds: it runs the interpreter, which may lie where others than root can write.
    python = _step.as_user(f"{app.name}-build", lambda: _environment.find_python(params["python"]))[0]
    return _releases.donor(app.manifests(), digest, python)


def find_lock(app, params):
    """The lock of this release, or of the build that it will be a copy of; else what the source says now. None when that has to be sent first."""
    release = _releases.valid_id(params["release"])
    if app.manifest(release).get("state") not in ("built", *_releases.GOOD):
        release = donor_of(app, params, build_digest(params))
    found = app.manifest(release).get("lock") if release else None
    builder = _build.Builder(app.name, app.path, {**params, "source": _source.own_key(app.config_path, params["source"])})
    if not found and builder.source.missing(params["revision"]):
        if not (params["sent"] or {}).get("file"):
            return None
        builder.source.receive(params["sent"]["file"])

    def read():
        if not found:
            return builder.lock(params["revision"])
        with open(f"{app.release_path(release)}/.venv/pyweb-lock.txt", encoding="utf-8") as file:
            return {**found, "text": file.read()}

    return _step.as_user(f"{app.name}-build", read)


def read_procfile(name, target, wanted):
    """What the source itself says that runs."""
    defined, path = wanted.get("defined") or [], f"{target}/Procfile"

    def read():
        if not os.path.isfile(path):
            return None
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(2 ** 20)

    text = _step.as_user(f"{name}-build", read)
    try:
        found = _processes.procfile(text or "", defined)
    except _processes.AppsError as error:
        raise _step.BuildError(str(error)) from None
    if not defined and not found["processes"]:
        raise _step.BuildError(f"pyweb_apps.{name}.processes is empty, and the source has no Procfile with a process: define at least one.")
    if wanted.get("web") and "web" not in (*defined, *found["processes"]):
        raise _step.BuildError(f"pyweb_apps.{name}.site has nothing to serve: define pyweb_apps.{name}.processes.web, or a line web in the Procfile.")
    return found


def make(app, params):
    """The manifest of the release; none when the controller has to send the source first."""
    release, revision = _releases.valid_id(params["release"]), params["revision"]
    target = app.release_path(release)
    if app.manifest(release).get("state") in ("built", *_releases.GOOD):
        return app.manifest(release)
    if os.path.lexists(target):
        raise _engine.EngineError(f"{target} is there already: no two builds write into one directory, deploy again for a new id.")
    for other, manifest in app.manifests().items():
        if manifest.get("state") == "building":
            app.update_manifest(other, state="failed", error="its build was cut short.")
    if _prune.free(app) < params["keep_free"]:
        _prune.prune(app, params)
    digest = build_digest(params)
    donor = donor_of(app, params, digest)
    builder = _build.Builder(app.name, app.path, {**params, "source": _source.own_key(app.config_path, params["source"])})
    if not donor and builder.source.missing(revision):
        if not (params["sent"] or {}).get("file"):
            return None
        builder.source.receive(params["sent"]["file"])
    app.update_manifest(
        release, schema=1, app=app.name, release=release, state="building", created=_engine.now(), revision=revision,
        **builder.source.facts(), by=params["lease"]["by"], config_digest=params["config_digest"], build_digest=digest, static=params["static"],
    )
    account = pwd.getpwnam(f"{app.name}-build")
    owner = pwd.getpwnam(app.name)
    os.mkdir(target, 0o751)
    os.chmod(target, 0o751)
    os.chown(target, account.pw_uid, account.pw_gid)
    if params["shared"]:
        media = [directory for directory in params["static"].values() if _build.is_shared(directory, params["shared"])]
        web = grp.getgrnam(f"{app.name}-web").gr_gid if media else -1
        _step.as_user(owner.pw_name, lambda: _build.make_shared(app.shared, params["shared"], media, web))
    run_path = f"{app.run_path}/{release}"
    try:
        if donor:
            facts = _step.as_user(account.pw_name, lambda: builder.copy(app.release_path(donor), target, run_path))
            facts = {**{name: app.manifest(donor)[name] for name in COPIED if name in app.manifest(donor)}, **facts, "build_of": donor}
        else:
            facts = _step.as_user(account.pw_name, lambda: builder.build(revision, release, target, run_path, app.shared))
        if params["procfile"]:
            facts["procfile"] = read_procfile(app.name, target, params["procfile"])
        app.write_launcher(release, revision, "".join(f"{name}={value}\0" for name, value in sorted(params["env"].items())))
        secrets_digest = app.write_secrets(params["secrets"])
    except (_step.BuildError, OSError) as error:
        # On a full disk not even that: the next build notes it.
        with contextlib.suppress(OSError):
            app.update_manifest(release, state="failed", error=app.mask(_engine.said(error)).split("\n", 1)[0], ended=_engine.now())
        raise
    return app.update_manifest(release, state="built", secrets_digest=secrets_digest, **facts)


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "release": {"type": "str", "required": True},
            "revision": {"type": "str", "required": True},
            "source": {"type": "dict", "options": _options.SOURCE},
            "sent": {"type": "dict"},
            "query": {"type": "str", "no_log": True},
            "python": {"type": "str"},
            "dependencies": {"type": "dict", "options": _options.DEPENDENCIES},
            "server_packages": {"type": "list", "elements": "str", "default": []},
            "env": {"type": "dict", "default": {}},
            "build_env": {"type": "dict", "default": {}},
            "secrets": {"type": "str", "default": "", "no_log": True},
            "build": {"type": "list", "elements": "str", "default": []},
            "shared": {"type": "list", "elements": "str", "default": []},
            "static": {"type": "dict", "default": {}},
            "procfile": {"type": "dict"},
            "config_digest": {"type": "str", "default": ""},
            "hooks": {"type": "dict", "default": {}},
            "force": {"type": "bool", "default": False},
            "platforms": {"type": "list", "elements": "str", "default": []},
            "lock_only": {"type": "bool", "default": False},
            "lock": {"type": "dict", "default": {}},
            **_prune.KEEP,
            "lease": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    # An address without a password is no secret, and may be named when something is wrong with it.
    for url in [(params["dependencies"] or {}).get("index"), *((params["dependencies"] or {}).get("extra_indexes") or [])]:
        if url and _step.without_password(url) == url:
            module.no_log_values.discard(url)
    if module.check_mode:
        module.exit_json(changed=not params["lock_only"], release=params["release"], **({"lock": {}} if params["lock_only"] else {}))
    app = _engine.App(params["name"])
    try:
        with app.lock(params["lease"]):
            try:
                if params["lock_only"]:
                    lock = find_lock(app, params)
                    module.exit_json(changed=False, release=params["release"], **({"lock": lock} if lock else {}))
                manifest = make(app, params)
            except Exception:
                app.drop_lease(params["lease"]["token"])
                raise
        module.exit_json(changed=bool(manifest), release=params["release"], manifest=manifest)
    except (_engine.EngineError, _step.BuildError, _releases.ReleaseError, OSError) as error:
        more = _hooks.failure(app, params["hooks"], None, error)
        module.fail_json(msg=app.mask(f"{params['name']}: release {params['release']} was not built: {_engine.said(error)}{more}"), release=params["release"])


if __name__ == "__main__":
    main()
