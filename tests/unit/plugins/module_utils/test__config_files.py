# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _config_files as cf
from ansible_collections.pyweb.stack.plugins.module_utils._config_files_diff import describe


def file_state(content=b"new\n", mode=0o644):
    return cf.State(cf.FILE, uid=os.getuid(), gid=os.getgid(), mode=mode, content=content)


def directory_state(mode=0o755):
    return cf.State(cf.DIRECTORY, uid=os.getuid(), gid=os.getgid(), mode=mode)


ABSENT = cf.State(cf.ABSENT)


def steps_for(*wanted):
    return cf.plan(wanted, {item.path: cf.look(item.path) for item in wanted})


@pytest.fixture
def journal(tmp_path):
    journal = cf.Journal(str(tmp_path / "journal"))
    journal.lock()
    yield journal
    journal.close()


def tree(root):
    found = {}
    for directory, directories, files in os.walk(root):
        if os.path.basename(directory) == "journal":
            continue
        for name in sorted(directories + files):
            path = os.path.join(directory, name)
            if name != "journal":
                found[os.path.relpath(path, root)] = cf.look(path)
    return found


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (ABSENT, file_state(), True),
        (file_state(), file_state(), False),
        (file_state(b"old"), file_state(b"new"), True),
        (file_state(mode=0o600), file_state(mode=0o644), True),
        (ABSENT, directory_state(), True),
        (directory_state(0o700), directory_state(0o755), True),
        (directory_state(), directory_state(), False),
        (cf.State(cf.LINK, target="/a"), cf.State(cf.LINK, target="/a"), False),
        (cf.State(cf.LINK, target="/a"), cf.State(cf.LINK, target="/b"), True),
        (cf.State(cf.LINK, target="/a"), file_state(), True),
        (file_state(), cf.State(cf.LINK, target="/a"), True),
        (file_state(), ABSENT, True),
        (ABSENT, ABSENT, False),
        (directory_state(), ABSENT, True),
    ],
)
def test_plan_makes_a_step_only_where_something_differs(before, after, changes):
    steps = cf.plan([cf.Wanted("/x", after)], {"/x": before})
    assert [step.before for step in steps] == ([before] if changes else [])


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (directory_state(), file_state(), "is a directory and should be a file"),
        (cf.State(cf.LINK, target="/a"), directory_state(), "is a link and should be a directory"),
        (file_state(), directory_state(), "is a file and should be a directory"),
        (cf.State(cf.OTHER), file_state(), "neither a file, a directory nor a link"),
    ],
)
def test_plan_refuses_what_cannot_be_replaced(before, after, words):
    with pytest.raises(cf.ConfigFilesError, match=words):
        cf.plan([cf.Wanted("/x", after)], {"/x": before})


@pytest.mark.parametrize(
    ("wanted", "patterns", "words"),
    [
        (["relative"], [], "'relative' is not usable"),
        (["/a/../b"], [], "is not usable"),
        (["/a/"], [], "is not usable"),
        ([], ["/"], "is not usable"),
        (["/a", "/a"], [], "/a is given twice"),
        (["/a"], ["/a"], "both wanted and in 'absent'"),
    ],
)
def test_contradictory_requests_are_refused(wanted, patterns, words):
    with pytest.raises(cf.ConfigFilesError, match=words):
        cf.check_request([cf.Wanted(path, file_state()) for path in wanted], patterns)


def test_missing_parents_counts_directories_made_before():
    steps = [
        cf.Step(cf.Wanted("/a", directory_state()), ABSENT),
        cf.Step(cf.Wanted("/a/b", file_state()), ABSENT),
        cf.Step(cf.Wanted("/c/d", file_state()), ABSENT),
    ]
    assert cf.missing_parents(steps, exists=lambda path: path == "/") == ["/c"]


def test_absent_patterns_spare_what_is_wanted(tmp_path):
    for name in ("site-a.conf", "site-b.conf", "other.conf", ".site-c.conf"):
        (tmp_path / name).touch()
    found = cf.expand_absent(
        [str(tmp_path / "site-*.conf"), str(tmp_path / "gone")], keep={str(tmp_path / "site-a.conf")}
    )
    assert found == [str(tmp_path / "site-b.conf")]


def test_a_dangling_link_counts_as_existing(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nothing")
    assert cf.expand_absent([str(link)], keep=()) == [str(link)]


def test_a_directory_goes_only_when_it_is_emptied(tmp_path, journal):
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "f").touch()
    with pytest.raises(cf.ConfigFilesError, match=r"is not empty \(f\)"):
        cf.check_emptied(steps_for(cf.Wanted(str(directory), ABSENT)))
    paths = cf.expand_absent([str(directory), str(directory / "*")], keep=())
    steps = steps_for(*[cf.Wanted(path, ABSENT) for path in paths])
    cf.check_emptied(steps)
    cf.Transaction(steps, journal).apply()
    assert not directory.exists()


def mixed(tmp_path):
    """Something of every kind of change."""
    (tmp_path / "changed").write_bytes(b"old\n")
    (tmp_path / "mode").write_bytes(b"new\n")
    os.chmod(tmp_path / "mode", 0o600)
    (tmp_path / "removed").write_bytes(b"precious\n")
    (tmp_path / "link").symlink_to("old-target")
    (tmp_path / "existing").mkdir(mode=0o700)
    return steps_for(
        cf.Wanted(str(tmp_path / "existing"), directory_state(0o750)),
        cf.Wanted(str(tmp_path / "made"), directory_state()),
        cf.Wanted(str(tmp_path / "made/new"), file_state(b"\x00\xff", mode=0o640)),
        cf.Wanted(str(tmp_path / "changed"), file_state()),
        cf.Wanted(str(tmp_path / "mode"), file_state()),
        cf.Wanted(str(tmp_path / "link"), cf.State(cf.LINK, target="new-target")),
        cf.Wanted(str(tmp_path / "removed"), ABSENT),
    )


def test_apply_then_nothing_is_left_to_do(tmp_path, journal):
    steps = mixed(tmp_path)
    transaction = cf.Transaction(steps, journal)
    transaction.apply()
    transaction.finish()
    assert {step.path: cf.look(step.path) for step in steps} == {step.path: step.after for step in steps}
    assert steps_for(*[step.wanted for step in steps]) == []
    assert not [name for name in tree(tmp_path) if cf.TEMPORARY_SUFFIX in name]
    assert not journal.exists()


def test_put_back_restores_everything(tmp_path, journal):
    steps = mixed(tmp_path)
    before = tree(tmp_path)
    modified = (tmp_path / "changed").stat().st_mtime_ns
    transaction = cf.Transaction(steps, journal)
    transaction.apply()
    assert tree(tmp_path) != before
    transaction.put_back()
    assert tree(tmp_path) == before
    assert (tmp_path / "changed").stat().st_mtime_ns == modified
    assert not journal.exists()


@pytest.mark.parametrize("call", ["_put_directory", "_stage", "_commit"])
@pytest.mark.parametrize("after", range(4))
def test_an_error_in_the_middle_leaves_what_was_there(tmp_path, journal, monkeypatch, call, after):
    steps = mixed(tmp_path)
    before = tree(tmp_path)
    original = getattr(cf, call)
    calls = []

    def failing(path, state):
        calls.append(path)
        if path.startswith(str(tmp_path / "journal")):
            calls.pop()
        elif len(calls) == after + 1:
            raise OSError("disk full")
        original(path, state)

    monkeypatch.setattr(cf, call, failing)
    try:
        cf.Transaction(steps, journal).apply()
    except OSError:
        assert tree(tmp_path) == before
        assert not journal.exists()
    else:
        assert len(calls) <= after


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
from ansible_collections.pyweb.stack.plugins.module_utils import _config_files as cf

count = 0
def dying(original):
    def call(*arguments, **named):
        global count
        result = original(*arguments, **named)
        count += 1
        if count == {limit}:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

journal = cf.Journal({journal!r})
journal.lock()
steps = cf.Journal({plan!r}).read()
for name in ("rename", "mkdir", "unlink", "fsync", "symlink", "fchmod"):
    setattr(os, name, dying(getattr(os, name)))
transaction = cf.Transaction(steps, journal)
transaction.apply()
print(count)
"""


def test_a_run_killed_at_any_moment_is_put_back_by_the_next_one(tmp_path):
    """SIGKILL after every single system call that changes something."""
    root = next(path for path in sys.path if os.path.isdir(os.path.join(path, "ansible_collections/pyweb/stack")))
    deaths = 0
    for limit in range(1, 200):
        place = tmp_path / str(limit)
        place.mkdir()
        steps = mixed(place)
        before = tree(place)
        written = cf.Journal(str(tmp_path / f"plan{limit}"))
        os.mkdir(written.directory)
        written.write(steps)
        journal = cf.Journal(str(tmp_path / f"journal{limit}"))
        script = KILLED.format(root=root, limit=limit, journal=journal.directory, plan=written.directory)
        process = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, process.stderr
        deaths += 1
        journal.lock()
        cf.recover(journal)
        assert tree(place) == before, f"killed after call {limit}"
        cf.Transaction(steps_for(*[step.wanted for step in steps]), journal).apply()
        assert {step.path: cf.look(step.path) for step in steps} == {step.path: step.after for step in steps}
        journal.close()
    assert deaths > 20


def test_recovery_leaves_alone_what_somebody_changed_since(tmp_path, journal):
    path = tmp_path / "f"
    path.write_bytes(b"old\n")
    cf.Transaction(steps_for(cf.Wanted(str(path), file_state())), journal).apply()
    path.write_bytes(b"by hand\n")
    assert cf.recover(journal) == []
    assert path.read_bytes() == b"by hand\n"
    assert not journal.exists()


def test_a_link_at_the_last_component_is_replaced_not_followed(tmp_path, journal):
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched\n")
    link = tmp_path / "f"
    link.symlink_to(victim)
    cf.Transaction(steps_for(cf.Wanted(str(link), file_state())), journal).apply()
    assert not link.is_symlink()
    assert victim.read_bytes() == b"untouched\n"


def test_a_planted_temporary_link_is_not_followed(tmp_path, journal):
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched\n")
    path = str(tmp_path / "f")
    os.symlink(victim, cf.temporary_name(path))
    cf.Transaction(steps_for(cf.Wanted(path, file_state())), journal).apply()
    assert victim.read_bytes() == b"untouched\n"
    assert cf.look(path) == file_state()


def test_the_new_file_is_never_readable_by_more_people_than_asked(tmp_path, journal, monkeypatch):
    modes = []
    original = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (modes.append(stat.S_IMODE(os.fstat(fd).st_mode)), original(fd)))
    cf.Transaction(steps_for(cf.Wanted(str(tmp_path / "f"), file_state(mode=0o600))), journal).apply()
    assert all(mode & 0o077 == 0 for mode in modes if not mode & 0o100)


def test_the_journal_is_for_root_alone(tmp_path, journal):
    cf.Transaction(steps_for(cf.Wanted(str(tmp_path / "f"), file_state())), journal).apply()
    assert stat.S_IMODE(os.stat(journal.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(journal.directory).st_mode) == 0o700


def test_two_runs_do_not_meet(tmp_path, journal):
    with pytest.raises(cf.ConfigFilesError, match="Another run"):
        cf.Journal(journal.directory).lock(timeout=0.2)


def step(before, after, **more):
    return cf.Step(cf.Wanted("/x", after, **more), before)


def test_difference_shows_the_content():
    (entry,) = describe([step(file_state(b"old\n"), file_state(b"new\n"))])
    assert (entry["before"], entry["after"]) == ("old\n", "new\n")
    assert entry["before_header"].startswith("/x (file ")


@pytest.mark.parametrize("before", [ABSENT, file_state(b"hunter1"), file_state(b"hunter2", mode=0o600)])
def test_difference_never_shows_a_secret(before):
    text = repr(describe([step(before, file_state(b"hunter2"), secret=True)]))
    assert "hunter" not in text
    assert "/x" in text


def test_difference_hides_a_removed_file_that_not_everybody_may_read():
    assert "hunter" not in repr(describe([step(file_state(b"hunter2", mode=0o640), ABSENT)]))
    assert "public" in repr(describe([step(file_state(b"public"), ABSENT)]))


def test_difference_of_attributes_only():
    (entry,) = describe([step(file_state(mode=0o600), file_state(mode=0o644))])
    assert entry["before"].endswith(" 0600\n")
    assert entry["after"].endswith(" 0644\n")


def test_difference_names_an_owner_that_does_not_exist_yet():
    after = cf.State(cf.FILE, uid=-1, gid=-1, mode=0o644)
    (entry,) = describe([step(ABSENT, after, owner="shop", group="shop-web")])
    assert "shop:shop-web" in entry["after_header"]
