"""The ``clients/`` part of a site: what `cudepot client` writes, for each distribution and each program.

Where nothing says how clients reach the site, only keys, preferences and the list of all of it are there: the other
files name the site by its URL. Where a package is locked for several CUDAs, each of these has a folder beside that of
the distribution, whose clients hold one version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from cudepot.catalog.ecosystems import row_at
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.clients import (
    FOLDER,
    INDEX,
    UNKNOWN,
    ClientFiles,
    is_key,
    is_source,
    render_clients,
    templated,
)
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.catalog.site_tops import KEY, KEYRING
from cudepot.depot.depot import Depot, SiteSigner
from cudepot.depot.isolated import Trouble
from cudepot.digest import Digest
from cudepot.kinds.kind import Kind
from cudepot.kinds.registry import configuring, indexing, kind_named, solves_of
from cudepot.kinds.rules.client_targets import is_known, targets
from cudepot.ports import Progress
from cudepot.store.local import LocalStore
from cudepot.workflows.publish.make_snapshot import next_number

_UNKNOWN_HOST = urlsplit(UNKNOWN).netloc.encode()


class _Client(NamedTuple):
    """The files of one sort of client by path there; else as :class:`ClientFiles` has it."""

    folder: str
    kind: Kind
    repositories: tuple[str, ...]
    files: Mapping[str, bytes]
    environment: str = ""
    cuda: str = ""
    program: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is all that a distribution has on the site."""
        return not (self.environment or self.cuda or self.program)


class _Place(NamedTuple):
    """Which repositories clients of one distribution use: the upstreams, their room, and where the files go."""

    room: str
    at: str
    kind: Kind
    upstreams: Sequence[str]
    url: str


def keys_tree(store: LocalStore, signer: SiteSigner) -> dict[str, Digest]:
    """Return site path → content of the site's public key."""
    key = signer()
    return {
        KEY: store.add_bytes(key.public_key(armor=True)),
        KEYRING: store.add_bytes(key.public_key(armor=False)),
    }


def _left_out(progress: Progress, one: Trouble) -> None:
    progress.say(f"{FOLDER}{one.name}/: left out: {one.error}")


def clients_tree(
    depot: Depot, lock: Lock, tree: Mapping[str, Digest], earlier: Sequence[Snapshot] = ()
) -> dict[str, Digest]:
    """Return site path → content of the clients' files for a finished tree; say what cannot be made.

    Every channel of the site shows the same tree, so that clients of each have a folder of its name; those of the last
    one have the usual place too.

    ``earlier``: snapshots before it, the newest first: a package of theirs that says the same keeps its version.
    """
    site, found = depot.config.site, dict[str, Digest]()
    named = site.channels if site.reached_at else ()  # without a URL they would all be the same
    for name in named[:-1]:
        found |= _of_channel(depot, lock, tree, site.reached_as(name), name, earlier)[0]
    made, listed = _of_channel(depot, lock, tree, site.reached_at, "", earlier)
    index = {INDEX: depot.store.add_bytes(render_clients(listed, site.reached_at))} if listed else {}
    return found | made | {_below(path, one): made[path] for one in named[-1:] for path in made} | index


def _of_channel(
    depot: Depot, lock: Lock, tree: Mapping[str, Digest], url: str, channel: str, earlier: Sequence[Snapshot]
) -> tuple[dict[str, Digest], list[ClientFiles]]:
    """Return the files for clients of a channel, and what the list says of them; the usual place has no name."""
    asked = depot, lock, tree, url or UNKNOWN
    found, listed = dict[str, Digest](), list[ClientFiles]()
    for one in (*_of_distributions(*asked), *_of_environments(*asked), *_of_programs(*asked)):
        client = one._replace(folder=_below(one.folder, channel))
        package = _package(depot, client, earlier) if url and one.is_whole else {}
        listed.append(_listed(client, url or UNKNOWN, package))
        kept = {path: data for path, data in {**one.files, **package}.items() if _UNKNOWN_HOST not in data}
        found |= {client.folder + path: depot.store.add_bytes(data) for path, data in kept.items()}
    return found, listed


def _below(path: str, channel: str) -> str:
    """Return where a file for clients, or a folder of such, is for a channel."""
    if not channel:
        return path
    if path.startswith(FOLDER):
        return f"{FOLDER}{channel}/{path.removeprefix(FOLDER)}"
    environment, name, room, below = path.split("/", 3)
    return f"{environment}/{name}/{room}/{channel}/{below}"


def _listed(one: _Client, url: str, package: Mapping[str, bytes]) -> ClientFiles:
    """Return what the list says of the files of one sort of client."""
    sources = [path for path in one.files if one.program or is_source(path)]
    texts = {path: templated(one.files[path].decode(), url) for path in sources}
    keys = {path: Digest.of(data).sha256 for path, data in one.files.items() if is_key(path)}
    more = sorted(one.files.keys() - texts.keys() - keys.keys())
    named = tuple(part for name, data in package.items() for part in (name, Digest.of(data).sha256))
    artifact = row_at(one.repositories[0]).artifact
    return ClientFiles(
        one.folder, artifact, one.repositories, one.environment, one.cuda, keys, texts, tuple(more), named, one.program
    )


def _package(depot: Depot, one: _Client, earlier: Sequence[Snapshot]) -> Mapping[str, bytes]:
    """Return the package that installs keys and sources, by file name; nothing where clients have none."""
    files = {path: data for path, data in one.files.items() if is_key(path) or is_source(path)}
    before = earlier[0].tree if earlier else {}
    known = {path.removeprefix(one.folder): before[path] for path in before if path.startswith(one.folder)}
    return one.kind.configures.package(depot, files, known, partial(next_number, depot.site(), depot.store.snapshots))


def _of_programs(depot: Depot, lock: Lock, tree: Mapping[str, Digest], url: str) -> Iterator[_Client]:
    """Give the files of the programs that use an index all upstreams share: conda and pip for two."""
    for kind in indexing():
        room, made = kind.indexes.files(depot.config, lock.upstreams, tree, url.rstrip("/"))
        for program, files in made.items():
            yield _Client(f"{FOLDER}{program}/", kind, (room,), files, program=program)


def _of_distributions(depot: Depot, lock: Lock, tree: Mapping[str, Digest], url: str) -> Iterator[_Client]:
    for folder, kind, urls in _shown(lock, tree):
        for at, several in _grouped(urls).items():
            with depot.isolation.each(at, partial(_left_out, depot.progress)):
                yield from _each_choice(depot, lock, tree, _Place(folder, at, kind, several, url))


def _of_environments(depot: Depot, lock: Lock, tree: Mapping[str, Digest], url: str) -> Iterator[_Client]:
    """Give what clients of environments need that have no index of their own: debs and rpms."""
    for one in lock.environments:
        with depot.isolation.each(f"environment-{one.name}", partial(_left_out, depot.progress)):
            solves = solves_of(one)
            if files := solves.client_files(depot, lock, tree, one, url):
                folder = solves.index(one.name)
                upstreams = dict.fromkeys(member.upstream for target in one.targets for member in target.members)
                used = tuple(f"{folder.split('/')[2]}/{name}" for name in upstreams)
                yield _Client(folder, kind_named(one.kind), used, files, one.name)


def _shown(lock: Lock, tree: Mapping[str, Digest]) -> list[tuple[str, Kind, dict[str, str]]]:
    """Return each kind whose clients have files, with its folder and its repositories: name of the upstream → URL.

    A folder of debs and rpms has one of either.
    """
    found: list[tuple[str, Kind, dict[str, str]]] = []
    for folder, kind in configuring().items():
        roots = {
            path.removesuffix(end).partition("/dists/")[0] for path in tree for end in kind.ends if path.endswith(end)
        }
        urls = {one.name: one.url for one in lock.upstreams if f"{folder}/{one.name}" in roots}
        found.append((folder, kind, urls))
    return found


def _grouped(urls: Mapping[str, str]) -> dict[str, list[str]]:
    """Return folder → upstreams; one whose distribution nothing tells has a folder of its own."""
    known = {name: url for name, url in urls.items() if is_known(name, url)}
    grouped = targets(known) if known else {}
    for name in sorted(urls.keys() - known.keys()):
        grouped |= targets({name: urls[name]})
    return grouped


def _each_choice(depot: Depot, lock: Lock, tree: Mapping[str, Digest], place: _Place) -> Iterator[_Client]:
    """Give the files of all that is locked, and of each CUDA where clients have to choose one."""
    from cudepot.kinds.rules.client_choice import EVERYTHING  # noqa: PLC0415 - where there are such clients

    make = partial(place.kind.configures.files, depot, lock, tree, place.upstreams, place.url)
    used = tuple(f"{place.room}/{name}" for name in place.upstreams)
    files, held = make(EVERYTHING)
    yield _Client(f"{FOLDER}{place.at}/", place.kind, used, files)
    if place.url != UNKNOWN:
        held.warn(depot.progress, f"{FOLDER}{place.at}/")
    for cuda in held.cudas:
        chosen = make(replace(EVERYTHING, cuda=cuda))[0]
        yield _Client(f"{FOLDER}{place.at}-cuda{cuda}/", place.kind, used, chosen, cuda=cuda)
