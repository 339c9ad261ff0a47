"""A guestbook: leave a greeting, or just applaud."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, abort, jsonify, redirect, render_template, request, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

from . import assets, db

__version__ = "1.0.0"

PAGE_SIZE = 20
LIMITS = {"name": 40, "message": 500}


def create_app() -> Flask:
    app = Flask(__name__)
    app.config["TITLE"] = os.environ.get("GUESTBOOK_TITLE", "Guestbook")
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    # Exactly one proxy, nginx, stands in front and sets these headers itself.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)

    shared = os.environ.get("PYWEB_SHARED")
    db.init_app(app, Path(shared or app.instance_path) / "guestbook.sqlite3")
    assets.init_app(app)

    release = os.environ.get("PYWEB_RELEASE", "development")
    revision = os.environ.get("PYWEB_REVISION", "")

    @app.context_processor
    def about():
        return {"version": __version__, "release": release, "title": app.config["TITLE"]}

    @app.before_request
    def refuse_foreign_forms():
        """A form on somebody else's page must not post here on a visitor's behalf."""
        if request.method != "POST":
            return
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin")
        if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != request.host):
            abort(403)

    @app.after_request
    def add_headers(response):
        response.headers["X-Release"] = release
        response.headers["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'; form-action 'self'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def index():
        return page()

    @app.post("/")
    def sign():
        form = {field: clean(request.form.get(field, "")) for field in LIMITS}
        errors = validate(form)
        if errors:
            return page(form, errors), 422
        entry = db.get().execute(
            "INSERT INTO entry (name, message) VALUES (?, ?)", (form["name"], form["message"])
        )
        return redirect(url_for("index", _anchor=f"entry-{entry.lastrowid}"), 303)

    @app.post("/applause")
    def applaud():
        db.get().execute("UPDATE counter SET value = value + 1 WHERE name = 'applause'")
        return redirect(url_for("index"), 303)

    @app.get("/healthz")
    def healthz():
        return jsonify(
            status="ok", version=__version__, release=release, revision=revision, applause=applause(), entries=count()
        )

    def page(form=None, errors=None):
        before = request.args.get("before", type=int)
        rows = db.get().execute(
            "SELECT id, name, message, created FROM entry WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?",
            (before, before, PAGE_SIZE + 1),
        ).fetchall()
        return render_template(
            "index.html",
            entries=rows[:PAGE_SIZE],
            older=rows[PAGE_SIZE - 1]["id"] if len(rows) > PAGE_SIZE else None,
            before=before,
            form=form or {},
            errors=errors or {},
            limits=LIMITS,
            count=count(),
            applause=applause(),
        )

    return app


def count() -> int:
    return db.get().execute("SELECT count(*) FROM entry").fetchone()[0]


def applause() -> int:
    return db.get().execute("SELECT value FROM counter WHERE name = 'applause'").fetchone()[0]


def clean(text: str) -> str:
    """Without control characters, trailing blanks and floods of empty lines."""
    text = re.sub(r"[^\S\n]+", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(character for character in text if character == "\n" or character.isprintable())
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def validate(form: dict[str, str]) -> dict[str, str]:
    errors = {}
    for field, limit in LIMITS.items():
        if not form[field]:
            errors[field] = f"Please fill in your {field}."
        elif len(form[field]) > limit:
            errors[field] = f"At most {limit} characters, please; this has {len(form[field])}."
    if "name" not in errors and "\n" in form["name"]:
        errors["name"] = "One line only, please."
    return errors


app = create_app()
