"""``cudepot client dnf``: ready-made configuration for dnf and yum clients of what the site shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.site.choice import Choice
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot, Keyring
from cudepot.depot.key_files import key_files
from cudepot.depot.snapshots import lock_of, shown_snapshot
from cudepot.errors import ConfigError, PinError, TrustError
from cudepot.formats.rpm_header import read_head
from cudepot.kinds.client_held import Hold, Place, hold, published_of, url_of
from cudepot.kinds.rules.client_choice import EVERYTHING
from cudepot.kinds.rules.client_targets import targets
from cudepot.kinds.yum.rules import client_text as client_dnf
from cudepot.kinds.yum.rules.client_text import DnfClient
from cudepot.kinds.yum.rules.excludes import excludes
from cudepot.ports import Progress
from cudepot.signing.keys import exported
from cudepot.store.local import LocalStore
from cudepot.user_files import write_user_files

KEYS = "etc/pki/rpm-gpg"
HOLDS = ("versionlock", "excludes")
"""How a client keeps to the locked versions: by the plugin's list, or by excludes that need no plugin."""


@dataclass(frozen=True, slots=True)
class DnfResult:
    """What was written for the clients of one distribution.

    Attributes:
        folder: where ``files`` are; laid out as on the client.
        number: the snapshot it is for.
        install: the command that installs the locked packages.
        unsigned: upstreams with metadata nobody signed.
        unchecked: upstreams of whose packages no key is known.
        merge: the command that adds the excludes to the client's own configuration; empty where there are none.
        replaced: those of the files that were there with another content.
        several: packages that are held in more than one version, with these: an upgrade goes to the newest.
    """

    folder: str
    files: tuple[str, ...]
    number: int
    install: str
    unsigned: tuple[str, ...]
    unchecked: tuple[str, ...]
    merge: str = ""
    replaced: tuple[str, ...] = ()
    several: Mapping[str, Sequence[str]] = field(default_factory=dict)


class DnfFiles(NamedTuple):
    """The configuration of the clients of one distribution: path on the client → content."""

    files: dict[str, bytes]
    clients: list[DnfClient]
    holding: tuple[str, ...]
    held: Hold

    @property
    def old(self) -> bool:
        """Whether they have yum 3."""
        return self.clients[0].old

    @property
    def suse(self) -> bool:
        """Whether they have zypper."""
        return self.clients[0].suse


def client_dnf_files(
    depot: Depot,
    names: Sequence[str],
    *,
    url: str,
    output: Path,
    holding: str = "versionlock",
    choice: Choice = EVERYTHING,
) -> tuple[DnfResult, ...]:
    """Write the configuration of dnf clients, a folder for each distribution, laid out as on the client.

    Args:
        depot: the depot.
        names: upstreams whose repositories clients shall use.
        url: where clients reach ``site/current``.
        output: folder the folders go into; made when missing.
        holding: how locked versions are held: one of ``HOLDS``.
        choice: which of the pinned packages clients are held to.

    Raises:
        ConfigError: nothing is published yet, or an upstream has no yum repository on the site.
        PinError: the choice is about nothing that is pinned.
    """
    snapshot = shown_snapshot(depot.history, depot.site())
    lock = lock_of(depot.store, snapshot)
    grouped = targets({name: url_of(depot.config, name) for name in names})
    made = {
        at: dnf_files(depot, snapshot.tree, lock, several, url=url, holding=holding, choice=choice)
        for at, several in grouped.items()
    }
    return tuple(_written(depot.progress, output / at, one, snapshot.number, holding) for at, one in made.items())


def dnf_files(
    depot: Depot,
    tree: Tree,
    lock: Lock,
    names: Sequence[str],
    *,
    url: str,
    holding: str = "versionlock",
    choice: Choice = EVERYTHING,
) -> DnfFiles:
    """Return the configuration of the clients of one distribution, for a tree of the site; else as above."""
    base = url if url.endswith("/") else url + "/"
    held = hold(
        lock, tree, names, Place("yum", "rpm"), choice, lambda rpm, beside: _named_exactly(depot.store, rpm, beside)
    )
    clients, files = repositories_held(depot, tree, lock, held, base)
    label = depot.config.site.label
    _check_one_kind(clients)
    suse = clients[0].suse
    files[client_dnf.repositories_file(label, suse=suse)] = client_dnf.repositories(clients)
    locked = {} if suse else _holding(clients, label, holding, old=clients[0].old)
    return DnfFiles(files | locked, clients, tuple(locked), held)


def repositories_held(
    depot: Depot, tree: Tree, lock: Lock, held: Hold, url: str
) -> tuple[list[DnfClient], dict[str, bytes]]:
    """Return the repositories of clients of which it is known what they are held to, and the key files these name."""
    found = [_client(depot, tree, lock, name, url, held) for name in held.packages]
    return [one for one, _ in found], {path: data for _, keys in found for path, data in keys.items()}


def _written(progress: Progress, folder: Path, made: DnfFiles, number: int, holding: str) -> DnfResult:
    replaced = write_user_files(folder, made.files)
    made.held.warn(progress, folder.name)
    unsigned = tuple(one.upstream for one in made.clients if not one.signed)
    unchecked = tuple(one.upstream for one in made.clients if not one.checked)
    install = client_dnf.install_line(made.clients, old=made.old, suse=made.suse)
    conf = "/etc/yum.conf" if made.old else "/etc/dnf/dnf.conf"
    merge = "".join(f"cat /{path} >> {conf}" for path in made.holding) if holding == "excludes" else ""
    files, several = tuple(sorted(made.files)), dict(made.held.several)
    return DnfResult(str(folder), files, number, install, unsigned, unchecked, merge, replaced, several)


def _holding(clients: Sequence[DnfClient], label: str, holding: str, *, old: bool) -> dict[str, bytes]:
    """Return the file that holds the locked versions; none where nothing is locked."""
    if holding == "excludes" and any(
        "*" in text for one in clients for several in one.versions.values() for text in several
    ):
        raise PinError(
            "only the versionlock plugin can hold a repository mirrored whole to one CUDA",
            hint="omit --hold, or pin packages instead of `whole = true`",
        )
    if holding == "excludes":
        path, data = f"etc/{'yum' if old else 'dnf'}/{label}-excludes.conf", excludes(clients, old=old)
    else:
        path = f"etc/{'yum/pluginconf.d' if old else 'dnf/plugins'}/versionlock.list"
        data = client_dnf.locked_versions(clients, old=old)
    return {path: data} if data else {}


def _check_one_kind(clients: Sequence[DnfClient]) -> None:
    if len({(one.old, one.suse) for one in clients}) > 1:
        raise ConfigError(
            "yum of rhel7, zypper and dnf read different files", hint="write them in two runs, to separate folders"
        )


def _client(
    depot: Depot, tree: Tree, lock: Lock, name: str, url: str, held: Hold
) -> tuple[DnfClient, dict[str, bytes]]:
    """Return one repository, and the key files it names."""
    _check_shown(tree, name)
    upstream, label = _upstream(depot, lock, name), depot.config.site.label
    ours, signed = _signature(depot.store, depot.keyring, tree, upstream)
    keys = {f"{KEYS}/RPM-GPG-KEY-{label}": depot.signer().public_key(armor=True)} if ours else {}
    theirs = upstream.package_keys if ours else tuple(dict.fromkeys((*upstream.keys, *upstream.package_keys)))
    if theirs:
        file = f"{KEYS}/RPM-GPG-KEY-{client_dnf.repo_id(label, name)}"
        keys[file] = exported(key_files(depot.base, upstream), theirs)
    client = DnfClient(
        name,
        client_dnf.repo_id(label, name),
        f"{url}yum/{name}/",
        tuple(f"/{path}" for path in keys),
        signed,
        bool(upstream.package_keys),
        held.versions(name),
        client_dnf.is_old(name, upstream.url),
        tuple(sorted({one.architecture for one in published_of(lock, name, ArtifactKind.RPM)})),
        suse=client_dnf.is_suse(name, upstream.url),
    )
    return client, keys


def _upstream(depot: Depot, lock: Lock, name: str) -> Upstream:
    """Return an upstream as cudepot.toml has it; behind an air gap, where none is, what the lock says of it.

    No key for packages is known there: dnf holds them to the metadata, which the site signs.
    """
    locked = lock.upstream(name)
    if locked is None or not depot.config.site.origin:
        return depot.config.upstream(name)
    return Upstream(name, locked.type, locked.url)


def _named_exactly(store: LocalStore, rpm: Artifact, rpms: Sequence[Artifact]) -> set[tuple[str, str]]:
    """Return which of the packages an rpm requires in exactly their version, be it with or without the release."""
    with store.open(rpm.digest) as handle:
        exact = read_head(handle, what=rpm.filename).exact_requires
    forms = [(one, {(one.name, one.version), (one.name, one.version.rpartition("-")[0])}) for one in rpms]
    return {(one.name, one.version) for one, either in forms if not either.isdisjoint(exact)}


def _check_shown(tree: Tree, name: str) -> None:
    if f"yum/{name}/repodata/repomd.xml" not in tree:
        end = "/repodata/repomd.xml"
        there = [path[4:].removesuffix(end) for path in tree if path.startswith("yum/") and path.endswith(end)]
        raise ConfigError(
            f"the site has no yum repository for {name!r}",
            hint=f"it has {', '.join(sorted(there)) or 'none'}; pin packages from it, then run lock, sync and publish",
        )


def _signature(store: LocalStore, keyring: Keyring, tree: Tree, upstream: Upstream) -> tuple[bool, bool]:
    """Return whether the site's own key signs a repository's metadata, and whether anybody does."""
    folder = f"yum/{upstream.name}/repodata/"
    if f"{folder}repomd.xml.asc" not in tree:
        return False, False
    root, signature = (store.read(tree[folder + one]) for one in ("repomd.xml", "repomd.xml.asc"))
    try:
        keyring.site_verifier().detached(root, signature, f"{folder}repomd.xml")
    except TrustError:
        keyring.verifier(upstream).detached(root, signature, f"{folder}repomd.xml")
        return False, True
    return True, True
