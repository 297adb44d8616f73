"""The ``conda/`` part of a site: a channel of the packages built here, indexed by py-rattler."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cudepot.builders.channel_index import index_channel
from cudepot.catalog.snapshot import Snapshot
from cudepot.digest import CHUNK, Digest
from cudepot.errors import FormatError
from cudepot.workflows.depot import Depot


def conda_tree(
    depot: Depot, packages: Sequence[tuple[str, str, Digest]], earlier: Sequence[Snapshot]
) -> dict[str, Digest]:
    """Return the path → content list of the channel over packages given as (subdir, file name, digest)."""
    if not packages:
        return {}
    prefix = f"conda/{depot.config.site.channel}/"
    files = _files(packages)
    before = {path.removeprefix(prefix): one for path, one in _tree(earlier).items() if path.startswith(prefix)}
    same = files == {path: one for path, one in before.items() if path.endswith(".conda")}
    if not same or not all(depot.store.has(one) for one in before.values()):
        before = files | _index(depot, files)
    return {prefix + path: digest for path, digest in before.items()}


def _tree(earlier: Sequence[Snapshot]) -> Mapping[str, Digest]:
    return earlier[0].tree if earlier else {}


def _files(packages: Sequence[tuple[str, str, Digest]]) -> dict[str, Digest]:
    files: dict[str, Digest] = {}
    for subdir, filename, digest in packages:
        if files.setdefault(f"{subdir}/{filename}", digest) != digest:
            raise FormatError(
                f"two artifacts of one release make different packages called {subdir}/{filename}",
                hint="let only one of their pins make conda packages",
            )
    return files


def _index(depot: Depot, files: Mapping[str, Digest]) -> dict[str, Digest]:
    """Lay the channel out as links in a scratch folder, index it there, keep what the indexer wrote."""
    with tempfile.TemporaryDirectory(dir=depot.store.root / "tmp", prefix="channel-") as folder:
        channel = Path(folder)
        for path, digest in files.items():
            (channel / path).parent.mkdir(exist_ok=True)
            depot.store.place(digest, channel / path)
        index_channel(channel)
        made = sorted(one for one in channel.rglob("*") if one.is_file())
        names = {str(one.relative_to(channel)): one for one in made}
        return {path: depot.store.add(_chunks(file)) for path, file in names.items() if path not in files}


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            yield chunk
