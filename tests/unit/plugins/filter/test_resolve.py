# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as a template calls them."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from ansible.errors import AnsibleFilterError

from ansible_collections.pyweb.stack.plugins.filter import environment, resolve

FILTERS = {**resolve.FilterModule().filters(), **environment.FilterModule().filters()}
SHOP = {"shop": {"source": {"repo": "x"}, "processes": {"web": {"wsgi": "a:b"}}}}


def test_resolve():
    assert [app["name"] for app in FILTERS["resolve"](SHOP, app="", version="", overrides={}, host="web1", groups={"pyweb": ["web1"]})] == ["shop"]
    with pytest.raises(AnsibleFilterError, match="^pyweb_apps is empty: define at least one application"):
        FILTERS["resolve"]({})


@pytest.mark.parametrize("apps, fault", [({}, "pyweb_apps is empty"), ({"a/b": {}}, "pyweb_apps has 'a/b', which is not a name")])
def test_a_survey_tells_the_fault(apps, fault):
    told = FILTERS["survey"](apps)
    assert told.pop("fault").startswith(fault) and told == {"all": {}, "chosen": {}, "wanted": {}, "names": []}


def test_a_survey_narrows_only_what_is_chosen():
    told = FILTERS["survey"]({**SHOP, "blog": SHOP["shop"], "old": {"state": "absent"}}, app="shop", version="v2")
    assert told["fault"] == ""
    assert [(name, app["app"].get("source", {}).get("version")) for name, app in told["all"].items()] == [
        ("shop", "HEAD"), ("blog", "HEAD"), ("old", None)]
    assert [(name, app["app"]["source"]["version"]) for name, app in told["chosen"].items()] == [("shop", "v2")]
    assert list(FILTERS["survey"]({**SHOP, "old": {"state": "absent"}})["chosen"]) == ["shop"]


def test_a_survey_completes_each_application_once(monkeypatch):
    completed, complete = [], resolve._apps._app
    monkeypatch.setattr(resolve._apps, "_app", lambda name, value: completed.append(name) or complete(name, value))
    FILTERS["survey"]({**SHOP, "blog": SHOP["shop"]}, app="shop", version="v2")
    assert completed == ["shop", "blog"]


def test_environment():
    assert FILTERS["environment"]({"B": "2", "A": "x y"}) == "A=x y\0B=2\0"


def test_every_filter_is_documented():
    folder = pathlib.Path(resolve.__file__).parent
    documented = {yaml.safe_load(path.read_text(encoding="utf-8"))["DOCUMENTATION"]["name"] for path in folder.glob("*.yml")}
    assert documented >= set(FILTERS)


def test_what_ansible_hands_over_is_not_copied_with_its_templar():
    class Lazy(dict):
        """As Ansible's containers are: a copy takes along all that templates are rendered with."""

        def __deepcopy__(self, memo):
            raise AssertionError("copied")

    apps = Lazy(shop=Lazy(source=Lazy(repo="r"), processes=Lazy(web=Lazy(wsgi="shop:app", options=[Lazy()][:0])), env=Lazy(A="1")))
    assert FILTERS["survey"](apps, overrides=Lazy(shop=Lazy(env=Lazy(B="2"))), groups=Lazy(pyweb=["web1"]))["fault"] == ""
    assert resolve.resolve(apps)[0]["app"]["env"] == {"A": "1"}


def test_several_applications_by_name():
    apps = {name: {"source": {"repo": "https://git.example.com/x.git"}, "processes": {"web": {"wsgi": "x:app"}}} for name in ("a", "b", "c")}
    apps["d"] = {"state": "absent"}
    found = FILTERS["survey"](apps, app="a, d")
    assert (list(found["chosen"]), list(found["wanted"]), list(found["all"]), found["names"]) == (["a"], ["a", "d"], ["a", "b", "c", "d"], ["a", "d"])
    assert "for which application" in FILTERS["survey"](apps, app="a,b", version="v1")["fault"]
    assert FILTERS["survey"](apps, app="a", version="v1")["chosen"]["a"]["app"]["source"]["version"] == "v1"


@pytest.mark.parametrize("name", ["processes", "processes_fault"])
def test_what_ansible_hands_over_is_rendered_once(name):
    """It renders a value anew wherever one is read."""
    rendered = []

    class Lazy(dict):
        def __getitem__(self, key):
            rendered.append(key)
            return super().__getitem__(key)

        def get(self, key, default=None):
            return self[key] if key in self else default

        def items(self):
            return [(key, self[key]) for key in self]

        def values(self):
            return [self[key] for key in self]

    given = Lazy(web=Lazy(wsgi="shop:app", health=Lazy(path="/healthz")))
    resolve.FilterModule().filters()[name](given, "processes")
    assert sorted(rendered) == ["health", "path", "web", "wsgi"]
