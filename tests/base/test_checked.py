"""Documents that carry a hash of themselves: whatever a flipped bit changes is seen."""

from __future__ import annotations

import json

import pytest

from cudepot.errors import FormatError
from cudepot.sealed import sealed, unsealed

DOCUMENT = {"date": "Sat, 28 Nov 2026 06:41:16 +0000", "files": [1, 2.5, None, True], "url": "https://example.com/é"}


def test_what_was_written_is_given_back() -> None:
    assert unsealed(json.dumps(sealed(DOCUMENT)), "x") == DOCUMENT
    assert unsealed(json.dumps(sealed(sealed(DOCUMENT)), indent=1).encode(), "x") == DOCUMENT


def test_a_flipped_bit_is_seen_or_changes_nothing() -> None:
    line = (json.dumps(sealed(DOCUMENT), sort_keys=True) + "\n").encode()
    for place in range(len(line)):
        for bit in range(8):
            harmed = bytearray(line)
            harmed[place] ^= 1 << bit
            try:
                found = unsealed(bytes(harmed), "x")
            except FormatError:
                continue
            assert found == DOCUMENT, f"bit {bit} of byte {place}"  # \u00e9 and \u00E9 are the same


@pytest.mark.parametrize("text", ["", "[]", "1", "{", "{}", '{"a": 1}', "[" * 100_000])
def test_what_is_no_sealed_document_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        unsealed(text, "x")
