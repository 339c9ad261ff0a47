#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Begin, activate, roll back and prune releases of a Python web application
version_added: 0.1.0
author: pyweb.stack contributors (@pyweb)
description:
  - Wraps M(community.general.deploy_helper), which makes the directories and switches the link C(current), with everything that it leaves open.
    Ids that are validated, one deploy at a time, a manifest for each release and a history, health gates,
    an automatic return, and pruning that can never touch a live, previous or running release.
  - A release is started beside the live one, proved on its own socket, switched to by one atomic rename, proved through nginx,
    and only then the old one is stopped. From just before the rename, a timer on the host completes or returns the switch
    if the controller goes away.
notes:
  - This is an action plugin; it needs C(become) where the connecting user is not root.
attributes:
  check_mode:
    description: Can run in check_mode and return what it would do.
    support: full
  diff_mode:
    description: Shows which release becomes live.
    support: full
options:
  name:
    description: Name of the application.
    type: str
    required: true
  state:
    description:
      - V(begin) decides what a deploy has to do on this host and makes missing directories. It returns the release's id.
      - V(activate) makes a release live that is built on this host.
      - V(rollback) makes an older release live. The one that is left is marked bad.
      - V(prune) deletes releases that are no longer needed.
      - V(pin) keeps a release from ever being deleted, V(unpin) lets it go.
      - V(unlock) ends the turn of a controller that is gone. A step that still runs on the host is waited for.
    type: str
    choices: [begin, activate, rollback, prune, pin, unpin, unlock]
    required: true
  release:
    description:
      - With O(state=activate), the id of the release.
      - With O(state=rollback), an id, a version or a revision to go back to. By default the last good one before the live release.
      - With O(state=pin) and O(state=unpin), likewise; by default the live release.
    type: str
  hosts:
    description:
      - What M(pyweb.stack.release_info) returned on each host that takes part, by host name, so that all hosts get the same release.
      - By default this host alone is asked.
    type: dict
  force:
    description: With O(state=begin), make a new release even if the live one is what is wanted.
    type: bool
    default: false
  runtime:
    description: With O(state=activate), the processes of the release. A release that was active before keeps those that it had.
    type: dict
    suboptions:
      manager:
        description: The process manager. The live release ends under its own, whatever the new one has.
        type: str
        choices: [systemd, supervisor]
        default: systemd
      processes:
        description: Processes by name, as the role appserver takes them.
        type: dict
        required: true
      site:
        description: The site to check after the switch.
        type: dict
        suboptions:
          domain:
            description: Host name of the site.
            type: str
            required: true
          port:
            description: Port of nginx for https on this host.
            type: int
            default: 443
          files:
            description: The site has files only, and no process.
            type: bool
            default: false
      applications:
        description: How many applications share this host; each has its share of workers.
        type: int
        default: 1
      socket_group:
        description: Group that may connect to the socket.
        type: str
        default: www-data
  watch:
    description: Seconds that the old release stays ready after the switch, while the new one is watched. Never less than 2.5.
    type: float
    default: 2.5
  keep_releases:
    description: How many good releases are kept, the live one among them.
    type: int
    default: 5
  keep_days:
    description: Days after which a good release is deleted, whatever O(keep_releases) says.
    type: int
  keep_free:
    description: Megabytes that are to be free; below, old releases are deleted until it is so.
    type: int
    default: 512
  hooks:
    description:
      - With O(state=activate) and O(state=rollback), what runs at each phase, as the role app takes it.
      - Files of tasks are the business of the playbook.
    type: dict
    default: {}
  lease:
    description: With O(state=activate), who deploys, as O(state=begin) returned it.
    type: dict
"""

EXAMPLES = r"""
- name: Decide what is to be done
  pyweb.stack.release:
    name: guestbook
    state: begin
    hosts: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'guestbook_info'))) }}"
  register: begun

- name: Make it live
  pyweb.stack.release:
    name: guestbook
    state: activate
    release: "{{ begun.release }}"
    lease: "{{ begun.lease }}"
    runtime:
      processes: {web: {wsgi: "guestbook:app"}}
      site: {domain: guestbook.example.com}
  when: begun.activate

- name: Go back to the release before the live one
  pyweb.stack.release:
    name: guestbook
    state: rollback
"""

RETURN = r"""
release:
  description: Id of the release.
  returned: always
  type: str
  sample: 20261120T201500Z-1a2b3c4
revision:
  description: Its commit.
  returned: with O(state=begin)
  type: str
build:
  description: Whether the release has to be built on this host.
  returned: with O(state=begin)
  type: bool
lock_host:
  description: The host that finds the versions of all requirements for all hosts (O(pyweb.stack.release_build#module:lock_only)), or none.
  returned: with O(state=begin)
  type: str
prepare:
  description: Whether any host has packages to install or versions to find before the release is built.
  returned: with O(state=begin)
  type: bool
platforms:
  description: Versions of Python and machines that the release is built for.
  returned: with O(state=begin)
  type: list
  elements: str
migrate:
  description: Whether the release is a new one for any host.
  returned: with O(state=begin)
  type: bool
activate:
  description: Whether the release has to be activated on this host.
  returned: with O(state=begin)
  type: bool
lease:
  description: Who deploys. The following steps need it.
  returned: with O(state=begin)
  type: dict
held:
  description: Who was deploying (C(by)) and since when (C(since)), if anybody.
  returned: with O(state=unlock)
  type: dict
previous:
  description: Id of the release that was live before.
  returned: with O(state=activate) and O(state=rollback)
  type: str
pruned:
  description: Ids of the releases that were deleted.
  returned: with O(state=activate), O(state=rollback) and O(state=prune)
  type: list
  elements: str
"""
