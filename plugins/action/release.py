# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import getpass
import importlib
import os
import socket
import subprocess
import time

from ansible.errors import AnsibleActionFail

from ansible_collections.pyweb.stack.plugins.module_utils import _options, _processes
from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError
from ansible_collections.pyweb.stack.plugins.module_utils._host import releases, scaling
from ansible_collections.pyweb.stack.plugins.plugin_utils import _filters
from ansible_collections.pyweb.stack.plugins.plugin_utils._on_host import OnHost

_filters.load()

HOST_MODULE = "release_step"
DEPLOY_HELPER = "community.general.deploy_helper"
# Once for all hosts, as the filters: with its collection, Ansible reads what that has renamed, 50 ms. Where it is missing, its call says so.
with contextlib.suppress(ImportError):
    importlib.import_module(f"ansible_collections.{DEPLOY_HELPER.rpartition('.')[0]}.plugins.modules")


def process_start(pid: int) -> str:
    """Tells a process from a later one with the same number; empty when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        # A controller without /proc, such as macOS. In UTC and without a language: the same words in every run.
        return "" if os.path.exists("/proc/self/stat") else started(pid)


def started(pid: int) -> str:
    """When a process has started, as ps(1) says it; where there is no ps or no right to ask it, only whether the process is there."""
    try:
        done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], env={**os.environ, "LC_ALL": "C", "TZ": "UTC"}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", check=False, timeout=10)
        if done.stdout.strip():
            return " ".join(done.stdout.split())
    except (OSError, subprocess.TimeoutExpired):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "running"


def machine() -> str:
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        try:
            with open(path, encoding="utf-8") as file:
                return file.read().strip()
        except OSError:
            continue
    return socket.gethostname()


def controller() -> dict:
    """Who deploys: this run of Ansible. Workers are children of the run."""
    pid = os.getppid()
    place = f"{machine()}:{os.readlink('/proc/self/ns/pid') if os.path.exists('/proc/self/ns/pid') else ''}"
    by = f"{getpass.getuser()}@{socket.gethostname()}"
    return {"token": f"{place}:{pid}:{process_start(pid)}", "by": by, "place": place, "pid": pid, "start": process_start(pid)}


def takes_over(held: dict | None, mine: dict) -> str | None:
    """The lease of a dead run of the same controller ends at once."""
    if not held or held.get("place") != mine["place"]:
        return None
    found = process_start(held["pid"])
    return held["token"] if not found or (held["start"] and found != held["start"]) else None


class ActionModule(OnHost):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        self._task_vars = task_vars
        dummy, params = self.validate_argument_spec(_options.RELEASE)
        try:
            return getattr(self, f"_{params['state']}")(params)
        except releases.ReleaseError as error:
            raise AnsibleActionFail(f"{params['name']}: {error}") from None

    def _call(self, module: str, **arguments) -> dict:
        if module == DEPLOY_HELPER:
            result = self._execute_module(module_name=module, module_args=arguments, task_vars=self._task_vars)
        else:
            result = self.on_host(module, arguments, self._task_vars)
        # Host-wide facts of one application would overwrite those of another.
        result.pop("ansible_facts", None)
        result.pop("invocation", None)
        return result

    def _info(self, params: dict) -> dict:
        if params["hosts"]:
            return params["hosts"]
        result = self._call("release_info", name=params["name"])
        if result.get("failed"):
            raise AnsibleActionFail(result["msg"])
        return {self._task_vars["inventory_hostname"]: result}

    def _host(self, hosts: dict) -> dict:
        return hosts[self._task_vars["inventory_hostname"]]

    def _directories(self, name: str) -> dict:
        return {"path": f"/srv/{name}", "releases_path": "releases", "shared_path": "shared", "current_path": "current"}

    def _begin(self, params: dict) -> dict:
        hosts = self._info(params)
        host = self._host(hosts)
        check = self._task.check_mode
        lease = controller()
        lease["takes_over"] = takes_over(host["lease"], lease)
        held = host["lease"]
        if held and held["token"] != lease["token"] and not lease["takes_over"] and held["until"] > time.time():
            minutes = max(1, round((held["until"] - time.time()) / 60))
            raise AnsibleActionFail(
                f"{params['name']}: {held['by']} has been deploying since {held['since']}: wait for it to end, or for {minutes} minutes when that run "
                f"has crashed; ansible-playbook pyweb.stack.unlock -e app={params['name']} releases its deploy lock at once."
            )
        missing = any(item.get("missing_packages") for item in hosts.values())
        if not host.get("revision"):
            if not check:
                raise AnsibleActionFail(f"{params['name']}: state begin needs what release_info returns with source.")
            return {"changed": True, "release": "(new)", "revision": None, "version": host.get("version"), "build": True, "migrate": True,
                    "activate": True, "lease": lease, "previous": host.get("live"), "lock_host": None, "platforms": [], "prepare": missing}
        if not host["directories"] and not check:
            made = self._call(DEPLOY_HELPER, state="present", **self._directories(params["name"]))
            if made.get("failed"):
                return made
        # Each host decides for itself, some perhaps later than others: what they decide from has to be the same, the time as well.
        now = max((item["now"] for item in hosts.values() if item.get("now")), default=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
        plan = releases.plan(hosts, now, params["force"])
        mine = plan["hosts"][self._task_vars["inventory_hostname"]]
        return {
            "changed": False, **mine, "lock_host": plan["lock_host"], "platforms": plan["platforms"], "prepare": missing or plan["lock_host"] is not None,
            "revision": plan["revision"], "version": plan["version"], "lease": lease, "previous": host["live"],
            "migrate": any(item["release"] != hosts[name]["live"] for name, item in plan["hosts"].items()),
        }

    def _rollback(self, params: dict) -> dict:
        hosts = self._info(params)
        leader, wanted = releases.rollback_of_all(hosts, params["release"])
        host = self._host(hosts)
        target = releases.counterpart(host["releases"], wanted, hosts[leader]["releases"][wanted])
        if not target:
            raise releases.ReleaseError(f"release {wanted} is not kept on this host: nothing was changed.")
        lease = controller()
        lease["takes_over"] = takes_over(host["lease"], lease)
        if host["live"] == target and host["running"] and not host.get("switch"):
            done = {"changed": False, "release": target, "previous": target, "pruned": []}
            if params["release"] or not releases.ended_alone(hosts[leader]):
                return done
            return {**done, "warnings": [
                f"{params['name']}: {target} is live by the last rollback, which {leader} completed itself after its controller had gone away. "
                "That is taken for the one that is asked for; to go back further, say to which release, such as -e version=v1.2."]}
        return self._activate({**params, "release": target, "lease": lease, "action": "rollback", "previous": host["live"]})

    def _restart(self, params: dict) -> dict:
        hosts = self._info(params)
        host = self._host(hosts)
        live = host["live"]
        if not live:
            raise releases.ReleaseError("nothing is live on this host: deploy it first.")
        manifest = host["releases"].get(live, {})
        if not (manifest.get("runtime") or {}).get("processes"):
            # Files alone, or processes that run on other hosts.
            return {"changed": False, "release": live, "previous": live, "pruned": []}
        action = params["state"]
        if action == "scale" and not self._rescaled(params["scale"] or {}, hosts, manifest):
            return {"changed": False, "release": live, "previous": live, "pruned": []}
        lease = controller()
        lease["takes_over"] = takes_over(host["lease"], lease)
        # One id for all hosts that serve the same, as in a deploy.
        now = max(item["now"] for item in hosts.values())
        release = releases.new_id(now, manifest["revision"], [item for host in hosts.values() for item in host["releases"]])
        return self._activate({**params, "release": release, "lease": lease, "action": action, "previous": live})

    _scale = _restart

    @staticmethod
    def _rescaled(wanted: dict, hosts: dict, manifest: dict) -> bool:
        """Whether any process of this host would have another number than it has. Raises ReleaseError for what it could not have."""
        old = manifest["runtime"]["processes"]
        runtimes = [host["releases"].get(host["live"], {}).get("runtime") or {} for host in hosts.values()]
        everywhere = {name for runtime in runtimes for name in runtime.get("processes", {})}
        if wanted and set(wanted) <= everywhere - set(old):
            # It runs on other hosts.
            return False
        changed = {name: process for name, process in scaling.rescaled(old, manifest.get("scale", {}), wanted, "", "")[0].items() if process != old[name]}
        try:
            _processes.valid_processes(changed, "the process")
        except AppsError as error:
            raise releases.ReleaseError(str(error)) from None
        return bool(changed)

    def _activate(self, params: dict) -> dict:
        name, release = params["name"], params["release"]
        action = params.get("action", "activate")
        if self._task.check_mode:
            previous = params.get("previous") or self._host(self._info(params))["live"]
            return {"changed": True, "release": release, "previous": previous, "pruned": [], "diff": self._diff(name, previous, release)}
        releases.valid_id(release)
        lease = params["lease"] or controller()
        common = {"name": name, "release": release, "lease": lease, "action": action, "hooks": params["hooks"], **self._keep(params)}
        started = self._call(HOST_MODULE, step="start", runtime=params["runtime"], scale=params["scale"], **common)
        if started.get("failed"):
            return started
        switched = self._call(DEPLOY_HELPER, state="finalize", release=release, clean=False, **self._directories(name))
        if switched.get("failed"):
            self._call(HOST_MODULE, step="abort", **common)
            switched["msg"] = f"{name}: the switch to release {release} failed, the old one stays live: {switched.get('msg', '')}"
            return switched
        settled = self._call(HOST_MODULE, step="settle", watch=params["watch"], **common)
        if settled.get("failed"):
            return settled
        return {"changed": True, "release": release, "previous": started["previous"], "pruned": settled["pruned"],
                "diff": self._diff(name, started["previous"], release),
                **({"warnings": started["warnings"]} if started.get("warnings") else {})}

    def _prune(self, params: dict) -> dict:
        if self._task.check_mode:
            info = self._host(self._info(params))
            pruned = releases.prunable(info["releases"], info["live"], info["history"], params["keep_releases"], set())
            return {"changed": bool(pruned), "release": info["live"], "pruned": pruned}
        return self._call(HOST_MODULE, step="prune", name=params["name"], lease=controller(), **self._keep(params))

    @staticmethod
    def _keep(params: dict) -> dict:
        return {name: params[name] for name in ("keep_releases", "keep_days", "keep_free")}

    def _pin(self, params: dict) -> dict:
        if self._task.check_mode:
            host = self._host(self._info(params))
            release = releases.named(host["releases"], params["release"] or host["live"] or "")
            return {"changed": bool(host["releases"][release].get("pinned")) is not (params["state"] == "pin"), "release": release}
        return self._call(HOST_MODULE, step=params["state"], name=params["name"], release=params["release"], lease=controller())

    _unpin = _pin

    def _unlock(self, params: dict) -> dict:
        held = self._host(self._info(params))["lease"]
        if not held:
            return {"changed": False, "held": None}
        if not self._task.check_mode:
            result = self._call(HOST_MODULE, step="unlock", name=params["name"], lease=held)
            if result.get("failed"):
                return result
        return {"changed": True, "held": {"by": held["by"], "since": held["since"]}}

    @staticmethod
    def _diff(name: str, before: str | None, after: str) -> dict:
        return {"before_header": f"/srv/{name}/current", "after_header": f"/srv/{name}/current", "before": f"{before or '(none)'}\n", "after": f"{after}\n"}
