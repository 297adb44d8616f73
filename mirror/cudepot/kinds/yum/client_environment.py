"""``cudepot client dnf --environment``: one configuration for all repositories of an environment, and its members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from cudepot.catalog.ecosystems import YUM
from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of, shown_snapshot
from cudepot.kinds.client_held import Hold
from cudepot.kinds.rules.system_members import members_by_upstream, of_kind, priorities_of
from cudepot.kinds.yum.client import DnfResult, repositories_held
from cudepot.kinds.yum.rules import client_text
from cudepot.kinds.yum.rules.client_text import DnfClient
from cudepot.user_files import write_user_files

DEFAULT = 99
"""dnf's own priority of a repository that names none."""


def client_environment(depot: Depot, name: str, *, url: str, output: Path) -> DnfResult:
    """Write the configuration of an environment's dnf clients into a folder of its name, laid out as on the client.

    Args:
        depot: the depot.
        name: of the environment.
        url: where clients reach ``site/current``.
        output: folder the folder goes into; made when missing.

    Raises:
        ConfigError: nothing is published yet, or the site shows no such environment of rpms.
    """
    snapshot = shown_snapshot(depot.history, depot.site())
    lock, base = lock_of(depot.store, snapshot), url if url.endswith("/") else url + "/"
    environment, folder = of_kind(lock, name, YUM.name), output / name
    clients, files = _made(depot, snapshot.tree, lock, environment, base)
    replaced = write_user_files(folder, files)
    return DnfResult(
        str(folder),
        tuple(sorted(files)),
        snapshot.number,
        " ".join(["dnf install", *environment.roots]),
        tuple(one.upstream for one in clients if not one.signed),
        tuple(one.upstream for one in clients if not one.checked),
        replaced=replaced,
    )


def environment_files(
    depot: Depot, lock: Lock, tree: Tree, environment: LockedEnvironment, url: str
) -> Mapping[str, bytes]:
    """Return the same for a tree of the site: path on the client → content."""
    return _made(depot, tree, lock, environment, url)[1]


def _made(
    depot: Depot, tree: Tree, lock: Lock, environment: LockedEnvironment, url: str
) -> tuple[list[DnfClient], dict[str, bytes]]:
    members, priorities = members_by_upstream(lock, environment), priorities_of(environment)
    clients, files = repositories_held(depot, tree, lock, Hold(members, {}, (), {}), url)
    held = [
        replace(one, priority=priorities.get(one.upstream, DEFAULT), members=tuple(_named(members[one.upstream])))
        for one in clients
    ]
    files[f"etc/yum.repos.d/{depot.config.site.label}.repo"] = client_text.repositories(held)
    return held, files


def _named(rpms: Iterable[Artifact]) -> Iterable[str]:
    """Give members as dnf is told of exactly them."""
    for one in sorted(rpms, key=lambda rpm: (rpm.name, rpm.version, rpm.architecture)):
        epoch, _, rest = one.version.rpartition(":")
        yield f"{one.name}-{epoch or '0'}:{rest}.{one.architecture}"
