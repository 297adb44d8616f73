"""``cudepot client apt``: ready-made configuration for the apt clients of what the site shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cudepot.catalog import client_apt
from cudepot.catalog.client_apt import AptClient
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.snapshot import Snapshot
from cudepot.catalog.whole import is_sources
from cudepot.digest import Digest
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError, TrustError
from cudepot.formats.apt import Release, parse_relations, parse_release, parse_stanza
from cudepot.formats.deb import read_control
from cudepot.formats.deb_write import write_deb
from cudepot.ports import Signed, Verifier
from cudepot.signing.keys import dearmored
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.depot import Depot
from cudepot.workflows.history import load_snapshot
from cudepot.workflows.key_files import key_files
from cudepot.workflows.snapshots import lock_of

KEYRINGS = "usr/share/keyrings"


@dataclass(frozen=True, slots=True)
class ClientResult:
    """What was written: files below ``folder``, the keyring package among them, for clients of snapshot ``number``."""

    folder: str
    files: tuple[str, ...]
    package: str
    number: int
    fingerprint: str


def client_apt_files(
    depot: Depot, names: Sequence[str], *, url: str, output: Path, hold_back: bool
) -> ClientResult:  # fmt: skip
    """Write the configuration of apt clients of one or more upstreams, laid out as on the client.

    Args:
        depot: the depot.
        names: upstreams whose repositories a client shall use.
        url: where clients reach ``site/current``.
        output: folder the files go into; made when missing.
        hold_back: keep NVIDIA's ``cuda-keyring`` from enabling NVIDIA's own URL.

    Raises:
        ConfigError: nothing is published yet, or an upstream has no apt repository on the site.
    """
    snapshot = shown_snapshot(depot)
    base = url if url.endswith("/") else url + "/"
    lock = lock_of(depot, snapshot)
    found = [one for name in names for one in _clients(depot, snapshot, lock, name, base)]
    clients, label = [one for one, _ in found], depot.config.site.label
    files = {name: data for _, keyring in found for name, data in keyring.items()}
    files[f"etc/apt/sources.list.d/{label}.sources"] = client_apt.sources(clients)
    if hold_back:
        files[f"etc/apt/preferences.d/{label}-no-cuda-keyring.pref"] = client_apt.no_cuda_keyring()
    package, data = _package(depot, clients, files, f"1.{snapshot.number}", base, hold_back=hold_back)
    written = {**files, **_preferences(label, clients, hold_back=hold_back), package: data}
    for name, content in written.items():
        write_atomic(output / name, content)
    return ClientResult(str(output), tuple(sorted(written)), package, snapshot.number, depot.signer().fingerprint)


def _preferences(label: str, clients: Sequence[AptClient], *, hold_back: bool) -> dict[str, bytes]:
    """Return what is not in the package, because it changes with every lock: the pin and the locked versions."""
    files = {f"etc/apt/preferences.d/{label}-repository-pin-600.pref": client_apt.repository_pin(clients)}
    locked = client_apt.locked_versions(clients, leave_out=("cuda-keyring",) if hold_back else ())
    return files | ({f"etc/apt/preferences.d/{label}-locked.pref": locked} if locked else {})


def _package(
    depot: Depot, clients: Sequence[AptClient], files: Mapping[str, bytes], version: str, url: str, *, hold_back: bool
) -> tuple[str, bytes]:
    fields = client_apt.keyring_control(depot.config.site.label, version, url)
    scripts = client_apt.diversions(fields["Package"], clients) if hold_back else {}
    data = write_deb(fields, files, scripts=scripts, epoch=depot.epoch)
    return f"{fields['Package']}_{version}_all.deb", data


def _clients(
    depot: Depot, snapshot: Snapshot, lock: Lock, name: str, url: str
) -> Iterator[tuple[AptClient, dict[str, bytes]]]:  # fmt: skip
    """Give each suite of a repository (a flat one is one), with the key file its source names."""
    debs = [one for one in lock.of(name) if one.kind == "deb" and "mirror" in one.outputs]
    wanted = versions(held(debs, lambda deb: _named_exactly(depot, deb)))
    label, locked = depot.config.site.label, lock.upstream(name)
    for folder in _folders(snapshot, name):
        release, ours = _release(depot, snapshot, f"apt/{name}/{folder}", name)
        keyring = f"{KEYRINGS}/{label}.gpg" if ours else f"{KEYRINGS}/{label}-{name.replace('/', '-')}.gpg"
        key = depot.signer().public_key(armor=False) if ours else _upstream_keys(depot, name)
        client = AptClient(
            name,
            f"{url}apt/{name}/",
            release.fields.get("Origin", ""),
            release.fields.get("Label", ""),
            _by_hash(snapshot, release, name),
            f"/{keyring}",
            wanted,
            len({one.architecture for one in debs} - {"all"}) > 1,
            client_apt.vendor_source(locked.url if locked else ""),
            sources=any(is_sources(path) for path in snapshot.tree if path.startswith(f"apt/{name}/{folder}")),
        )
        yield (_of_suite(client, snapshot, folder) if folder else client), {keyring: key}


def _folders(snapshot: Snapshot, name: str) -> list[str]:
    """Return where a repository has its roots: empty for a flat one, else ``dists/SUITE/`` for each suite."""
    roots = {path.rpartition("/")[0] for path in snapshot.tree if _is_root(path)}
    if f"apt/{name}" in roots:
        return [""]
    at = f"apt/{name}/"
    found = sorted(f"{one.removeprefix(at)}/" for one in roots if one.startswith(f"{at}dists/"))
    if not found:
        there = sorted({one.removeprefix("apt/").partition("/dists/")[0] for one in roots})
        raise ConfigError(
            f"the site shows no apt repository of {name!r}",
            hint=f"it shows {', '.join(there) or 'none'}; pin packages of it, then lock, sync, publish",
        )
    return found


def _of_suite(client: AptClient, snapshot: Snapshot, folder: str) -> AptClient:
    """Return the client of a suite, limited to the components and architectures that are mirrored."""
    at = f"apt/{client.upstream}/{folder}"
    places = {path.removeprefix(at).partition("/binary-")[::2] for path in snapshot.tree if path.startswith(at)}
    indexed = sorted((component, rest.partition("/")[0]) for component, rest in places if rest)
    return replace(
        client,
        suite=folder.removeprefix("dists/").rstrip("/"),
        components=tuple(dict.fromkeys(component for component, _ in indexed)),
        architectures=tuple(sorted({machine for _, machine in indexed} - {"all"})),
    )


def held(packages: Sequence[Artifact], named: Callable[[Artifact], set[tuple[str, str]]]) -> list[Artifact]:
    """Return the pinned packages, and what they name by exact version, down the whole chain.

    Other dependencies are the distribution's to update: who pins a tool does not mean to hold libc6.

    Args:
        packages: what is published of an upstream.
        named: tells name and version of everything a package requires in exactly one version.
    """
    found, waiting = set[Artifact](), [one for one in packages if one.why == "pin"]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            exactly = named(one)
            waiting += [other for other in packages if (other.name, other.version) in exactly]
    return [one for one in packages if one in found]


def _named_exactly(depot: Depot, deb: Artifact) -> set[tuple[str, str]]:
    with depot.store.open(deb.digest) as handle:
        fields = parse_stanza(read_control(handle, what=deb.filename), deb.filename)
    groups = [group for key in ("Pre-Depends", "Depends") for group in parse_relations(fields.get(key, ""))]
    return {(one.name, one.version) for group in groups for one in group if one.operator == "="}


def versions(packages: Sequence[Artifact]) -> dict[str, list[str]]:
    """Return the versions of packages by name."""
    found: dict[str, list[str]] = {}
    for one in packages:
        found.setdefault(one.name, []).append(one.version)
    return found


def _by_hash(snapshot: Snapshot, release: Release, name: str) -> str:
    """Return what the source has to say: apt uses by-hash unasked only where the signed Release offers it."""
    if release.fields.get("Acquire-By-Hash", "").lower() == "yes":
        return "yes"
    return "force" if any(path.startswith(f"apt/{name}/by-hash/") for path in snapshot.tree) else "no"


def _release(depot: Depot, snapshot: Snapshot, folder: str, name: str) -> tuple[Release, bool]:
    """Return the Release file the site shows in a folder, and whether the site's own key signs it."""
    what = f"{folder}InRelease"
    try:
        return parse_release(_signed(depot, snapshot, folder, depot.site_verifier()).text, what), True
    except TrustError:
        verifier = depot.verifier(depot.config.upstream(name))
        return parse_release(_signed(depot, snapshot, folder, verifier).text, what), False


def _is_root(path: str) -> bool:
    return path.startswith("apt/") and path.rpartition("/")[2] in ("InRelease", "Release.gpg")


def _signed(depot: Depot, snapshot: Snapshot, folder: str, verifier: Verifier) -> Signed:
    if f"{folder}InRelease" in snapshot.tree:
        return verifier.clearsigned(_bytes(depot, snapshot.tree[f"{folder}InRelease"]), f"{folder}InRelease")
    document, signature = (_bytes(depot, snapshot.tree[folder + one]) for one in ("Release", "Release.gpg"))
    return verifier.detached(document, signature, f"{folder}Release")


def _upstream_keys(depot: Depot, name: str) -> bytes:
    return b"".join(map(dearmored, key_files(depot.base, depot.config.upstream(name))))


def shown_snapshot(depot: Depot) -> Snapshot:
    """Return the snapshot the site shows; raise ConfigError when there is none."""
    shown = depot.site().current()
    snapshots = Snapshots(depot.store.root)
    if shown is None or shown not in snapshots.numbers():
        raise ConfigError("the site shows nothing yet", hint="run `cudepot publish` first")
    return load_snapshot(snapshots, shown, depot.site_verifier())


def _bytes(depot: Depot, digest: Digest) -> bytes:
    with depot.store.open(digest) as handle:
        return handle.read()
