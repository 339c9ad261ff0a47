#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_info
short_description: Look at the nginx of a Debian host
version_added: 0.1.0
author:
  - The pyweb.stack authors (@pyweb)
description:
  - Says in one round trip whether nginx is installed, runs, and has loaded the configuration that is on disk.
  - A reload that fails, because a port is taken for example, ends with exit code 0 and nginx goes on
    with its old configuration. What tells is the age of its worker processes, which this module compares
    with the age of the files.
extends_documentation_fragment:
  - pyweb.stack.attributes.info
  - ansible.builtin.action_common_attributes
attributes:
  platform:
    platforms: posix
options:
  packages:
    description: Debian packages to look for.
    type: list
    elements: str
    default: []
  user:
    description: The user as which nginx's worker processes run.
    type: str
    default: www-data
  groups:
    description: Groups that O(user) should be in.
    type: list
    elements: str
    default: []
  files:
    description: Files that should exist, and that nginx reads at a reload, such as certificates.
    type: list
    elements: str
    default: []
  list:
    description: Patterns of paths to list.
    type: list
    elements: str
    default: []
  reload_paths:
    description: Paths and patterns of the configuration that nginx reads at a reload.
    type: list
    elements: str
    default: []
  restart_paths:
    description: Paths and patterns of what takes effect only at a restart.
    type: list
    elements: str
    default: []
  sites:
    description: Pattern of the files of sites whose applications RV(sites) tells of.
    type: str
  configuration:
    description: Paths and patterns for RV(configuration).
    type: list
    elements: str
    default: []
  config:
    description: Whether to read the whole configuration, for RV(user), RV(includes) and RV(foreign).
    type: bool
    default: false
  certificates:
    description: Certificates to look at.
    type: list
    elements: dict
    default: []
    suboptions:
      site:
        description: Name of the site that has it.
        type: str
        required: true
      source:
        description: Where it comes from.
        type: str
        required: true
      certificate:
        description: File with the certificate and its chain.
        type: str
        required: true
      key:
        description: File with its key.
        type: str
        required: true
      domains:
        description: Names that it has to be for.
        type: list
        elements: str
        default: []
  wait:
    description:
      - Number of seconds to wait at most until nginx runs with the configuration that is on disk.
      - RV(running), RV(reload_needed) and RV(restart_needed) then say how it ended.
    type: int
    default: 0
  error_log:
    description: The error log in which RV(errors) are looked for.
    type: path
    default: /var/log/nginx/error.log
"""

EXAMPLES = r"""
- name: Wait until nginx has loaded its configuration
  pyweb.stack.nginx_info:
    reload_paths: [/etc/nginx/nginx.conf, /etc/nginx/conf.d/*.conf]
    wait: 10
  register: nginx
  failed_when: nginx.reload_needed
"""

RETURN = r"""
missing_packages:
  description: Those of O(packages) that are not installed.
  returned: success
  type: list
  elements: str
package_lists:
  description: Whether apt has lists of packages, so that it can install any.
  returned: success
  type: bool
missing_groups:
  description: Those of O(groups) that do not exist.
  returned: success
  type: list
  elements: str
groups_to_join:
  description: Those of O(groups) that exist and that O(user) is not in.
  returned: success
  type: list
  elements: str
missing_files:
  description: Those of O(files) that do not exist or are empty.
  returned: success
  type: list
  elements: str
certificates:
  description:
    - Those of O(certificates) that exist, with C(names), C(issuer), C(expires) and C(renewal) in seconds since the epoch, C(trusted)
      as a browser with this host's authorities would say, C(faults), C(damaged) where nginx cannot use it, and C(due) for renewal.
    - Empty on a host that has no C(cryptography) for Python.
  returned: success
  type: list
  elements: dict
listed:
  description: What O(list) matches.
  returned: success
  type: list
  elements: str
ipv6:
  description: Whether the host's kernel has IPv6.
  returned: success
  type: bool
distribution_site:
  description: Whether Debian's example site is switched on, and nobody has changed it.
  returned: success
  type: bool
enabled:
  description: Whether nginx starts at boot.
  returned: success
  type: bool
running:
  description: Whether nginx runs under systemd.
  returned: success
  type: bool
workers:
  description: Number of worker processes that take requests.
  returned: success
  type: int
reload_needed:
  description:
    - Whether nginx runs with an older configuration than that in O(reload_paths) and O(files),
      or with fewer of O(groups) than O(user) is in.
  returned: success
  type: bool
restart_needed:
  description: Whether nginx was started before O(restart_paths) changed.
  returned: success
  type: bool
sites:
  description: Sites by their files.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What O(sites) has in the place of its asterisk.
      type: str
    path:
      description: The file.
      type: str
    names:
      description: Server names.
      type: list
      elements: str
    live:
      description: Whether an application answers behind the site.
      type: bool
    http3:
      description: Whether the site listens for HTTP/3.
      type: bool
    record:
      description: What the role wrote into the file for runs of another inventory that keep the site.
      type: dict
    reuseport:
      description: Whether it is the one that asks for a socket of each worker process for that.
      type: bool
configuration:
  description: What is at the paths that O(configuration) matches, for the filter P(pyweb.stack.config_in_place#filter).
  returned: success
  type: dict
  contains:
    patterns:
      description: O(configuration).
      type: list
      elements: str
    unfinished:
      description: Whether a run of P(pyweb.stack.config_files#module) was killed before its end.
      type: bool
    paths:
      description: By path, its C(kind), C(owner), C(group) and C(mode), and the C(digest) of a file's content as SHA-256.
      type: dict
user:
  description: The user that the configuration names for worker processes. Empty unless O(config).
  returned: success
  type: str
includes:
  description: What C(/etc/nginx/nginx.conf) includes. Empty unless O(config).
  returned: success
  type: list
  elements: str
foreign:
  description: What the configuration of others asks for.
  returned: success
  type: dict
  contains:
    writes:
      description: Directories that nginx writes to, besides its usual ones.
      type: list
      elements: str
    temporary:
      description: Whether files or sockets in C(/tmp) or C(/var/tmp) are used.
      type: bool
    names:
      description: Server names.
      type: list
      elements: str
    tuned:
      description: Directives that role nginx would write, and that nginx takes once only.
      type: list
      elements: str
    addresses:
      description: Addresses, with port 80 or 443, of servers that do not listen at every address. Sites of others are not reached there.
      type: list
      elements: str
    defaults:
      description: Files that have the default server of port 80 or 443 at every address.
      type: list
      elements: str
occupied:
  description: Programs other than this nginx that listen at TCP port 80 or 443, with C(port) and C(by).
  returned: success
  type: list
  elements: dict
errors:
  description: The last serious lines of O(error_log), which say why a reload failed.
  returned: success
  type: list
  elements: str
"""

import glob
import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pyweb.stack.plugins.module_utils import _config_state as config_state
from ansible_collections.pyweb.stack.plugins.module_utils import _listening as listening
from ansible_collections.pyweb.stack.plugins.module_utils import _nginx_info as nginx_info

DISTRIBUTION_SITE = "/etc/nginx/sites-enabled/default"


def _missing_packages(module: AnsibleModule, packages: list[str]) -> list[str]:
    if not packages:
        return []
    # It ends with 1 when it does not know one of them.
    stdout = module.run_command(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages]
    )[1]
    installed = {line.split()[0] for line in stdout.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def _look_at_service(module: AnsibleModule, joined: frozenset[int]) -> dict[str, t.Any]:
    stdout = module.run_command(["systemctl", "show", "nginx.service", "--property", "ActiveState,UnitFileState,MainPID"])[1]
    service = dict(line.split("=", 1) for line in stdout.splitlines() if "=" in line)
    master_pid = int(service.get("MainPID", "0"))
    masters = nginx_info.read_processes([master_pid] if master_pid else [])
    master = masters[0] if masters else None
    children = nginx_info.read_processes(nginx_info.children_of(master_pid)) if master else []
    workers = nginx_info.workers_of(children, master_pid)
    reload_change = max(
        nginx_info.newest_content(module.params["reload_paths"]),
        nginx_info.newest_change(module.params["files"]),
    )
    restart_change = nginx_info.newest_content(module.params["restart_paths"])
    return {
        "enabled": service.get("UnitFileState") == "enabled",
        "running": service.get("ActiveState") in ("active", "reloading") and master is not None,
        "workers": len(workers),
        "occupied": listening.at([80, 443], service.get("MainPID", "0")),
        "reload_needed": nginx_info.reload_needed(workers, reload_change, joined),
        "restart_needed": nginx_info.restart_needed(master, restart_change),
    }


def _wait_for_service(module: AnsibleModule, joined: frozenset[int]) -> dict[str, t.Any]:
    deadline = time.monotonic() + module.params["wait"]
    while True:
        service = _look_at_service(module, joined)
        loaded = service["running"] and not service["reload_needed"] and not service["restart_needed"]
        if loaded or time.monotonic() >= deadline:
            return service
        time.sleep(0.1)


def _is_distribution_site(module: AnsibleModule, path: str) -> bool:
    """Whether the link shows Debian's example as the package brought it. One that somebody has written his own site into is his."""
    example = os.path.realpath(path)
    if not os.path.islink(path) or example != "/etc/nginx/sites-available/default":
        return False
    told = module.run_command(["dpkg-query", "--show", "--showformat", "${Conffiles}\n", "nginx-common"])[1]
    return [example, module.md5(example)] in [line.split()[:2] for line in told.splitlines()]


def main() -> None:
    paths: dict[str, t.Any] = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "packages": paths,
            "user": {"type": "str", "default": "www-data"},
            "groups": paths,
            "files": paths,
            "list": paths,
            "reload_paths": paths,
            "restart_paths": paths,
            "sites": {"type": "str"},
            "configuration": paths,
            "config": {"type": "bool", "default": False},
            "certificates": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    **{name: {"type": "str", "required": True, "no_log": False} for name in ("site", "source", "certificate", "key")},
                    "domains": {"type": "list", "elements": "str", "default": []},
                },
            },
            "wait": {"type": "int", "default": 0},
            "error_log": {"type": "path", "default": "/var/log/nginx/error.log"},
        },
        supports_check_mode=True,
    )
    params = module.params
    membership = nginx_info.read_membership(params["user"], params["groups"])
    service = _wait_for_service(module, membership.joined)
    module.exit_json(
        changed=False,
        missing_packages=_missing_packages(module, params["packages"]),
        package_lists=bool(glob.glob("/var/lib/apt/lists/*_Packages*")),
        missing_groups=membership.missing,
        groups_to_join=membership.to_join,
        missing_files=[
            path for path in params["files"] if not (os.path.isfile(path) and os.path.getsize(path) > 0)
        ],
        certificates=nginx_info.look_at_certificates(params["certificates"]),
        listed=nginx_info.expand(params["list"]),
        ipv6=os.path.exists("/proc/net/if_inet6"),
        distribution_site=_is_distribution_site(module, DISTRIBUTION_SITE),
        sites=nginx_info.look_at_sites(params["sites"]),
        configuration=config_state.found(params["configuration"]),
        **nginx_info.look_at_config(params["config"]),
        errors=nginx_info.serious_lines(nginx_info.read_tail(params["error_log"])),
        **service,
    )


if __name__ == "__main__":
    main()
