"""Where clients of a site begin: the root of each repository with the kind that knows it, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cudepot.catalog.ecosystems import at_home
from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.mirror import site_folder
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.kinds.registry import shown_below
from cudepot.kinds.shows import Shows


class SiteRoot(NamedTuple):
    """The root of a repository: its path on the site, and what shows such repositories."""

    path: str
    shows: Shows


def own_roots(snapshot: Snapshot) -> Iterator[SiteRoot]:
    """Give the roots that the site made; those of whole mirrors are their upstream's, and stay as they are."""
    theirs = {folder + one.path for folder, mirror in mirrors(snapshot).items() for one in mirror.files}
    yield from (one for one in every_root(snapshot) if one.path not in theirs)


def every_root(snapshot: Snapshot) -> Iterator[SiteRoot]:
    """Give the roots of all repositories, those of whole mirrors too."""
    every = {folder: one.shows for folder, one in shown_below(snapshot.tree).items()}
    for path in snapshot.tree:
        folder = at_home(path).partition("/")[0]
        if folder in every and path.rpartition("/")[2] in every[folder].roots:
            yield SiteRoot(path, every[folder])


def mirrors(snapshot: Snapshot) -> dict[str, LockedUpstream]:
    """Return the upstreams a snapshot shows whole, by their folder on the site."""
    return {site_folder(one): one for one in snapshot.upstreams if one.files}
