"""``cudepot client dnf``: ready-made configuration for dnf and yum clients of what the site shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog import client_dnf
from cudepot.catalog.client_dnf import DnfClient
from cudepot.catalog.config_upstream import Upstream
from cudepot.catalog.hold_excludes import excludes
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.snapshot import Snapshot
from cudepot.digest import Digest
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError, TrustError
from cudepot.formats.rpm_header import read_head
from cudepot.signing.keys import exported
from cudepot.workflows.client import held, shown_snapshot, versions
from cudepot.workflows.depot import Depot
from cudepot.workflows.key_files import key_files
from cudepot.workflows.snapshots import lock_of

KEYS = "etc/pki/rpm-gpg"
HOLDS = ("versionlock", "excludes")
"""How a client keeps to the locked versions: by the plugin's list, or by excludes that need no plugin."""


@dataclass(frozen=True, slots=True)
class DnfResult:
    """What was written: files below ``folder``, for clients of snapshot ``number``; ``install`` is the command.

    ``merge`` is the command that adds the excludes to the client's own configuration; empty where there are none.
    ``unsigned`` are upstreams with metadata nobody signed, ``unchecked`` those of whose packages no key is known.
    """

    folder: str
    files: tuple[str, ...]
    number: int
    install: str
    unsigned: tuple[str, ...]
    unchecked: tuple[str, ...]
    merge: str = ""


def client_dnf_files(
    depot: Depot, names: Sequence[str], *, url: str, output: Path, hold: str = "versionlock"
) -> DnfResult:  # fmt: skip
    """Write the configuration of dnf clients of one or more upstreams, laid out as on the client.

    Args:
        depot: the depot.
        names: upstreams whose repositories a client shall use: all for dnf, or all for rhel7's yum.
        url: where clients reach ``site/current``.
        output: folder the files go into; made when missing.
        hold: how locked versions are held: one of ``HOLDS``.

    Raises:
        ConfigError: nothing is published yet, or an upstream has no yum repository on the site.
    """
    snapshot = shown_snapshot(depot)
    base = url if url.endswith("/") else url + "/"
    lock = lock_of(depot, snapshot)
    found = [_client(depot, snapshot, lock, name, base) for name in names]
    clients, label = [one for one, _ in found], depot.config.site.label
    old = _one_kind(clients)
    files = {path: data for _, keys in found for path, data in keys.items()}
    files[f"etc/yum.repos.d/{label}.repo"] = client_dnf.repositories(clients)
    holding = _holding(clients, label, hold, old=old)
    files |= holding
    for name, content in files.items():
        write_atomic(output / name, content)
    unsigned = tuple(one.upstream for one in clients if not one.signed)
    unchecked = tuple(one.upstream for one in clients if not one.checked)
    install = client_dnf.install_line(clients, old=old)
    conf = "/etc/yum.conf" if old else "/etc/dnf/dnf.conf"
    merge = "".join(f"cat /{path} >> {conf}" for path in holding) if hold == "excludes" else ""
    return DnfResult(str(output), tuple(sorted(files)), snapshot.number, install, unsigned, unchecked, merge)


def _holding(clients: Sequence[DnfClient], label: str, hold: str, *, old: bool) -> dict[str, bytes]:
    """Return the file that holds the locked versions; none where nothing is locked."""
    if hold == "excludes":
        path, data = f"etc/{'yum' if old else 'dnf'}/{label}-excludes.conf", excludes(clients, old=old)
    else:
        path = f"etc/{'yum/pluginconf.d' if old else 'dnf/plugins'}/versionlock.list"
        data = client_dnf.locked_versions(clients, old=old)
    return {path: data} if data else {}


def _one_kind(clients: Sequence[DnfClient]) -> bool:
    if len({one.old for one in clients}) > 1:
        raise ConfigError("rhel7's yum and dnf read different files", hint="write them in two runs, to two folders")
    return clients[0].old


def _client(
    depot: Depot, snapshot: Snapshot, lock: Lock, name: str, url: str
) -> tuple[DnfClient, dict[str, bytes]]:  # fmt: skip
    """Return one repository, and the key files it names."""
    _check_shown(snapshot, name)
    upstream, label = depot.config.upstream(name), depot.config.site.label
    ours, signed = _signature(depot, snapshot, upstream)
    keys = {f"{KEYS}/RPM-GPG-KEY-{label}": depot.signer().public_key(armor=True)} if ours else {}
    theirs = upstream.rpm_keys if ours else tuple(dict.fromkeys((*upstream.keys, *upstream.rpm_keys)))
    if theirs:
        file = f"{KEYS}/RPM-GPG-KEY-{client_dnf.repo_id(label, name)}"
        keys[file] = exported(key_files(depot.base, upstream), theirs)
    rpms = [one for one in lock.of(name) if one.kind == "rpm" and "mirror" in one.outputs]
    client = DnfClient(
        name,
        client_dnf.repo_id(label, name),
        f"{url}yum/{name}/",
        tuple(f"/{path}" for path in keys),
        signed,
        bool(upstream.rpm_keys),
        versions(held(rpms, lambda rpm: _named_exactly(depot, rpm, rpms))),
        client_dnf.is_old(name, upstream.url),
        tuple(sorted({one.architecture for one in rpms})),
    )
    return client, keys


def _named_exactly(depot: Depot, rpm: Artifact, rpms: Sequence[Artifact]) -> set[tuple[str, str]]:
    """Return which of the packages an rpm requires in exactly their version, be it with or without the release."""
    with depot.store.open(rpm.digest) as handle:
        exact = read_head(handle, what=rpm.filename).exact_requires
    forms = [(one, {(one.name, one.version), (one.name, one.version.rpartition("-")[0])}) for one in rpms]
    return {(one.name, one.version) for one, either in forms if not either.isdisjoint(exact)}


def _check_shown(snapshot: Snapshot, name: str) -> None:
    if f"yum/{name}/repodata/repomd.xml" not in snapshot.tree:
        end = "/repodata/repomd.xml"
        there = [path[4:].removesuffix(end) for path in snapshot.tree if path.startswith("yum/") and path.endswith(end)]
        raise ConfigError(
            f"the site shows no yum repository of {name!r}",
            hint=f"it shows {', '.join(sorted(there)) or 'none'}; pin packages of it, then lock, sync, publish",
        )


def _signature(depot: Depot, snapshot: Snapshot, upstream: Upstream) -> tuple[bool, bool]:
    """Tell whether the site's own key signs a repository's metadata, and whether anybody does."""
    folder = f"yum/{upstream.name}/repodata/"
    if f"{folder}repomd.xml.asc" not in snapshot.tree:
        return False, False
    root, signature = (_bytes(depot, snapshot.tree[folder + one]) for one in ("repomd.xml", "repomd.xml.asc"))
    try:
        depot.site_verifier().detached(root, signature, f"{folder}repomd.xml")
    except TrustError:
        depot.verifier(upstream).detached(root, signature, f"{folder}repomd.xml")
        return False, True
    return True, True


def _bytes(depot: Depot, digest: Digest) -> bytes:
    with depot.store.open(digest) as handle:
        return handle.read()
