"""`preset = "pypi"`: the index that this machine's pip or uv is configured for, in the order these go by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from simulator.project import Project
from simulator.python_files import Dist
from simulator.python_index import PythonIndex

from cudepot.cli.machine_index import choose
from cudepot.errors import ConfigError


class Machine:
    """A machine's files and variables, each naming an index of its own, the one that counts least first."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home, self.prefix = folder / "root", folder / "home", folder / "venv"
        self.environ: dict[str, str] = {}

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def index(self) -> str:
        return choose(self.environ, self.home, self.prefix, self.root)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def url(name: str) -> str:
    return f"https://{name}.example.com/simple"


def test_what_pip_says_counts_before_what_uv_says_and_a_variable_before_a_file(machine: Machine) -> None:
    with pytest.raises(ConfigError, match="neither is configured for one") as caught:
        machine.index()
    assert "give `url` as well as `preset`" in caught.value.hint
    root, home = machine.root, machine.home
    pip = "[global]\nindex-url = {}\n"
    files = [
        (root / "etc/uv/uv.toml", f'index-url = "{url("u1")}"'),
        (root / "etc/xdg/uv/uv.toml", f'[pip]\nindex-url = "{url("u2")}"'),
        (home / ".config/uv/uv.toml", f'[[index]]\nurl = "{url("x")}"\n[[index]]\nurl = "{url("u3")}"\ndefault = true'),
    ]
    for path, text in files:
        machine.write(path, text)
        assert machine.index() in text
        assert machine.index() != url("x"), "an index beside the default one"
    for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        machine.environ[name] = f"corp={url(name.lower())}" if "DEFAULT" in name else url(name.lower())
        assert machine.index() == url(name.lower())
    for path in (root / "etc/xdg/pip/pip.conf", root / "etc/pip.conf", home / ".pip/pip.conf",
                 home / ".config/pip/pip.conf", machine.prefix / "pip.conf", home / "named.conf"):  # fmt: skip
        if path.name == "named.conf":
            machine.environ["PIP_CONFIG_FILE"] = str(path)
        machine.write(path, pip.format(url(path.parent.parent.name.strip("."))))
        assert machine.index() == url(path.parent.parent.name.strip("."))
    machine.write(root / "etc/pip.conf", f"[install]\nindex_url = {url('install')}\n")
    assert machine.index() == url("install"), "the section of the command counts before that for all"
    machine.environ["PIP_INDEX_URL"] = url("p")
    assert machine.index() == url("p")


def test_what_is_switched_off_does_not_count(machine: Machine) -> None:
    machine.write(machine.home / ".config/pip/pip.conf", f"[global]\nindex-url = {url('p')}\n")
    machine.write(machine.home / ".config/uv/uv.toml", f'index-url = "{url("u")}"\n')
    machine.environ["PIP_CONFIG_FILE"] = os.devnull
    assert machine.index() == url("u")
    machine.write(machine.home / "uv.toml", f'index-url = "{url("named")}"\n')
    machine.environ["UV_CONFIG_FILE"] = str(machine.home / "uv.toml")
    assert machine.index() == url("named")
    machine.environ["UV_NO_CONFIG"] = "1"
    with pytest.raises(ConfigError):
        machine.index()


JUNK = (
    "", "\0", "[global", "[global]\nindex-url = a\nindex-url = b", "index = 3", "index = [3]",
    "[[index]]\ndefault = true\nurl = 3", "pip = 3", "a = " + "[" * 10_000,
)  # fmt: skip


@pytest.mark.parametrize("junk", JUNK)
def test_files_that_cannot_be_read_say_nothing(machine: Machine, junk: str) -> None:
    for path in (machine.home / ".config/pip/pip.conf", machine.home / ".config/uv/uv.toml"):
        machine.write(path, junk)
    with pytest.raises(ConfigError, match="neither is configured for one"):
        machine.index()


@pytest.mark.parametrize("bad", ["https://me:s3cret@index.example.com/simple", "https://token@index.example.com/"])
def test_a_login_never_gets_into_the_lock(machine: Machine, bad: str) -> None:
    machine.environ["PIP_INDEX_URL"] = bad
    with pytest.raises(ConfigError, match="PIP_INDEX_URL contains a login") as caught:
        machine.index()
    assert "machine index.example.com login" in caught.value.hint
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "bad", ["file:///opt/pypi/simple", "/opt/pypi", "https://", "https://[::1/simple", "ftp://h/x"]
)
def test_what_is_no_index_on_the_web_is_named(machine: Machine, bad: str) -> None:
    machine.environ["UV_DEFAULT_INDEX"] = bad
    with pytest.raises(ConfigError, match="UV_DEFAULT_INDEX names no index on the web"):
        machine.index()


def test_verbs_take_the_machines_index(project: Project, tmp_path: Path) -> None:
    with PythonIndex(tmp_path / "index") as index:
        index.add(Dist("a", "1.0"))
        project.add("upstream", preset="pypi")
        project.add("pin", upstream="pypi", packages=["a"])
        project.env |= {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
        assert "neither is configured for one" in project.run("lock", check=False).err
        assert "index-url in /etc/pip.conf" in project.run("units", "cron").err
        assert "no lock yet" in project.run("status").out, "verbs that ask no upstream need none"
        project.env["PIP_INDEX_URL"] = index.url
        project.run("lock")
        assert f"note: {index.url} is the package index of your own configuration" in project.run("units", "cron").err
        assert f'url = "{index.url}"' in project.lock.read_text()
        index.add(Dist("a", "1.1"))
        project.run("update")
        project.run("sync")
        del project.env["PIP_INDEX_URL"]
        assert project.run("status", "--json").json["lock"] == "ok"
        index.add(Dist("a", "1.2"))
        assert "1.2" in project.run("update").out, "where nothing says it, it is where it was locked from"
