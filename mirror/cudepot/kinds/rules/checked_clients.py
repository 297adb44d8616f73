"""What `cudepot verify --clients` tells of one thing that clients look at."""

from __future__ import annotations

from dataclasses import dataclass

from cudepot.kinds.rules.client_verdicts import Verdict


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
    """

    kind: str
    what: str
    upstream: str
    signers: tuple[str, ...]
    digests: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
