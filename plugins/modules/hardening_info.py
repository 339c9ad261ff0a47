#!/usr/bin/python
# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hardening_info
short_description: Look at all that the role hardening decides on, in one round trip
version_added: 0.1.0
author:
  - The pyweb.stack authors (@pyweb)
description:
  - Tells who is connected over SSH and by which port, whether that user could log in again with a key,
    and which settings sshd really has for that connection.
  - Tells which packages are missing, and which of the role's files are not in force yet.
extends_documentation_fragment:
  - pyweb.stack.attributes.info
  - ansible.builtin.action_common_attributes
attributes:
  platform:
    platforms: posix
options:
  packages:
    description: Debian packages that should be installed. Of names with C(|) between them one is enough; the first is the one that is missing.
    type: list
    elements: str
    default: []
  rsa_bits:
    description: RSA keys shorter than this do not count as keys to log in with.
    type: int
    default: 2048
  kept:
    description:
      - Directory with a copy of each file of O(files) as it was when it was last in force.
      - Also holds C(firewall.live), the nftables table of O(table) as it was then.
    type: path
    required: true
  files:
    description: The files to compare with their copies in O(kept), by the name of the copy.
    type: dict
    default: {}
  sshd:
    description: The settings of sshd that are wanted, to be compared with what is in force without the file C(ssh) of O(files).
    type: list
    elements: dict
    default: []
    suboptions:
      keyword:
        description: The keyword of C(sshd_config).
        type: str
        required: true
      value:
        description: Its value.
        type: str
        required: true
      given:
        description: Whether somebody has asked for just this value, even where it is looser than what is in force.
        type: bool
        default: false
  root_waits:
    description:
      - Whether what O(sshd) says of root's login, and of who may log in at all, waits while Ansible connects as root; root then may log in by key.
    type: bool
    default: false
  sshd_words:
    description:
      - Whether C(/etc/ssh/sshd_config) itself repeats O(sshd) after the drop-ins that it includes. Graders read only that file; to sshd it
        makes no difference.
    type: bool
    default: false
  login_defs:
    description: Settings that C(/etc/login.defs) should have; stricter ones that it has stay.
    type: dict
    default: {}
  blocks:
    description: Lines that should stand at the top of files of others, by path; in C(/etc/fstab), a mount point keeps a line that it has already.
    type: dict
    default: {}
  instead:
    description:
      - Lines that should stand at the top of files of others instead of lines there that match a regular expression as a whole. Where no line matches,
        or it is not wanted, the file is as it was without the role.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file.
        type: path
        required: true
      of:
        description: The regular expression. Lines that match it become comments.
        type: str
        required: true
      lines:
        description: What stands instead.
        type: list
        elements: str
        default: []
      wanted:
        description: Whether it is asked for.
        type: bool
        default: true
  originals:
    description: Files of others that are replaced as a whole, by path; the value is the name of the copy in O(kept).
    type: dict
    default: {}
  drop_ins:
    description: Files that others may have written under the same name.
    type: list
    elements: path
    default: []
  look_for:
    description: Paths to look for.
    type: list
    elements: path
    default: []
  upgrades:
    description: The role's own file for unattended-upgrades. What the files before it let in is told.
    type: path
  directories:
    description: Directories that should be there.
    type: list
    elements: path
    default: []
  modules:
    description: Names of modules of the kernel to look for.
    type: list
    elements: str
    default: []
  sysctls:
    description: Names of kernel settings to read. A C(*) stands for all interfaces.
    type: list
    elements: str
    default: []
  table:
    description: Family and name of the nftables table that must be loaded as it was kept.
    type: str
    required: true
  unit:
    description: Unit that loads O(table) at boot.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Look at SSH, firewall and packages
  pyweb.stack.hardening_info:
    packages: [nftables]
    kept: /var/lib/pyweb-hardening
    files:
      ssh: /etc/ssh/sshd_config.d/00-pyweb.conf
    table: inet pyweb
    unit: pyweb-firewall.service
  register: found
"""

RETURN = r"""
missing_packages:
  description: Those of O(packages) that are not installed.
  returned: always
  type: list
  elements: str
  sample: [nftables]
waiting:
  description: Names of O(files) that are not in force as they are; C(firewall) also when the table or the unit is not, C(aide)
    also when it has no database yet and none is being made.
  returned: always
  type: list
  elements: str
  sample: [ssh]
missing_directories:
  description: Those of O(directories) that are not there.
  returned: always
  type: list
  elements: str
  sample: [/etc/pyweb]
edited:
  description:
    - The content that files of others should have, by path, as O(login_defs), O(blocks), O(instead) and O(sshd_words) ask; without these, what it was without
      the role. Files that are not there, or are not UTF-8, are left out.
  returned: always
  type: dict
  contains:
    content:
      description: The text.
      type: str
    mode:
      description: The mode that the file has, which stays.
      type: str
accounts:
  description: What is worth knowing of the accounts of the host.
  returned: always
  type: dict
  contains:
    names:
      description: Their names.
      type: list
      elements: str
    homes:
      description: Home directories of people who can log in.
      type: list
      elements: str
    notes:
      description: A sentence for each account that somebody should look at.
      type: list
      elements: str
      sample: [guest needs no password]
    sudo:
      description: Names that sudoers, except the file C(sudo) of O(files), set for everybody; null where there is no sudo.
      type: list
      elements: str
      sample: [env_reset, use_pty]
origins:
  description: From where unattended-upgrades may upgrade without O(upgrades).
  returned: always
  type: list
  elements: str
  sample: ["origin=Docker,label=Docker CE"]
host:
  description: What belongs to others.
  returned: always
  type: dict
  contains:
    originals:
      description: The text of O(originals) as it was before, by path. Files that are not there are left out.
      type: dict
    of_others:
      description: Those of O(drop_ins) that are there, and that the role has not written.
      type: list
      elements: str
    there:
      description: Those of O(look_for) that are there.
      type: list
      elements: str
    crontabs:
      description: Names of accounts that have jobs of their own.
      type: list
      elements: str
    is_named:
      description: Whether C(/etc/hostname) is a mount, by which engines such as Docker's name their containers.
      type: bool
    container:
      description: Whether the host is a container, whose kernel is another's.
      type: bool
    reads_all:
      description: Whether root may read every file here.
      type: bool
    faillock_of_others:
      description: Whether somebody else has set up C(pam_faillock).
      type: bool
    history_of_others:
      description: Whether somebody else has set up C(pam_pwhistory).
      type: bool
    swap_file:
      description: The size of C(/swapfile) in MiB; null where there is none.
      type: int
    room:
      description: What the disk of C(/) has left for root, in MiB.
      type: int
    packages:
      description: Packages that the role has installed, as the file C(packages) in O(kept) says.
      type: list
      elements: str
served:
  description: Who listens for others, with C(protocol), C(port) and C(by); nothing where the role's firewall is there already.
  returned: always
  type: list
  elements: dict
  sample: [{protocol: tcp, port: 5432, by: postgresql}]
loaded_modules:
  description: Those of O(modules) that are loaded.
  returned: always
  type: list
  elements: str
  sample: [sctp]
sysctls:
  description: The values of those of O(sysctls) that this kernel has.
  returned: always
  type: dict
  sample: {kernel.yama.ptrace_scope: "1"}
ssh:
  description: The SSH server and the connection that this runs through.
  returned: always
  type: dict
  contains:
    installed:
      description: Whether there is an SSH server.
      type: bool
    error:
      description: What sshd says when it refuses its present configuration, else empty.
      type: str
    settings:
      description: What C(sshd -T) prints for this connection; a list for each keyword.
      type: dict
      sample: {passwordauthentication: ["no"]}
    lines:
      description:
        - What the drop-in says for each of O(sshd). The value is null where something stricter is in force already, by another file;
          C(why) tells what.
      type: list
      elements: dict
      sample: [{keyword: LoginGraceTime, value: null, why: "is 20 here, which is stricter than 30"}]
    undone:
      description: What the drop-in promises but another file undoes for this connection.
      type: list
      elements: str
    waits:
      description: Keywords of O(sshd) that wait for a run that does not connect as root.
      type: list
      elements: str
    foreseen:
      description: What it would promise and another file would undo, once it is in place.
      type: list
      elements: str
    loosened:
      description: What is looser than it would be without the drop-in, though nobody has asked for it.
      type: list
      elements: str
    ways:
      description: Rules of nftables that let in the tunnel by which this connection, or that of an earlier run, enters the host.
      type: list
      elements: str
      sample: ["# Way in: wireguard wg0", "udp dport 51820 accept"]
    way_unknown:
      description: Why it is not known how this connection enters the host, else empty.
      type: str
    exempt:
      description: Addresses from which this connection, or those of earlier runs, come; no limit of rates applies to them.
      type: list
      elements: str
      sample: [192.0.2.5]
    port:
      description: The port that this connection came in by; null when this runs through no SSH connection, or by one without addresses.
      type: int
      sample: 22
    ports:
      description: The ports that sshd is configured for.
      type: list
      elements: int
    listening:
      description: The ports by which SSH comes in now, also by an sshd of another unit, or by C(ssh.socket).
      type: list
      elements: int
      sample: [22, 2222]
    address:
      description: An address of the host where sshd listens.
      type: str
      sample: 192.0.2.10
    user:
      description: Name of the user who logged in; null when this runs through no SSH connection.
      type: str
    can_return:
      description: Whether that user has a key that sshd accepts, or may have one that it learns of elsewhere.
      type: bool
    looked_at:
      description: The files with keys, each with what was found.
      type: list
      elements: str
      sample: ["/home/admin/.ssh/authorized_keys: 1 usable key"]
"""

import dataclasses
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_host as hardening_host
from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_look as look
from ansible_collections.pyweb.stack.plugins.module_utils import _hardening_upgrades as upgrades
from ansible_collections.pyweb.stack.plugins.module_utils import _listening as listening
from ansible_collections.pyweb.stack.plugins.module_utils import _sshd_look as sshd_look
from ansible_collections.pyweb.stack.plugins.module_utils._hardening_options import HARDENING_INFO


def main() -> None:
    module = AnsibleModule(argument_spec=HARDENING_INFO, supports_check_mode=True)
    options = module.params
    ssh = sshd_look.look_at_ssh(module)
    module.exit_json(
        changed=False,
        missing_packages=look.missing_packages(module.run_command, options["packages"]),
        waiting=look.waiting(module.run_command, options["kept"], options["files"], options["table"], options["unit"]),
        edited={**look.edited(options["login_defs"], options["blocks"], options["instead"]), **sshd_look.edited(module, ssh)},
        host=hardening_host.look_at_host(module.run_command, options["kept"], options),
        accounts=look.look_at_accounts(options["files"].get("sudo", "")),
        origins=upgrades.origins(module.run_command, module.tmpdir, options["upgrades"]) if options["upgrades"] else [],
        sysctls=look.sysctls(options["sysctls"]),
        served=[] if os.path.exists(options["files"].get("firewall", "")) else [dataclasses.asdict(item) for item in listening.from_outside()],
        loaded_modules=[name for name in options["modules"] if os.path.isdir("/sys/module/" + name.replace("-", "_"))],
        missing_directories=[path for path in options["directories"] if not os.path.isdir(path)],
        ssh=ssh,
    )


if __name__ == "__main__":
    main()
