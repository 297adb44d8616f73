"""Signature packets from outside: as far as they are whole, and never an error of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.openpgp import packet_algorithms


@pytest.mark.parametrize("last", range(0xC0, 0x100))
def test_a_subpacket_area_that_ends_within_a_length(last: int) -> None:
    body = bytes([4, 0, 1, 8, 0, 1, last, 0, 0])
    assert packet_algorithms(bytes([0xC2, len(body)]) + body) == (1, 8, b"")


@given(st.binary(max_size=80))
def test_any_bytes(packet: bytes) -> None:
    assert len(packet_algorithms(packet)) == 3
