"""Static files under names that carry a hash of their content.

`python -m guestbook assets` writes style.1a2b3c4d.css next to style.css, and manifest.json, at build time. Without it,
as in development, pages name the plain files.
"""

import hashlib
import json
import shutil
from pathlib import Path

from flask import Flask, url_for

STATIC = Path(__file__).parent / "static"
MANIFEST = STATIC / "manifest.json"
HASHED = ".[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]."


def build() -> dict[str, str]:
    for leftover in STATIC.glob(f"*{HASHED}*"):
        leftover.unlink()
    names = {}
    for source in sorted(STATIC.iterdir()):
        if source == MANIFEST:
            continue
        digest = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
        names[source.name] = f"{source.stem}.{digest}{source.suffix}"
        shutil.copyfile(source, STATIC / names[source.name])
    MANIFEST.write_text(json.dumps(names, indent=2) + "\n")
    return names


def init_app(app: Flask) -> None:
    names = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}

    @app.template_global()
    def asset(name: str) -> str:
        return url_for("static", filename=names.get(name, name))
