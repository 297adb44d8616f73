"""What a shell offers for words that name something: upstreams, snapshots, environments, presets, licences and so on.

Values are read from the files at hand, quickly and without a lock or the network. Whatever is wrong with these, a
completer offers nothing; the verb itself will say what it is.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cudepot.catalog.ecosystems import Ecosystem
from cudepot.data import data_folder

Values = Callable[[Path], Iterable[object]]
"""Takes the folder of cudepot.toml."""
_MOST = 16 << 20  # bytes of a lock that is read; parsing a larger one takes longer than people wait for a shell
_PATIENCE = 1.0  # seconds for what has to open artifacts
_FILES = frozenset({"FILE", "KEYFILE", "PROGRAM", "PATH", "REPODATA", "PACKAGE", "FOLDER"})


def attach(parser: argparse.ArgumentParser, base: Path, verb: str = "") -> None:
    """Give every argument of a parser, and of the parsers below it, what completes its values."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                attach(below, base, verb or name)
        elif action.nargs != 0 and action.choices is None:
            action.completer = _completer(verb, action, base)  # type: ignore[attr-defined] # argcomplete's


def _completer(verb: str, action: argparse.Action, base: Path) -> Any:
    from argcomplete.completers import DirectoriesCompleter, FilesCompleter

    values = ONLY.get((verb, action.dest)) or ANYWHERE.get(action.dest)
    if values is not None:
        return lambda **_: offered(values, base)
    if action.metavar == "DIR":
        return DirectoriesCompleter()
    return FilesCompleter() if action.metavar in _FILES else lambda **_: ()


def offered(values: Values, base: Path) -> list[str]:
    """Return values, each once; none where they cannot be read."""
    try:
        return list(dict.fromkeys(map(str, values(base))))
    except Exception:  # noqa: BLE001 - a shell that completes is no place for errors
        return []


def _toml(path: Path) -> Mapping[str, Any]:
    import tomli

    return tomli.loads(path.read_text("utf-8")) if path.stat().st_size <= _MOST else {}


def _config(base: Path) -> Mapping[str, Any]:
    return _toml(base / "cudepot.toml")


def _lock(base: Path) -> Mapping[str, Any]:
    return _toml(base / "cudepot.lock")


def upstreams(base: Path) -> Iterator[str]:
    """Give the names of the project's upstreams, those that presets give included."""
    from cudepot.depot.shipped import load_presets

    for one in _config(base).get("upstream", ()):
        yield one.get("name") or load_presets().get(one["preset"]).upstream


def origins(base: Path) -> Iterator[str]:
    """Give where packages may come from: the project's upstreams, then presets."""
    yield from offered(upstreams, base)
    yield from presets(base)


def removable(base: Path) -> Iterator[str]:
    """Give what can be removed: what is pinned or asked for, then the project's upstreams."""
    config = _config(base)
    for one in (*config.get("pin", ()), *config.get("environment", ())):
        for key in ("packages", "wheels", "deb", "rpm", Ecosystem.CONDA):
            yield from one.get(key, ())
    yield from offered(upstreams, base)


def environments(base: Path) -> Iterator[str]:
    """Give the names of environments: of cudepot.toml, else (on a far side) of the lock."""
    found = _config(base).get("environment") or _lock(base).get("environment", ())
    return (one["name"] for one in found)


def upgradable(base: Path) -> Iterator[str]:
    """Give what can be locked anew: environments, and upstreams."""
    yield from environments(base)
    yield from offered(upstreams, base)


def targets(base: Path) -> Iterator[str]:
    """Give the targets of locked environments."""
    return (target["name"] for one in _lock(base).get("environment", ()) for target in one.get("target", ()))


def packages(base: Path) -> Iterator[str]:
    """Give the names of locked packages."""
    return (one["name"] for one in _lock(base).get("artifact", ()) if one.get("name"))


def snapshots(base: Path) -> list[int]:
    """Return the numbers of the store's snapshots, the newest first."""
    from cudepot.store.snapshots import Snapshots

    return Snapshots(base / str(_config(base).get("store", "store"))).numbers()[::-1]


def states(base: Path) -> list[int | str]:
    """Return what can be compared: the lock and the snapshots; nothing where there are none."""
    found = snapshots(base)
    return ["lock", *found] if found else []


def channels(base: Path) -> list[str]:
    """Return the names of the site's channels."""
    return list(_config(base).get("site", {}).get("channels", ()))


def tags(base: Path) -> list[str]:
    """Return the tags of snapshots."""
    import json

    from cudepot.store.layout import TAGS

    return list(json.loads((base / _config(base).get("store", "store") / TAGS.name).read_text("utf-8"))["tags"])


def licences(base: Path) -> list[str]:
    """Return the hashes of licence texts, those that wait to be accepted first; none where that takes too long."""
    found: list[str] = []
    looking = threading.Thread(target=lambda: found.extend(offered(_licences, base)), daemon=True)
    looking.start()
    looking.join(_PATIENCE)
    return list(found)


def _licences(base: Path) -> list[str]:
    from dataclasses import replace

    from cudepot.cli.context import opened
    from cudepot.store.overlay import dry_run
    from cudepot.workflows.build.project_licences import licences as of_project

    args = argparse.Namespace(directory=str(base), quiet=True, verb="licence")
    with opened(args, exclusive=False) as depot, dry_run(depot.store) as scratch:
        terms = of_project(replace(depot, store=scratch)).terms
    return [one.digest.sha256 for one in sorted(terms, key=lambda one: one.accepted)]


def fingerprints(base: Path) -> Iterator[str]:
    """Give the keys that may sign the project's upstreams."""
    from cudepot.depot.shipped import load_presets

    for one in _config(base).get("upstream", ()):
        preset = load_presets().get(one["preset"]) if "preset" in one else None
        for keys in ("keys", "rpm-keys"):
            yield from one.get(keys, ())
        yield from preset.vouchers if preset else ()


def presets(_: Path) -> Iterable[str]:
    """Return the names of presets."""
    from cudepot.depot.shipped import load_presets

    return load_presets().repositories


def distributions(_: Path) -> Iterable[str]:
    """Return the names of distributions."""
    from cudepot.depot.shipped import load_presets

    return load_presets().distributions


def stacks(_: Path) -> Iterable[str]:
    """Return the names of stacks."""
    from cudepot.depot.shipped import load_stacks

    return load_stacks().by_name


def _known(key: str) -> list[str]:
    """Return the values of a column of the catalog, the newest first."""
    import json

    rows = json.loads((data_folder("channel-config") / "catalog/cudnn.json").read_text("utf-8"))["files"]
    found = {str(row[key]) for row in rows if row.get(key)}
    return sorted(found, key=lambda text: [int(part) for part in text.split(".") if part.isdecimal()], reverse=True)


def cudnns(_: Path) -> list[str]:
    """Return the known releases of cuDNN."""
    return _known("release")


def cudas(_: Path) -> list[str]:
    """Return the CUDAs that cuDNN was released for."""
    return _known("cuda")


def platforms(_: Path) -> list[str]:
    """Return the platforms of the catalog."""
    return _known("platform")


def formats(_: Path) -> Iterable[str]:
    """Return the formats of `export`."""
    from cudepot.workflows.export.export import FORMATS

    return FORMATS


def subdirs(_: Path) -> tuple[str, ...]:
    """Return the platforms of conda packages that are made here."""
    return ("linux-64", "linux-aarch64", "linux-ppc64le", "win-64")


def pages(_: Path) -> list[str]:
    """Return the codes of errors and the pages of the manual."""
    import re

    docs = data_folder("docs")
    codes = re.findall(r"^## (E\d+)", (docs / "errors.md").read_text("utf-8"), re.MULTILINE)
    return [*codes, *sorted(one.stem for one in docs.glob("*.md"))]


def kinds(_: Path) -> Iterable[str]:
    """Return the kinds of upstreams."""
    from cudepot.kinds.registry import ROWS

    return ROWS


def outputs(_: Path) -> Iterable[str]:
    """Return what becomes of artifacts."""
    from cudepot.catalog.ecosystems import Output

    return Output


def recipes(_: Path) -> list[str]:
    """Return the recipes that come with cudepot."""
    return sorted(one.name for one in data_folder("recipes").iterdir() if (one / "payload.toml").exists())


ANYWHERE: Mapping[str, Values] = {
    "upstream": upstreams,
    "upstreams": upstreams,
    "repository": upstreams,
    "environment": environments,
    "snapshot": snapshots,
    "since": snapshots,
    "distribution": distributions,
    "stack": stacks,
    "preset": presets,
    "cudnn": cudnns,
    "cuda": cudas,
    "target": targets,
    "channel": channels,
    "accept_licence": licences,
}
"""Name of an argument in any verb → what completes it."""
ONLY: Mapping[tuple[str, str], Values] = {
    ("add", "type"): kinds,
    ("add", "output"): outputs,
    ("add", "recipe"): recipes,
    ("add", "words"): origins,
    ("add", "origin"): origins,
    ("add", "platform"): subdirs,
    ("remove", "words"): removable,
    ("lock", "upgrade"): upgradable,
    ("lock", "accept_changed"): upstreams,
    ("lock", "allow_unsolvable"): upstreams,
    ("lock", "forbid_unsolvable"): upstreams,
    ("sync", "accept_changed"): upstreams,
    ("sync", "allow_unsolvable"): upstreams,
    ("sync", "forbid_unsolvable"): upstreams,
    ("update", "names"): packages,
    ("why", "name"): packages,
    ("rollback", "number"): snapshots,
    ("promote", "source"): channels,
    ("promote", "target"): channels,
    ("promote", "tag"): tags,
    ("channels", "name"): channels,
    ("tag", "name"): tags,
    ("tag", "number"): snapshots,
    ("diff", "before"): states,
    ("diff", "after"): states,
    ("licence", "texts"): licences,
    ("trust", "fingerprint"): fingerprints,
    ("upstreams", "words"): presets,
    ("export", "format"): formats,
    ("export", "platform"): subdirs,
    ("export", "only"): packages,
    ("client", "only"): packages,
    ("catalog", "version"): cudnns,
    ("catalog", "platform"): platforms,
    ("explain", "what"): pages,
}
"""Verb and name of an argument → what completes it there."""
