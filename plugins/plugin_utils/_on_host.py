# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs our own modules in the copy of the host package that the host keeps.

Ansible packs a module with all that it imports, sends that, and the host compiles it, each time anew: half of what a deploy takes.
The copy is installed once, compiled, under a directory named by its digest, so that it is never an old one; the host itself starts the
same code at boot. See module_utils/_host/package.py.
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

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.pyweb.stack.plugins import module_utils
from ansible_collections.pyweb.stack.plugins.module_utils import _addresses, _options
from ansible_collections.pyweb.stack.plugins.module_utils._host.package import LIBRARY

PYTHON = "/usr/bin/python3 -IS"
PACKAGE = module_utils.__name__
# Everything that the host package consists of.
PARTS = ("**/*.py", "_host/programs/*.sh")
ENTRY = "_host/programs/engine.py"
# What a host without this copy ends with, before anything has happened.
ABSENT = 117
RUN = f"import sys; sys.path.insert(0, sys.argv[1]); from {PACKAGE}._host import module; module.main(sys.argv[2])"
# Whole or not at all.
INSTALL = f"""
import base64, compileall, io, os, shutil, sys, tempfile, zipfile
library, name = sys.argv[1:]
os.umask(0o022)
os.makedirs(library, exist_ok=True)
if os.geteuid() or os.stat(library).st_uid:
    sys.exit(library + " is not root's")
new = tempfile.mkdtemp(prefix=".new-", dir=library)
try:
    os.chmod(new, 0o755)
    zipfile.ZipFile(io.BytesIO(base64.b64decode(sys.stdin.read()))).extractall(new)
    compileall.compile_dir(new, quiet=2)
    os.sync()
    if not os.path.isdir(f"{{library}}/{{name}}"):
        os.rename(new, f"{{library}}/{{name}}")
finally:
    shutil.rmtree(new, ignore_errors=True)
sys.path.insert(0, f"{{library}}/{{name}}")
from {PACKAGE}._host import package
package.remove_unused(library, name)
"""


@functools.lru_cache(maxsize=None)
def code() -> tuple[str, dict[str, bytes]]:
    """All of the host package, and the directory that holds it on a host."""
    top = Path(module_utils.__path__[0])
    found = {str(path.relative_to(top)): path.read_bytes() for part in PARTS for path in sorted(top.glob(part))}
    files = {f"{PACKAGE.replace('.', '/')}/{name}": content for name, content in found.items()}
    files["engine.py"] = found[ENTRY]
    return f"{LIBRARY}/{hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:32]}", files


# Read by the main process, which imports action plugins: those for tasks have it from there (see _filters.py).
code()


def in_the_copy(step: str) -> str:
    """The command that does a step of the host package, or ends with ABSENT where a host has no copy."""
    directory = code()[0]
    return f"[ -d {directory} ] || exit {ABSENT}; {PYTHON} -c {shlex.quote(RUN)} {directory} {step}"


def packed(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
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
        result = self._in_the_copy(name, arguments)
        if result is None:
            return self._execute_module(module_name=f"pyweb.stack.{name}", module_args=arguments, task_vars=task_vars)
        return result

    def install(self) -> None:
        """Put the host package where it is expected. Raises AnsibleActionFail in one sentence."""
        directory, files = code()
        command = f"{PYTHON} -c {shlex.quote(INSTALL)} {LIBRARY} {directory.rsplit('/', 1)[1]}"
        done = self._feed(command, packed(files))
        if done["rc"] != 0:
            said = f"{done['stdout']}{done['stderr']}".strip().splitlines() or [f"exit status {done['rc']}"]
            raise AnsibleActionFail(f"this host cannot keep the code of pyweb.stack in {LIBRARY}: {said[-1]}")

    def progress(self, name: str, hidden: t.Collection[str]) -> dict | None:
        """What the build of an application is doing, as a progress.Progress of the host package without what is C(hidden); None where there is none."""
        given = json.dumps({"params": {"name": name}, "check_mode": False, "environment": {}})
        done = self._low_level_execute_command(f"printf %s {shlex.quote(given)} | {{ {in_the_copy('progress')}; }}")
        return remove_values(json.loads(done["stdout"]).get("progress"), hidden)

    def installed(self) -> bool:
        return self._low_level_execute_command(f"[ -d {code()[0]} ]")["rc"] == 0

    def _in_the_copy(self, name: str, arguments: dict) -> dict | None:
        """None where only the module itself will do: for what is wrong with its arguments, and for check mode on a host without the copy."""
        checked = ArgumentSpecValidator(getattr(_options, name.upper())).validate(plain(arguments))
        if checked.error_messages:
            # In Ansible's words.
            return None
        environment: dict = {}
        self._compute_environment_string(environment)
        given = json.dumps({"params": checked.validated_parameters, "check_mode": self._task.check_mode, "environment": plain(environment)}).encode()
        command = in_the_copy(name)
        done = self._feed(command, given)
        if done["rc"] == ABSENT:
            if self._task.check_mode:
                return None
            self.install()
            done = self._feed(command, given)
        try:
            result = json.loads(done["stdout"])
        except ValueError:
            output = f"{done['stdout']}{done['stderr']}".strip()
            return {"failed": True, "rc": done["rc"], "msg": f"{name} ended with {done['rc']} on this host and has not said how it went: {output}"}
        return remove_values(result, checked._no_log_values - _addresses.public(checked.validated_parameters))

    def _feed(self, command: str, data: bytes) -> dict:
        """Run a command on the host with this as its input: by the connection itself, or else by a file that only this user can read."""
        pipelining = getattr(self._connection, "is_pipelining_enabled", None)
        if pipelining and pipelining():
            return self._low_level_execute_command(command, in_data=data)
        directory = self._make_tmp_path()
        try:
            path = self._connection._shell.join_path(directory, "input")
            self._transfer_data(path, data)
            self._fixup_perms2([directory, path])
            return self._low_level_execute_command(f"{{ {command}; }} < {shlex.quote(path)}")
        finally:
            self._remove_tmp_path(directory)
