"""What `cudepot verify --clients` tells of one thing that clients look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cudepot.kinds.rules.client_verdicts import Verdict
from cudepot.openpgp import DocumentSignature, PublicKey


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing clients look at.

    Attributes:
        kind: ``key`` (pinned), ``root`` (as the upstream signed it), ``packages`` (likewise; rpms signed in one way)
            or ``site`` (a root that the site shows).
        what: URL, path, site path, or fingerprint.
        upstream: name of the upstream.
        signers: fingerprints of primary keys whose signature is on it.
        digests: the hashes the signatures are made over.
        verdicts: what each client makes of it.
    """

    kind: str
    what: str
    upstream: str
    signers: tuple[str, ...]
    digests: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


def checked(
    kind: str, what: str, upstream: str, seen: Sequence[DocumentSignature], verdicts: tuple[Verdict, ...]
) -> Checked:
    """Return the verdicts on something signed, with what there is to tell of its signatures."""
    signers = tuple(one.signer for one in seen if one.signer)
    return Checked(kind, what, upstream, signers, tuple(one.digest for one in seen if one.digest), verdicts)


def checked_key(key: PublicKey, upstream: str, verdicts: tuple[Verdict, ...]) -> Checked:
    """Return the verdicts on a pinned key."""
    digests = tuple(part.digest for part in key.parts if part.digest)
    return Checked("key", key.fingerprint, upstream, (key.fingerprint,), digests, verdicts)
