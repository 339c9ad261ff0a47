# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what an application or a build step printed to the option that helps. Pure: one table, which docs/errors.md shows as well."""

from __future__ import annotations

import re
import typing as t

BUILD: t.Final = "build"
RUN: t.Final = "run"


class Hint(t.NamedTuple):
    """One row: C(pattern) is searched in what was printed in one of C(phases).

    In C(sentence) {name} is what a group of the pattern has found, and {folder} the directory of that path in the release, or the path where it has none.
    C(example) is printed by real programs, C(met) says which ones: people look for both.
    """

    pattern: str
    sentence: str
    example: str
    met: str
    phases: tuple[str, ...] = (BUILD, RUN)


_VARIABLE = (r"(?:KeyError: '|Set the |environment variable `?|EnvironmentError: )([A-Z][A-Z0-9_]{2,})(?:'| environment variable|`? (?:is )?not set)"
             r"|([A-Z][A-Z0-9_]{2,}) not found\. Declare it as envvar|The (SECRET_KEY) setting must not be empty")
# The rest of a path behind the directory of a release.
_RELEASE = r"/srv/[a-z0-9-]+/(?:releases/[^/'\"]+|current)/"
_QUIET = r"(?:null|zero|full|u?random|tty|std(?:in|out|err)|shm|mqueue|fd|pts|log)\b"

# The more certain a row is, the earlier it stands: the first that fits is said.
HINTS = (
    Hint(_VARIABLE, "build steps see neither env nor secrets: give {name} a value for the build in build_env.",
         "KeyError: 'SECRET_KEY'", "collectstatic and other build steps of Django, environs, python-decouple", (BUILD,)),
    Hint(_VARIABLE, "the environment has no {name}: set it in env, or in secrets.",
         "django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable", "Django, environs, python-decouple", (RUN,)),
    Hint(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file|no library called \"([\w.+-]+)|cannot load library '([\w.+-]+)'|failed to find (libmagic)"
         r"|Could not find the (GDAL) library",
         "this host lacks the library {name}: add the Debian package that has it to system_packages (apt-file search {name} names it).",
         "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
         "OpenCV (libgl1), psycopg2 (libpq5), python-magic (libmagic1), WeasyPrint (libpango-1.0-0), LightGBM (libgomp1), GeoDjango (gdal-bin)"),
    Hint(r"(?:line \d+|sh: \d+|bash|exec): (poetry|pipenv|pdm|hatch|rye|uv): (?:command )?not found",
         "the programs of a release are found as they are: leave out {name} run before the command.",
         "bash: line 1: poetry: command not found", "commands of a Procfile with poetry run or pipenv run"),
    Hint(r"(?:line \d+|sh: \d+): ((?:\./)?(?:venv|env|virtualenv)/bin/)[\w.-]+: (?:No such file|not found)",
         "the programs of a release are found as they are: leave out {name} before the command.",
         "bash: line 1: venv/bin/gunicorn: No such file or directory", "commands with the path of the developer's own environment"),
    Hint(r"(?:line \d+|sh: \d+): (\./[^\s:]+|(?:bin|scripts)/[^\s:]+|[\w./-]+\.(?:sh|bash|py)): Permission denied",
         "{name} is not executable in the source: git update-index --chmod=+x {name} makes it so there, or name the program before it, such as bash {name}.",
         "bash: line 1: ./start.sh: Permission denied", "scripts in a Procfile, in build and in migrate that come from Windows or from an archive"),
    Hint(r"(?:line \d+|sh: \d+): ([\w./-]+): cannot execute: required file not found|([\w./-]+): /\S+\^M: bad interpreter",
         "the first line of {name} names a program that is not there, or the file has line ends of Windows (CRLF): with *.sh text eol=lf in "
         ".gitattributes, git writes those of Linux.",
         "bash: line 1: ./start.sh: cannot execute: required file not found", "scripts in a Procfile, in build and in migrate that come from Windows"),
    Hint(r"(?:line \d+|sh: \d+|bash|exec): ([\w.+-]+): (?:command )?not found|env: [\u2018'\"]([\w.+-]+)[\u2019'\"]: No such file"
         r"|subprocess\.py\"[\s\S]{0,600}?No such file or directory: '([\w.+-]+)'|Cmd\('([\w.+-]+)'\) not found"
         r"|([\w.+-]+) is not installed or it's not in your PATH"
         r"|Couldn't find (ffmpeg)|No (wkhtmltopdf) executable|Is (poppler) installed|(pg_config) executable not found",
         "{name} is not installed: add its package to system_packages, or what brings it to the requirements.",
         "bash: line 1: npm: command not found",
         "npm, node, msgfmt (gettext), git, ffmpeg, pytesseract (tesseract-ocr), pdf2image (poppler-utils), pdfkit (wkhtmltopdf), pg_config (libpq-dev)"),
    Hint(rf"can't open file '(?:{_RELEASE})([^'/]+\.py)'",
         "the source has no {name} at its top: where it lies in a directory with all of the application, name that in source.directory.",
         "python: can't open file '/srv/shop/releases/20261120T201500Z-1a2b3c4/manage.py': [Errno 2] No such file or directory",
         "Django in a subdirectory of its repository"),
    Hint(r"No module named '?pkg_resources",
         "newer versions of setuptools have no pkg_resources: add setuptools<81 to the application's requirements.",
         "ModuleNotFoundError: No module named 'pkg_resources'", "gunicorn 20, old plug-ins and namespace packages"),
    Hint(r"unsupported locale setting|setlocale: LC_\w+: cannot change locale",
         "this host has no such locale: set LC_ALL: C.UTF-8 in env, or add locales-all to system_packages.",
         "locale.Error: unsupported locale setting", "locale.setlocale(), Babel, perl"),
    Hint(r"(/(?:var/)?tmp/[^\s'\"]*(?:\.sock|\.s\.PGSQL\.\d+))",
         "/tmp is the process's own, so {name} of another service is not in it: let that service put its socket below /run, or reach it by 127.0.0.1.",
         "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/redis.sock'", "Redis, PostgreSQL, MySQL with a socket in /tmp", (RUN,)),
    Hint(r"/commands/collectstatic\.py\"[\s\S]*?(?:Read-only file system|Permission denied)",
         "static files are part of a release: let build run collectstatic, as preset: django does, and take it out of the commands of the Procfile or of "
         "processes, and out of migrate.",
         "  File \"…/django/contrib/staticfiles/management/commands/collectstatic.py\", … OSError: [Errno 30] Read-only file system",
         "collectstatic in a Procfile's release or web", (RUN,)),
    Hint(rf"(?:Read-only file system|Permission denied):? ?'(?:{_RELEASE})([^']+)'",
         "a release cannot be written to: name {folder} in shared, which outlives releases and can be written to, or write below $PYWEB_SHARED.",
         "OSError: [Errno 30] Read-only file system: '/srv/shop/releases/20261120T201500Z-1a2b3c4/instance/shop.sqlite'",
         "Flask's instance folder, uploads into media, log files", (RUN,)),
    Hint(rf"No such file or directory: '(?:{_RELEASE})([^'/]+/[^']*\.(?:log|pid|sqlite3?|db))'",
         "the source has no {folder}, since git keeps no empty directory: name it in shared, then it is there in build steps and outlives releases.",
         "FileNotFoundError: [Errno 2] No such file or directory: '/srv/shop/releases/20261120T201500Z-1a2b3c4/logs/django.log'", "logging.FileHandler"),
    Hint(r"unable to open database file|attempt to write a readonly database",
         "SQLite has to write its file and beside it: name the file in shared, such as shared: [db.sqlite3], or put it below $PYWEB_SHARED.",
         "sqlite3.OperationalError: unable to open database file", "SQLite", (RUN,)),
    Hint(r"Read-only file system:? ?'(/[^']+)'",
         "{name} cannot be written: put it into the process's writable, or write below $PYWEB_SHARED.",
         "OSError: [Errno 30] Read-only file system: '/srv/exchange/out.csv'", "whatever writes outside of shared/", (RUN,)),
    # The import of an ASGI application is tried outside of the sandbox, where it is the owner who refuses.
    Hint(r"Read-only file system:? ?'([^'/][^']*)'|open\([^\n]*['\"][aw]b?\+?['\"][^\n]*\)[\s\S]{0,200}?Permission denied: '([^'/][^']*)'",
         "{name} cannot be written: write below $PYWEB_SHARED, name {folder} in shared, or an absolute path in the process's writable.",
         "OSError: [Errno 30] Read-only file system: 'celerybeat-schedule'", "celery beat, whatever writes into its working directory", (RUN,)),
    Hint(r"Read-only file system",
         "a release cannot be written to: write below $PYWEB_SHARED, name the directory in shared, or an absolute path in the process's writable.",
         "touch: cannot touch 'x': Read-only file system", "shell commands", (RUN,)),
    Hint(r"(/(?:var/)?tmp/[^\s:'\"]+): failed to map segment from shared object",
         "/tmp of this host is mounted noexec, and {name} is a library there: let TMPDIR in env lead below /srv/<name>/shared.",
         "ImportError: /tmp/_MEIx/libz.so: failed to map segment from shared object: Operation not permitted",
         "PyInstaller, JNA, netty, hosts with noexec /tmp"),
    Hint(r"could not execute mprotect for CPUID check",
         "polars looks at the processor by code that it writes itself, which is refused: set POLARS_SKIP_CPU_CHECK: '1' in env.",
         "RuntimeError: could not execute mprotect for CPUID check", "polars", (RUN,)),
    Hint(r"(?i)cannot enable executable stack|failed to map segment from shared object|write\+execute|LLVM ERROR: .*(?:alloc|permission)"
         r"|Unable to allocate section memory|mprotect.*(?:not permitted|denied)|ffi_prep_closure|Fatal process (?:out of memory|error).*CodeRange"
         r"|Failed to reserve virtual memory for CodeRange|V8.*SetPermissions|Could not reserve enough space for code cache|VirtualMachineError.*CodeCache"
         r"|pcre2?.*JIT.*(?:memory|compil)|(?:allocate|make) (?:executable memory|memory executable)|cannot make segment writable for relocation"
         r"|runtime code generation failed|Failed to materialize symbols|Check failed: 12 == \(\*__errno_location",
         "memory that is both written and executed is refused, which compilers at run time need: set jit: true for the process.",
         "MemoryError: Cannot allocate write+execute memory for ffi.callback().",
         "cffi callbacks, Numba, JAX, CatBoost, PyPy, Node.js, Java, LuaJIT, Wasmtime, MiniRacer", (RUN,)),
    Hint(r"No usable sandbox!|Failed to move to new namespace|zygote_host_impl|bwrap: .*(?:not permitted|namespace)|unshare.*Operation not permitted",
         "namespaces are refused, since the process is in a sandbox already: start the program without its own, such as Chromium with --no-sandbox.",
         "[FATAL:zygote_host_impl_linux.cc] No usable sandbox!", "Chromium, Playwright, Puppeteer, Selenium, bubblewrap", (RUN,)),
    Hint(r"no new privileges|effective uid is not 0|sudo: .*(?:not permitted|nosuid)",
         "sudo and setuid programs have no effect in a process: do what needs root in a play, or in a unit of its own.",
         "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.", "sudo, su, ping, mount", (RUN,)),
    Hint(r"No CUDA GPUs are available|CUDA driver initialization failed|no CUDA-capable device|NVIDIA-SMI has failed|Failed to initialize NVML",
         "devices are hidden: name those of the graphics card in devices of the process, such as /dev/nvidiactl, /dev/nvidia0 and /dev/nvidia-uvm.",
         "RuntimeError: No CUDA GPUs are available", "PyTorch, TensorFlow, nvidia-smi", (RUN,)),
    Hint(rf"(/dev/(?!{_QUIET})[\w/.-]+)[^\n]*(?:No such|not permitted|denied)"
         rf"|(?:No such|not permitted|denied|could not open)[^\n]*?(/dev/(?!{_QUIET})[\w/.-]+)",
         "devices are hidden: name {name} in devices of the process.",
         "serial.serialutil.SerialException: [Errno 2] could not open port /dev/ttyUSB0: No such file or directory", "pyserial, cameras, sound, FUSE", (RUN,)),
    Hint(r"Too many open files", "the process may not open more files: raise files of the process, which is 65536 by default.",
         "OSError: [Errno 24] Too many open files", "asyncio servers, Elasticsearch clients", (RUN,)),
    Hint(r"can't start new thread|pthread_create failed|Resource temporarily unavailable.*fork|BlockingIOError: \[Errno 11\].*fork|fork: retry|Cannot fork",
         "the process may not start more threads or processes: raise tasks of the process.",
         "RuntimeError: can't start new thread", "OpenBLAS, thread pools, celery", (RUN,)),
    Hint(r"\bMemoryError\b|Cannot allocate memory|oom-kill|Out of memory|out of memory\?|OOM killer",
         "there was too little memory: raise memory of the process where it is set, or take fewer workers.",
         "Worker (pid:1234) was sent SIGKILL! Perhaps out of memory?", "gunicorn, pandas, models that are loaded by each worker", (RUN,)),
    Hint(r"(?i)(?:bind|listen|address)[^\n]*permission denied|permission denied[^\n]*(?:bind|listen|port \d)",
         "ports below 1024 are root's: let the command listen on {socket} or $PORT; nginx has 80 and 443.",
         "[Errno 13] error while attempting to bind on address ('0.0.0.0', 80): permission denied", "commands with a port of their own", (RUN,)),
    Hint(r"Address already in use",
         "the release before still listens there, since both run side by side at a switch: let the command listen on {socket} or $PORT.",
         "OSError: [Errno 98] Address already in use", "commands with a port of their own, metrics exporters", (RUN,)),
    Hint(r"Network is unreachable|Address family not supported by protocol",
         "the network is refused: network of the process says what it may reach (yes, local or no).",
         "OSError: [Errno 101] Network is unreachable", "requests, urllib3", (RUN,)),
    Hint(r"Peer authentication failed for user",
         "over its socket PostgreSQL lets an application in as the role that has the application's name: name no other user in the address.",
         "FATAL:  Peer authentication failed for user \"shopuser\"", "psycopg, SQLAlchemy, Django", (RUN,)),
    Hint(r"(?:Permission denied|No such file or directory): '(/(?:root|home)(?:/[^']*)?)'|(/(?:root|home)/[^\s'\":]+): (?:Permission denied|No such file)",
         "{name} is hidden from applications: let a variable such as HOME or XDG_CACHE_HOME in env lead below /srv/<name>/shared.",
         "PermissionError: [Errno 13] Permission denied: '/root/.cache'", "caches of Hugging Face, NLTK, matplotlib; programs in a home", (RUN,)),
    Hint(r"Invalid HTTP_HOST header: '([^']+)'", "add {name} to ALLOWED_HOSTS in Django's settings.",
         "Invalid HTTP_HOST header: 'shop.example.com'. You may need to add 'shop.example.com' to ALLOWED_HOSTS.", "Django", (RUN,)),
    Hint(r"ModuleNotFoundError: No module named '([\w.]+)'",
         "there is no {name}: add what has it to the application's requirements; where it is the application's own, look at source.directory and at the module "
         "that the process names.",
         "ModuleNotFoundError: No module named 'flask'", "a package that only the developer's own environment has"),
    Hint(r"Failed to find attribute '(\w+)' in|Attribute \"(\w+)\" not found in module",
         "the module has no {name}: name the module and the object in it that is the application, such as shop.wsgi:application.",
         "Failed to find attribute 'application' in 'shop'.", "gunicorn, uvicorn", (RUN,)),
    Hint(r"requires \"([\w-]+)\" to be installed", "add {name} to the application's requirements.",
         "RuntimeError: Form data requires \"python-multipart\" to be installed.", "FastAPI, Starlette"),
    Hint(r"Missing staticfiles manifest entry for '([^']+)'",
         "collectstatic has not seen {name}: let build run it (preset: django does), and check that the source has the file.",
         "ValueError: Missing staticfiles manifest entry for 'css/site.css'", "Django, WhiteNoise"),
    Hint(r"no such table: ([\w.]+)|relation \"([\w.]+)\" does not exist|Table '([\w.]+)' doesn't exist",
         "the database has no table {name}: set migrate to the command that makes it, and a deploy runs it before the release starts.",
         "sqlite3.OperationalError: no such table: auth_user", "Django, Alembic, Flask-Migrate", (RUN,)),
    Hint(r"(role|database) \"[^\"]+\" does not exist",
         "PostgreSQL has no such {name}: make it, as docs/services.md shows, or correct the address.",
         "FATAL:  role \"shop\" does not exist", "psycopg, SQLAlchemy, Django", (RUN,)),
    Hint(r"password authentication failed for user \"([^\"]+)\"|Access denied for user '([^']+)'",
         "the database refuses the password of {name}: correct it in secrets.",
         "FATAL:  password authentication failed for user \"shop\"", "PostgreSQL, MySQL, MariaDB", (RUN,)),
    Hint(r"server at \"([^\"]+)\"[^\n]*failed: Connection refused|connecting to ([\w.-]+:\d+)\. Connection refused"
         r"|server on socket \"([^\"]+)\" failed: No such file"
         r"|Can't connect to (?:local )?(?:MySQL|MariaDB|server)[^\n]* '([^']+)'|ConnectionRefusedError: \[Errno 111\] Connect call failed (\('[^)]+\))",
         "nothing listens at {name}: check the address in env or secrets, and that the service runs there (docs/services.md).",
         "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.", "Redis, PostgreSQL, MySQL, asyncpg", (RUN,)),
    Hint(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
         "the host trusts nobody who has signed that certificate: give the authority to python_ca_certificates; libraries that bring their own list "
         "(certifi) need SSL_CERT_FILE and REQUESTS_CA_BUNDLE in env, as /etc/ssl/certs/ca-certificates.crt.",
         "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
         "requests, httpx, urllib3 behind a company's authority", (RUN,)),
    Hint(r"Temporary failure in name resolution|Name or service not known|nodename nor servname",
         "a name cannot be resolved: check it, the host's resolver, and network of the process where that is not yes.",
         "socket.gaierror: [Errno -3] Temporary failure in name resolution", "requests, redis, psycopg", (RUN,)),
    Hint(r"No space left on device", "the disk is full: free some space (df -h shows where), or keep fewer releases by keep_releases.",
         "OSError: [Errno 28] No space left on device", "whatever writes", (RUN,)),
)


def found(text: str, phase: str) -> tuple[Hint, str] | None:
    """The first row that fits C(text), printed in C(phase) (build or run), and what it says there."""
    for row in HINTS:
        match = re.search(row.pattern, text) if phase in row.phases else None
        if match:
            name = next((group for group in match.groups() if group), "")
            # Commands have {socket}: no format string.
            return row, row.sentence.replace("{name}", name).replace("{folder}", name.rpartition("/")[0] or name)
    return None


def hint(text: str, phase: str) -> str:
    """One sentence; empty when no row fits."""
    fits = found(text, phase)
    return fits[1] if fits else ""


def helps(text: str) -> str:
    """A line for behind what an application of today's release has failed with; empty when no row fits."""
    sentence = hint(text, RUN)
    return f"\nWhat helps: {sentence}" if sentence else ""
