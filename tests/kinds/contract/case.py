"""A project with one upstream of a kind, whose verbs run in this process: starting one costs more than its work."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.faults import Flip
from simulator.project import Project
from simulator.server import Server
from simulator.site_key import SiteKey
from tests.kinds.contract.rows import NAME, Row, Stage

from cudepot.cli.main import main
from cudepot.store.layout import LAYOUT, Guard


@dataclass
class Case:
    """An upstream, and a project that takes it through the verbs.

    Attributes:
        files: the packages the upstream has now, as files on the shelf.
    """

    row: Row
    stage: Stage
    server: Server
    key: SiteKey
    project: Project
    files: list[Path] = field(default_factory=list)

    def offer(self, *labels: str) -> None:
        """Let the upstream have these packages and no others, and pin them."""
        for one in self.stage.folder.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        self.stage.day += 1
        self.files = [self.stage.shelf.get(self.row.form, one) for one in labels]
        self.project.sections.clear()
        self.project.add("upstream", name=NAME, **self.row.offer(self.stage, self.files))
        pins = list(self.row.pinned(labels))
        for one in pins:
            self.project.add("pin", upstream=NAME, packages=[one], **self.row.pin)

    def publish(self) -> None:
        """Run all verbs from ``lock`` to ``publish``."""
        for verb in ("lock", "sync", "repackage", "publish"):
            self.run(verb)

    def run(self, *argv: str, code: int = 0, base: Path | None = None) -> str:
        """Run a verb that ends with ``code``; return all it said."""
        got, said = call(base or self.project.base, *argv)
        assert got == code, f"{argv}: {got}\n{said}"
        return said

    def json(self, *argv: str) -> Any:
        """Run a verb with ``--json`` and return what it answers."""
        said = self.run(*argv, "--json")
        return json.loads(said[said.index("{") :])

    def spoil(self, name: str) -> None:
        """Let a package at the upstream have other bytes of the same length, which no index tells."""
        if self.row.asks:
            self.server.fault(f"*/{name}", Flip())
        else:
            file = self.stage.folder / name
            data = file.read_bytes()
            file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    def state(self) -> dict[str, str]:
        """Return path → sha256 of the lock, the site and the snapshots."""
        base = self.project.base
        kept = hashes(base / "site") | hashes(base / "store/snapshots")
        return kept | {"cudepot.lock": hashlib.sha256(self.project.lock.read_bytes()).hexdigest()}

    def checked(self) -> list[Path]:
        """Return the files of store and site that `verify` answers for."""
        kept = [one for entry in LAYOUT if entry.guard is not Guard.NONE for one in entry.found(self.project.store)]
        signatures = list((self.project.store / "snapshots").glob("*.asc"))
        site = [one for one in self.project.site.resolve().rglob("*") if one.is_file() and not one.is_symlink()]
        return [one for one in (*kept, *signatures, *site) if one.stat().st_size]

    def names(self, path: Path, said: str) -> bool:
        """Return whether what was said names a file of store or site."""
        site = self.project.site.resolve()
        name = str(path.relative_to(site)) if path.is_relative_to(site) else path.name
        return name.removesuffix(".asc") in said

    def shown(self, base: Path | None = None) -> dict[str, str]:
        """Return path → sha256 of all a site shows."""
        return hashes((base or self.project.base) / "site/current/")


def call(base: Path, *argv: str) -> tuple[int, str]:
    """Run a verb in this process; return its exit status and all it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main([argv[0], "-C", str(base), *argv[1:]])
    return code, said.getvalue()


def hashes(folder: Path) -> dict[str, str]:
    """Return path → sha256 of the files in a folder; of links what they point to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def dates(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the date of each root that the site signs, in a form that sorts."""
    from email.utils import parsedate_to_datetime

    for path in sorted(folder.rglob("*")):
        if path.name in ("Release", "InRelease"):
            for text in re.findall(r"^Date: (.*)$", path.read_text(), re.M):
                yield str(path.relative_to(folder)), parsedate_to_datetime(text).isoformat()
        elif path.name == "repomd.xml":
            yield str(path.relative_to(folder)), re.findall(r"<revision>(\d+)", path.read_text())[0]


def copy(case: Case, base: Path) -> Case:
    """Return the same case with a copy of its project, links between store and site included."""
    subprocess.run(["cp", "-a", case.project.base, base], check=True)
    project = Project(base, key=case.key.fingerprint, gnupg=case.key.home)
    project.sections, project.eula = list(case.project.sections), case.project.eula
    project.write()
    return Case(case.row, case.stage, case.server, case.key, project, list(case.files))
