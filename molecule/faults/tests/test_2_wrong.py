# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that are wrong: each leaves the live release as it is, and is told in one sentence that says what to do."""

import io
import re
import tarfile

import pytest

EMPTY = {"build": ["mkdir -p public"]}
full = pytest.mark.full


@pytest.fixture(autouse=True)
def nothing_changes(server):
    """The live release stays, with the very same processes."""
    server.idle()
    before = server.live(), server.web()
    yield
    assert (server.live(), server.web()) == before
    assert server.up() == {before[0]}
    assert server.info()["lease"] is None, "the turn of a deploy that failed has ended"


def told(outcome):
    """The first line of what it says: the rest is what a tool has printed."""
    assert outcome.status == 2, outcome.output
    (message,) = set(outcome.messages)
    assert "Traceback" not in message, message
    return message.splitlines()[0]


@pytest.mark.parametrize("tag, sentence", [
    pytest.param("missing", r"shop: release \S+ was not built: .*requirements.* failed \(exit status 1\); .*", marks=full),
    pytest.param("wrong-hash", r"shop: release \S+ was not built: .*requirements.* failed \(exit status \d+\); "
                 r".* is not the file that was locked: .*", marks=full),
])
def test_requirements_that_cannot_be_had(server, tag, sentence):
    said = told(server.deploy(**server.shop(tag, **EMPTY)))
    assert re.fullmatch(sentence, said), said


@full
def test_a_package_index_that_is_away(server):
    said = told(server.deploy(**server.shop("unpinned", dependencies={"index": "https://127.0.0.1:9/simple"}, **EMPTY)))
    assert re.fullmatch(r"shop: release \S+ was not built: .* failed \(exit status \d+\); .*(reach|index).*", said), said


def test_a_disk_that_fills_up_while_an_environment_is_built(server):
    server.run("mount -t tmpfs -o size=400k,mode=0750,uid=$(id -u shop-build),gid=$(id -g shop-build) tmpfs /srv/shop/build/envs")
    try:
        said = told(server.deploy(**server.shop("two", build_env={"FULL": "disk"}, **EMPTY)))
        assert re.fullmatch(r"shop: release \S+ was not built: .*; the disk is full: free some space and deploy again\.", said), said
    finally:
        server.run("umount /srv/shop/build/envs")


@full
def test_a_disk_that_is_full_before_anything_is_written(server):
    """/var/lib/pyweb is another file system, and it has not a byte left."""
    server.run("cp -a /var/lib/pyweb /root/state && mount -t tmpfs -o size=3m,mode=0755 tmpfs /var/lib/pyweb && cp -a /root/state/. /var/lib/pyweb")
    try:
        server.run("dd if=/dev/zero of=/var/lib/pyweb/fill bs=4k 2>/dev/null || true")
        said = told(server.deploy(**server.shop("two", build_env={"FULL": "state"}, **EMPTY)))
        assert re.fullmatch(r"shop: release \S+ was not built: the disk is full( \(/var/lib/pyweb/shop/\S+\))?: free some space and deploy again\.", said), said
        assert server.shell.file("/var/lib/pyweb/shop/history.jsonl").size > 0
        server.run("rm /var/lib/pyweb/fill")
        # The same again, now that there is space, up to the moment after the switch: then there is none again.
        server.run("systemd-run --quiet --collect --unit=filler bash -c 'live=$(readlink /srv/shop/current); "
                   "while [ $(readlink /srv/shop/current) = $live ]; do sleep 0.01; done; dd if=/dev/zero of=/var/lib/pyweb/fill bs=4k; true'")
        said = told(server.deploy(**server.shop("two", build_env={"FULL": "state"}, **EMPTY)))
        assert re.fullmatch(r"shop: the disk is full( \(/var/lib/pyweb/shop/\S+\))?: free some space and deploy again\.", said), said
        assert not server.shell.file("/var/lib/pyweb/shop/switch.json").exists
        server.run("rm /var/lib/pyweb/fill")
    finally:
        server.run("rm -f /var/lib/pyweb/fill; rm -rf /root/state; cp -a /var/lib/pyweb /root/state; umount /var/lib/pyweb; "
                   "rm -rf /var/lib/pyweb/* && cp -a /root/state/. /var/lib/pyweb && rm -rf /root/state")


@full
def test_a_migration_that_fails(server):
    said = told(server.deploy(**server.shop("two", build_env={"BAD": "migration"}, migrate="echo no such table; exit 9", **EMPTY)))
    assert said == "shop: 'echo no such table; exit 9' failed (exit status 9)."


@full
def test_a_branch_that_is_missing(server):
    said = told(server.deploy(**server.shop("nowhere")))
    assert said == "shop: git://127.0.0.1/probe has no branch, tag or commit 'nowhere': check the version."


@full
@pytest.mark.parametrize("member, link, sentence", [
    ("../evil", None,
     r"shop: release \S+ was not built: \S+/evil\.tar has the member '\.\./evil', which leads out of the release; "
     r"pack it from within the directory of the source, as in tar -C shop -czf shop\.tar\.gz \.: nothing of it was unpacked\."),
    ("shop/evil", "../../etc/passwd", r"shop: release \S+ was not built: \S+/evil.tar has the member 'shop/evil', which is a link to '\.\./\.\./etc/passwd', "
                                      r"out of the release; leave it out, or pack what it leads to: nothing of it was unpacked\."),
])
def test_an_archive_that_leads_out_of_the_release(server, tmp_path, member, link, sentence):
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        for name, target in (("shop/probe.py", None), (member, link)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
            archive.addfile(info, io.BytesIO())
    source = {"repo": None, "version": "HEAD", "archive": str(tmp_path / "evil.tar")}
    said = told(server.play("deploy", pyweb_app_overrides={"shop": {"source": source, **EMPTY}}))
    assert re.fullmatch(sentence, said), said
    assert server.run("find /srv/shop -name evil") == ""


@full
def test_a_repository_that_a_crash_has_left_locked(server):
    """git leaves such files behind when it is killed, and refuses to go on. The deploy that follows needs no hand."""
    mirror = server.run("dirname $(ls -d /srv/shop/build/*/HEAD | head -1)")
    server.run(f"runuser -u shop-build -- touch {mirror}/packed-refs.lock {mirror}/HEAD.lock {mirror}/refs/heads/main.lock {mirror}/config.lock")
    server.run("git -C /opt/git/probe branch --force locked two")
    said = told(server.deploy(**server.shop("locked", build=["exit 5"])))
    assert "build step 'exit 5' failed" in said


@full
def test_a_connection_that_is_lost(server):
    """sshd and all its sessions end in mid-build. What the host was doing goes on; the next deploy takes it up."""
    step = "sleep 12.25"
    wanted = server.shop("two", build_env={"LOST": "1"}, build=["mkdir -p public", step], migrate="exit 3")
    deploy = server.begin("deploy", **wanted)
    server.until(lambda: step in server.run("ps -eo args"), 60)
    server.run("systemctl stop ssh.service ssh.socket; pkill -9 -f '^sshd' || true")
    outcome = deploy.wait()
    assert outcome.status == 4 and outcome.recap["faults-host"]["unreachable"] == 1, outcome.output
    server.run("systemctl start ssh.service")
    server.idle()
    assert server.state(max(server.run("ls /srv/shop/releases").split())) == "built"
    # It goes on with what is built: the migration is next.
    said = told(server.deploy(**wanted))
    assert said == "shop: 'exit 3' failed (exit status 3)."
