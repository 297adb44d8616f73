"""The ``clients/`` part of a site: what `client apt` and `client dnf` write, for each distribution the site is for.

Sources name the site by its URL, so there is none where nothing says how clients reach it. Where a package is locked
for several CUDAs, each of these has a folder beside that of the distribution, whose clients hold one version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cudepot.catalog.lock import Lock
from cudepot.depot.depot import Depot, SiteSigner
from cudepot.depot.isolated import Trouble
from cudepot.digest import Digest
from cudepot.kinds.kind import Kind
from cudepot.kinds.registry import configuring, solves_of
from cudepot.kinds.rules.client_targets import is_known, targets
from cudepot.ports import Progress
from cudepot.store.local import LocalStore

if TYPE_CHECKING:  # start-up is much of a small run, and few sites have clients' files
    from cudepot.catalog.site.choice import Choice
    from cudepot.kinds.client_held import Hold

    _Made = tuple[Mapping[str, bytes], Hold]

FOLDER = "clients/"


def keys_tree(store: LocalStore, signer: SiteSigner) -> dict[str, Digest]:
    """Return site path → content of the site's public key."""
    key = signer()
    return {
        "keys/site.asc": store.add_bytes(key.public_key(armor=True)),
        "keys/site.gpg": store.add_bytes(key.public_key(armor=False)),
    }


def _left_out(progress: Progress, one: Trouble) -> None:
    progress.say(f"{FOLDER}{one.name}/: left out: {one.error}")


def clients_tree(depot: Depot, lock: Lock, tree: Mapping[str, Digest]) -> dict[str, Digest]:
    """Return site path → content of the clients' files for a finished tree; say what cannot be made."""
    url, found = depot.config.site.reached_at, dict[str, Digest]()
    for kind, urls in _shown(lock, tree) if url else ():
        for folder, several in _grouped(urls).items():
            chosen = partial(kind.configures.files, depot, lock, tree, several, url)
            with depot.isolation.each(folder, partial(_left_out, depot.progress)):
                for at, files in _each_choice(depot.progress, folder, chosen):
                    found |= {f"{FOLDER}{at}/{path}": depot.store.add_bytes(data) for path, data in files.items()}
    return found | _of_environments(depot, lock, tree, url)


def _of_environments(depot: Depot, lock: Lock, tree: Mapping[str, Digest], url: str) -> dict[str, Digest]:
    """Return what clients of environments need that have no index of their own: debs and rpms."""
    found: dict[str, Digest] = {}
    for one in lock.environments:
        with depot.isolation.each(f"environment-{one.name}", partial(_left_out, depot.progress)):
            solves = solves_of(one)
            files = solves.client_files(depot, lock, tree, one, url)
            found |= {solves.index(one.name) + path: depot.store.add_bytes(data) for path, data in files.items()}
    return found


def _shown(lock: Lock, tree: Mapping[str, Digest]) -> list[tuple[Kind, dict[str, str]]]:
    """Return each kind whose clients have files, and its repositories in the tree: name of the upstream → URL.

    A folder of debs and rpms has one of either.
    """
    found: list[tuple[Kind, dict[str, str]]] = []
    for folder, kind in configuring().items():
        roots = {
            path.removesuffix(end).partition("/dists/")[0] for path in tree for end in kind.ends if path.endswith(end)
        }
        urls = {one.name: one.url for one in lock.upstreams if f"{folder}/{one.name}" in roots}
        found.append((kind, urls))
    return found


def _grouped(urls: Mapping[str, str]) -> dict[str, list[str]]:
    """Return folder → upstreams; one whose distribution nothing tells has a folder of its own."""
    known = {name: url for name, url in urls.items() if is_known(name, url)}
    grouped = targets(known) if known else {}
    for name in urls.keys() - known.keys():
        grouped |= targets({name: urls[name]})
    return grouped


def _each_choice(
    progress: Progress, folder: str, make: Callable[[Choice], _Made]
) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Give folder and files of all that is locked, and of each CUDA where clients have to choose one."""
    from cudepot.kinds.rules.client_choice import EVERYTHING  # noqa: PLC0415 - where a site says its URL

    files, held = make(EVERYTHING)
    yield folder, files
    held.warn(progress, f"{FOLDER}{folder}/")
    for cuda in held.cudas:
        yield f"{folder}-cuda{cuda}", make(replace(EVERYTHING, cuda=cuda))[0]
