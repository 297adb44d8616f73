"""The proof of a pinned apt repository: what is pinned can be installed from the finished index of the site.

What the distribution provides is what the lock says (``external``). Of a folder of debs the lock says nothing: there
it is what the folder has nothing of.
"""

from __future__ import annotations

from collections.abc import Mapping

from cudepot.catalog.closure import select
from cudepot.catalog.deb_offers import Offers
from cudepot.catalog.deb_pins import exact_pins
from cudepot.catalog.deb_rules import Wishes
from cudepot.catalog.lock import Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.digest import Digest
from cudepot.formats.apt import PackageIndex
from cudepot.workflows.depot import Depot


def unsolvable(depot: Depot, lock: Lock, name: str, files: Mapping[str, Digest]) -> list[Unsolvable]:
    """Return the pinned packages of a repository that no client could install from it.

    Args:
        depot: the depot.
        lock: what was published.
        name: of the repository's upstream.
        files: path below the repository → content.
    """
    upstream, settings = lock.upstream(name), depot.config.upstream(name)
    if upstream is None or "Packages" not in files:
        return []
    with depot.store.open(files["Packages"]) as handle:
        index = PackageIndex(handle.read(), f"apt/{name}/Packages")
    debs = [one for one in lock.of(name) if one.kind == "deb" and "mirror" in one.outputs]
    is_folder = upstream.type == "folder"
    machines = sorted({one.architecture for one in debs} - {"all"}) or ["amd64"]
    wishes = Wishes(
        name,
        exact_pins(depot.pins_of(settings), [one for one in debs if one.why == "pin"], files=is_folder),
        machines if is_folder else settings.architectures,
        external=None if is_folder else frozenset(upstream.external),
    )
    return select(Offers([index]), wishes).findings
