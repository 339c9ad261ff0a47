# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the release modules and of the action plugin release."""

from __future__ import annotations

from .app import APP
from .keep import KEEP
from .option import Options
from .source import DEPENDENCIES, SOURCE

NAME: Options = {"name": {"type": "str", "required": True, "description": "Name of the application."}}
LEASE: Options = {
    "lease": {
        "type": "dict", "required": True,
        "description": "Who holds the deploy lock, as O(pyweb.stack.release#module:state=begin) returned it.",
    },
}
FETCHED: Options = {
    "source": {"type": "dict", "options": SOURCE, "description": APP["source"]["description"]},
    "sent": {"type": "dict", "description": "What the controller has of the source. The action plugin fills it in, playbooks do not."},
    "query": {
        "type": "str", "no_log": True,
        "description": "What follows the question mark in the address of O(source.archive), often a signature. The action plugin takes it out of there.",
    },
    "python": {"type": "str", "description": APP["python"]["description"]},
    "dependencies": {"type": "dict", "options": DEPENDENCIES, "description": APP["dependencies"]["description"]},
}
FILES = "Files that the release has besides its source, as JSON: by path C(content) and C(build)."
SECRETS = "Secrets of the application as C(NAME=value), each ended by a NUL character."

RELEASE_INFO: Options = {
    "domains": {
        "type": "list", "elements": "str", "version_added": "0.2.0",
        "description": "Domains that the application is known by. Where another application of its name is on the host, with another O(source) and none "
                       "of these, that is an error. By default nobody looks.",
    },
    # The action plugin's.
    "prepare": {
        "type": "bool", "default": True,
        "description": "Whether O(source.prepare) runs. Without, what it has made last is looked at, as in check mode.",
    },
    "system_packages": {"type": "list", "elements": "str", "default": [], "description": "Debian packages that the application needs."},
    "config_digest": {"type": "str", "default": "", "description": "Digest of the configuration that the wanted release is to have."},
    "secrets": {"type": "str", "default": "", "no_log": True, "description": f"{SECRETS} Only compared, never returned."},
    "files": {"type": "str", "default": "", "no_log": True, "description": f"{FILES} Only compared, never returned."},
}

RELEASE_BUILD: Options = {
    "release": {
        "type": "str", "required": True,
        "description": "Id of the release to build, as O(pyweb.stack.release#module:state=begin) returned it.",
    },
    "revision": {"type": "str", "required": True, "description": "The commit to build, or the digest of what the source is otherwise."},
    "server_packages": {
        "type": "list", "elements": "str", "default": [],
        "description": "Pinned packages, as C(name==version), that are added when the application's own requirements lack them.",
        "example": ["gunicorn==27.0.1"],
    },
    "env": {"type": "dict", "default": {}, "description": "Environment variables of build steps and processes. They travel with the release."},
    "build_env": {"type": "dict", "default": {}, "description": "Environment variables of build steps only."},
    "secrets": {"type": "str", "default": "", "no_log": True, "description": f"{SECRETS} Build steps do not see them."},
    "files": {"type": "str", "default": "", "no_log": True, "description": f"{FILES} Build steps see those with C(build)."},
    "build": {"type": "list", "elements": "str", "default": [], "description": "Commands, run by bash in the release with its environment."},
    "shared": {
        "type": "list", "elements": "str", "default": [],
        "description": "Directories and files of the release that outlive it. They become links into C(shared/), and are the application's alone "
                       "unless O(static) names them.",
    },
    "static": {
        "type": "dict", "default": {},
        "description": [
            "Addresses and the directories of the release that nginx serves there; V(/) is for a site of files alone.",
            "A directory that lies in one of O(shared) is the application's data. It becomes readable for the group C(<name>-web), now and later.",
        ],
    },
    "procfile": {
        "type": "dict",
        "description": [
            "How a C(Procfile) of the source is read; by default it is not.",
            "It adds processes to those that are defined (C(defined), a list), and one named C(web) is required if C(web) is true.",
            "One that starts jobs by the clock is refused where the application is on several C(hosts), a number.",
        ],
    },
    "config_digest": {"type": "str", "default": "", "description": "Digest of the configuration that belongs to the release."},
    "hooks": {
        "type": "dict", "default": {},
        "description": "What runs at each phase, as the role app takes it. Files of tasks are left to the playbook.",
    },
    "force": {
        "type": "bool", "default": False,
        "description": "Build again what was built already. Without it, a release that differs in its configuration only is a copy by hard links.",
    },
    "platforms": {
        "type": "list", "elements": "str", "default": [],
        "description": "The versions of Python and machines of all hosts that build the release.",
        "example": ["3.13 x86_64"],
    },
    "lock_only": {
        "type": "bool", "default": False,
        "description": "Only find the versions of all requirements, for all O(platforms). Nothing is built.",
    },
    "lock": {
        "type": "dict", "default": {},
        "description": "What another host returned with O(lock_only). Taken where it fits, so that all hosts have the same versions.",
    },
}

WATCH: Options = {
    "watch": {
        "type": "float", "default": 2.5,
        "description": "Seconds that the old release stays ready after the switch, while the new one is watched. Never less than 2.5.",
    },
}
SCALE: Options = {
    "scale": {
        "type": "dict",
        "description": "By process, its number of C(workers) (C(web) with a server) or its C(count); neither of them for what the inventory says. "
                       "An empty mapping takes back all that was scaled.",
        "example": {"web": {"workers": 4}},
    },
}
RELEASE_STEP: Options = {
    "step": {
        "type": "str", "choices": ["start", "settle", "abort", "prune", "unlock", "pin", "unpin"], "required": True,
        "description": [
            "V(start) starts a release beside the live one and checks its health. V(settle) checks it after the switch, and stops the old one.",
            "V(abort) returns from a switch that did not happen. V(prune) deletes old releases. V(unlock) releases a deploy lock.",
            "V(pin) keeps a release from being deleted, V(unpin) takes that back.",
        ],
    },
    "action": {"type": "str", "choices": ["activate", "rollback", "restart", "scale"], "default": "activate", "description": "What the history calls it."},
    "release": {"type": "str", "description": "Id of the release."},
    "runtime": {"type": "dict", "description": "The processes of the release, if it was never active before."},
    **WATCH,
    **SCALE,
    "hooks": {"type": "dict", "default": {}, "description": "What runs at each phase."},
}

RELEASE_RUN: Options = {
    "release": {"type": "str", "description": "Id of the release; the live one by default."},
    "command": {
        "type": "str", "required": True,
        "description": "The command, run by bash. When it is empty, the line C(release) of the source's C(Procfile) is run, if it has one.",
    },
    "hooks": {
        "type": "dict", "default": {},
        "description": "What runs before and after a migration, as the role app takes it. Files of tasks are left to the playbook.",
    },
    "lease": {
        "type": "dict",
        "description": "Who holds the deploy lock, as O(pyweb.stack.release#module:state=begin) returned it. With it, the command is part of the deploy.",
    },
}

RELEASE_STATUS: Options = {
    "names": {
        "type": "list", "elements": "str", "required": True,
        "description": "Names of the applications that are looked at. Others that the host has are only named.",
        "example": ["guestbook"],
    },
}

RELEASE_CONFIG: Options = {
    "release": {"type": "str", "description": "An id, a version or the beginning of a revision; the live release by default."},
    "compare": {"type": "str", "description": "Another release, whose configuration is returned as well."},
    "secrets": {"type": "str", "default": "", "no_log": True, "description": f"{SECRETS} Only compared, never returned."},
    "files": {"type": "str", "default": "", "no_log": True, "description": f"{FILES} Only compared, never returned."},
}

RELEASE_LOGS: Options = {
    "names": {"type": "list", "elements": "str", "required": True, "description": "Names of the applications.", "example": ["guestbook"]},
    "log": {
        "type": "str", "choices": ["application", "nginx"], "default": "application",
        "description": "V(application) is what its processes have logged, V(nginx) the access log of its site.",
    },
    "process": {"type": "str", "description": "Only this process, with all of its instances.", "example": "worker"},
    "release": {"type": "str", "description": "Only this release: an id, a version or the beginning of a revision."},
    "since": {"type": "str", "description": "Only what was logged since then, a time as journalctl takes it.", "example": "1 hour ago"},
    "until": {"type": "str", "description": "Only what was logged until then."},
    "text": {"type": "str", "description": "Only lines with this text."},
    "status": {"type": "str", "description": "With O(log=nginx), only answers with this status.", "example": ">=500"},
    "lines": {"type": "int", "default": 200, "description": "How many lines at the most, the last ones."},
}

RUNTIME: Options = {
    "manager": {
        "type": "str", "choices": APP["manager"]["choices"], "default": "systemd",
        "description": "The process manager. The live release ends under its own, whatever the new one has.",
    },
    "processes": {"type": "dict", "required": True, "description": "Processes by name, as the role appserver takes them."},
    "site": {
        "type": "dict",
        "description": "The site that nginx serves, checked after the switch. Without it, only the socket is checked.",
        "options": {
            "domain": {"type": "str", "required": True, "description": "Host name of the site."},
            "path": {"type": "str", "default": "", "description": "Path of the domain below which the application is, without a slash at its end."},
            "port": {"type": "int", "default": 443, "description": "Port of nginx for https on this host."},
            "files": {"type": "bool", "default": False, "description": "The site has files only, and no process."},
        },
    },
    "socket_group": {"type": "str", "default": "www-data", "description": "Group that may connect to the socket, nginx's by default."},
    "applications": {
        "type": "int", "default": 1,
        "description": "How many applications of this host have workers; without C(workers), each has its share of the cores and the memory.",
    },
}
RELEASE: Options = {
    **NAME,
    "state": {
        "type": "str", "choices": ["begin", "activate", "rollback", "restart", "scale", "prune", "pin", "unpin", "unlock"], "required": True,
        "description": [
            "V(begin) decides what a deploy has to do on this host and makes missing directories. It returns the release's id.",
            "V(activate) makes a release live that is built on this host.",
            "V(rollback) makes an older release live. The one that is left is marked bad.",
            "V(restart) starts all processes anew: it makes a copy of the live release by hard links, and switches to that like a deploy.",
            "V(scale) is a restart with other numbers of workers or instances, see O(scale). Nothing changes where the live release has them already.",
            "V(prune) deletes releases that are no longer needed.",
            "V(pin) keeps a release from ever being deleted, V(unpin) takes that back.",
            "V(unlock) releases the deploy lock of a crashed run. A step that still runs on the host is waited for.",
        ],
    },
    "release": {
        "type": "str",
        "description": [
            "With O(state=activate), the id of the release.",
            "With O(state=rollback), an id, a version or a revision to go back to. By default the last good one before the live release.",
            "With O(state=pin) and O(state=unpin), likewise; by default the live release.",
        ],
    },
    "hosts": {
        "type": "dict",
        "description": [
            "What M(pyweb.stack.release_info) returned on each host that takes part, by host name, so that all hosts get the same release.",
            "By default this host alone is asked.",
        ],
    },
    "force": {
        "type": "bool", "default": False,
        "description": "With O(state=begin), make a new release even if the live one is what is wanted.",
    },
    "runtime": {
        "type": "dict", "options": RUNTIME,
        "description": "With O(state=activate), the processes of the release. A release that was active before keeps those that it had.",
    },
    **WATCH,
    **SCALE,
    **KEEP,
    "hooks": {
        "type": "dict", "default": {},
        "description": [
            "With O(state=activate), O(state=rollback), O(state=restart) and O(state=scale), what runs at each phase, as the role app takes it.",
            "The last two deploy nothing: only C(on_failure) goes with it.",
            "Files of tasks are left to the playbook.",
        ],
    },
    "lease": {"type": "dict", "description": "With O(state=activate), who holds the deploy lock, as O(state=begin) returned it."},
}

RELEASE_BACKUP: Options = {
    "action": {
        "type": "str", "choices": ["configure", "remove", "make", "list", "restore"], "required": True,
        "description": [
            "V(configure) writes what the host's own timer needs, and starts that. V(remove) stops it; what was backed up stays where it is.",
            "V(make) makes a backup now. V(list) tells which there are. V(restore) puts one back.",
        ],
    },
    "config": {
        "type": "str", "default": "", "no_log": True,
        "description": "With V(configure) and V(make), the options C(backup) of the application as JSON. By default what the host has been told before.",
    },
    "host": {"type": "str", "default": "", "description": "With O(config), the name that the backups of this host have in the repository."},
    "before": {"type": "str", "description": "With V(make), the id of the release that is about to migrate."},
    "snapshot": {
        "type": "str", "default": "latest",
        "description": "With V(restore), which backup: C(latest), an id as V(list) tells it, or C(before:) and the id of a release for the one that was made "
                       "before that release migrated.",
    },
    "by": {"type": "str", "default": "", "description": "With V(restore), who does it, for the history."},
}

# Without what several modules take, which is documented by fragments.
OWN: dict[str, Options] = {
    "release": RELEASE, "release_info": RELEASE_INFO, "release_build": RELEASE_BUILD, "release_step": RELEASE_STEP, "release_run": RELEASE_RUN,
    "release_status": RELEASE_STATUS, "release_logs": RELEASE_LOGS, "release_backup": RELEASE_BACKUP, "release_config": RELEASE_CONFIG,
}
FRAGMENTS: dict[str, Options] = {"NAME": NAME, "LEASE": LEASE, "KEEP": KEEP, "SOURCE": FETCHED}
EXTENDS: dict[str, list[str]] = {
    "release_info": ["NAME", "SOURCE"],
    "release_build": ["NAME", "SOURCE", "LEASE", "KEEP"],
    "release_step": ["NAME", "LEASE", "KEEP"],
    "release_run": ["NAME"],
    "release_backup": ["NAME"],
    "release_config": ["NAME"],
}


def options_of(module: str) -> Options:
    """Everything that a module takes."""
    result: Options = {}
    for name in EXTENDS.get(module, []):
        result |= FRAGMENTS[name]
    return result | OWN[module]
