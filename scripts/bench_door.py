# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the front door costs: nginx as the role sets it up, beside one that was written by hand, in the same run on the same host.

scripts/bench_door.py [PAIRS]      default 60

  proxying   time for the same answers of the same gunicorn through our site and through a server written by hand (tests/bench/plain_nginx.conf),
             over TLS on kept connections
  handshake  the same where each answer has a new connection
  bare       the same as proxying for an application that costs nothing and does not name its release: what headers, request ids, looking up
             releases and maintenance cost. None is like that, so it has no limit
  static     how many times as many files a host can serve by nginx as by the application server (gunicorn with WhiteNoise) behind the same
             door: processor time of an answer by the one divided by that by the other, since h2load, beside them, takes more than nginx does
  slow       answers to others while 500 clients send their requests a byte at a time: how many times longer the median and the longest
             of them take than without; one that is refused, or a slow client that does not stay, fails the run
  role       a run of the role where there is nothing to do, with 1 site and with 20, in units of one ping

The two take turns of less than a second, and the median of the pairs counts, beside its error: what else runs on this machine changes from second to
second. Fails when a limit is missed. PYWEB_BENCH_KEEP=1 leaves the host running.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import ssl
import statistics
import sys
import time
from pathlib import Path

from bench_common import CALLBACK, CHECKOUT, PINGS, PROGRAMS, Failure, environment, events, moment, run, say

STATE = CHECKOUT / ".cache" / "bench-door"
HOST = "pyweb-bench-door"
SYSTEM = "debian13"
NAME = "door.example.com"
LIMITS = {"proxying": 1.05, "handshake": 1.05, "static": 4.0, "slow, median": 3.0, "slow, longest": 10.0, "role, 1 site": 8.0, "role, 20 sites": 8.0}
CONNECTIONS = 16
# Of one turn: answers, and new connections.
TURN, HANDSHAKES = 1500, 150
STATIC_ROUNDS, ANSWERS = 7, 20000
SLOW = 500
BODY = "x" * 2000
RELEASE = "20261120T201500Z-1a2b3c4"
# Through a live link, as sockets of applications are.
SOCKETS = "/srv/bench/current/.pyweb"
# gunicorn's configuration as the engine writes it.
SETTINGS = f"""
from ansible_collections.pyweb.stack.plugins.module_utils._host import layout, servers
print(servers.gunicorn_settings(layout.Layout("bench"), "{RELEASE}", {{"server": "gunicorn", "options": []}}))
"""
APPLICATION = f"""
from whitenoise import WhiteNoise


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", "{len(BODY)}")])
    return [b"{BODY}"]


files = WhiteNoise(app, root="/srv/bench/static", prefix="static/")
"""
PREPARE = f"""
set -e
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y nginx gunicorn python3-whitenoise nghttp2-client >/dev/null
mkdir -p /srv/bench/static /srv/bench/releases/{RELEASE}/.pyweb
ln -s releases/{RELEASE} /srv/bench/current
cat > /srv/bench/app.py
chmod -R go+rX /srv/bench
printf '%s' '{BODY}' > /srv/bench/static/page.css
for name in app files; do
    systemd-run --quiet --unit bench-$name --working-directory /srv/bench -p UMask=0 \\
        gunicorn --config /srv/bench/gunicorn.conf.py --workers 2 --threads 4 --keep-alive 5 --bind unix:{SOCKETS}/$name.sock app:$name
done
"""


def shell(command: str, text: str = "") -> str:
    return run("docker", "exec", "-i", HOST, "sh", "-c", command, input=text)


def sites(number: int) -> list[dict]:
    found = [{"name": "door", "domains": [NAME], "upstream": f"unix:{SOCKETS}/app.sock",
              "static": [{"url": "/static/", "paths": ["/srv/bench/static"]}]},
             {"name": "bare", "domains": [f"bare.{NAME}"], "upstream": f"unix:{SOCKETS}/bare.sock"},
             {"name": "files", "domains": [f"files.{NAME}"], "upstream": f"unix:{SOCKETS}/files.sock"}]
    return found[:number] + [{"name": f"more-{count}", "domains": [f"more-{count}.example.com"], "upstream": f"unix:{SOCKETS}/app.sock",
                              "static": [{"url": "/static/", "paths": ["/srv/bench/static"]}]} for count in range(number - len(found))]


def playbook(number: int) -> Path:
    path = STATE / f"role-{number}.yml"
    pings = "".join(f"    - {{name: ping {count}, ansible.builtin.ping: }}\n" for count in range(PINGS))
    path.write_text(f"""---
- name: Ping
  hosts: all
  gather_facts: false
  become: true
  vars: {{ansible_pipelining: true}}
  tasks:
    - {{name: facts, ansible.builtin.setup: {{gather_subset: ['!all', '!min', distribution, platform]}}}}
{pings}
- name: Role
  hosts: all
  gather_facts: false
  become: true
  vars: {{ansible_pipelining: true, nginx_server: {{unlisted_sites: remove}}, nginx_sites: {json.dumps(sites(number))}}}
  roles: [pyweb.stack.nginx]
""")
    return path


def apply(number: int) -> list[dict]:
    """One run of the role; what happened when."""
    done = run(PROGRAMS / "ansible-playbook", "-i", STATE / "hosts.yml", playbook(number), cwd=CHECKOUT, env=environment(ANSIBLE_STDOUT_CALLBACK=CALLBACK))
    return events(done)


def pings(number: int) -> float:
    """What a run of the role takes that changes nothing, in pings."""
    told = apply(number)
    starts = [(moment(event), event["task"]["name"]) for event in told if event["_event"] == "v2_playbook_on_task_start"]
    end = next(event for event in told if event["_event"] == "v2_playbook_on_stats")
    if any(counted["changed"] for counted in end["stats"].values()):
        raise Failure(f"the role changed something with {number} sites that it has just set up")
    lasted = [after[0] - before[0] for before, after in zip(starts, starts[1:])]
    # The first ones pay for the connection, the last one for the change of plays.
    return (moment(end) - starts[PINGS + 1][0]) / statistics.median(lasted[3:PINGS])


def load(url: str, requests: int, connections: int) -> str:
    """What h2load says, on the host itself, of so many requests that were all answered with 200."""
    said = shell(f"h2load --h1 --clients={connections} --threads=1 --requests={requests} {url}")
    if f"status codes: {requests} 2xx" not in said:
        raise Failure(f"h2load says of {url}:\n{said}")
    return said


def seconds(url: str, requests: int, connections: int) -> float:
    found = re.search(r"finished in ([\d.]+)(ms|s),", load(url, requests, connections))
    if not found:
        raise Failure("h2load does not say how long it took")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


def processor() -> int:
    """Microseconds that nginx and the application servers have used so far."""
    return sum(int(line) for line in shell(
        "sed -n 's/^usage_usec //p' /sys/fs/cgroup/system.slice/nginx.service/cpu.stat /sys/fs/cgroup/system.slice/bench-*.service/cpu.stat").split())


def cost(url: str) -> float:
    """Microseconds of processor time for one answer."""
    before = processor()
    load(url, ANSWERS, CONNECTIONS)
    return (processor() - before) / ANSWERS


def paired(ours: str, other: str, pairs: int, requests: int, connections: int) -> tuple[float, float]:
    """How many times as long ours takes, and the error of that."""
    found = []
    for number in range(pairs + 1):
        took = {url: seconds(url, requests, connections) for url in sorted((ours, other), reverse=number % 2 == 1)}
        found.append(took[ours] / took[other])
    # The first pair connects to the application. A median's error is a quarter larger than a mean's.
    return statistics.median(found[1:]), 1.25 * statistics.stdev(found[1:]) / len(found[1:]) ** 0.5


async def slow_clients(address: str) -> tuple[list[float], list[float], int]:
    """Seconds of answers before and while SLOW clients send theirs a byte at a time, and how many of these were connected to the end."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def ask() -> float:
        begun = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection(address, 443, ssl=context, server_hostname=NAME)
            writer.write(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
        except OSError as error:
            raise Failure(f"nginx refuses somebody else: {error}") from error
        if b" 200 " not in answer[:20]:
            raise Failure(f"nginx answers {answer[:40]!r} to somebody else")
        return time.monotonic() - begun

    async def crawl(connected: list[int], done: asyncio.Event) -> bool:
        """Whether nginx has still been listening at the end."""
        reader, writer = await asyncio.open_connection(address, 443, ssl=context, server_hostname=NAME)
        connected.append(1)
        for byte in f"POST / HTTP/1.1\r\nHost: {NAME}\r\nX-Slow: {'a' * 1000}":
            if done.is_set() or reader.at_eof():
                break
            writer.write(byte.encode())
            await asyncio.sleep(1)
        writer.close()
        return not reader.at_eof()

    before = [await ask() for dummy in range(50)]
    done, connected = asyncio.Event(), []
    crowd = [asyncio.create_task(crawl(connected, done)) for dummy in range(SLOW)]
    while len(connected) < SLOW and not any(one.done() for one in crowd):
        await asyncio.sleep(0.1)
    during = [await ask() for dummy in range(50)]
    done.set()
    stayed = sum(one is True for one in await asyncio.gather(*crowd, return_exceptions=True))
    return before, during, stayed


def start() -> str:
    # A host's own file system, not the layers of a container, in which each look at a path takes several.
    disks = [word for path in ("/etc", "/srv", "/var/log") for word in ("--volume", path)]
    address = run(CHECKOUT / "scripts" / "test-host", "start", HOST, SYSTEM, *disks).split()[-1]
    key = run(CHECKOUT / "scripts" / "test-host", "key").strip()
    (STATE / "hosts.yml").write_text(json.dumps({"all": {"hosts": {HOST: {
        "ansible_host": address, "ansible_user": "admin", "ansible_ssh_private_key_file": key,
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"}}}}))
    settings = run(PROGRAMS / "python", "-c", SETTINGS, env={**os.environ, "PYTHONPATH": str(CHECKOUT / ".collections")})
    shell("mkdir -p /srv/bench; cat > /srv/bench/gunicorn.conf.py", settings)
    shell(PREPARE, APPLICATION)
    # The certificate is the site's own, so both have the same handshakes.
    say("setting nginx up, by the role and by hand")
    apply(3)
    plain = (CHECKOUT / "tests" / "bench" / "plain_nginx.conf").read_text().replace("BODY", BODY)
    found = shell("ls /etc/nginx/pyweb/tls/door-*.crt").strip()
    shell("cat > /etc/nginx/conf.d/plain.conf", plain.replace("SOCKETS", SOCKETS).replace("CERTIFICATE", found).replace("KEY", found.replace(".crt", ".key")))
    headers = ("Host $host", "X-Real-IP $remote_addr", "X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme", 'Connection ""')
    shell("cat > /etc/nginx/plain_proxy.conf", "proxy_http_version 1.1;\n" + "".join(f"proxy_set_header {header};\n" for header in headers))
    shell("sed -i 's#ReadWritePaths=#ReadWritePaths=/srv/bench #' /etc/systemd/system/nginx.service.d/pyweb.conf; systemctl daemon-reload; "
          f"systemctl restart nginx; chmod 666 {SOCKETS}/*.sock; echo '127.0.0.1 {NAME} bare.{NAME} files.{NAME} plain.example.com' >> /etc/hosts")
    return address


def measure(address: str, pairs: int) -> dict[str, float]:
    found: dict[str, float] = {}
    page, bare = (f"https://{NAME}/", "https://plain.example.com:8443/"), (f"https://bare.{NAME}/bare/", "https://plain.example.com:8443/bare/")
    turns = (("proxying", page, TURN, CONNECTIONS), ("handshake", page, HANDSHAKES, HANDSHAKES), ("bare", bare, 2 * TURN, CONNECTIONS))
    for way, urls, requests, connections in turns:
        found[way], error = paired(*urls, pairs, requests, connections)
        print(f"  {way}: {found[way]:.3f} times as long as by hand, give or take {error:.3f}", flush=True)
    costs = [(cost(f"https://{NAME}/static/page.css"), cost(f"https://files.{NAME}/static/page.css")) for dummy in range(STATIC_ROUNDS)]
    found["static"] = statistics.median(other / mine for mine, other in costs)
    print(f"  static, microseconds by nginx and by the application server: {', '.join(f'{mine:.0f} {other:.0f}' for mine, other in costs)}", flush=True)
    before, during, crowd = asyncio.run(slow_clients(address))
    print(f"  answers without and beside {crowd} slow clients: median {statistics.median(before) * 1000:.0f} and {statistics.median(during) * 1000:.0f} ms, "
          f"longest {max(before) * 1000:.0f} and {max(during) * 1000:.0f} ms", flush=True)
    if crowd < SLOW:
        raise Failure(f"{SLOW - crowd} of {SLOW} slow clients were not connected all the while: others had fewer to compete with")
    found["slow, median"] = statistics.median(during) / statistics.median(before)
    found["slow, longest"] = max(during) / max(before)
    return found


def main() -> int:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    try:
        address = start()
        say(f"measuring; the load of this machine is {os.getloadavg()[0]:.1f}")
        found = measure(address, int(sys.argv[1]) if len(sys.argv) > 1 else 60)
        shell("rm /etc/nginx/conf.d/plain.conf && systemctl reload nginx")
        for number in (1, 20):
            apply(number)
            found[f"role, {number} site{'s' if number > 1 else ''}"] = statistics.median(pings(number) for dummy in range(3))
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        if not os.environ.get("PYWEB_BENCH_KEEP"):
            run(CHECKOUT / "scripts" / "test-host", "stop", HOST)
    missed = 0
    for name, value in found.items():
        limit = LIMITS.get(name)
        good = limit is None or (value >= limit if name == "static" else value <= limit)
        missed += not good
        said = "no limit" if limit is None else f"{'at least' if name == 'static' else 'at most'} {limit}"
        print(f"{name:16} {value:6.2f}  ({said}){'' if good else '  MISSED'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
