"""A store, and readers of Python indexes over it one after the other, as locks are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from simulator.ml_team import MlTeam

from cudepot.catalog.config.upstream import Upstream
from cudepot.cli.progress import Silent
from cudepot.formats.simple import ACCEPT, IndexFile
from cudepot.kinds.wheels.environment import Wanted
from cudepot.kinds.wheels.index_reader import IndexReader
from cudepot.kinds.wheels.owners import Owners
from cudepot.store.local import LocalStore
from cudepot.transport.http.source import HttpSource


class Said(Silent):
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


class Desk:
    """A store, and readers over it one after the other, as locks are."""

    def __init__(self, folder: Path) -> None:
        self.store, self.said = LocalStore(folder / "store", create=True), Said()

    def reader(self, urls: Mapping[str, str], /, **wanted: object) -> IndexReader:
        """Return a reader of indexes, name → URL; the first is the default."""
        every = {name: Upstream(name, "simple", url) for name, url in urls.items()}
        opened: dict[str, HttpSource] = {}

        def source(upstream: Upstream) -> HttpSource:
            return opened.setdefault(
                upstream.name, HttpSource(upstream.url, accept=ACCEPT, user_agent="test/1", plain=True)
            )

        owners = Owners(Wanted(**wanted), next(iter(every.values())), every)  # type: ignore[arg-type]
        return IndexReader(self.store, self.said, source, owners)


def of(team: MlTeam) -> dict[str, str]:
    return {"pypi": team.pypi.url, "torch-cu130": team.pytorch.url, "nvidia-pypi": team.nvidia.url}


def named(reader: IndexReader, project: str, filename: str) -> IndexFile:
    return next(one for one in reader.files(project) or () if one.filename == filename)


def names(reader: IndexReader, project: str) -> list[str] | None:
    files = reader.files(project)
    return None if files is None else [one.filename for one in files]
