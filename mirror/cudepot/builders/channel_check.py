"""A program of its own: shows of every package of a conda channel that it can be installed, by rattler's solver.

One JSON object on stdin: ``{"subdirs": {"linux-64": "/path/of/repodata.json", …}, "open": false}``; one on stdout:
``{"unsolvable": [[platform, package, relation, because], …], "foreign": [name, …]}``. It is a child, because rattler's
threads may crash an interpreter that ends in the ordinary way.

In a closed channel a package may need what the channel has, nothing else. In an open one, names that the channel does
not have at all are another channel's to provide (``foreign``); a name it has is taken from it alone, as clients with
strict channel priority do. Packages that another's solution holds are shown with it, and so are those that differ from
one that was solved in nothing but version and build: the work grows with what needs a solution of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import rattler
from rattler.package import BuildString

Record = dict[str, Any]

_NEW = "999"  # newer than any driver, kernel or glibc will be that bounds speak of
_MACHINES = {
    "linux": {"__unix": "0", "__linux": _NEW, "__glibc": "2.99", "__cuda": _NEW, "__cuda_arch": "99"},
    "win": {"__win": _NEW, "__cuda": _NEW, "__cuda_arch": "99"},
    "osx": {"__unix": "0", "__osx": _NEW},
}
_PROCESSOR = "__archspec"  # each is some machine's, and none is newer than all
_BOUND = re.compile(r"(?:>=|==?|~=|^|\|)\s*(\d[0-9A-Za-z.]*)")
_MOST_WORDS = 400


class Channel(NamedTuple):
    """What one platform sees: its records and those for all platforms, by file name, each with its subdir."""

    platform: str
    records: Mapping[str, Record]
    stubs: Sequence[Record]

    @property
    def names(self) -> set[str]:
        """All names there are packages of."""
        return {one["name"] for one in self.records.values()}


def needed(records: Mapping[str, Record]) -> dict[str, set[str]]:
    """Return every spec that packages depend on, by name; virtual packages are the machine's."""
    found: dict[str, set[str]] = {}
    for one in records.values():
        for spec in one["depends"]:
            name = named(spec)
            if not name.startswith("__"):
                found.setdefault(name, set()).add(spec)
    return found


def named(spec: str) -> str:
    """Return the name in a match spec as records have them: ``libzlib >=1.3``, ``python>=3.9``, ``x[version="1"]``."""
    return re.split(r"[\s\[=<>!~]", spec.strip(), maxsplit=1)[0]


def stubs(specs: Mapping[str, set[str]]) -> Iterator[Record]:
    """Give stand-ins for foreign packages: of each version that a bound names, so that contradictions still show."""
    for name, asked in specs.items():
        versions = {version.rstrip(".") for spec in asked for version in _BOUND.findall(spec[len(name) :])}
        builds = {spec.split()[2] for spec in asked if len(spec.split()) > 2}
        for version in versions or {"0"}:
            for build in {re.sub(r"\*", "x", one) for one in builds} | {"stub_0"}:
                yield {"name": name, "version": version, "build": build, "build_number": 0, "depends": []}


def shown(channel: Channel, folder: Path) -> dict[str, tuple[str, str]]:
    """Return platform-independent keys of the packages that cannot be installed → relation and reason."""
    return asyncio.run(_Check(channel, folder).run())


class _Check:
    """The work on one platform."""

    def __init__(self, channel: Channel, folder: Path) -> None:
        self.channel, self.records = channel, channel.records
        machine = _MACHINES.get(channel.platform.partition("-")[0], _MACHINES["linux"])
        self.virtual = [
            rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version(version), BuildString("0"))
            for name, version in machine.items()
        ]
        self.sources = list(self._sources(folder))
        self.open_keys = set(self.records)
        self.alike: dict[tuple[str, ...], list[str]] = {}
        for key, one in self.records.items():
            self.alike.setdefault(_kind(one), []).append(key)

    def _sources(self, folder: Path) -> Iterator[rattler.SparseRepoData]:
        url = rattler.Channel("file:///nowhere")
        for subdir in (self.channel.platform, "noarch"):
            records = {key.partition("/")[2]: one for key, one in self.records.items() if key.startswith(f"{subdir}/")}
            if subdir == "noarch":
                records |= {f"{one['name']}-{one['version']}-{one['build']}.conda": one for one in self.channel.stubs}
            path = folder / f"{self.channel.platform}-{subdir}.json"
            whole = {name: {**one, "subdir": subdir} for name, one in records.items()}
            older = {name: one for name, one in whole.items() if name.endswith(".tar.bz2")}
            newer = {name: one for name, one in whole.items() if name not in older}
            path.write_text(json.dumps({"info": {"subdir": subdir}, "packages": older, "packages.conda": newer}))
            yield rattler.SparseRepoData(url, subdir, path)

    async def run(self) -> dict[str, tuple[str, str]]:
        """Go from what nothing depends on, the newest build first, to what is left."""
        wanted = set(needed(self.records))
        failed: dict[str, tuple[str, str]] = {}
        for key in sorted(self.records, key=lambda one: (self.records[one]["name"] in wanted, one)):
            if key not in self.open_keys:
                continue
            self.open_keys.discard(key)
            if (reason := await self._solve(self.records[key])) is not None:
                failed[key] = reason
        return failed

    async def _solve(self, one: Record) -> tuple[str, str] | None:
        """Solve one package and tick off what its solution shows; return why there is none."""
        spec = rattler.MatchSpec(f"{one['name']} =={one['version']} {one['build']}")
        try:
            found = await rattler.solve(
                sources=self.sources,
                specs=[spec],
                platforms=[rattler.Subdir(self.channel.platform), rattler.Subdir("noarch")],
                virtual_packages=self.virtual,
            )
        except Exception as error:  # noqa: BLE001 - whatever the solver refuses is no solution
            return self._unmet(one) or ("its dependencies, taken together", _line(str(error)))
        for record in found:
            self.open_keys.discard(f"{record.subdir}/{record.file_name}")
        others = [record for record in found if record.name.normalized != one["name"]]
        if not any(_speaks_of(one["name"], record) for record in others):
            self.open_keys.difference_update(self.alike[_kind(one)])
        return None

    def _unmet(self, one: Record) -> tuple[str, str] | None:
        """Return the first dependency that nothing in the channel meets by itself."""
        for text in one["depends"]:
            spec, name = rattler.MatchSpec(text), named(text)
            there = [each for source in self.sources for each in source.load_records(rattler.PackageName(name))]
            if not name.startswith("__") and not any(spec.matches(each) for each in there):
                versions = ", ".join(sorted({str(each.version) for each in there})[-5:])
                return text, f"the channel has {name} {versions}" if versions else "the channel has none"
        return None


def _kind(one: Record) -> tuple[str, ...]:
    """Return what packages have in common that can be installed if one of them can."""
    return (one["name"], *one["depends"], "", *one.get("constrains", ()))


def _speaks_of(name: str, record: rattler.RepoDataRecord) -> bool:
    return any(named(spec) == name for spec in (*map(str, record.depends), *map(str, record.constrains)))


def _line(text: str) -> str:
    return " ".join(re.sub(r"[│├└─]+", " ", text).split())[:_MOST_WORDS]


def _revised(whole: Mapping[str, Any]) -> dict[str, Record]:
    """Return the records of the newer revision, by file name as the others are (CEP 48)."""
    newer = whole.get("v3", {})
    return {f"{stem}{end}": one for end in (".conda", ".tar.bz2") for stem, one in newer.get(end[1:], {}).items()}


def checked(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what cannot be installed on any platform it is for, and what other channels have to provide."""
    loaded = {subdir: json.loads(Path(path).read_text("utf-8")) for subdir, path in job["subdirs"].items()}
    records = {
        subdir: {
            f"{subdir}/{name}": {
                **one,
                "depends": [spec for spec in one.get("depends", ()) if named(spec) != _PROCESSOR],
            }
            for name, one in {**whole.get("packages", {}), **whole["packages.conda"], **_revised(whole)}.items()
        }
        for subdir, whole in loaded.items()
    }
    common = records.pop("noarch", {})
    foreign: set[str] = set()
    failed: list[tuple[str, dict[str, tuple[str, str]]]] = []
    with tempfile.TemporaryDirectory() as folder:
        for platform, own in (records or {"linux-64": {}}).items():
            channel = Channel(platform, {**own, **common}, ())
            missing = {name: asked for name, asked in needed(channel.records).items() if name not in channel.names}
            if job["open"]:
                foreign |= set(missing)
                channel = channel._replace(stubs=list(stubs(missing)))
            failed.append((platform, shown(channel, Path(folder))))
    return {"unsolvable": list(_findings(failed, set(common))), "foreign": sorted(foreign)}


def _findings(failed: Sequence[tuple[str, dict[str, tuple[str, str]]]], common: set[str]) -> Iterator[list[str]]:
    """Give the findings, those first whose own dependency is missing; ``noarch`` fails where it does everywhere."""
    everywhere = set.intersection(*(set(one) for _, one in failed)) if failed else set()
    rows = [
        [platform if key not in common else "noarch", *_stem(key), *reason]
        for platform, found in failed
        for key, reason in found.items()
        if key not in common or (key in everywhere and platform == failed[0][0])
    ]
    yield from sorted(rows, key=lambda row: (row[2].startswith("its dependencies"), row))


def _stem(key: str) -> list[str]:
    return [key.partition("/")[2].removesuffix(".conda").removesuffix(".tar.bz2")]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(checked(json.load(sys.stdin))))
    sys.stdout.flush()
    os._exit(0)
