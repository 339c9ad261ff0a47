# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess

import pytest
import testinfra
from hardened import is_strict, ssh


@pytest.fixture
def address(host):
    return host.ansible.get_variables()["ansible_host"]


def connect(address, port):
    """What a stranger meets: 'open', 'closed' or, when nobody answers, 'filtered'."""
    try:
        with socket.create_connection((address, port), timeout=1.5):
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "filtered"


def test_the_administrator_still_logs_in_and_becomes_root(host):
    result = ssh(host, "admin", command="sudo -n id -u")
    assert (result.returncode, result.stdout) == (0, "0\n"), result.stderr


def test_a_right_password_is_refused(host):
    result = ssh(host, "visitor", "-o", "PubkeyAuthentication=no")
    assert result.returncode == 255
    assert "Permission denied (publickey)" in result.stderr


def test_sshd_has_the_settings(host):
    assert {
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitemptypasswords no",
        "x11forwarding no",
        "loglevel VERBOSE",
        "requiredrsasize 2048",
    } <= set(host.check_output("sshd -T").splitlines())


def test_what_was_stricter_before_is_so_still(host):
    assert {
        "permitrootlogin no",
        "logingracetime 20",
        "clientaliveinterval 60",
        "maxsessions 4",
        "pubkeyacceptedalgorithms ssh-ed25519",
        "casignaturealgorithms ssh-ed25519",
    } <= set(host.check_output("sshd -T").splitlines())
    assert host.file("/etc/needrestart/conf.d").mode == 0o700


def test_ssh_audit_has_a_policy_that_is_kept(host, address):
    """Only for Debian 13: the one for Debian 12 asks for finite fields, and for another RSA key of the host."""
    if not is_strict(host) or host.system_info.codename != "trixie":
        return
    said = subprocess.run(
        # Its test of the rate would make OpenSSH 9.8 and later refuse this address for a while.
        ["ssh-audit", "--skip-rate-test", "--policy", "Hardened Debian 13 (version 1)", address], check=False, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stdout


def test_modules_that_no_server_needs_are_not_loaded(host):
    text = host.file("/etc/modprobe.d/pyweb.conf").content_string
    assert "install dccp /bin/false\nblacklist dccp\n" in text
    assert ("blacklist usb-storage" in text) == is_strict(host)


def test_crashes_leave_no_dumps(host, address):
    assert ssh(host, "admin", command="ulimit -H -c").stdout == "0\n"
    assert host.file("/etc/systemd/coredump.conf.d/pyweb.conf").contains("Storage=none")


def test_ssh_audit_finds_nothing(host, address):
    """Except that curve25519 resists no quantum computers: it stays, for clients that know nothing newer."""
    # Its exit code tells of findings, too.
    output = subprocess.run(
        ["ssh-audit", "--json", "--skip-rate-test", address], check=False, capture_output=True, text=True, timeout=60
    ).stdout
    found = {
        (entry["algorithm"], note)
        for kind in ("kex", "key", "enc", "mac")
        for entry in json.loads(output)[kind]
        for level in ("fail", "warn")
        for note in entry["notes"].get(level, [])
    }
    if is_strict(host):
        assert found == set()
        return
    quantum = "does not provide protection against post-quantum attacks"
    assert found <= {("curve25519-sha256", quantum), ("curve25519-sha256@libssh.org", quantum)}


def test_the_keys_of_the_host_are_the_old_ones(host):
    assert host.run("sha256sum --check --quiet /root/host_keys").rc == 0


def test_nothing_is_left_to_go_back(host):
    assert host.check_output("systemctl list-units --all --plain --no-legend 'pyweb-hardening-return*'") == ""


@pytest.fixture
def listener(host):
    """A server on a port that is not allowed, and one on a port that is."""
    ports = (8080, 80)
    for port in ports:
        host.check_output(f"systemd-run --collect --unit=listener-{port} python3 -m http.server {port}")
        host.check_output(f"timeout 20 sh -c 'until ss -Hltn sport = :{port} | grep -q .; do sleep 0.1; done'")
    yield
    for port in ports:
        host.check_output(f"systemctl stop listener-{port}")


def test_only_what_is_allowed_comes_in(address, listener):
    assert connect(address, 8080) == "filtered"
    assert connect(address, 8085) == "filtered"
    assert connect(address, 80) == "open"


def test_ping_comes_in(address):
    # Without a ping program: an echo request by a datagram socket, or a raw one where that is not allowed.
    kinds = (socket.SOCK_DGRAM, socket.SOCK_RAW)
    for kind in kinds:
        try:
            with socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP) as channel:
                channel.settimeout(3)
                channel.sendto(b"\x08\x00\xf7\xfd\x00\x01\x00\x01", (address, 0))
                assert channel.recv(64)
                return
        except PermissionError:
            continue
    pytest.fail("This user may send no echo request.")


def test_the_firewall_has_the_rules(host):
    assert {
        "tcp dport 22 accept",
        "tcp dport 80 accept",
        "udp dport 443 accept",
        "ip saddr { 127.0.0.0/8, 192.0.2.0/24 } tcp dport 8100-8110 accept",
        "ip6 saddr 2001:db8::/32 tcp dport 8100-8110 accept",
        "type filter hook input priority filter; policy drop;",
    } <= {line.strip() for line in host.check_output("nft list table inet pyweb").splitlines()}


def test_the_firewall_lets_protocols_without_ports_in(host):
    # nft writes the protocol's name where the host has /etc/protocols.
    listed = host.check_output("nft list table inet pyweb")
    assert any(f"ip saddr 192.0.2.2 meta l4proto {protocol} accept" in listed for protocol in ("112", "vrrp"))


def test_tables_of_others_are_left_alone(host):
    host.check_output("nft add table inet foreign")
    host.check_output("systemctl reload pyweb-firewall")
    host.check_output("systemctl restart pyweb-firewall")
    host.check_output("nft delete table inet foreign")


def test_the_firewall_is_loaded_at_boot_and_after_others(host):
    unit = host.service("pyweb-firewall")
    assert unit.is_enabled
    assert unit.is_running
    # Debian's own unit empties all tables.
    host.check_output("systemctl start nftables")
    host.check_output("systemctl reload nftables")
    assert "policy drop" in host.check_output("nft list table inet pyweb")
    host.check_output("systemctl restart nftables")
    assert "policy drop" in host.check_output("nft list table inet pyweb")


def test_the_kernel_has_the_settings(host):
    wanted = {
        "net/core/somaxconn": "2048",
        "net/ipv4/conf/all/rp_filter": "2",
        "net/ipv4/conf/all/accept_redirects": "0",
        "net/ipv4/conf/all/send_redirects": "1",
        "net/ipv4/conf/default/send_redirects": "0",
    }
    values = host.check_output("cd /proc/sys && cat %s" % " ".join(wanted)).split()
    assert dict(zip(wanted, values)) == wanted


def test_no_file_of_a_package_has_the_last_word_on_the_kernel(host):
    """Debian 12's procps brings a file that sorts after most."""
    lines = host.check_output("systemd-analyze cat-config sysctl.d").splitlines()
    values = [line.partition("=")[2].strip() for line in lines if re.match("-?fs.protected_fifos *=", line)]
    assert values[-1] == "2"


def test_upgrades_are_security_upgrades(host):
    said = host.run("LC_ALL=C unattended-upgrade --dry-run --verbose")
    origins = next(line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Allowed origins"))
    codename = host.system_info.codename
    assert origins.partition(": ")[2].split(", ") == [
        f"origin=Debian,codename={codename},label=Debian-Security",
        f"origin=Debian,codename={codename}-security,label=Debian-Security",
        # Somebody else's.
        "origin=Docker,label=Docker CE",
    ]
    assert "Initial blacklist: ^supervisor$" in said.stdout + said.stderr


def test_upgrades_run_every_day_and_do_not_reboot(host):
    settings = shlex.split(
        host.check_output(
            "apt-config shell update APT::Periodic::Update-Package-Lists"
            " upgrade APT::Periodic::Unattended-Upgrade reboot Unattended-Upgrade::Automatic-Reboot"
        )
    )
    assert sorted(settings) == ["update=1", "upgrade=1"]
    assert host.service("apt-daily-upgrade.timer").is_enabled


def test_needrestart_leaves_applications_alone(host):
    script = (
        "our %nrconf; defined do '/etc/needrestart/conf.d/pyweb.conf' or die;"
        "for my $unit (@ARGV) { print grep({ $unit =~ $_ } keys %{$nrconf{override_rc}}) ? 0 : 1 }"
    )
    units = "pyweb.shop.web.20261120T201500Z-1a2b3c4.service supervisor.service ssh.service apache2.service gunicorn.service"
    # In baseline others decide about others.
    assert host.check_output(f"perl -e %s {units}", script) == ("00100" if is_strict(host) else "00111")
    assert host.package("needrestart").is_installed == is_strict(host)


def test_new_files_of_root_are_for_others_only_in_baseline(host):
    assert ssh(host, "admin", command="sudo -n sh -c umask").stdout == ("0027\n" if is_strict(host) else "0022\n")
    assert host.check_output("bash -lc 'umask'") == ("0027" if is_strict(host) else "0022")


def test_homes_of_new_accounts_are_not_for_others(host):
    host.check_output("useradd --create-home newcomer")
    try:
        assert host.file("/home/newcomer").mode & 0o027 == 0
    finally:
        host.check_output("userdel --remove newcomer 2>/dev/null")


def test_homes_that_are_there_are_shut_in_strict(host):
    assert host.file("/home/visitor").mode == (0o750 if is_strict(host) else 0o755)


def test_su_is_for_the_group_sudo_in_strict(host):
    said = host.run("echo 'open sesame' | runuser -u nobody -- su visitor -c 'id -un'")
    assert said.stdout.strip() == ("" if is_strict(host) else "visitor"), said.stderr
    assert host.check_output("su visitor -c 'id -un'") == "visitor"


def test_sudo_writes_down_who_did_what(host):
    ssh(host, "admin", command="sudo -n /usr/bin/env LOOK_FOR_ME=1 true")
    assert "LOOK_FOR_ME=1" in host.file("/var/log/sudo.log").content_string
    assert host.file("/var/log/sudo.log").mode == 0o600
    host.check_output("visudo -c")


def test_only_root_reads_jobs_and_the_configuration_of_sshd(host):
    assert host.file("/etc/ssh/sshd_config").mode == 0o600
    assert host.file("/etc/cron.daily").mode == 0o700


def test_the_journal_outlives_a_reboot(host):
    host.check_output("logger outlives && journalctl --sync")
    assert "outlives" in host.check_output("journalctl --directory=/var/log/journal --grep outlives --output=cat")


def test_something_keeps_the_time(host):
    assert host.package("systemd-timesyncd").is_installed


def test_strangers_may_open_few_connections_to_ssh_at_a_time(host, address):
    rules = host.check_output("nft list chain inet pyweb input")
    client = ssh(host, "admin", command="echo $SSH_CONNECTION").stdout.split()[0]
    assert 0 < rules.index(f"ip saddr {client} tcp dport 22 accept") < rules.index("update @ssh4")
    # It has been restarted, and may have another address than the inventory says.
    stranger = testinfra.get_host("docker://hardening-bare13")
    knock = f"seq 150 | xargs -P 150 -I N timeout 2 bash -c '(: </dev/tcp/{address}/22) 2>/dev/null && echo open'"
    opened = stranger.run(knock).stdout.split()
    assert 0 < len(opened) < 150
