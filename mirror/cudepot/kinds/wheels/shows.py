"""The wheel index of the site, which all wheels share: those mirrored as they are, and those built here."""

from __future__ import annotations

from collections.abc import Iterator

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import SiteVerifier
from cudepot.digest import Digest
from cudepot.kinds.shows import Material, Shows
from cudepot.store.local import LocalStore


class _Shows(Shows):
    roots = ("index.json",)

    def folders(self, config: Config) -> tuple[str, ...]:  # noqa: ARG002
        return ("simple/", "wheels/")

    def tree(self, material: Material) -> dict[str, Digest]:
        mirrored = [one for one in material.lock.artifacts if one.kind == ArtifactKind.WHEEL and one.is_mirrored]
        if not (mirrored or material.built):
            return {}
        from cudepot.kinds.wheels.publish import wheel_tree  # noqa: PLC0415 - start-up is much of a small run

        built = [(one.filename, one.digest) for one in material.built]
        environments = _filenames(material.lock) if material.lock.environments else {}
        return wheel_tree(material.depot, mirrored, built, material.earlier, environments)

    def faults(self, store: LocalStore, site_verifier: SiteVerifier, snapshot: Snapshot, root: str) -> Iterator[str]:  # noqa: ARG002
        from cudepot.kinds.wheels.verify import faults  # noqa: PLC0415 - for `verify` alone

        return faults(store, snapshot, root)


def _filenames(lock: Lock) -> dict[str, frozenset[str]]:
    """Return the names of the files of each environment of wheels."""
    from cudepot.kinds.wheels.environment import KIND  # noqa: PLC0415
    from cudepot.kinds.wheels.rules.members import filenames  # noqa: PLC0415

    return {one.name: filenames(one) for one in lock.environments if one.kind == KIND}


SHOWS = _Shows()
