"""``cudepot client apt --environment``: one configuration for all repositories of an environment, and its members."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cudepot.catalog.ecosystems import APT
from cudepot.catalog.lock import Artifact, Lock, LockedEnvironment
from cudepot.catalog.site.snapshot import Tree
from cudepot.catalog.solution.exported import Exported
from cudepot.catalog.solution.graph import by_place
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of, shown_snapshot
from cudepot.kinds.apt.client import AptFiles, ClientResult, files_held, keyring_package, written
from cudepot.kinds.apt.rules.client_text import no_cuda_keyring
from cudepot.kinds.apt.rules.environment_text import preferences, texts
from cudepot.kinds.client_held import Hold
from cudepot.kinds.rules.system_members import members_by_upstream, of_kind, priorities_of


def client_environment(depot: Depot, name: str, *, url: str, output: Path, hold_back: bool = False) -> ClientResult:
    """Write the configuration of an environment's apt clients into a folder of its name, laid out as on the client.

    Args:
        depot: the depot.
        name: of the environment.
        url: where clients reach ``site/current``.
        output: folder the folder goes into; made when missing.
        hold_back: keep NVIDIA's ``cuda-keyring`` from enabling NVIDIA's own URL, even where it is a member.

    Raises:
        ConfigError: nothing is published yet, or the site shows no such environment of debs.
    """
    snapshot = shown_snapshot(depot.history, depot.site())
    lock, base = lock_of(depot.store, snapshot), url if url.endswith("/") else url + "/"
    environment = of_kind(lock, name, APT.name)
    made = _made(depot, snapshot.tree, lock, environment, base)
    package = keyring_package(depot, made.clients, made.files, snapshot.number, base, hold_back=hold_back)
    files = _with_preferences(depot, made, environment, base, hold_back=hold_back)
    return written(depot, output / name, files, package, snapshot.number)


def environment_files(
    depot: Depot, lock: Lock, tree: Tree, environment: LockedEnvironment, url: str
) -> Mapping[str, bytes]:
    """Return the same without the package, path on the client → content, and beside it a list for each target."""
    site = Exported(depot.config.site.label, 0, url.rstrip("/"), by_place(lock.artifacts))
    lists = {name: text.encode() for name, text in texts(site, environment).items()}
    return lists | (
        _with_preferences(depot, _made(depot, tree, lock, environment, url), environment, url) if url else {}
    )


def _made(depot: Depot, tree: Tree, lock: Lock, environment: LockedEnvironment, url: str) -> AptFiles:
    members: dict[str, list[Artifact]] = members_by_upstream(lock, environment)
    return files_held(depot, tree, lock, Hold(members, {}, (), {}), url)


def _with_preferences(
    depot: Depot, made: AptFiles, environment: LockedEnvironment, url: str, *, hold_back: bool = False
) -> dict[str, bytes]:
    label = depot.config.site.label
    pinned = preferences(made.clients, priorities_of(environment), url)
    if hold_back:  # of several records that fit, apt takes the first
        pinned = no_cuda_keyring() + b"\n" + pinned
    return {**made.files, f"etc/apt/preferences.d/{label}-environment.pref": pinned}
