"""The database: one SQLite file that all processes of all releases share."""

import fcntl
import os
import sqlite3
from pathlib import Path

from flask import Flask, current_app, g

# Migrations only add, so the release before this one works on the result: it may still be serving while this one
# starts, and it serves again after a rollback.
MIGRATIONS = [
    """
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        message TEXT NOT NULL,
        created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M', 'now'))
    );
    CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO counter VALUES ('applause', 0);
    """,
]


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=15, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def schema_version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def migrate(path: Path) -> int:
    """Bring the database to this release's schema and return how many steps that took.

    Several processes may call this at once. A newer schema than ours is left as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            steps = MIGRATIONS[schema_version(connection):]
            for number, step in enumerate(steps, start=len(MIGRATIONS) - len(steps) + 1):
                connection.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT;")
            return len(steps)
        finally:
            connection.close()
    finally:
        os.close(lock)


def get() -> sqlite3.Connection:
    """The connection of this request."""
    if "db" not in g:
        path = current_app.config["DATABASE"]
        if not current_app.extensions["database_ready"]:
            migrate(path)
            current_app.extensions["database_ready"] = True
        g.db = connect(path)
    return g.db


def init_app(app: Flask, path: Path) -> None:
    app.config["DATABASE"] = path
    app.extensions["database_ready"] = False

    @app.teardown_appcontext
    def close(_error):
        connection = g.pop("db", None)
        if connection is not None:
            connection.close()
