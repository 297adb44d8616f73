"""cudepot for machines that reach no index: wheels with hashed requirements, and debs, of an ordinary environment."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from simulator.process import clean_env, run
from simulator.project import Project
from simulator.python_files import Dist
from simulator.python_index import PythonIndex
from simulator.site_key import SiteKey

from cudepot import __version__
from cudepot.cli.shared_files import shared_files
from cudepot.workflows.kit.own_wheel import own_wheel

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MINE = f"linux-64-py{PYTHON}"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PythonIndex]:
    """An index that has something under each name that cudepot needs."""
    with PythonIndex(tmp_path / "index") as one:
        for line in own_wheel().requires:
            wanted = Requirement(line)
            least = next(iter(sorted(spec.version for spec in wanted.specifier if spec.operator == ">=")), "1")
            one.add(Dist(wanted.name, f"{least}.1" if least.count(".") == 1 else least))
        yield one


@pytest.fixture
def kit(project: Project, index: PythonIndex) -> Project:
    """A project with the environment that the documentation tells people to write."""
    needs = project.run("kit", "requirements").out
    (project.base / "cudepot.in").write_text(needs)
    project.add("upstream", name="pypi", type="simple", url=index.url)
    project.add("environment", name="cudepot", platforms=["linux-64", "linux-aarch64"], python=[PYTHON],
                requirements="cudepot.in")  # fmt: skip
    return project


def test_the_wheel_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    own = own_wheel()
    assert own == own_wheel()
    path = tmp_path / own.name
    path.write_bytes(own.data)
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        assert wheel.testzip() is None
        metadata = wheel.read(f"cudepot-{__version__}.dist-info/METADATA").decode()
    assert {"cudepot/cli/main.py", "cudepot_far/cli.py", "cudepot/_data/docs/airgap.md", "cudepot/py.typed"} <= names
    assert not [name for name in names if "__pycache__" in name]
    assert "Requires-Dist: starlette>=0.46; extra == 'serve'" in metadata
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", tmp_path / "there", path)
    env = clean_env(PYTHONPATH=str(tmp_path / "there"))
    told = run(sys.executable, "-S", "-c", "import cudepot; print(cudepot.__file__)", env=env)
    assert told.stdout.strip().startswith(str(tmp_path / "there"))


def test_a_kit_is_written_of_an_environment(kit: Project, site_key: SiteKey, tmp_path: Path) -> None:
    for verb in ("lock", "sync"):
        kit.run(verb)
    folder = tmp_path / "kit"
    promised = kit.run("kit", "write", "--dry-run", "--json", str(folder)).json
    assert not folder.exists()
    done = kit.run("kit", "write", "--json", str(folder)).json
    assert set(promised["files"]) == set(done["files"])
    assert done["targets"] == [MINE, f"linux-aarch64-py{PYTHON}"]
    run("sha256sum", "--strict", "-c", "SHA256SUMS", cwd=folder)
    run("gpgv", "--keyring", site_key.keyring, folder / "SHA256SUMS.asc", folder / "SHA256SUMS")
    there = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
    assert there == set(done["files"])
    before = {one: (folder / one).read_bytes() for one in there}
    wheels = sum(len(data) for name, data in before.items() if name.endswith(".whl") and "/cudepot-" not in name)
    again = kit.run("kit", "write", "-n", "--no-debs", "--json", str(folder)).json["room"]
    assert (promised["room"][0]["needed"] > wheels, again) == (True, []), "what is there is not counted again"
    kit.run("kit", "write", str(folder))
    assert {one: (folder / one).read_bytes() for one in there} == before, "the same bytes each time"
    own = own_wheel(shared_files())
    assert (folder / "wheelhouse" / own.name).read_bytes() == own.data
    assert hashlib.sha256(own.data).hexdigest() in (folder / f"requirements-{MINE}.txt").read_text()


def test_pip_installs_it_by_hash_and_nothing_else(kit: Project, tmp_path: Path) -> None:
    for verb in ("lock", "sync"):
        kit.run(verb)
    folder, there = tmp_path / "kit", tmp_path / "there"
    kit.run("kit", "write", "--no-debs", str(folder))
    install = [sys.executable, "-m", "pip", "install", "-q", "--isolated", "--no-deps", "--target", str(there), "-r"]
    run(*install, f"requirements-{MINE}.txt", cwd=folder)
    assert (there / "cudepot/cli/main.py").is_file()
    assert len(list(there.glob("*.dist-info"))) == len(own_wheel().requires) + 1
    wheel = next((folder / "wheelhouse").glob("rich-*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"x")
    again = [*install[:-2], str(tmp_path / "again"), "-r"]
    done = run(*again, f"requirements-{MINE}.txt", cwd=folder, check=False)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_a_deb_is_what_dpkg_reads(kit: Project, tmp_path: Path) -> None:
    for verb in ("lock", "sync"):
        kit.run(verb)
    kit.run("kit", "write", str(tmp_path / "kit"))
    deb = tmp_path / "kit" / f"cudepot_{__version__}+py{PYTHON}_amd64.deb"
    fields = run("dpkg-deb", "--field", deb).stdout
    assert f"Version: {__version__}+py{PYTHON}" in fields
    assert f"Depends: python{PYTHON}, " in fields
    assert "libglib2.0-0" in fields  # createrepo_c brings all it needs but GLib
    run("dpkg-deb", "--extract", deb, tmp_path / "root")
    home = tmp_path / "root/usr/lib/cudepot"
    assert (home / "bin/python3").readlink() == Path(f"/usr/bin/python{PYTHON}")
    assert (home / "bin/cudepot").stat().st_mode & 0o111
    assert (tmp_path / "root/usr/bin/cudepot").resolve() == home / "bin/cudepot"
    assert (home / f"lib/python{PYTHON}/site-packages/cudepot/cli/main.py").is_file()
    assert (tmp_path / "kit" / f"cudepot_{__version__}+py{PYTHON}_arm64.deb").is_file()
    share = tmp_path / "root/usr/share"
    assert gzip.decompress((share / "man/man1/cudepot-lock.1.gz").read_bytes()).startswith(b'.TH "CUDEPOT\\-LOCK"')
    assert {str(one.relative_to(share)) for one in share.rglob("*cudepot*") if one.parent.name != "man1"} == {
        "bash-completion/completions/cudepot",
        "zsh/vendor-completions/_cudepot",
        "fish/vendor_completions.d/cudepot.fish",
    }
    assert not (home / "share").exists()


def test_a_wheel_that_rotted_unseen_is_not_handed_on(kit: Project, tmp_path: Path) -> None:
    for verb in ("lock", "sync"):
        kit.run(verb)
    stored = next(one for one in (kit.store / "objects").rglob("*") if one.is_file() and zipfile.is_zipfile(one))
    times, data = stored.stat(), stored.read_bytes()
    stored.chmod(0o644)
    stored.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.utime(stored, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a dying disk does
    assert "sha256" in kit.fail(5, "kit", "write", "--no-debs", str(tmp_path / "kit")).error
    assert not (tmp_path / "kit/SHA256SUMS").exists()


def test_what_is_not_there_is_told(kit: Project, tmp_path: Path) -> None:
    kit.fail(3, "kit", "write", str(tmp_path / "kit"))
    kit.run("lock")
    assert "run `cudepot sync` first" in kit.fail(3, "kit", "write", str(tmp_path / "kit")).hint
    assert "no environment named 'x'" in kit.fail(3, "kit", "write", "--environment", "x", str(tmp_path / "kit")).error
    needs = [line for line in own_wheel().requires if not line.startswith("rich")]
    (kit.base / "cudepot.in").write_text("\n".join(needs))
    for verb in ("lock", "sync"):
        kit.run(verb)
    assert "lacks rich" in kit.fail(3, "kit", "write", str(tmp_path / "kit")).error
    assert not (tmp_path / "kit/SHA256SUMS").exists()
