# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements files as pip takes them, also from a real server, in lines that uv takes."""

from __future__ import annotations

import functools
import http.server

import pytest

from ansible_collections.pyweb.stack.plugins.module_utils._host.errors import BuildError
from ansible_collections.pyweb.stack.plugins.module_utils._host.locks.lines import read_requirements


@pytest.fixture
def server(tmp_path, serving):
    """What lies in C(served), by HTTP."""
    (tmp_path / "served/more").mkdir(parents=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    return "http://" + serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))


def written(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return str(folder / "requirements.txt")


def test_all_that_is_included(tmp_path):
    (tmp_path / "sub").mkdir()
    written(tmp_path / "sub", more="b\n--requirement=deep.txt\n", deep="c\n-r more.txt\n")
    path = written(tmp_path, requirements="a\n-r sub/more.txt\n-climits.txt\n", limits="d<2\n-r further.txt", further="e<3")
    assert read_requirements(path) == (["a", "b", "c"], ["d<2", "e<3"])
    with pytest.raises(BuildError, match="^gone.txt cannot be read: No such file or directory.$"):
        read_requirements(str(tmp_path / "gone.txt"))


@pytest.mark.parametrize("line", ['-r "for all.txt"', "-r 'for all.txt' # why", "-rfor\\ all.txt",
                                  '--requirement="for all.txt"', "--requirement for\\ all.txt"])
def test_the_name_of_an_included_file_may_have_a_space(tmp_path, line):
    (tmp_path / "for all.txt").write_text("b\n")
    path = written(tmp_path, requirements=f"a\n{line}\n")
    assert read_requirements(path).requirements == ["a", "b"]


@pytest.mark.parametrize("line", ["-r ../base.txt", "--constraint=../base.txt"])
def test_an_include_that_the_release_lacks_is_named_with_its_line(tmp_path, line):
    path = written(tmp_path, requirements=f"a\n{line}\n")
    with pytest.raises(BuildError, match=r"^requirements.txt, line 2 includes '../base.txt', which the release does not have: .* source.directory, deploy"):
        read_requirements(path)


def test_what_lies_at_an_address(tmp_path, server):
    written(tmp_path / "served", limits="d<2\n-r more/deep.txt\n", base="b\n")
    written(tmp_path / "served/more", deep="e<3\n")
    assert read_requirements(written(tmp_path, requirements=f"-c {server}/limits.txt\na\n-r {server}/base.txt\n")) == (["a", "b"], ["d<2", "e<3"])
    address = server.replace("://", "://deploy:pass-phrase@")
    with pytest.raises(BuildError) as error:
        read_requirements(written(tmp_path, requirements=f"a\n\n-r {address}/none.txt\n"))
    assert str(error.value).startswith(f"requirements.txt, line 3 names {server}/none.txt, which cannot be fetched: the server answers 404")
    assert "pass-phrase" not in str(error.value)


@pytest.mark.parametrize("content, expected", [
    (b"\xef\xbb\xbfa==1\r\nb==2\r\n", ["a==1", "b==2"]),
    ("a==1\r\nb==2".encode("utf-16"), ["a==1", "b==2"]),
    (b"a>=1, \\\r\n  <2 # why\r\n# b\r\n", ["a>=1, <2"]), (b"a==1 \\\n", ["a==1"]), (b"a==1\nb==2 \\", ["a==1", "b==2"]),
    (b"# made by C:\\tools\\\na==1\n  # and \\\nb==2\n", ["a==1", "b==2"]),
    ("# for pip\n# -*- coding: latin-1 -*-\na==1 # für uns\n".encode("latin-1"), ["a==1"]),
    ("# encoding=cp1252\r\na==1 # 5 €\r\n".encode("cp1252"), ["a==1"]),
])
def test_what_editors_write(tmp_path, content, expected):
    (tmp_path / "requirements.txt").write_bytes(content)
    assert read_requirements(str(tmp_path / "requirements.txt")).requirements == expected


@pytest.mark.parametrize("content", [b"a # f\xfcr\n", b"# coding: none-such\na # f\xfcr\n", b"a\n\n# coding: latin-1\nb # f\xfcr\n"])
def test_an_encoding_that_nothing_names(tmp_path, content):
    (tmp_path / "requirements.txt").write_bytes(content)
    with pytest.raises(BuildError, match=r"^requirements\.txt cannot be read: it is not UTF-8; save it as UTF-8\.$"):
        read_requirements(str(tmp_path / "requirements.txt"))


@pytest.mark.parametrize("line, expected", [
    ("flask", "flask"), ("Flask[async] ~= 3.0 ; python_version > '3'", "Flask[async] ~= 3.0 ; python_version > '3'"), ("flask (>=3)", "flask (>=3)"),
    ("--no-binary lxml", "--no-binary lxml"), ("-i https://packages.example.com", "-i https://packages.example.com"),
    ("vendor/a-1.0-py3-none-any.whl", "./vendor/a-1.0-py3-none-any.whl"),
    ("a-1.0-py3-none-any.whl ; os_name == 'nt'", "./a-1.0-py3-none-any.whl ; os_name == 'nt'"),
    ("libs/auth[redis]", "./libs/auth[redis]"), ("-e libs/auth", "./libs/auth"), ("-e .[dev]", ".[dev]"), ("-e.", "."),
    ("-e auth", "./auth"), ("--editable=auth[redis] ; os_name == 'nt'", "./auth[redis] ; os_name == 'nt'"), ("-elibs/auth", "./libs/auth"),
    ("-e 'git+https://git.example.com/lib.git#egg=lib'", "lib @ git+https://git.example.com/lib.git"),
    ("-e git+git@git.example.com:team/lib.git@v1#egg=lib", "lib @ git+ssh://git@git.example.com/team/lib.git@v1"),
    ("file:vendor/a.whl", "./vendor/a.whl"), ("-e file:.#egg=shop", "."), ("-e file:libs/auth#egg=auth[redis]", "./libs/auth[redis]"),
    ("a @ file:./vendor/a.whl", "./vendor/a.whl"), ("a @ file:///opt/a.whl", "a @ file:///opt/a.whl"), ("/opt/a.whl", "/opt/a.whl"),
    ("a @ https://example.com/a.whl ; os_name == 'nt'", "a @ https://example.com/a.whl ; os_name == 'nt'"),
    ("-e git+https://git.example.com/lib.git@v1#egg=lib", "lib @ git+https://git.example.com/lib.git@v1"),
    ("--editable=git+ssh://git@git.example.com/lib.git#subdirectory=py&egg=lib ; os_name == 'nt'",
     "lib @ git+ssh://git@git.example.com/lib.git#subdirectory=py ; os_name == 'nt'"),
    ("git+https://git.example.com/lib.git", "git+https://git.example.com/lib.git"), ("lib @ git+file:///srv/lib@v1", "lib @ git+file:///srv/lib@v1"),
])
def test_lines_that_pip_takes(tmp_path, line, expected):
    assert read_requirements(written(tmp_path, requirements=line)).requirements == [expected]


@pytest.mark.parametrize("line, expected", [
    ("--no-binary=lxml,psycopg2", ["--no-binary lxml", "--no-binary psycopg2"]), ("--only-binary :all:", ["--only-binary :all:"]),
    ("--only-binary=:all: # why", ["--only-binary :all:"]), ("--no-binary lxml,", ["--no-binary lxml"]),
])
def test_uv_takes_one_name_for_each_option(tmp_path, line, expected):
    assert read_requirements(written(tmp_path, requirements=line)).requirements == expected


@pytest.mark.parametrize("line, expected", [
    ("--no-index --find-links ./wheels", ["--no-index", "--find-links ./wheels"]),
    ("-i 'https://packages.example.com' --extra-index-url=https://more.example.com --pre  # why",
     ["-i https://packages.example.com", "--extra-index-url=https://more.example.com", "--pre"]),
    ("--no-binary lxml,psycopg2 --prefer-binary", ["--no-binary lxml", "--no-binary psycopg2", "--prefer-binary"]),
    ("--find-links 'wheels", ["--find-links 'wheels"]),
])
def test_several_options_in_one_line_all_count(tmp_path, line, expected):
    assert read_requirements(written(tmp_path, requirements=line)).requirements == expected


@pytest.mark.parametrize("line, expected", [
    ("--find-links wheels", "--find-links requirements/wheels"), ("-f ./wheels", "-f requirements/wheels"), ("--find-links vendor", "--find-links vendor"),
    ("--find-links=https://packages.example.com/wheels", "--find-links=https://packages.example.com/wheels"),
])
def test_a_directory_of_packages_lies_beside_the_file_or_at_the_top(tmp_path, line, expected):
    (tmp_path / "requirements/wheels").mkdir(parents=True)
    (tmp_path / "vendor").mkdir()
    written(tmp_path / "requirements", base=line)
    path = str(tmp_path / "requirements/base.txt")
    assert read_requirements(path, str(tmp_path)).requirements == [expected]
    assert read_requirements(written(tmp_path, requirements="-r requirements/base.txt")).requirements == [expected]


@pytest.mark.parametrize("line, said", [
    ("flask\n-e hg+https://me:secret@hg.example.com/lib#egg=lib", "requirements.txt, line 2 has 'hg+https://hg.example.com/lib#egg=lib': of version control"),
    ("lib @ svn+https://svn.example.com/lib", "requirements.txt, line 1 has 'lib @ svn+https://svn.example.com/lib': of version control"),
    ("# \\\n\nflask = 3", "requirements.txt, line 3 has 'flask = 3', which is no requirement"),
    ("<<<<<<< HEAD", "requirements.txt, line 1 has '<<<<<<< HEAD', which is no requirement"),
])
def test_a_line_that_nobody_takes_is_named(tmp_path, line, said):
    with pytest.raises(BuildError) as error:
        read_requirements(written(tmp_path, requirements=line))
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("line, sentence", [
    ("--no-deps", r"has '--no-deps', which is no option of a requirements file here: leave it out\."),
    ("-U", r"has '-U', which is no option of a requirements file here"),
    ('b --config-settings="--build-option=x"', r"has the option --config-settings for one requirement, which uv does not take: say it in \[tool\.uv\] of"),
    ("b==1 ; os_name == 'posix' --global-option build_ext", "has the option --global-option for one requirement"),
    ("-e git+git://git.example.com/b.git#egg=b", r"has 'git\+git://git.example.com/b.git#egg=b': of version control systems only git is supported, as git"),
])
def test_an_option_that_uv_does_not_take_is_named_with_its_line(tmp_path, line, sentence):
    with pytest.raises(BuildError, match=rf"^requirements\.txt, line 2 {sentence}"):
        read_requirements(written(tmp_path, requirements=f"a\n{line}\n"))
