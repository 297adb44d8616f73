"""Odd yum repositories: the real dnf installs from cudepot's site what it installs from the upstream itself.

Each row of the table is pinned and mirrored whole. dnf is the judge: what it takes, cudepot takes, or the row says
why it must not; and what is on the site can be installed from there.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from simulator.keys import Key, KeyHome
from simulator.odd_yum import LIBS, TOOL, OddYum, Shelf
from simulator.process import run
from simulator.project import Project
from simulator.server import Server
from tests.clients import http
from tests.clients.dnf import DnfRoot
from tests.kinds.yum import odd_forms, odd_rows

ROWS = {**odd_rows.ROWS, **odd_forms.ROWS}
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("odd-yum")]
FORMS = ("pin", "whole")


@dataclass
class Judged:
    """What came of the table.

    Attributes:
        refused: upstream → what cudepot said.
        installed: repository → the packages dnf fetched, or an error's text in brackets.
        said: everything cudepot printed beside results.
    """

    refused: dict[str, str]
    installed: dict[str, list[str]]
    said: str


def upstream(number: int, form: str) -> str:
    """Return the name of the upstream of a row, mirrored in that form."""
    return f"row{number}-{form}"


@pytest.fixture(scope="module")
def judged(
    site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Judged]:  # fmt: skip
    """Make every repository, mirror all of them in one project, and let dnf install from upstreams and site."""
    tmp = tmp_path_factory.mktemp("odd-yum")
    home, key = site_key_master
    with Server(tmp / "www") as server:
        rows = _made(tmp / "www", server.url, Shelf(tmp / "shelf"))
        good, bad = (_project(tmp / name, rows, key, home, refused=name == "bad") for name in ("good", "bad"))
        refused = _refusals(bad)
        said = "".join(good.run(verb).err for verb in ("lock", "sync", "publish"))
        with http.serve(good.base / "site") as site:
            places = {f"row{number}": url for number, (_, url) in enumerate(rows)}
            same: dict[str, str] = {}
            for number, name in enumerate(ROWS):
                for form in (form for form in FORMS if not getattr(ROWS[name], form)):
                    mirrored = upstream(number, form)
                    if _files(good.site / "yum" / mirrored) == _files(tmp / "www" / f"row{number}"):
                        same[mirrored] = f"row{number}"  # dnf needs no second look at the very same files
                    else:
                        places[mirrored] = f"{site.url}/current/yum/{mirrored}/"
            installed = _installed(tmp, places)
            yield Judged(refused, installed | {one: installed[row] for one, row in same.items()}, said)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def _made(folder: Path, url: str, shelf: Shelf) -> list[tuple[OddYum, str]]:
    made = []
    for number, row in enumerate(ROWS.values()):
        odd = OddYum(folder / f"row{number}", f"{url}/row{number}/", shelf)
        odd.add(TOOL, LIBS)
        odd.index()
        row.make(odd)
        odd.write()
        made.append((odd, odd.url))
    return made


def _project(
    base: Path, rows: list[tuple[OddYum, str]], key: Key, home: KeyHome, *, refused: bool
) -> Project:  # fmt: skip
    """Return a project with all that is to be refused, or with all else."""
    project = Project(base, key=key.fingerprint, gnupg=home.path).init()
    common: dict[str, Any] = {"type": "yum", "trust": "hash-lock", "keys": [], "rpm_keys": []}
    for number, ((_, url), row) in enumerate(zip(rows, ROWS.values(), strict=True)):
        for form in FORMS:
            if bool(getattr(row, form)) == refused:
                name, machines = upstream(number, form), ["x86_64", "i686"]
                settings = {**common, "architectures": machines, "whole": form == "whole", **row.settings}
                project.add("upstream", name=name, url=url, **settings)
                if form == "pin":
                    project.add("pin", upstream=name, packages=["tool"], architectures=["x86_64"])
    return project


def _refusals(project: Project) -> dict[str, str]:
    """Return what each upstream is refused for: when it is locked, or else when it is fetched."""
    locked = project.run("lock", "--json", check=False)
    found = {one["upstream"]: f"{one['error']} {one['hint']}" for one in locked.json["failed"]}
    lines = project.run("sync", check=False)
    for name in re.findall(r'^name = "(.*)"$', project.lock.read_text(), flags=re.MULTILINE):
        found.setdefault(name, lines.err)
    return found


def _installed(tmp: Path, places: dict[str, str]) -> dict[str, list[str]]:
    """Let dnf fetch ``tool`` with what it needs from each repository alone, two at a time."""
    roots = [DnfRoot(tmp / f"dnf{number}") for number in range(2)]
    for name, url in places.items():
        for root in roots:
            root.add_repo(name, url, None, enabled=0)
    parts = [list(places)[number::2] for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(
            lambda pair: {name: _fetched(pair[0], tmp, name) for name in pair[1]}, zip(roots, parts, strict=True)
        )
        return {name: one for part in found for name, one in part.items()}


def _fetched(root: DnfRoot, tmp: Path, name: str) -> list[str]:
    folder = tmp / "fetched" / name
    folder.mkdir(parents=True)
    done = root.install("tool", f"--repo={name}", "--downloadonly", f"--downloaddir={folder}", check=False)
    if done.returncode:
        return [f"({done.stderr.strip() or done.stdout.strip()})"]
    return sorted(_nevra(path) for path in folder.iterdir())


def _nevra(path: Path) -> str:
    """Return what an rpm says it is; rpm takes an odd name for a pattern or a URL."""
    plain = path.with_name(urllib.parse.quote(path.name, safe="").replace("%", "_"))
    path.rename(plain)
    return run("rpm", "-qp", "--nosignature", "--qf", "%{nevra}", plain).stdout


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("form", FORMS)
def test_a_client_of_the_site_installs_what_a_client_of_the_upstream_does(
    judged: Judged, name: str, form: str
) -> None:  # fmt: skip
    number, row = list(ROWS).index(name), ROWS[name]
    directly = judged.installed[f"row{number}"]
    assert row.dnf == (not directly[0].startswith("(")), directly
    reason = getattr(row, form)
    if reason:
        assert re.search(reason, judged.refused[upstream(number, form)])
        return
    mirrored = judged.installed[upstream(number, form)]
    assert not mirrored[0].startswith("("), mirrored
    assert mirrored == directly or not row.dnf


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_out_or_contradicts_itself_is_said(judged: Judged, form: str) -> None:
    lines = {
        "other bytes under one NEVRA": "warning: different content under one name, version and architecture in "
        "one index",
        "unknown type known by md5": "left out" if form == "whole" else "",
        "updateinfo with a control character": "left out: updateinfo" if form == "pin" else "",
        "an entry without a name": "left out" if form == "pin" else "",
        "modules with a mapping among artifacts": "document 1 is left out" if form == "pin" else "",
    }
    for name, line in lines.items():
        told = [
            one for one in judged.said.splitlines() if one.startswith(f"{upstream(list(ROWS).index(name), form)}: ")
        ]
        assert any(line in one for one in told) if line else not told, (name, told)
