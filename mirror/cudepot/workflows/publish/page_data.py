"""What the script of the site's page reads: offers, files of clients, and how each repository's packages install."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cudepot.catalog.ecosystems import WHEELS, HeldKind, Row, row_at, row_for
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.clients import ClientFiles
from cudepot.catalog.site.holdings import SiteFacts, held_package
from cudepot.workflows.publish.page_environments import environment_offers, whole_offers
from cudepot.workflows.publish.page_offers import NAMES, TYPES, offers
from cudepot.workflows.publish.page_targets import PLATFORMS, described, targets
from cudepot.workflows.publish.page_whole import packed

_SYSTEM = (HeldKind.DEB, HeldKind.RPM)


@dataclass(frozen=True, slots=True)
class Clients:
    """What a site has for its clients.

    Attributes:
        url: what the files call the site, ending in a slash; empty where nothing says so.
        files: by distribution, environment and program.
    """

    url: str = ""
    files: Sequence[ClientFiles] = field(default=())


NO_CLIENTS = Clients()


def page_data(site: SiteFacts, lock: Lock, clients: Clients, whole: Mapping[str, Sequence[str]]) -> str:
    """Return the data; no ``<``, so nothing in it ends the element or begins a comment.

    ``whole``: repositories that are mirrored whole → paths of their packages.
    """
    data = {
        "label": site.label,
        "keyring": site.keyring.sha256,
        "url": clients.url,
        "names": NAMES,
        "closed": site.closed,
        "offers": _offers(site, lock, clients.files),
        "clients": {one.folder: _client(one) for one in clients.files},
        "repositories": {**_whole(whole, clients.files), **_repositories(site, clients.files)},
        "whole": packed(whole),
        "count": len(site.held) + sum(map(len, whole.values())),
        "platforms": PLATFORMS,
    }
    return json.dumps(data, sort_keys=True).replace("<", "\\u003c")


def _offers(site: SiteFacts, lock: Lock, clients: Sequence[ClientFiles]) -> list[dict[str, Any]]:
    pinned = {one for artifact in lock.artifacts if artifact.why == "pin" for one in _paths(artifact)}
    return [*offers(site, clients, pinned), *environment_offers(lock, clients), *whole_offers(clients)]


def _paths(artifact: Any) -> tuple[str, ...]:
    """Return where a locked package may be on the site."""
    if artifact.kind == WHEELS.artifact:
        return (f"{WHEELS.room}/{artifact.filename}",)
    return (held_package(artifact).path,) if row_for(artifact.kind).per_upstream else ()


def _client(one: ClientFiles) -> dict[str, Any]:
    values = {"keys": one.keys, "sources": one.sources, "more": one.more, "package": one.package}
    return {name: value for name, value in values.items() if value}


def _whole(whole: Mapping[str, object], clients: Sequence[ClientFiles]) -> dict[str, Any]:
    rows = {repository: row_at(repository) for repository in whole}
    return {f"{one} {row.artifact}": _ways(row.artifact, one, row, clients) for one, row in rows.items()}


def _repositories(site: SiteFacts, clients: Sequence[ClientFiles]) -> dict[str, Any]:
    """Return repository and kind → how a package in the list of what the site holds is installed."""
    found: dict[str, Any] = {}
    for one in site.held:
        key = f"{one.repository} {one.kind}"
        if key not in found:
            found[key] = _ways(one.kind, one.repository, row_at(one.repository), clients)
    return found


def _ways(kind: str, repository: str, row: Row, clients: Sequence[ClientFiles]) -> dict[str, Any]:
    places = [*described(targets(kind, repository, clients))] if kind in _SYSTEM else []
    return {"types": TYPES.get(kind, (row.tool,)), "joiner": row.joiner, "targets": places}
