"""What is released, built as a release builds it, and installed on each Python that this machine has."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import tomli
from packaging.requirements import Requirement
from simulator.cudnn import CudnnRelease, parts, write_archive
from simulator.process import clean_env, run
from simulator.project import Project
from tests.packaging.installed import PYTHONS, ROOT, made_for, try_out

from cudepot import __version__
from cudepot.cli.main import VERBS
from cudepot.digest import hexdigest

pytestmark = pytest.mark.slow
RELEASE = CudnnRelease("8.0.5.39", "11.1")
WHEEL, SDIST = f"cudepot-{__version__}-py3-none-any.whl", f"cudepot-{__version__}.tar.gz"
_ONLY = """
import sys
class Only:
    def find_spec(self, name, *_):
        top = name.partition(".")[0]
        if top not in {*sys.stdlib_module_names, *sys.argv[1:], "cudepot", "cudepot_far"} and "__mypyc" not in top:
            raise ModuleNotFoundError(f"{name} is not among what the hook names")
sys.meta_path.insert(0, Only())
from cudepot.cli.shared_files import shared_files
assert shared_files()
"""
FOLDERS = ("recipes", "channel-config", "docs")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel that was built of it; with what .venv has, so without a network."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, timeout=600)
    return folder


def files(name: str) -> set[str]:
    """Return what a folder of the repository holds, as git knows it."""
    return set(run("git", "ls-files", "--cached", "--others", "--exclude-standard", name, cwd=ROOT).stdout.splitlines())


def test_the_sdist_is_complete(dist: Path) -> None:
    with tarfile.open(dist / SDIST) as archive:
        names = {one.partition("/")[2] for one in archive.getnames()}
    wanted = set[str]().union(*(files(one) for one in (*FOLDERS, "mirror", "tests", "simulator", "scripts", "bench")))
    assert wanted - names == set()
    assert {"LICENSE", "CHANGELOG.md", "README.md", "CONTRIBUTING.md", "SECURITY.md", "pyproject.toml"} <= names


def test_the_wheel_has_data_manual_and_completion(dist: Path) -> None:
    with zipfile.ZipFile(dist / WHEEL) as archive:
        names = set(archive.namelist())
    wanted = {f"cudepot/_data/{name}" for folder in FOLDERS for name in files(folder)}
    assert wanted - names == set()
    share = f"cudepot-{__version__}.data/data/share"
    assert {f"{share}/man/man1/cudepot-{verb}.1" for verb in VERBS} <= names
    assert f"{share}/fish/vendor_completions.d/cudepot.fish" in names


def test_what_a_wheel_is_built_with_is_all_that_its_build_imports() -> None:
    """``pip install .`` builds in an environment of its own, with no more than the hook of pyproject.toml names."""
    hook = tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]
    names = [Requirement(one).name for one in hook["custom"]["dependencies"]]
    run(sys.executable, "-c", _ONLY, *names, env=clean_env(PYTHONPATH=str(ROOT / "mirror")))


def test_twine_finds_nothing(dist: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", dist / WHEEL, dist / SDIST)


def test_the_same_checkout_gives_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, ROOT, timeout=600)
    for name in (WHEEL, SDIST):
        assert hexdigest((tmp_path / name).read_bytes()) == hexdigest((dist / name).read_bytes()), name


@pytest.mark.skipif(not PYTHONS, reason="scripts/setup --clients makes the environments of other Pythons")
@pytest.mark.parametrize("python", PYTHONS or ["none"])
def test_it_works_on_each_python(dist: Path, python: str, shown: Project, tmp_path: Path) -> None:
    """The wheel of the sdist, so both; what is built is the same to the byte."""
    (tmp_path / "in").mkdir()
    archive, licence = write_archive(RELEASE, tmp_path / "in"), hexdigest(parts(RELEASE).licence)
    there = made_for(python, dist / WHEEL, tmp_path)
    built = try_out(there, archive, licence, shown.base, tmp_path / "work")
    mine = tmp_path / "mine"
    here = (sys.executable, "-m", "cudepot.cli.main")
    run(*here, "build", archive, "-o", mine, "--accept-licence", licence)
    assert built == {one.name: hexdigest(one.read_bytes()) for one in mine.rglob("*") if one.name in built}
    assert len(built) == 2
    assert (there / "share/man/man1/cudepot.1").is_file()
    assert (there / "share/zsh/site-functions/_cudepot").is_file()
