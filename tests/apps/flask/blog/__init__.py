# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
from flask import Flask, request, url_for

app = Flask(__name__)


@app.route("/")
def index():
    return f"blog at {request.url} with {url_for('static', filename='style.css')}"
