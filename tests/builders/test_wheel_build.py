"""Wheels of real builds, each by a backend that its sdist brings itself."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from simulator.python_files import Dist, backend, wheel
from tests.isolation import isolated

from cudepot.builders.wheel_build import Interpreter, WheelBuild, find_interpreter
from cudepot.errors import BuildError

pytestmark = [pytest.mark.tools, isolated]
TOML = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
MAKE = """
import os, sys, zipfile
def get_requires_for_build_wheel(config_settings=None):
    return {requires}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    {body}
    with zipfile.ZipFile(os.path.join(folder, "own-1.0-py3-none-any.whl"), "w") as out:
        out.writestr("own.py", str(result))
    return "own-1.0-py3-none-any.whl"
"""
SWAP = """import os
if os.path.isdir("/build/{name}") and not os.path.islink("/build/{name}"):
    os.rename("/build/{name}", "/build/gone")
os.path.islink("/build/{name}") or os.symlink("{victim}", "/build/{name}")
"""


def running() -> Interpreter:
    found = find_interpreter()
    assert found is not None
    return found


def built(folder: Path, body: str = "result = 1", requires: str = "[]", seconds: float = 60, **more: int) -> WheelBuild:
    build = WheelBuild(folder, running(), "own-1.0.tar.gz", seconds=seconds, **more)
    (build.source / "pyproject.toml").write_text(TOML)
    (build.source / "own.py").write_text(MAKE.format(body=body, requires=requires))
    return build


def said(build: WheelBuild) -> str:
    with zipfile.ZipFile(build.wheel()) as made:
        return made.read("own.py").decode()


def test_a_wheel_is_made(tmp_path: Path) -> None:
    assert said(built(tmp_path)) == "1"


def test_the_backend_says_what_else_it_requires_and_has_it_then(tmp_path: Path) -> None:
    build = built(tmp_path, "import tool; result = tool.__version__", requires='["tool>=1", "b"]')
    assert build.requires() == ("b", "tool>=1")
    name, data = wheel(Dist("tool", "1.5"))
    build.install({name: io.BytesIO(data)})
    assert said(build) == "1.5"


def test_it_sees_what_its_requirements_brought_and_nothing_of_ours(tmp_path: Path) -> None:
    body = "import importlib.util as u; result = [n for n in ('build', 'packaging', 'cudepot') if u.find_spec(n)]"
    assert said(built(tmp_path, body)) == "[]"


def test_where_and_when_are_the_same_each_time(tmp_path: Path) -> None:
    body = (
        "result = [__file__, os.getcwd(), sys.prefix, os.environ['SOURCE_DATE_EPOCH'], os.environ['HOME'],"
        " hash('x'), os.umask(0o022)]"
    )
    places = [tmp_path / name for name in ("one", "a-longer-one")]
    for one in places:
        one.mkdir()
    first, second = (said(built(one, body)) for one in places)
    assert first == second
    assert first.startswith("['/build/source/own.py', '/build/source', '/build/env', '1580601600', '/build/home'")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import urllib.request as r; result = r.urlopen('https://host.invalid/')", "needs the network"),
        ("import socket; result = socket.create_connection(('192.0.2.1', 443), 5)", "needs the network"),
        ("result = open('/usr/lib/x', 'w')", "writes outside"),
        ("result = 1 / 0", r"ends with an error \(status 1\)"),
        ("os._exit(0); result = 0", "ends with an error"),
        ("import time; result = time.sleep(600)", "does not end within 3 s"),
    ],
)
def test_what_a_build_must_not_is_said_in_plain_words(tmp_path: Path, body: str, words: str) -> None:
    build = built(tmp_path, body)
    build._seconds = 3 if "sleep" in body else 60
    with pytest.raises(BuildError, match=f"own-1.0.tar.gz: its build {words}"):
        build.wheel()


def test_the_end_of_what_it_said_is_told(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as failed:
        built(tmp_path, "raise SystemError('no gfortran here')").wheel()
    assert "no gfortran here" in failed.value.hint


def test_a_build_that_wants_too_much_memory(tmp_path: Path) -> None:
    build = built(tmp_path, "result = len(bytearray(2 << 30))")
    build._memory = 1 << 30
    with pytest.raises(BuildError, match="needs more than the 1024 MiB"):
        build.wheel()


def test_what_it_writes_to_its_home_is_gone_with_it(tmp_path: Path) -> None:
    body = "result = open(os.path.expanduser('~/.pypirc'), 'w').write('x')"
    assert said(built(tmp_path, body)) == "1"
    assert not (Path.home() / ".pypirc").exists()


@pytest.mark.parametrize(
    "body",
    [
        "result = open(os.path.join(folder, 'other-1-py3-none-any.whl'), 'w')",
        "os.symlink('/etc/passwd', os.path.join(folder, 'own-1.0-py3-none-any.whl')); result = 1; return 'x'",
    ],
)
def test_not_exactly_one_wheel_is_an_error(tmp_path: Path, body: str) -> None:
    with pytest.raises(BuildError, match=r"own-1\.0\.tar\.gz: its build"):
        built(tmp_path, body).wheel()


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    made = tmp_path / "victim"
    made.mkdir()
    (made / "requires.json").write_text('["of-the-user"]')
    (made / "own-1.0-py3-none-any.whl").touch()
    return made


def test_a_link_in_place_of_the_folder_for_wheels_leads_nowhere(tmp_path: Path, victim: Path) -> None:
    swap = SWAP.format(name="wheels", victim=victim)
    build = built(tmp_path / "here", requires=f"exec({swap!r}) or ['tool']")
    assert build.requires() == ("tool",)
    filename, data = wheel(Dist("tool", "1.5"))
    build.install({filename: io.BytesIO(data)})
    assert not (victim / filename).exists()


def test_a_link_in_place_of_the_folder_for_what_is_made_is_not_followed(tmp_path: Path, victim: Path) -> None:
    """What a backend leaves in its environment runs in the process that asks it, when that ends as well."""
    swap = SWAP.format(name="out", victim=victim)
    plant = f"import atexit; atexit.register(exec, {swap!r}, {{}})"
    write = "open(os.path.join(sys.prefix, 'lib', os.listdir(sys.prefix + '/lib')[0], 'site-packages/x.pth'), 'w')"
    build = built(tmp_path / "here", requires=f"({write}.write({plant!r}), [])[1]")
    assert build.requires() == ()
    with pytest.raises(BuildError, match="produces 0 wheels"):
        build.wheel()
    assert (tmp_path / "here/build/out").resolve() == victim
    with pytest.raises(BuildError):
        build.requires()


def test_a_wheel_that_cannot_be_installed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="its build ends with an error"):
        built(tmp_path).install({"broken-1.0-py3-none-any.whl": io.BytesIO(b"no zip")})
    assert backend()[0] == "tiny_build-1.0-py3-none-any.whl"


def test_pythons_of_this_machine_are_found_and_none_is_fetched() -> None:
    assert find_interpreter(running().minor) == running()
    assert find_interpreter("3.2") is None
