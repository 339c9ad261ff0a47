"""An application that does what common libraries do when they start or are asked for metrics, and answers with what was refused."""

import asyncio
import ctypes
import fcntl
import getpass
import json
import locale
import logging.handlers
import multiprocessing
import multiprocessing.shared_memory
import os
import pathlib
import resource
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import uuid
import zoneinfo

import numpy
import psutil
import uvloop
import watchdog.events
import watchdog.observers
import zmq
from cryptography.hazmat.primitives.asymmetric import rsa

SHARED = pathlib.Path(os.environ["PYWEB_SHARED"])
PROCESS = psutil.Process()


def workers(method):
    """What concurrent.futures, Dask, joblib and data loaders begin with."""
    with multiprocessing.get_context(method).Pool(2) as pool:
        return pool.map(abs, [-1, -2])


def memory():
    block = multiprocessing.shared_memory.SharedMemory(create=True, size=4096)
    block.close()
    block.unlink()


def sockets(address):
    """libzmq ends the process where it may not set the scheduling of its own thread."""
    with zmq.Context() as context, context.socket(zmq.REP) as end:
        end.bind(address)


def watch():
    observer = watchdog.observers.Observer()
    observer.schedule(watchdog.events.FileSystemEventHandler(), os.getcwd(), recursive=True)
    observer.start()
    observer.stop()
    observer.join()


def callback():
    assert ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)() == 1


def program(*arguments):
    subprocess.run(arguments, check=True, capture_output=True)


def executable(folder):
    path = pathlib.Path(folder, "program")
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    program(path)


def database():
    with sqlite3.connect(SHARED / "libraries.sqlite") as connection:
        assert connection.execute("PRAGMA journal_mode=wal").fetchone() == ("wal",)


async def child():
    await (await asyncio.create_subprocess_exec("true")).wait()


PROBES = {
    # Metrics.
    "cpu": lambda: (psutil.cpu_percent(), psutil.cpu_times(), psutil.cpu_stats(), psutil.getloadavg()),
    "memory": lambda: (psutil.virtual_memory(), psutil.swap_memory()),
    "disks": lambda: (psutil.disk_usage("/"), psutil.disk_partitions(), psutil.disk_io_counters()),
    "network": lambda: (psutil.net_io_counters(), psutil.net_if_addrs(), psutil.net_if_stats(), psutil.net_connections()),
    "host": lambda: (psutil.boot_time(), psutil.users(), os.uname(), uuid.getnode()),
    "itself": PROCESS.as_dict,
    # Processes, threads, and what they share.
    "fork": lambda: workers("fork"),
    "spawn": lambda: workers("spawn"),
    "forkserver": lambda: workers("forkserver"),
    "shared memory": memory,
    "semaphore": lambda: multiprocessing.Semaphore(1),
    "lock": lambda: fcntl.flock((SHARED / "lock").open("w"), fcntl.LOCK_EX),
    "own priority": lambda: os.nice(1),
    "own scheduling": lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
    "own affinity": lambda: PROCESS.cpu_affinity(PROCESS.cpu_affinity()),
    "own limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "death of the parent": lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM) and 1 / 0,
    "callback": callback,
    # Event loops and sockets.
    "uvloop": lambda: uvloop.run(child()),
    "asyncio": lambda: asyncio.run(child()),
    "zmq tcp": lambda: sockets("tcp://127.0.0.1:*"),
    "zmq ipc": lambda: sockets(f"ipc://{tempfile.mkdtemp()}/end"),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "names": lambda: (socket.getfqdn(), socket.getaddrinfo("localhost", 80)),
    "events": lambda: (os.eventfd(0), os.memfd_create("libraries"), os.openpty()),
    "watch": watch,
    # Files.
    "temporary": lambda: (tempfile.NamedTemporaryFile(), tempfile.NamedTemporaryFile(dir="/var/tmp")),
    "run from /tmp": lambda: executable(tempfile.mkdtemp()),
    "run from shared": lambda: executable(SHARED),
    "named pipe": lambda: os.mkfifo(f"{tempfile.mkdtemp()}/pipe"),
    "sqlite": database,
    "syslog": lambda: logging.handlers.SysLogHandler("/dev/log"),
    # What is looked up.
    "user": getpass.getuser,
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
    "time zone": lambda: zoneinfo.ZoneInfo("Europe/Berlin"),
    "authorities": lambda: len(ssl.create_default_context().get_ca_certs()) or 1 / 0,
    "programs": lambda: [program(name) for name in ("df", "uptime", "hostname", "whoami", "id")],
    # Compiled code.
    "numpy": lambda: numpy.linalg.inv(numpy.random.rand(100, 100)),
    "cryptography": lambda: rsa.generate_private_key(65537, 2048),
}


def refused():
    found = {}
    for name, probe in PROBES.items():
        print("trying", name, flush=True)
        try:
            probe()
        except Exception as error:  # whatever it is, it is told
            found[name] = f"{type(error).__name__}: {error}"
    return found


def app(environ, start_response):
    text = json.dumps(refused() if environ["PATH_INFO"] == "/refused" else {}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]
