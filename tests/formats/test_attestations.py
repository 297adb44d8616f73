"""Provenance objects: which bytes they are about, and what is none."""

from __future__ import annotations

import hashlib
import json

import pytest
from simulator.attestations import provenance

from cudepot.errors import FormatError
from cudepot.formats.attestations import attested_hashes

GOOD = provenance("a.whl", b"a")


def test_the_hash_of_what_is_attested_is_found() -> None:
    assert attested_hashes(GOOD, "a") == {hashlib.sha256(b"a").hexdigest()}


def test_all_bundles_count() -> None:
    document, other = json.loads(GOOD), json.loads(provenance("a.whl", b"b"))
    document["attestation_bundles"] += other["attestation_bundles"]
    assert attested_hashes(json.dumps(document).encode(), "a") == {
        hashlib.sha256(one).hexdigest() for one in (b"a", b"b")
    }


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"\xff", b'{"version": 2, "attestation_bundles": []}',
        b'{"version": 1, "attestation_bundles": []}', b'{"version": 1, "attestation_bundles": [{"attestations": []}]}',
        b'{"version": 1, "attestation_bundles": [{"attestations": [{"envelope": {"statement": "*"}}]}]}',
        b'{"version": 1, "attestation_bundles": [{"attestations": [{"envelope": {"statement": 7}}]}]}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_provenance_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(FormatError, match="a page: "):
        attested_hashes(body, "a page")
