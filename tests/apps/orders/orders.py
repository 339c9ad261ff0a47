"""Takes orders, and keeps them in a database beside the code, as many small applications do."""

import html
import os
import pathlib
import sqlite3
import urllib.parse

HERE = pathlib.Path(__file__).parent
DATA = HERE / "data" / "orders.sqlite3"


def database():
    connection = sqlite3.connect(DATA, timeout=20, isolation_level=None)
    connection.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL)")
    return connection


def post(environ):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
    item = urllib.parse.parse_qs(body).get("item", ["?"])[0]
    connection = database()
    try:
        connection.execute("INSERT INTO orders (item) VALUES (?)", (item,))
    finally:
        connection.close()
    return "201 Created", "ordered"


def get(environ):
    connection = database()
    try:
        number = connection.execute("SELECT count(*) FROM orders").fetchone()[0]
    finally:
        connection.close()
    title = html.escape(os.environ["ORDERS_TITLE"])
    # The secret has to be there; nobody has to see it.
    return "200 OK", f"{title} has {number} orders, key of {len(os.environ['SECRET_KEY'])} characters"


def app(environ, start_response):
    status, text = (post if environ["REQUEST_METHOD"] == "POST" else get)(environ)
    body = text.encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("X-Release", os.environ.get("PYWEB_RELEASE", "before"))]
    start_response(status, headers)
    return [body]
