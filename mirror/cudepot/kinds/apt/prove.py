"""The proof of a pinned apt repository: what is pinned can be installed from the finished index of the site.

What the distribution provides is what the lock says (``external``). Of loose debs the lock says nothing: there it is
what they have nothing of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cudepot.catalog.config.config import Config, Pin
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.verdicts import Verdict, verdict
from cudepot.digest import Digest
from cudepot.kinds.registry import kind_of
from cudepot.store.local import LocalStore

_METHOD = 2
"""Raised whenever the proof asks for more or less than it did."""


def unsolvable(
    config: Config, store: LocalStore, lock: Lock, name: str, files: Mapping[str, Digest]
) -> list[Unsolvable]:
    """Return the pinned packages of a repository that no client could install from it.

    Args:
        config: cudepot.toml.
        store: the store.
        lock: what was published.
        name: of the repository's upstream.
        files: path below the repository → content.
    """
    upstream, settings = lock.upstream(name), config.upstream(name)
    if upstream is None or "Packages" not in files:
        return []
    loose = kind_of(upstream).locks.names_files
    debs = [one for one in lock.of(name) if one.kind == ArtifactKind.DEB and one.is_mirrored]
    pinned = [one for one in debs if one.why == "pin"]
    machines = _machines(debs) if loose else settings.architectures
    external = None if loose else upstream.external
    tables = [(one.packages, one.cuda, one.architectures) for one in config.pins_of(settings)]
    grounds = [_METHOD, files["Packages"].sha256, external, machines, tables, [one.digest.sha256 for one in pinned]]

    def prove() -> Verdict:
        index, wanted = store.read(files["Packages"]), config.pins_of(settings)
        return Verdict(tuple(_prove(name, index, wanted, pinned, machines, external)))

    return list(verdict(store, f"apt/{name}", grounds, prove).unsolvable)


def _machines(debs: Sequence[Artifact]) -> tuple[str, ...]:
    """Return the machines that loose debs are for."""
    return tuple(sorted({one.architecture for one in debs} - {"all"})) or ("amd64",)


def _prove(
    name: str,
    packages: bytes,
    wanted: Sequence[Pin],
    pinned: Sequence[Artifact],
    machines: Sequence[str],
    external: Sequence[str] | None,
) -> list[Unsolvable]:
    from cudepot.formats.apt import PackageIndex  # noqa: PLC0415
    from cudepot.kinds.apt.rules.closure import select  # noqa: PLC0415 - seldom: what was proved is remembered
    from cudepot.kinds.apt.rules.installable import Wishes  # noqa: PLC0415
    from cudepot.kinds.apt.rules.offers import Offers  # noqa: PLC0415
    from cudepot.kinds.apt.rules.pins import exact_pins  # noqa: PLC0415

    index = PackageIndex(packages, f"apt/{name}/Packages")
    pins = exact_pins(wanted, pinned, files=external is None)
    outside = None if external is None else frozenset(external)
    return select(Offers([index]), Wishes(name, pins, machines, external=outside)).findings
