"""A wheel of an index page as it is locked, whoever asked for it."""

from __future__ import annotations

import threading

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import ArtifactKind
from cudepot.catalog.lock import Artifact
from cudepot.errors import TrustError
from cudepot.kinds.wheels.hashes import Hashes
from cudepot.kinds.wheels.rules.located import located
from cudepot.kinds.wheels.rules.select import Wheel
from cudepot.urls import is_unprotected


def wheel_artifact(upstream: Upstream, project: str, wheel: Wheel, hashes: Hashes, stop: threading.Event) -> Artifact:
    """Return what is locked of a wheel, its provenance fetched, its size and hash learnt where the page lacks them.

    Raises:
        UpstreamError: its link cannot be followed, or it is not available.
        TrustError: nothing says what its bytes have to be.
    """
    file = wheel.file
    path = located(upstream, file.url)
    if not file.sha256 and is_unprotected(file.url):
        raise TrustError(f"{file.url}: no sha256, and plain http", hint="use an index that gives a sha256, or https")
    digest = hashes.digest(path, file, stop)
    return Artifact(
        upstream.name,
        ArtifactKind.WHEEL,
        project,
        str(wheel.version),
        ",".join(sorted({tag.platform for tag in wheel.tags})),
        path,
        file.filename,
        digest,
        uploaded=file.uploaded,
        yanked=wheel.withdrawn,
        provenance=hashes.provenances.of(file, digest, located(upstream, file.provenance) if file.provenance else ""),
    )
