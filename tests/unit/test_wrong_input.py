# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input ends a playbook with one sentence before any host was even asked. Whoever connects leaves a mark."""

from __future__ import annotations

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))

import playbook  # noqa: E402

GUESTBOOK = {
    "source": {"repo": "https://git.example.com/guestbook.git"},
    "processes": {"web": {"wsgi": "guestbook:app"}},
    "site": {"domains": ["guestbook.example.com"]},
}


def changed(path, value):
    """The guestbook with one thing wrong."""
    application = json.loads(json.dumps(GUESTBOOK))
    place = application
    *parents, last = path.split(".")
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return {"guestbook": application}


WRONG = {
    "no application": ({}, "pyweb_apps is empty: define at least one application"),
    "a name with a slash": ({"guest/book": GUESTBOOK}, "pyweb_apps has 'guest/book', which is not a name for an application"),
    "an unknown server": (changed("processes.web.server", "apache"),
                          "pyweb_apps.guestbook.processes.web.server is 'apache': accepted are gunicorn and uvicorn."),
    "a server for the other interface": (changed("processes.web.server", "uvicorn"), "uvicorn, which serves ASGI only: take gunicorn"),
    "misspelt, first level": (changed("sources", {}), "pyweb_apps.guestbook.sources is not an option; did you mean source?"),
    "misspelt, second level": (changed("source.version_", "x"), "pyweb_apps.guestbook.source.version_ is not an option; did you mean version?"),
    "misspelt, process": (changed("processes.web.wsgy", "x"), "pyweb_apps.guestbook.processes.web.wsgy is not an option; did you mean wsgi?"),
    "misspelt, below a process": (changed("processes.web.health", {"paht": "/"}), "health.paht is not an option; did you mean path?"),
    "misspelt, below the site": (changed("site.tls", {"certificate": "/a", "key": "/b", "kee": 1}), "site.tls.kee is not an option; did you mean key?"),
    "a domain of two applications": (
        {"guestbook": GUESTBOOK, "shop": GUESTBOOK},
        "pyweb_apps.shop.site.domains has 'guestbook.example.com', which pyweb_apps.guestbook has too",
    ),
    "accounts that collide": ({"shop": GUESTBOOK, "shop-build": changed("site.domains", ["b.example.com"])["guestbook"]}, "rename one of them"),
    "a number where a text belongs": (changed("env", {"DEBUG": True}), "pyweb_apps.guestbook.env.DEBUG is a bool"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a playbook against hosts that must not be contacted; each has applications of its own."""

    def run(name, *arguments, apps, facts=None, variables=None, status=2):
        folder = tmp_path_factory.mktemp("run")
        mark, ssh = folder / "contacted", folder / "ssh"
        ssh.write_text(f"#!/bin/sh\ntouch {mark}\nexit 255\n")
        ssh.chmod(0o755)
        hosts = {host: {"pyweb_apps": mapping} for host, mapping in apps.items()}
        inventory = {"pyweb": {"hosts": hosts, "vars": {"ansible_host": "192.0.2.1", "ansible_ssh_executable": str(ssh)}}}
        (folder / "hosts.yml").write_text(json.dumps(inventory))
        env = playbook.environment(ANSIBLE_CACHE_PLUGIN="jsonfile", ANSIBLE_CACHE_PLUGIN_CONNECTION=str(folder / "facts"))
        if facts:
            (folder / "facts").mkdir()
            for host in apps:
                (folder / "facts" / f"s1_{host}").write_text(json.dumps({"__payload__": json.dumps(facts)}))
        outcome = playbook.play(name, "-i", str(folder / "hosts.yml"), *arguments, env=env, **(variables or {}))
        assert not mark.exists(), f"a host was contacted\n{outcome.output}"
        assert outcome.status == status and "Traceback" not in outcome.output, outcome.output
        assert all(figures["changed"] == 0 for figures in outcome.recap.values())
        return outcome

    return run


def one_sentence(outcome, host, sentence):
    (message,) = outcome.faults[host]
    assert sentence in message and "\n" not in message, message


@pytest.fixture(scope="module")
def site(run):
    return run("site", apps={f"host{number}": apps for number, (apps, _sentence) in enumerate(WRONG.values())})


@pytest.mark.parametrize("number, sentence", list(enumerate(sentence for _apps, sentence in WRONG.values())), ids=WRONG)
def test_wrong_applications(site, number, sentence):
    one_sentence(site, f"host{number}", sentence)


@pytest.mark.parametrize("name", ["provision", "deploy", "rollback", "patch", "backup", "restore"])
def test_every_playbook_looks_first(run, name):
    one_sentence(run(name, apps={"web1": changed("sources", {})}), "web1", "pyweb_apps.guestbook.sources is not an option")


def test_options_of_a_role_that_are_none(run):
    outcome = run("provision", apps={"web1": {"guestbook": GUESTBOOK}}, variables={"hardening_firewall": False})
    one_sentence(outcome, "web1", "hardening_firewall is False: its options are needed, such as hardening_firewall: {enabled: false}.")


def test_a_configuration_is_that_of_one_application(run):
    shop = changed("site.domains", ["shop.example.com"])["guestbook"]
    one_sentence(run("config", apps={"web1": {"guestbook": GUESTBOOK, "shop": shop}}), "web1", "Say of which application: -e app=… (guestbook, shop)")


def test_a_restart_says_what_of(run):
    one_sentence(run("restart", apps={"web1": {"guestbook": GUESTBOOK}}), "web1", "Say which applications start anew: -e app=… (guestbook)")


SCALE = {
    "nothing": ({"app": "guestbook"}, "Say what has how many: -e app=… -e workers=4, -e app=… -e process=worker -e count=3, or -e app=… -e reset=true"),
    "of nothing": ({"workers": 2}, "Say what has how many"),
    "two numbers": ({"app": "guestbook", "workers": 2, "count": 3}, "Say what has how many"),
    "none": ({"app": "guestbook", "workers": 0}, "workers is '0': a number from 1 to 999 is needed."),
    "no number": ({"app": "guestbook", "process": "worker", "count": "few"}, "count is 'few': a number from 1 to 999 is needed."),
    "no process": ({"app": "guestbook", "count": 3}, "count is '3', but not of which process: add -e process=worker."),
}


@pytest.mark.parametrize("variables, sentence", SCALE.values(), ids=SCALE)
def test_what_scales_to_nothing(run, variables, sentence):
    shop = changed("site.domains", ["shop.example.com"])["guestbook"]
    one_sentence(run("scale", apps={"web1": {"guestbook": GUESTBOOK, "shop": shop}}, variables=variables), "web1", sentence)


@pytest.mark.parametrize("name", ["deploy", "rollback", "restart"])
def test_an_application_that_is_not_there(run, name):
    outcome = run(name, apps={"web1": {"guestbook": GUESTBOOK}}, variables={"app": "guestbok"})
    one_sentence(outcome, "web1", "app is 'guestbok': pyweb_apps defines guestbook.")


@pytest.mark.parametrize("name, variables, sentence", [
    ("backup", {}, "Nothing is backed up: set pyweb_apps.guestbook.backup with a repository and a password."),
    ("restore", {"app": "guestbook"}, "confirm is ''"),
    ("restore", {"app": "guestbook", "confirm": "guestbook", "snapshot": "../x"}, "snapshot is '../x': latest, before, before:<release> or an id"),
    ("restore", {"app": "guestbook", "confirm": "guestbook"}, "pyweb_apps.guestbook.backup is not set"),
], ids=["nothing", "confirm", "snapshot", "not set"])
def test_backups_are_refused_before_a_host_is_asked(run, name, variables, sentence):
    one_sentence(run(name, apps={"web1": {"guestbook": GUESTBOOK}}, variables=variables), "web1", sentence)


# Of playbooks that need more than an inventory, what is said to whoever leaves it out, or gives something else.
USAGE = {
    "pin": ({}, "Say of which application: -e app=… (guestbook, shop)."),
    "run, nothing": ({}, "Say what is to run, and in which application: -e app=… -e \"command='python manage.py check'\" (guestbook, shop)."),
    "run, no command": ({"app": "shop"}, "Say what is to run, and in which application"),
    "restore": ({"confirm": "shop"}, "Say whose data is restored, and its name once more: -e app=… -e confirm=… (guestbook, shop)."),
    "push, nothing": ({}, "Say which application pushes are for: -e app=… (guestbook, shop)."),
    "push, no keys": ({"app": "shop"}, "keys is '': a file on the controller with the public SSH keys of those who may push is needed"),
    "push, no key in it": ({"app": "shop", "keys": str(playbook.CHECKOUT / "COPYING")}, "COPYING', and no line of that file is a public SSH key"),
    "maintenance, nothing": ({}, "state is '': on or off is needed, as -e state=on."),
    "maintenance, a name": ({"state": "on", "allow": "office.example.com"}, "allow is 'office.example.com': addresses with commas between them"),
    "drain, nothing": ({}, "state is '': on or off is needed, as -e state=on."),
    "drain, no balancer": ({"state": "on"}, "The inventory has no host in the group pyweb_balancers"),
    "adopt, nothing": ({}, "path is '': the directory of the application on the host is needed, as -e path=/var/www/shop."),
    "adopt, a long name": ({"path": "/var/www/shop", "app": "a" * 27}, "is needed, with 26 characters at the most, as -e app=shop."),
    "adopt, a name": ({"path": "/var/www/shop", "app": "My Shop"}, "app is 'My Shop': the name that the application is to have is needed"),
    "take_over": ({}, "Say which application takes over: -e app=… (guestbook, shop)."),
}


@pytest.mark.parametrize("case", USAGE)
def test_a_playbook_says_how_it_is_used(run, case):
    variables, sentence = USAGE[case]
    shop = changed("site.domains", ["shop.example.com"])["guestbook"]
    one_sentence(run(case.partition(",")[0], apps={"web1": {"guestbook": GUESTBOOK, "shop": shop}}, variables=variables), "web1", sentence)


def test_a_key_that_may_push_has_no_options(run, tmp_path):
    """It would be left out, or could do more."""
    keys = tmp_path / "keys.pub"
    keys.write_text('# of the team\nssh-ed25519 AAAA jo\n\nfrom="192.0.2.7" ssh-ed25519 BBBB mo\n')
    outcome = run("push", apps={"web1": {"guestbook": GUESTBOOK}}, variables={"app": "guestbook", "keys": str(keys)})
    one_sentence(outcome, "web1", """keys.pub', which has the line 'from="192.0.2.7" ssh-ed25519 BBBB mo': write each key without options""")


@pytest.mark.parametrize("variables, sentence", [
    ({"patch_reboot": "maybe"}, "patch_reboot is 'maybe': auto or never is needed"),
    ({"patch_before": "nowhere.yml"}, "patch_before is nowhere.yml, but the controller has no such file"),
], ids=["reboot", "file"])
def test_patching_refuses_before_it_begins(run, variables, sentence):
    one_sentence(run("patch", apps={"web1": {"guestbook": GUESTBOOK}}, variables=variables), "web1", sentence)


def next_key(mapping):
    return next(iter(mapping))


@pytest.mark.parametrize("name", ["rollback", "pin"])
@pytest.mark.parametrize("source", [{"path": "app"}, {"archive": "app.tar.gz"}, {"package": "dist/app-1.0-py3-none-any.whl"}], ids=next_key)
def test_a_kept_release_is_named_whatever_the_source_is(run, name, source):
    """It is looked for among the releases of the host, here the controller, which has none."""
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    outcome = run(name, "--check", apps={"web1": {"guestbook": {**GUESTBOOK, "source": source}}},
                  variables={"app": "guestbook", "version": "20261120T201500Z-1a2b3c4", **here})
    one_sentence(outcome, "web1", "no release '20261120T201500Z-1a2b3c4' is kept on this host")


def test_a_deploy_of_what_has_no_versions_takes_none(run):
    outcome = run("deploy", apps={"web1": {"guestbook": {**GUESTBOOK, "source": {"path": "app"}}}}, variables={"app": "guestbook", "version": "v2"})
    one_sentence(outcome, "web1", "version is 'v2', but pyweb_apps.guestbook.source.path always deploys what is there now")


def test_an_unsupported_system(run):
    """To know the system is to have asked: this host is the controller, told that it is another system, in check mode."""
    facts = {
        "ansible_distribution": "Fedora",
        "ansible_distribution_version": "44",
        "ansible_distribution_major_version": "44",
        "ansible_os_family": "RedHat",
    }
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    outcome = run("site", "--check", apps={"web1": {"guestbook": GUESTBOOK}}, facts=facts, variables=here)
    one_sentence(outcome, "web1", "This host runs Fedora 44; pyweb.stack supports Debian 12 and Debian 13")


@pytest.mark.parametrize("name", ["show", "unlock"])
def test_a_version_that_a_playbook_has_no_use_for(run, name):
    """Whoever repeats a command with another playbook keeps its other arguments."""
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    run(name, "--check", apps={"web1": {"guestbook": {**GUESTBOOK, "source": {"path": "app"}}}},
        variables={"app": "guestbook", "version": "v2", **here}, status=0)


LACKING = {
    "path": ({"source": {"path": "nowhere"}}, "pyweb_apps.guestbook.source.path is nowhere, but the controller has no such file"),
    "archive": ({"source": {"archive": "no.zip"}}, "pyweb_apps.guestbook.source.archive is no.zip, but the controller has no such file"),
    "wheel": ({"source": {"package": "dist/no-1-py3-none-any.whl"}}, "pyweb_apps.guestbook.source.package is dist/no-1-py3-none-any.whl, but"),
    "hook": ({"hooks": {"on_failure": [{"tasks": "no.yml"}]}}, "pyweb_apps.guestbook.hooks.on_failure is no.yml, but the controller has no such file"),
}


def test_a_file_that_the_controller_lacks(run):
    outcome = run("site", apps={name: {"guestbook": GUESTBOOK | change} for name, (change, _sentence) in LACKING.items()})
    for name, (_change, sentence) in LACKING.items():
        one_sentence(outcome, name, sentence)


def test_a_certificate_that_the_controller_lacks(run):
    """To provision needs no source, but it needs certificates."""
    outcome = run("provision", apps={"web1": {"guestbook": {**GUESTBOOK, "source": {"path": "nowhere"}}}},
                  variables={"python_ca_certificates": [{"name": "company", "src": "files/no.crt"}]})
    one_sentence(outcome, "web1", "python_ca_certificates.src is files/no.crt, but the controller has no such file beside the playbook or the inventory")


@pytest.mark.parametrize("name", ["site", "provision", "deploy", "rollback", "releases", "show", "unlock", "status", "logs", "report", "destroy",
                                  "restart"])
def test_a_misspelt_extra_variable_is_not_ignored(run, name):
    """Otherwise all applications would be deployed instead of one."""
    outcome = run(name, "-e", "apps=guestbook", apps={"web1": {"guestbook": GUESTBOOK}})
    one_sentence(outcome, "web1", "-e apps=… is not a variable of the playbooks of pyweb.stack: did you mean app (-e app=shop")


@pytest.mark.parametrize("name", ["site", "deploy"])
def test_one_of_several_applications_is_not_there(run, name):
    outcome = run(name, apps={"web1": {"guestbook": GUESTBOOK}}, variables={"app": "guestbook, shop"})
    one_sentence(outcome, "web1", "app is 'shop': pyweb_apps defines guestbook.")


def test_a_format_that_status_does_not_have(run):
    one_sentence(run("status", apps={"web1": {"guestbook": GUESTBOOK}}, variables={"format": "xml"}), "web1", "format is 'xml': table or json is needed")


def test_an_application_that_no_host_of_the_group_has(run):
    apps = {"guestbook": {**GUESTBOOK, "hosts": []}}
    outcome = run("deploy", apps={"web1": apps}, variables={"app": "guestbook"})
    one_sentence(outcome, "web1", "app is 'guestbook', which none of these hosts has: web1; none of the group pyweb has it: correct its hosts in pyweb_apps.")


LOGS = {
    "log": ({"log": "apache"}, "log is 'apache': application or nginx is needed, as -e log=nginx."),
    "lines": ({"lines": "many"}, "lines is 'many': a number from 1 to 99999 is needed, as -e lines=50."),
    "status": ({"status": "404"}, "status is '404', which goes with the access log: add -e log=nginx."),
    "process": ({"log": "nginx", "process": "web"}, "process is 'web', but nginx's access log knows none: leave out log or process."),
}


def test_a_command_for_an_application_that_none_of_these_hosts_has(run):
    apps = {"guestbook": {**GUESTBOOK, "hosts": ["web2"]}}
    outcome = run("run", "--limit", "web1", apps={"web1": apps, "web2": apps}, variables={"command": "true"})
    one_sentence(outcome, "web1", "app is 'guestbook', which none of these hosts has: web1;")


@pytest.mark.parametrize("name", ["site", "deploy", "pin", "status"])
def test_an_application_that_none_of_the_hosts_of_the_run_has(run, name):
    """It would do nothing, and end well."""
    apps = {"guestbook": {**GUESTBOOK, "hosts": ["web2", "web3"]}, "shop": changed("site.domains", ["shop.example.com"])["guestbook"]}
    outcome = run(name, "--limit", "web1", apps={"web1": apps, "web2": apps, "web3": apps}, variables={"app": "shop,guestbook"})
    one_sentence(outcome, "web1", "app is 'guestbook', which none of these hosts has: web1; it is on web2, web3: correct --limit.")


@pytest.mark.parametrize("variables, sentence", LOGS.values(), ids=LOGS)
def test_logs_that_nobody_has(run, variables, sentence):
    outcome = run("logs", apps={"web1": {"guestbook": GUESTBOOK}}, variables=variables)
    assert sentence in outcome.faults["web1"][0]


@pytest.mark.parametrize("process", ["mail_worker", "mail_worker-2"])
def test_logs_of_a_process_and_of_an_instance_of_it(run, process):
    outcome = run("logs", apps={"web1": {"guestbook": GUESTBOOK}}, variables={"process": process, "follow": True}, status=0)
    assert f"pyweb.guestbook.{process}.*" in outcome.output


@pytest.mark.parametrize("file", ["report.txt", "/nowhere/report.html"])
def test_a_report_that_cannot_be_written(run, file):
    outcome = run("report", apps={"web1": {"guestbook": GUESTBOOK}}, variables={"report_file": file})
    one_sentence(outcome, "web1", f"report_file is '{file}': a file that ends in .html in a directory that is there is needed")


DESTROY = {
    "no application": ({}, "Say which application goes, and its name once more: -e app=… -e confirm=… (guestbook, shop)."),
    "two applications": ({"app": "guestbook,shop", "confirm": "guestbook"}, "Say which application goes, and its name once more"),
    "not confirmed": ({"app": "shop"}, "confirm is '': to remove an application, give its name once more, as -e app=… -e confirm=…"),
    "another confirmed": ({"app": "shop", "confirm": "guestbook"}, "confirm is 'guestbook': to remove an application, give its name once more"),
    "half of the data": ({"app": "shop", "confirm": "shop", "data": "some"}, "data is 'some': keep or delete is needed; -e data=delete removes all"),
}


@pytest.mark.parametrize("variables, sentence", DESTROY.values(), ids=DESTROY)
def test_nothing_is_removed_unless_it_is_meant(run, variables, sentence):
    shop = changed("site.domains", ["shop.example.com"])["guestbook"]
    one_sentence(run("destroy", apps={"web1": {"guestbook": GUESTBOOK, "shop": shop}}, variables=variables), "web1", sentence)


def test_a_report_of_a_host_that_has_nothing_yet(run, tmp_path):
    """The controller itself, which is asked and not changed."""
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    run("report", "--check", apps={"web1": {"guestbook": GUESTBOOK}}, variables={"report_file": str(tmp_path / "fleet.html"), **here}, status=0)
    text = (tmp_path / "fleet.html").read_text()
    assert "guestbook on web1:</strong> nothing is live: deploy it." in text and 'href="https://guestbook.example.com/"' in text
