# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from files that an application brings."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils import _processes
from ansible_collections.pyweb.stack.plugins.module_utils._checked import AppsError

WEB = _processes.valid_process("web", "web", {"wsgi": "shop:app"})


@pytest.mark.parametrize("text, process, names", [
    ("bind = '0.0.0.0:8000'\nworkers = 3\n", {}, ["bind"]),
    ("certfile, keyfile = 'shop.pem', 'shop.key'", {}, ["certfile", "keyfile"]),
    ("timeout = 9", {"timeout": 300}, ["timeout"]), ("timeout = 9", {}, []),
    ("workers = 3\nmax_requests = max_requests_jitter = 5", {"workers": 2, "max_requests": 9}, ["max_requests", "max_requests_jitter", "workers"]),
    ("worker_class = 'gevent'\npreload_app = True\ntimeout: int = 5", {}, []),
    ("worker_class = 'sync'", {"kind": "asgi"}, ["worker_class"]),
    ("import os\nif os.environ.get('X'):\n    daemon, reload = True, False\nelse:\n    user = 'root'", {}, ["daemon", "reload", "user"]),
    ("for pidfile in ['x']:\n    pass\nwith open('x') as umask:\n    pass", {}, ["pidfile", "umask"]),
    ("def post_fork(server, worker):\n    bind = 1\n\nclass A:\n    chdir = 1", {}, []),
    ("print(bind)", {}, []),
    ("bind = ", {}, []),
    ("\0", {}, []),
])
def test_what_a_file_of_gunicorn_sets_in_vain(text, process, names):
    assert _processes.not_honoured(text, {**WEB, **process}) == names


def test_what_a_procfile_brings():
    text = "# on a platform\n\nweb: gunicorn shop:app --workers 2\nrelease: python manage.py migrate\nHello-World : greet all\nworker: celery worker\n"
    found = _processes.procfile(text, ["worker"])
    assert {name: process["command"] for name, process in found["processes"].items()} == {"web": "gunicorn shop:app --workers 2", "hello_world": "greet all"}
    assert found["release"] == "python manage.py migrate" and found["processes"]["web"]["health"]["path"] == "/"
    assert _processes.procfile("", []) == {"processes": {}, "release": ""}


@pytest.mark.parametrize("command, instead", [
    ("celery -A shop beat", "celery -A shop beat --schedule $PYWEB_SHARED/beat"),
    ("python -m celery -A shop beat -l info", "python -m celery -A shop beat -l info --schedule $PYWEB_SHARED/beat"),
    ("celery -A shop -q beat", "celery -A shop -q beat --schedule $PYWEB_SHARED/beat"),
    ("celery beat -s /srv/shop/shared/beat", "celery beat -s /srv/shop/shared/beat"),
])
def test_a_scheduler_is_not_for_every_host(command, instead):
    with pytest.raises(AppsError) as caught:
        _processes.procfile(f"web: a $PORT\nclock: {command}", [])
    assert f"processes: {{clock: {{command: {instead!r}, singleton: true}}}}." in str(caught.value) and "\n" not in str(caught.value)
    assert list(_processes.procfile(f"clock: {command}", ["clock"])["processes"]) == []


def test_a_worker_with_a_scheduler_becomes_two_processes():
    with pytest.raises(AppsError) as caught:
        _processes.procfile("work: .venv/bin/celery -A shop worker -B -l info", [])
    assert str(caught.value).endswith("processes: {work: {command: '.venv/bin/celery -A shop worker -l info'}, "
                                      "beat: {command: '.venv/bin/celery -A shop beat --schedule $PYWEB_SHARED/beat', singleton: true}}.")


@pytest.mark.parametrize("line, worker, beat", [
    ("celery -A shop worker -BE", "celery -A shop worker -E", "celery -A shop beat --schedule $PYWEB_SHARED/beat"),
    ("celery -A shop worker --beat --scheduler django -c 2", "celery -A shop worker -c 2", "celery -A shop beat --scheduler django"),
    ("celery -A shop worker -B -S django", "celery -A shop worker", "celery -A shop beat -S django"),
])
def test_a_scheduler_inside_a_worker_is_told_apart_with_its_options(line, worker, beat):
    with pytest.raises(AppsError) as caught:
        _processes.procfile(f"work: {line}", [])
    assert str(caught.value).endswith(f"{{work: {{command: {worker!r}}}, beat: {{command: {beat!r}, singleton: true}}}}.")


@pytest.mark.parametrize("shell", ["sh -c", "/bin/bash -lc"])
def test_beat_in_a_shell_is_beat(shell):
    with pytest.raises(AppsError) as caught:
        _processes.procfile(f"clock: {shell} 'sleep 1 && exec celery -A shop beat'", [])
    assert str(caught.value).endswith("{clock: {command: 'sleep 1 && exec celery -A shop beat --schedule $PYWEB_SHARED/beat', singleton: true}}.")


def test_a_worker_that_is_called_beat_gets_a_name_of_its_own():
    with pytest.raises(AppsError) as caught:
        _processes.procfile("beat: celery -A shop worker -B", [])
    assert str(caught.value).endswith("processes: {worker: {command: 'celery -A shop worker'}, "
                                      "beat: {command: 'celery -A shop beat --schedule $PYWEB_SHARED/beat', singleton: true}}.")


@pytest.mark.parametrize("line", ["celery -A shop beat & celery -A shop worker -c 2", "celery -A shop worker -c 2 & celery -A shop beat & wait",
                                  "celery -A shop worker -c 2 & celery -A shop beat & wait -n"])
def test_a_scheduler_beside_a_worker_in_one_line_becomes_two_processes(line):
    with pytest.raises(AppsError) as caught:
        _processes.procfile(f"work: {line}", [])
    assert str(caught.value).endswith("processes: {work: {command: 'celery -A shop worker -c 2'}, "
                                      "beat: {command: 'celery -A shop beat --schedule $PYWEB_SHARED/beat', singleton: true}}.")


@pytest.mark.parametrize("command", ["celery -A beat worker", "celery -A shop worker --queues beat,mail", "heartbeat", "python beat.py",
                                     "celery -A shop worker >log 2>&1 && echo beat", "celery -A shop worker & python -m http.server"])
def test_what_only_looks_like_a_scheduler(command):
    assert _processes.procfile(f"other: {command}", [])["processes"]["other"]["command"] == command


@pytest.mark.parametrize("name, command", [
    ("clock", "python clock.py"), ("Scheduler", "python -m shop.jobs"), ("rq-scheduler", "python jobs.py"), ("cron", "python cron.py"),
    ("jobs", "rqscheduler --interval 10"), ("jobs", "bin/supercronic crontab"), ("jobs", "python manage.py rqscheduler"), ("jobs", "periodiq shop"),
    ("jobs", "taskiq scheduler shop:scheduler"), ("jobs", "python -m taskiq --log-level=INFO scheduler shop:scheduler"), ("jobs", "rq cron jobs.py"),
    ("jobs", "flask rq scheduler"), ("jobs", "python manage.py runapscheduler"), ("jobs", "python manage.py crontab"), ("jobs", "dagster-daemon run"),
])
def test_a_clock_is_alone(name, command):
    """On one host it never runs twice during a switch, and on several the person says what is meant."""
    key = name.lower().replace("-", "_")
    found = _processes.procfile(f"web: a $PORT\n{name}: {command}", [])["processes"]
    assert found[key]["singleton"] is True and found["web"]["singleton"] is False
    with pytest.raises(AppsError) as caught:
        _processes.procfile(f"web: a $PORT\n{name}: {command}", [], hosts=2)
    assert str(caught.value).startswith(f"line 2 of the Procfile is '{name}: {command}', which starts jobs by the clock and would do so on each of 2 hosts")
    assert f"processes: {{{key}: {{command: {command!r}, singleton: true}}}}" in str(caught.value)
    assert key not in _processes.procfile(f"{name}: {command}", [key], hosts=2)["processes"]


@pytest.mark.parametrize("name, command", [
    ("worker", "python clock.py"), ("clockwork", "x"), ("heartbeat", "x"), ("scheduled_mail", "x"), ("jobs", "rqscheduled"),
    ("worker", "rq worker cron"), ("worker", "taskiq worker shop:scheduler"), ("worker", "rq worker --with-scheduler"),
    ("tasks", "huey_consumer.py shop.huey -n"),
])
def test_what_only_sounds_like_a_clock(name, command):
    assert _processes.procfile(f"{name}: {command}", [], hosts=2)["processes"][name]["singleton"] is False


@pytest.mark.parametrize("command", ["huey_consumer.py shop.tasks.huey", "python -m huey.bin.huey_consumer shop.tasks.huey -w 4", "python manage.py run_huey"])
def test_a_worker_that_is_a_clock_too(command):
    """One host may have it as it is; on several, one of them starts the jobs and all of them do the work."""
    assert _processes.procfile(f"tasks: {command}", [])["processes"]["tasks"]["singleton"] is False
    with pytest.raises(AppsError) as caught:
        _processes.procfile(f"tasks: {command}", [], hosts=2)
    assert (f"processes: {{tasks: {{command: '{command} --no-periodic'}}, clock: {{command: {command!r}, singleton: true}}}}, or without singleton"
            in str(caught.value))


@pytest.mark.parametrize("text, sentence", [
    ("web gunicorn", "line 1 of the Procfile is 'web gunicorn': name: command is needed."),
    ("\nweb:", "line 2 of the Procfile is 'web:': name: command is needed."),
    ("web: a\nweb: b", "line 2 of the Procfile defines web again: a process has one line."),
    ("release: a\nrelease: b", "line 2 of the Procfile defines release again"),
    ("1worker: a", "line 1 of the Procfile: '1worker' is not a name for a process"),
    ("web: a\nweb.2: a", "line 2 of the Procfile: 'web.2' is not a name for a process: rename it there to one of letters, digits, - and _ that begins with "
     "a letter and has 24 characters at the most."),
    (f"{'w' * 60}: a", f"line 1 of the Procfile: '{'w' * 60}' is not a name for a process: rename it there"),
])
def test_a_line_that_cannot_work(text, sentence):
    with pytest.raises(AppsError) as caught:
        _processes.procfile(text, [])
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("text", [
    "daily", "hourly", "*-*-* 03:00:00", "03:00", "3:0:0", "Mon..Fri 8:30", "Mon,Wed *-*-1..7 12:00", "*:0/15", "*-*-* *:00,30:00", "Sat,Sun",
    "*-02~01", "2027-01-01",
    "*-*-* 04:00:00 Europe/Berlin", "weekly UTC", "Mon-Fri 09:00", "*-1/3-01", "*:*:0/10", "10-31", "sunday 23:59:59",
])
def test_times_that_systemd_knows(text):
    assert _processes.calendar(text)


@pytest.mark.parametrize("text", ["", " ", "every day", "0 3 * * *", "@daily", "25:00", "12:61", "*-13-01 00:00", "*-*-32", "*-*-0", "3", "Monn",
                                  "daily\n", "*-*-* 03:00\nX=1",
                                  "24h", "noon"])
def test_times_that_it_does_not(text):
    assert not _processes.calendar(text + ("x" if text.endswith("\n") else ""))


def test_a_procfile_is_read_where_there_is_no_ansible():
    """As on a host, where the collection's code runs alone."""
    code = ("import sys; sys.modules['ansible'] = None; from ansible_collections.pyweb.stack.plugins.module_utils import _processes; "
            "print(_processes.procfile('web: serve $PORT\\nworker: work', [])['processes'])")
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=paths)
    assert done.returncode == 0, done.stderr
    alone = ast.literal_eval(done.stdout)
    # With Ansible's own checks of types, the same comes out.
    given = {"web": {"command": "serve $PORT", "count": "1"}, "worker": {"command": "work", "count": "1"}}
    assert alone == _processes.valid_processes(given, "processes")
