# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Django, Flask and FastAPI with what their presets fill in, as a visitor sees them."""

from __future__ import annotations

import os
import re

import httpx
import playbook
import pytest
from plugin import until

INVENTORY = os.environ["MOLECULE_INVENTORY_FILE"]


@pytest.fixture
def visit(host):
    """Requests a URL of a site; cookies are kept, redirects are not followed."""
    address = host.ansible.get_variables()["ansible_host"]
    with httpx.Client(verify=False, timeout=20) as client:

        def request(url, method="GET", headers=None, **more):
            url = httpx.URL(url)
            answer = client.request(method, url.copy_with(host=address), headers={"Host": url.host, **(headers or {})},
                                    extensions={"sni_hostname": url.host}, **more)
            return answer

        yield request


def log_of(host, app, path):
    def lines():
        return [line for line in host.file(f"/var/log/nginx/{app}.access.log").content_string.splitlines() if path in line]

    until(lines, 10)
    return lines()[-1]


def test_django_has_its_static_files_from_nginx(host, visit):
    assert visit("https://shop.example.com/").text == "shop"
    page = visit("https://shop.example.com/admin/login/")
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page.text)
    assert page.status_code == 200 and len(styles) >= 4
    for path in styles:
        style = visit(f"https://shop.example.com{path}")
        assert (style.status_code, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert style.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert " upstream=- " in log_of(host, "shop", path)


def test_django_s_forms_work_over_tls(host, visit):
    """With a database that the migrations have made. Here each host has one of its own, and a deploy migrates on the first host alone."""
    migrated = host.run("shop-run python manage.py migrate --check")
    assert migrated.rc == 0 or host.ansible.get_variables()["inventory_hostname"] != "presets-debian12", migrated.stdout
    host.check_output("shop-run python manage.py migrate --noinput")
    made = host.run("shop-run python manage.py shell -c %s", "from django.contrib.auth.models import User; User.objects.filter(username='boss').delete(); "
                                                             "User.objects.create_superuser('boss', '', 'pass')")
    assert made.rc == 0, made.stderr
    url = "https://shop.example.com/admin/login/"
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', visit(url).text)[1]
    form = {"csrfmiddlewaretoken": token, "username": "boss", "password": "pass", "next": "/admin/"}
    headers = {"Origin": "https://shop.example.com", "Referer": url}
    answer = visit(url, "POST", data=form, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("size", [10, 100_000])
def test_django_s_uploads_are_served_by_nginx(host, visit, size):
    """The larger one comes through a temporary file."""
    content = os.urandom(size)
    place = visit("https://shop.example.com/upload/", "POST", files={"file": ("photo.jpg", content)}).text
    answer = visit(f"https://shop.example.com{place}")
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, content, "image/jpeg")
    assert " upstream=- " in log_of(host, "shop", place)


def test_the_secret_key_is_no_part_of_a_release(host):
    assert host.run("grep -rqs 'correct horse' /srv/shop/releases /srv/shop/build").rc == 1
    assert host.check_output("shop-run python -c %s", "from shop import settings; print(settings.SECRET_KEY)") == "correct horse battery staple"


def test_django_as_startproject_writes_it(host, visit):
    """Without STATIC_ROOT, with the database beside manage.py, and without a word about TLS."""
    styles = re.findall(r'href="(/static/[^"]+\.css)"', visit("https://mysite.example.com/admin/login/").text)
    assert styles and visit(f"https://mysite.example.com{styles[0]}").status_code == 200
    assert " upstream=- " in log_of(host, "mysite", styles[0])
    # The link leads into shared/, where the application may write.
    host.check_output("mysite-run python manage.py migrate --noinput")
    assert host.file("/srv/mysite/shared/db.sqlite3").size > 0 and host.file("/srv/mysite/current/db.sqlite3").is_symlink
    url = "https://mysite.example.com/admin/login/"
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', visit(url).text)[1]
    answer = visit(url, "POST", data={"csrfmiddlewaretoken": token, "username": "nobody", "password": "x"},
                   headers={"Origin": "https://mysite.example.com", "Referer": url})
    assert answer.status_code == 200, "403 would say that the form's origin is not trusted"


def test_names_that_django_does_not_know_never_go_live():
    before = playbook.play("releases", "-i", INVENTORY, app="shop").output
    outcome = playbook.play("deploy", "-i", INVENTORY, app="shop", pyweb_app_overrides={"shop": {"env": {"ALLOWED_HOSTS": "other.example.com"}}})
    assert outcome.status != 0
    assert any("is not healthy: GET / answers 400" in message for message in outcome.messages), outcome.output
    live = re.compile(r"^\s*(\S+\s+\S+)\s+live\b", re.MULTILINE)
    assert live.findall(before) == live.findall(playbook.play("releases", "-i", INVENTORY, app="shop").output)


def test_flask(host, visit):
    answer = visit("https://blog.example.com/")
    assert answer.text == "blog at https://blog.example.com/ with /static/style.css"
    style = visit("https://blog.example.com/static/style.css")
    assert style.text == "body { color: green; }\n" and " upstream=- " in log_of(host, "blog", "/static/style.css")


def test_fastapi(host, visit):
    assert visit("https://api.example.com/").json() == {"app": "api", "url": "https://api.example.com/"}
    assert visit("https://api.example.com/openapi.json").json()["info"]["title"] == "FastAPI"
    assert "-m uvicorn" in host.check_output("ps -o args= -u api")


def test_what_is_shown_can_be_read(host):
    outcome = playbook.play("show", "-i", INVENTORY, app="shop")
    assert outcome.status == 0 and outcome.changed == 0
    assert "correct horse" not in outcome.output and "collectstatic" in outcome.output and "shop.wsgi:application" in outcome.output


def test_a_build_that_takes_long_says_what_it_is_doing():
    outcome = playbook.play("deploy", "-i", INVENTORY, app="blog", pyweb_app_overrides={"blog": {"build": ["echo the bundler works; sleep 50"]}})
    assert outcome.status == 0, outcome.output
    line = r"^blog on presets-debian1[23], build step 'echo the bundler works; sleep 50' for 0:\d\d min: the bundler works$"
    assert re.search(line, outcome.output, re.MULTILINE), outcome.output
