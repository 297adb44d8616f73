"""``cudepot client apt``: ready-made configuration for the apt clients of what the site shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Lock, LockedUpstream
from cudepot.catalog.site.choice import Choice
from cudepot.catalog.site.snapshot import Tree
from cudepot.depot.depot import Depot
from cudepot.depot.key_files import key_files
from cudepot.depot.snapshots import lock_of, shown_snapshot
from cudepot.errors import ConfigError, TrustError
from cudepot.formats.apt import parse_relations
from cudepot.formats.apt_release import Release, parse_release
from cudepot.formats.deb import read_control
from cudepot.formats.deb822 import parse_stanza
from cudepot.formats.deb_write import write_deb
from cudepot.kinds.apt.rules import client_text as client_apt
from cudepot.kinds.apt.rules.client_text import AptClient
from cudepot.kinds.apt.rules.mirror import is_sources
from cudepot.kinds.client_held import Hold, Place, hold, published_of, url_of
from cudepot.kinds.rules.client_choice import EVERYTHING
from cudepot.kinds.rules.client_targets import targets
from cudepot.ports import Signed, Verifier
from cudepot.signing.keys import dearmored
from cudepot.store.local import LocalStore
from cudepot.user_files import write_user_files

KEYRINGS = "usr/share/keyrings"


@dataclass(frozen=True, slots=True)
class ClientResult:
    """What was written for the clients of one distribution.

    Attributes:
        folder: where ``files`` are, the keyring package among them; laid out as on the client.
        package: the keyring package.
        number: the snapshot it is for.
        fingerprint: of the site's key.
        replaced: those of the files that were there with another content.
        several: packages that are held in more than one version, with these: an upgrade goes to the newest.
    """

    folder: str
    files: tuple[str, ...]
    package: str
    number: int
    fingerprint: str
    replaced: tuple[str, ...] = ()
    several: Mapping[str, Sequence[str]] = field(default_factory=dict)


def client_apt_files(
    depot: Depot, names: Sequence[str], *, url: str, output: Path, hold_back: bool, choice: Choice = EVERYTHING
) -> tuple[ClientResult, ...]:
    """Write the configuration of apt clients, a folder for each distribution, laid out as on the client.

    Args:
        depot: the depot.
        names: upstreams whose repositories clients shall use.
        url: where clients reach ``site/current``.
        output: folder the folders go into; made when missing.
        hold_back: keep NVIDIA's ``cuda-keyring`` from enabling NVIDIA's own URL.
        choice: which of the pinned packages clients are held to.

    Raises:
        ConfigError: nothing is published yet, or an upstream has no apt repository on the site.
        PinError: the choice is about nothing that is pinned.
    """
    snapshot = shown_snapshot(depot.history, depot.site())
    base = url if url.endswith("/") else url + "/"
    lock = lock_of(depot.store, snapshot)
    grouped = targets({name: url_of(depot.config, name) for name in names})
    made = {
        at: apt_files(depot, snapshot.tree, lock, several, url=base, choice=choice) for at, several in grouped.items()
    }
    return tuple(_with_package(depot, output / at, one, snapshot.number, base, hold_back) for at, one in made.items())


class AptFiles(NamedTuple):
    """The configuration of the clients of one distribution: path on the client → content."""

    files: dict[str, bytes]
    clients: list[AptClient]
    held: Hold


def apt_files(
    depot: Depot, tree: Tree, lock: Lock, names: Sequence[str], *, url: str, choice: Choice = EVERYTHING
) -> AptFiles:
    """Return source and keyrings of the clients of one distribution, for a tree of the site; ``url`` ends in ``/``."""
    held = hold(lock, tree, names, Place("apt", "deb"), choice, lambda deb, _: _named_exactly(depot.store, deb))
    return files_held(depot, tree, lock, held, url)


def files_held(depot: Depot, tree: Tree, lock: Lock, held: Hold, url: str) -> AptFiles:
    """Return the same for clients of which it is known already what they are held to."""
    found = [one for name in held.packages for one in _clients(depot, tree, lock, name, url, held)]
    clients, label = [one for one, _ in found], depot.config.site.label
    files = {name: data for _, keyring in found for name, data in keyring.items()}
    files[f"etc/apt/sources.list.d/{label}.sources"] = client_apt.sources(clients)
    return AptFiles(files, clients, held)


def _with_package(depot: Depot, folder: Path, made: AptFiles, number: int, url: str, hold_back: bool) -> ClientResult:
    files, label = dict(made.files), depot.config.site.label
    if hold_back:
        files[f"etc/apt/preferences.d/{label}-no-cuda-keyring.pref"] = client_apt.no_cuda_keyring()
    package = keyring_package(depot, made.clients, files, number, url, hold_back=hold_back)
    made.held.warn(depot.progress, folder.name)
    beside = preferences(label, made.clients, hold_back=hold_back)
    return replace(written(depot, folder, {**files, **beside}, package, number), several=dict(made.held.several))


def written(
    depot: Depot, folder: Path, files: Mapping[str, bytes], package: tuple[str, bytes], number: int
) -> ClientResult:
    """Write the files of the clients of one distribution, the keyring package among them, and return what was."""
    every = {**files, package[0]: package[1]}
    replaced = write_user_files(folder, every)
    return ClientResult(str(folder), tuple(sorted(every)), package[0], number, depot.signer().fingerprint, replaced)


def preferences(label: str, clients: Sequence[AptClient], *, hold_back: bool) -> dict[str, bytes]:
    """Return what is not in the package, because it changes with every lock: the pin and the locked versions."""
    files = {f"etc/apt/preferences.d/{label}-repository-pin-600.pref": client_apt.repository_pin(clients)}
    locked = client_apt.locked_versions(clients, leave_out=("cuda-keyring",) if hold_back else ())
    return files | ({f"etc/apt/preferences.d/{label}-locked.pref": locked} if locked else {})


def keyring_package(
    depot: Depot,
    clients: Sequence[AptClient],
    files: Mapping[str, bytes],
    number: int,
    url: str,
    *,
    hold_back: bool = False,
) -> tuple[str, bytes]:
    """Return name and bytes of the package that installs some files, for a snapshot."""
    version = f"1.{number}"
    fields = client_apt.keyring_control(depot.config.site.label, version, url)
    scripts = client_apt.diversions(fields["Package"], clients) if hold_back else {}
    data = write_deb(fields, files, scripts=scripts, epoch=depot.epoch)
    return f"{fields['Package']}_{version}_all.deb", data


def _clients(
    depot: Depot, tree: Tree, lock: Lock, name: str, url: str, held: Hold
) -> Iterator[tuple[AptClient, dict[str, bytes]]]:
    """Give each suite of a repository (a flat one is one), with the key file its source names."""
    debs, wanted = published_of(lock, name, ArtifactKind.DEB), held.versions(name)
    label, locked = depot.config.site.label, lock.upstream(name)
    for folder in _folders(tree, name, locked):
        release, ours = _release(depot, tree, f"apt/{name}/{folder}", name)
        keyring = f"{KEYRINGS}/{label}.gpg" if ours else f"{KEYRINGS}/{label}-{name.replace('/', '-')}.gpg"
        key = depot.signer().public_key(armor=False) if ours else _upstream_keys(depot.base, depot.config, name)
        client = AptClient(
            name,
            f"{url}apt/{name}/",
            release.fields.get("Origin", ""),
            release.fields.get("Label", ""),
            _by_hash(tree, release, name),
            f"/{keyring}",
            wanted,
            len({one.architecture for one in debs} - {"all"}) > 1,
            client_apt.vendor_source(locked.url if locked else ""),
            sources=any(is_sources(path) for path in tree if path.startswith(f"apt/{name}/{folder}")),
        )
        yield (_of_suite(client, tree, folder) if folder else client), {keyring: key}


def _folders(tree: Tree, name: str, locked: LockedUpstream | None) -> list[str]:
    """Return where a repository has its roots: empty for a flat one, else ``dists/SUITE/`` or ``FOLDER/``."""
    roots = {path.rpartition("/")[0] for path in tree if _is_root(path)}
    if f"apt/{name}" in roots:
        return [""]
    whole = locked.roots if locked and locked.files else ()
    known = {one.path.rpartition("/")[0] for one in whole}
    found = sorted(f"{one}/" for one in known if f"apt/{name}/{one}" in roots)
    if not found:
        there = sorted({one.removeprefix("apt/").partition("/dists/")[0] for one in roots})
        raise ConfigError(
            f"the site has no apt repository for {name!r}",
            hint=f"it has {', '.join(there) or 'none'}; pin packages from it, then run lock, sync and publish",
        )
    return found


def _of_suite(client: AptClient, tree: Tree, folder: str) -> AptClient:
    """Return the client of a suite, limited to the components and architectures that are mirrored."""
    if not folder.startswith("dists/"):
        return replace(client, suite=folder)
    at = f"apt/{client.upstream}/{folder}"
    places = {path.removeprefix(at).partition("/binary-")[::2] for path in tree if path.startswith(at)}
    indexed = sorted((component, rest.partition("/")[0]) for component, rest in places if rest)
    return replace(
        client,
        suite=folder.removeprefix("dists/").rstrip("/"),
        components=tuple(dict.fromkeys(component for component, _ in indexed)),
        architectures=tuple(sorted({machine for _, machine in indexed} - {"all"})),
    )


def _named_exactly(store: LocalStore, deb: Artifact) -> set[tuple[str, str]]:
    with store.open(deb.digest) as handle:
        fields = parse_stanza(read_control(handle, what=deb.filename), deb.filename)
    groups = [group for key in ("Pre-Depends", "Depends") for group in parse_relations(fields.get(key, ""))]
    return {(one.name, one.version) for group in groups for one in group if one.operator == "="}


def _by_hash(tree: Tree, release: Release, name: str) -> str:
    """Return what the source has to say: apt uses by-hash unasked only where the signed Release offers it."""
    if release.is_by_hash:
        return "yes"
    return "force" if any(path.startswith(f"apt/{name}/by-hash/") for path in tree) else "no"


def _release(depot: Depot, tree: Tree, folder: str, name: str) -> tuple[Release, bool]:
    """Return the Release file the site shows in a folder, and whether the site's own key signs it."""
    what = f"{folder}InRelease"
    try:
        return parse_release(_signed(depot.store, tree, folder, depot.site_verifier()).text, what), True
    except TrustError:
        verifier = depot.verifier(depot.config.upstream(name))
        return parse_release(_signed(depot.store, tree, folder, verifier).text, what), False


def _is_root(path: str) -> bool:
    return path.startswith("apt/") and path.rpartition("/")[2] in ("InRelease", "Release.gpg")


def _signed(store: LocalStore, tree: Tree, folder: str, verifier: Verifier) -> Signed:
    if f"{folder}InRelease" in tree:
        return verifier.clearsigned(store.read(tree[f"{folder}InRelease"]), f"{folder}InRelease")
    document, signature = (store.read(tree[folder + one]) for one in ("Release", "Release.gpg"))
    return verifier.detached(document, signature, f"{folder}Release")


def _upstream_keys(base: Path, config: Config, name: str) -> bytes:
    return b"".join(map(dearmored, key_files(base, config.upstream(name))))
