"""An index that does not match its signed root, whatever the ecosystem: examined, and reported as a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cudepot.catalog.faults import (
    MIXED,
    NO_INDEX,
    Evidence,
    Fault,
    IndexMismatchError,
    IndexMissingError,
    Served,
    index_fault,
)
from cudepot.depot.evidence import served_at
from cudepot.digest import Digest, MismatchError, Promise
from cudepot.errors import CudepotError, MissingError, TrustError
from cudepot.ports import Source

AGAIN = "the upstream is being updated, or an edge cache is stale: try again later"


class BrokenIndex(NamedTuple):
    """Where the index is, and what was promised of it.

    Attributes:
        url: of the upstream.
        path: of the index, below it.
        root: what the root is called: ``Release``, ``repomd.xml``.
        dated: date of the root.
    """

    source: Source
    url: str
    path: str
    promised: Digest | Promise
    root: str
    dated: str

    def error_for(
        self, error: TrustError | MissingError, beside: Callable[[Served], Evidence] = lambda _: {}
    ) -> CudepotError:
        """Return the error that says which fault it is; ``beside`` looks for evidence next to what is served."""
        url = self.url + self.path
        said: Evidence = {"root_date": self.dated, "promised_size": self.promised.size, **_hash(self.promised)}
        if isinstance(error, MissingError):
            return IndexMissingError(str(error), hint=AGAIN, fault=Fault(NO_INDEX, url, said))
        fault = Fault(MIXED, url, said)
        if isinstance(self.promised, Digest) and isinstance(error, MismatchError):
            served = served_at(self.source, self.path, error)
            fault = index_fault(url, self.promised, served, dated=self.dated, beside=beside(served))
        text = f"{url}: does not match the signed {self.root} of {self.dated}: {error}"
        return IndexMismatchError(text, hint=AGAIN, fault=fault)


def _hash(promised: Digest | Promise) -> dict[str, str]:
    if isinstance(promised, Digest):
        return {"promised_sha256": promised.sha256}
    return {"promised_sha512": promised.sha512}
