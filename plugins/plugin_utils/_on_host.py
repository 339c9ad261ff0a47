# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs our own modules on the host, in a copy of their code that the host keeps.

Ansible packs a module with all that it imports, sends that, and the host compiles it, each time anew: half of what a deploy takes.
The copy is compiled once and named by its digest, so that it is never an old one. It is a cache: a host that has none, or cannot
have one, gets the module as usual.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import shlex
import typing as t
import zipfile
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.pyweb.stack.plugins import module_utils
from ansible_collections.pyweb.stack.plugins.module_utils import _addresses, _options

PYTHON = "/usr/bin/python3 -IS"
CACHE = "/var/cache/pyweb"
PACKAGE = module_utils.__name__
# What a host without this copy ends with, before anything has happened.
ABSENT = 117
RUN = f"import sys; sys.path.insert(0, sys.argv[1]); from {PACKAGE}._host import module; module.main(sys.argv[2])"
# Whole or not at all. Two older ones stay, for a controller that has not been brought up to date yet.
INSTALL = """
import base64, compileall, io, os, shutil, sys, tempfile, zipfile
cache, name = sys.argv[1:]
os.umask(0o022)
os.makedirs(cache, exist_ok=True)
if os.geteuid() or os.stat(cache).st_uid:
    sys.exit("not root's")
new = tempfile.mkdtemp(prefix=".new-", dir=cache)
try:
    os.chmod(new, 0o755)
    zipfile.ZipFile(io.BytesIO(base64.b64decode(sys.stdin.read()))).extractall(new)
    compileall.compile_dir(new, quiet=2)
    if not os.path.isdir(f"{cache}/{name}"):
        os.rename(new, f"{cache}/{name}")
finally:
    shutil.rmtree(new, ignore_errors=True)
there = sorted((entry for entry in os.scandir(cache) if entry.is_dir()), key=lambda entry: entry.stat().st_mtime, reverse=True)
for entry in [entry for entry in there if entry.name != name][2:]:
    shutil.rmtree(entry.path, ignore_errors=True)
"""


@functools.lru_cache(maxsize=None)
def code() -> tuple[str, dict[str, bytes]]:
    """All of it, and the directory that holds it on a host."""
    top = Path(module_utils.__path__[0])
    files = {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*.py"))}
    return f"{CACHE}/{hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:32]}", files


def packed(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{PACKAGE.replace('.', '/')}/{name}", content)
    return base64.b64encode(file.getvalue())


def plain(value: t.Any) -> t.Any:
    """Without Ansible's tags, and with what a vault hides."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


class OnHost(ActionBase):
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = True

    def on_host(self, name: str, arguments: dict, task_vars: dict) -> dict:
        """What the module pyweb.stack.C(name) does."""
        result = self._quickly(name, arguments)
        if result is None:
            return self._execute_module(module_name=f"pyweb.stack.{name}", module_args=arguments, task_vars=task_vars)
        return result

    def _quickly(self, name: str, arguments: dict) -> dict | None:
        """None where only the module itself will do."""
        pipelining = getattr(self._connection, "is_pipelining_enabled", None)
        if not pipelining or not pipelining():
            return None
        checked = ArgumentSpecValidator(getattr(_options, name.upper())).validate(plain(arguments))
        if checked.error_messages:
            # In Ansible's words.
            return None
        environment: dict = {}
        self._compute_environment_string(environment)
        given = json.dumps({"params": checked.validated_parameters, "check_mode": self._task.check_mode, "environment": plain(environment)}).encode()
        directory, files = code()
        command = f"[ -d {directory} ] || exit {ABSENT}; {PYTHON} -c {shlex.quote(RUN)} {directory} {name}"
        done = self._low_level_execute_command(command, in_data=given)
        if done["rc"] == ABSENT and not self._task.check_mode:
            self._low_level_execute_command(f"{PYTHON} -c {shlex.quote(INSTALL)} {CACHE} {directory.rsplit('/', 1)[1]}", in_data=packed(files))
            done = self._low_level_execute_command(command, in_data=given)
        if done["rc"] == ABSENT:
            return None
        try:
            result = json.loads(done["stdout"])
        except ValueError:
            output = f"{done['stdout']}{done['stderr']}".strip()
            return {"failed": True, "rc": done["rc"], "msg": f"{name} ended with {done['rc']} on this host and has not said how it went: {output}"}
        return remove_values(result, checked._no_log_values - _addresses.public(checked.validated_parameters))
