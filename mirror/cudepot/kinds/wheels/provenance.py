"""The provenance of wheels (PEP 740): fetched when they are locked, and published beside them.

It is carried, not judged: whoever installs from the site can verify it as if it came from the index. What is about
other bytes than the wheel's is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cudepot.catalog.lock import Artifact, Attested
from cudepot.digest import Digest
from cudepot.errors import FormatError, MissingError
from cudepot.formats.attestations import attested_hashes
from cudepot.formats.simple import IndexFile
from cudepot.ports import Progress, Source
from cudepot.store.local import LocalStore
from cudepot.urls import is_unprotected

_LIMIT = 4 << 20  # bytes; those of the public index have some tens of kB
_LINKED = re.compile(rb"provenance\"?\s*[:=]\s*[\"']?h")


class Provenances:
    """Brings the provenance of the wheels of one index.

    Args:
        store: where it is kept.
        progress: is told what is left out.
        source: the index's bytes.
        before: what was locked of the upstream; what is kept of it is not asked for again.
    """

    def __init__(self, store: LocalStore, progress: Progress, source: Source, before: Sequence[Artifact]) -> None:
        self._store, self._progress, self._source = store, progress, source
        self._before = {(one.digest, one.provenance.path): one.provenance for one in before if one.provenance}

    def of(self, file: IndexFile, digest: Digest, path: str) -> Attested | None:
        """Return the provenance that an index has of a wheel; None where it names none, or none that can be carried.

        Args:
            file: the wheel on the index's page.
            digest: its content.
            path: where the provenance is: below the upstream's URL, or an absolute URL; empty for nowhere.

        Raises:
            UpstreamError: not available for now.
        """
        kept = self._before.get((digest, path))
        if not path or (kept and self._store.has(kept.digest)):
            return kept
        try:
            return Attested(path, self._store.add_bytes(self._read(file.provenance, path, digest)))
        except (FormatError, MissingError) as error:
            self._progress.say(f"{file.filename}: published without its provenance: {error}")
            return None

    def _read(self, url: str, path: str, digest: Digest) -> bytes:
        if is_unprotected(url):
            raise FormatError(f"{url}: plain http")
        page = self._source.read(path, limit=_LIMIT)
        body = page.body if page else b""
        if attested_hashes(body, url) != {digest.sha256}:
            raise FormatError(f"{url}: it is about a different file")
        return body


def names_provenance(pages: Iterable[bytes]) -> bool:
    """Return whether any page of an index links to a provenance object."""
    return any(_LINKED.search(one) for one in pages)
