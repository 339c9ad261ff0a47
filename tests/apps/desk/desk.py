# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An application with a queue: Flask, rows in SQLite and in PostgreSQL, Celery's workers and its beat.

EDITION says which version it is. The second knows tasks that the first does not, and its web process and its workers send them.
Whatever happens is noted in one file of shared/, a line of JSON each.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time

import celery
import celery.signals
import flask
import psycopg

EDITION = os.environ.get("EDITION", "one")
RELEASE = os.environ["PYWEB_RELEASE"]
SHARED = os.environ["PYWEB_SHARED"]
# A host that starts again gives the same PIDs again.
BEGUN = time.time()

app = flask.Flask(__name__)
queue = celery.Celery("desk", broker=os.environ.get("BROKER"))
queue.conf.update(
    broker_connection_retry_on_startup=True, task_ignore_result=True, worker_concurrency=2, beat_schedule_filename=f"{SHARED}/beat",
    beat_schedule={"tick": {"task": "desk.tick", "schedule": 1.0}},
)


def note(what: str, **more: object) -> None:
    line = json.dumps({"what": what, "release": RELEASE, "pid": os.getpid(), "at": time.time(), **more})
    file = os.open(f"{SHARED}/notes", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{line}\n".encode())
    os.close(file)


@queue.task(name="desk.slow")
def slow(number: str, seconds: float) -> None:
    note("begun", number=number)
    time.sleep(seconds)
    note("done", number=number)


@queue.task(name="desk.late", acks_late=True)
def late(number: str, seconds: float) -> None:
    slow(number, seconds)


@queue.task(name="desk.tick")
def tick() -> None:
    note("tick")


@queue.task(name="desk.order_one")
def order(number: str) -> None:
    note("done", number=number)
    if EDITION != "one":
        follow.delay(f"{number}-follow")


if EDITION != "one":
    @queue.task(name="desk.order_two")
    def order_two(number: str) -> None:
        note("done", number=number)

    @queue.task(name="desk.follow")
    def follow(number: str) -> None:
        note("done", number=number)


@celery.signals.beat_init.connect
def beats(**ignored: object) -> None:
    def go_on() -> None:
        while True:
            note("beats", since=BEGUN)
            time.sleep(0.2)

    threading.Thread(target=go_on, daemon=True).start()


def unlucky() -> None:
    """Ends the server ten seconds after the switch."""
    while os.path.basename(os.readlink(f"/srv/{os.environ['PYWEB_APP']}/current")) != RELEASE:
        time.sleep(0.2)
    time.sleep(10)
    print("out of luck", flush=True)
    os.kill(os.getppid(), signal.SIGKILL)


if os.environ.get("UNLUCKY") and "gunicorn" in sys.modules:
    threading.Thread(target=unlucky, daemon=True).start()


STORES = {
    "sqlite": lambda: contextlib.closing(sqlite3.connect(f"{SHARED}/rows.sqlite3", timeout=10, isolation_level=None)),
    "postgresql": lambda: psycopg.connect(os.environ["DATABASE_URL"], autocommit=True),
}
TABLE = "CREATE TABLE IF NOT EXISTS rows (text TEXT NOT NULL)"


@app.get("/healthz")
def health():
    return {"release": RELEASE, "edition": EDITION}


@app.post("/orders/<number>")
def orders(number: str):
    (order if EDITION == "one" else order_two).delay(number)
    return number


@app.post("/slow/<kind>/<number>/<int:seconds>")
def begin(kind: str, number: str, seconds: int):
    {"slow": slow, "late": late}[kind].delay(number, seconds)
    return number


@app.route("/rows/<store>", methods=["GET", "POST"])
def rows(store: str):
    with STORES[store]() as connection:
        # A migration runs on one host of the fleet, and here each has databases of its own.
        connection.execute(TABLE)
        if flask.request.method == "POST":
            mark = "?" if store == "sqlite" else "%s"
            connection.execute(f"INSERT INTO rows VALUES ({mark})", (flask.request.get_data(as_text=True),))
        return {"rows": [text for (text,) in connection.execute("SELECT text FROM rows").fetchall()]}


@app.post("/memory/<int:megabytes>")
def memory(megabytes: int):
    """More than there is, byte by byte."""
    return str(len(b"x" * megabytes * 2**20))


if __name__ == "__main__":
    for connect in STORES.values():
        with connect() as database:
            database.execute(TABLE)
