"""Provenance objects of Python package indexes (PEP 740): which bytes the attestations in them are about.

Nothing is verified here: signatures, certificates and publishers are left to those who check attestations.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from cudepot.errors import FormatError


def attested_hashes(body: bytes, what: str) -> frozenset[str]:
    """Return the sha256 of all files that a provenance object attests; ``what`` names it in errors.

    Raises:
        FormatError: it is none, is of another version, or has no attestation.
    """
    try:
        document = json.loads(body)
        if document["version"] != 1:
            raise ValueError(f"version {str(document['version'])[:20]!r}")
        found = frozenset(_hashes(document["attestation_bundles"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{what}: not a provenance object ({type(error).__name__}: {str(error)[:200]})") from error
    if not found:
        raise FormatError(f"{what}: no attestation in it")
    return found


def _hashes(bundles: list[dict[str, list[dict[str, dict[str, str]]]]]) -> Iterator[str]:
    for bundle in bundles:
        for one in bundle["attestations"]:
            statement = json.loads(base64.b64decode(one["envelope"]["statement"], validate=True))
            yield from (str(subject["digest"]["sha256"]).lower() for subject in statement["subject"])
