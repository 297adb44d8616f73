"""Odd apt repositories: what the real apt-get makes of each, and that cudepot makes the same of it, or says why not.

Each is taken through apt-get from the upstream itself, and through ``lock``, ``sync`` and ``publish`` to apt-get from
the site, with a pin (signed by the site) and mirrored whole (as the upstream signed it).
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.keys import KeyHome
from simulator.project import Project
from tests.clients.apt import AptRoot
from tests.clients.http import Site, serve
from tests.judge import rows_files, rows_packages, rows_release, rows_signature, rows_stanzas, rows_suites
from tests.judge.apt_repo import Bench, Odd
from tests.judge.table import Row

from cudepot.cli.main import main

MODULES = (rows_release, rows_suites, rows_signature, rows_stanzas, rows_packages, rows_files)
ROWS = [row for module in MODULES for row in module.TABLE.rows]
INSTALLS = "installs"


@dataclass
class World:
    """What all rows share."""

    bench: Bench
    upstream: Site
    site_key: str
    folder: Path


@pytest.fixture(scope="session")  # little to make: a worker each
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("judge")
    (folder / "up").mkdir()
    with KeyHome() as keys, serve(folder / "up") as upstream:
        key, stranger, own = (keys.generate(f"{name} <{name}@example.com>") for name in ("up", "other", "site"))
        for name, one in {"up": key, "site": own}.items():
            (folder / f"{name}.gpg").write_bytes(one.binary)
            (folder / f"{name}.asc").write_bytes(one.armored)
        deb = write_deb(simple_deb("tool", "1.0"), folder)
        yield World(Bench(keys, key, stranger, deb, folder), upstream, own.fingerprint, folder)


@dataclass
class Judge:
    """One row: its repository, and who is asked about it."""

    world: World
    odd: Odd
    folder: Path
    notes: dict[str, list[str]] = field(default_factory=dict)

    def client(self, url: str, key: str, suite: str, component: str, name: str) -> str:
        """Return what apt-get makes of a source: that it installs, or what it says."""
        root = AptRoot(self.folder / name)
        root.add_source(url, self.world.folder / key, suite, components=component)
        done = root.update(check=False)
        if not done.returncode:
            done = root.install(self.odd.pin or self.odd.package, check=False)
        if not done.returncode and root.version(self.odd.package) == self.odd.version:
            return INSTALLS
        return f"apt-get: exit {done.returncode}, {done.stdout[-600:]}\n{done.stderr[-600:]}"

    def direct(self) -> str:
        """Return what apt-get makes of the upstream itself."""
        return self.client(self._url, "up.gpg", self.odd.suite, self.odd.component, "direct")

    def by_cudepot(self, *, whole: bool) -> str:
        """Return what apt-get makes of a site that has the repository from cudepot."""
        project = self._project(whole=whole)
        notes = self.notes["whole" if whole else "pin"] = []
        for verb in ("init", "lock", "sync", "publish"):
            if said := _said(project, verb, notes):
                notes.append(said)
                return said
        suite, component = (self.odd.suite, self.odd.component) if whole else ("/", "")
        with serve(project.site) as site:
            url = f"{site.url}/apt/odd/"
            return self.client(url, "up.gpg" if whole else "site.gpg", suite, component, f"root-{whole}")

    def _project(self, *, whole: bool) -> Project:
        world = self.world
        project = Project(self.folder / f"{whole}", key=world.site_key, gnupg=world.bench.keys.path)
        wanted = self.odd.wanted | ({"whole": True} if whole else {})
        if self.odd.component:
            wanted |= {"suites": [self.odd.suite], "components": [self.odd.component]}
        elif self.odd.suite != "/":
            wanted |= {"suites": [self.odd.suite]}
        ring = {"keys": [world.bench.key.fingerprint], "keyrings": [str(world.folder / "up.asc")]}
        project.add("upstream", name="odd", type="apt", url=self._url, **ring, **wanted)
        if not whole:
            project.add("pin", upstream="odd", packages=[self.odd.pin or self.odd.package])
        return project

    @property
    def _url(self) -> str:
        return f"{self.world.upstream.url}/{self.odd.folder.name}/"


def _said(project: Project, verb: str, notes: list[str]) -> str:
    """Run a verb in this process, add what it notes; return what it says when it fails, which is a proper error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([verb, "-C", str(project.base), "--quiet", *([] if verb == "init" else ["--json"])])
    if not code:
        notes += json.loads(out.getvalue())["notes"] if verb != "init" else []
        return ""
    error = json.loads(out.getvalue())
    assert code > 1, f"{verb}: {out.getvalue()}\n{err.getvalue()}"
    assert error["hint"], error
    return f"{verb}: {error['error']} ({error['hint']})"


def _often(number: int, row: Row) -> bool:
    """Return whether a row is among those of every run: all where cudepot differs, and a third of the others."""
    return bool(row.pin or row.whole) or number % 3 == 0


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.name, marks=() if _often(number, row) else pytest.mark.lengthy)
        for number, row in enumerate(ROWS)
    ],
)
def test_cudepot_and_apt_agree(row: Row, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDEPOT_TRIES", "1")
    monkeypatch.setenv("CUDEPOT_WAIT", "0")
    odd = Odd(world.bench, world.upstream.root / row.name)
    row.make(odd)
    odd.publish()
    judge = Judge(world, odd, tmp_path)
    direct = judge.direct()
    found = {"pin": judge.by_cudepot(whole=False), "whole": judge.by_cudepot(whole=True)}
    for way, said in found.items():
        agree, why = (said == INSTALLS) == (direct == INSTALLS), getattr(row, way)
        text = f"\napt itself: {direct}\nby cudepot, {way}: {said}"
        assert agree or why, text
        assert not (agree and why), f"there is no difference to give a reason for{text}"
        silent = INSTALLS not in (direct, said) and not judge.notes[way]
        assert bool(row.quiet and way == "whole") == silent, (
            f"{row.quiet or 'apt refuses it, and nobody says so'}{text}"
        )
