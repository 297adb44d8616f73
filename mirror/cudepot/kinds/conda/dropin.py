"""Holds what was built here against a mirrored channel's packages of the same names: `lock` notes what these are.

They are read with the channel, held to its index like all others, and kept in the store, so that `publish` needs no
network. Nothing of it decides what is locked or shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cudepot.catalog.config.config import Config
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import CONDA, Output
from cudepot.catalog.site.snapshot import Tree
from cudepot.data import data_folder
from cudepot.depot.depot import Depot
from cudepot.depot.root_memory import RootMemory
from cudepot.formats.conda_dropin import Package, compare
from cudepot.formats.conda_repodata import entries_of, records_of
from cudepot.formats.conda_subdir import Subdir
from cudepot.kinds.compared import Compared
from cudepot.kinds.conda.channel_reader import NOARCH, ChannelReader
from cudepot.kinds.unsigned_index import check_transport
from cudepot.store.layout import DROPIN
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile

_NAME = re.compile(r"^ +name: ([a-z0-9-]+)$", re.MULTILINE)
_FIELDS = ("name", "version", "build", "build_number", "subdir", "depends", "constrains")
_INDEX, _EXPORTS = "/repodata.json", "/run_exports.json"


def note(depot: Depot, upstream: Upstream) -> None:
    """Note what a channel has under the names of packages that are built here, unless its indexes are as they were.

    Raises:
        UpstreamError: it cannot be asked.
        TrustError, FormatError: it cannot be believed, or read.
    """
    subdirs = _subdirs(depot.config)
    if not subdirs:
        return
    check_transport(upstream)
    reader = ChannelReader(upstream, depot.source(upstream), RootMemory.load(depot.store, upstream))
    reader.find(subdirs)
    file = SealedFile(depot.store.at(DROPIN), indent=None)
    known, roots = file.recall(), {one.path: one.digest.sha256 for one in reader.roots.values()}
    if dict(known.get(upstream.name, {})).get("roots") != roots:
        read = reader.read(_names())
        told = {subdir: _compared_fields(found) for subdir, found in read.items()}
        others = {name: one for name, one in known.items() if isinstance(one, dict)}
        file.write(others | {upstream.name: {"roots": roots, "subdirs": told}})
    reader.save()


def _subdirs(config: Config) -> list[str]:
    """Return the platforms that conda packages are built for, and that of all; none where none are."""
    built = [one for one in config.pins if one.recipe and Output.CONDA in one.outputs]
    return [*dict.fromkeys(subdir for pin in built for subdir in pin.subdirs), NOARCH] if built else []


def _names() -> list[str]:
    """Return the names that recipes of ours give packages."""
    texts = (path.read_text("utf-8") for path in sorted(data_folder("recipes").glob("*/recipe.yaml")))
    return sorted({name for text in texts for name in _NAME.findall(text)})


def _compared_fields(found: Subdir) -> dict[str, dict[str, Any]]:
    """Return of each package what is compared; run_exports only where the index has them."""
    return {
        one.filename: {
            **{key: one.record[key] for key in _FIELDS if key in one.record},
            **({} if one.run_exports is None else {"run_exports": one.run_exports}),
        }
        for one in found.packages
    }


def compared(config: Config, store: LocalStore, tree: Tree) -> Iterator[Compared]:
    """Give for each channel that was noted how what was built here differs, as a tree shows it.

    Raises:
        FormatError: an index of the tree is damaged.
        StorageError: it is not in the store.
    """
    noted = SealedFile(store.at(DROPIN)).recall()
    there = [one.name for one in config.upstreams if isinstance(noted.get(one.name), dict)]
    folder = f"{CONDA.room}/{config.site.channel}"
    ours = list(_ours(store, tree, folder)) if there else []
    for upstream in there if ours else ():
        theirs = list(_theirs(noted[upstream]))
        names = {one.key[0] for one in theirs}
        found, pairs = compare([one for one in ours if one.key[0] in names], theirs)
        if names & {one.key[0] for one in ours}:
            unknown = [] if all(one.run_exports is not None for _, one in pairs) else ["run_exports"]
            files = tuple((mine.filename, their.filename) for mine, their in pairs)
            yield Compared(folder, upstream, files, tuple(found) if pairs else (), tuple(unknown))


def _ours(store: LocalStore, tree: Tree, folder: str) -> Iterator[Package]:
    """Give the packages of the site's channel that no upstream has brought."""
    own, room = f"{folder}/", f"{CONDA.room}/"
    mirrored = {_place(path) for path in tree if path.startswith(room) and not path.startswith(own)}
    for path in sorted(tree):
        if path.startswith(own) and path.endswith(_INDEX):
            records, told = records_of(store.read(tree[path]), path), path.removesuffix(_INDEX) + _EXPORTS
            exports = entries_of(store.read(tree[told]), told) if told in tree else {}
            for name, one in records.items():
                if _place(f"{path.removesuffix(_INDEX)}/{name}") not in mirrored:
                    yield _package(name, one, exports.get(name, {}).get("run_exports", {}))


def _place(path: str) -> tuple[str, ...]:
    """Return subdir and file name of a package."""
    return tuple(path.rsplit("/", 2)[-2:])


def _theirs(noted: Mapping[str, Any]) -> Iterable[Package]:
    for found in dict(noted["subdirs"]).values():
        yield from (_package(name, one, one.get("run_exports")) for name, one in found.items())


def _package(name: str, record: Mapping[str, Any], exports: Mapping[str, Sequence[str]] | None) -> Package:
    """Return a package as far as indexes tell of it; kinds of run_exports that are empty say nothing."""
    return Package(name, record, None if exports is None else {key: one for key, one in exports.items() if one})
