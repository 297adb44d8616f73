"""Digests, and readers that let exactly the promised bytes through."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.digest import Digest, VerifyingReader, hasher, hexdigest
from cudepot.errors import FormatError, TrustError


@given(st.binary(max_size=5000))
def test_a_digest_is_sha256_and_size_however_it_is_made(data: bytes) -> None:
    expected = Digest(hashlib.sha256(data).hexdigest(), len(data))
    assert Digest.of(data) == expected
    assert Digest.of_stream(io.BytesIO(data)) == expected


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 63 + "\n", "à" * 64])
def test_only_64_lower_case_hex_digits_are_a_sha256(text: str) -> None:
    with pytest.raises(FormatError):
        Digest(text, 0)


def test_a_size_is_not_negative() -> None:
    with pytest.raises(FormatError):
        Digest("a" * 64, -1)


def test_weak_hashes_are_there_for_formats_that_demand_them() -> None:
    assert hexdigest(b"", "md5") == "d41d8cd98f00b204e9800998ecf8427e"
    one = hasher("sha1")
    one.update(b"abc")
    assert one.hexdigest() == "a9993e364706816aba3e25717850c26c9cd0d89d"


def read_all(data: bytes, promised: Digest, sizes: list[int]) -> bytes:
    reader = VerifyingReader(io.BytesIO(data), promised, "thing")
    got = b"".join(reader.read(size) or b"" for size in sizes)
    return got + reader.read()


@given(st.binary(max_size=300), st.lists(st.integers(1, 100), max_size=5))
def test_the_promised_bytes_pass(data: bytes, sizes: list[int]) -> None:
    assert read_all(data, Digest.of(data), sizes) == data


@given(st.binary(max_size=300), st.binary(max_size=300), st.lists(st.integers(1, 100), max_size=5))
def test_any_other_bytes_do_not(data: bytes, other: bytes, sizes: list[int]) -> None:
    if data != other:
        with pytest.raises(TrustError, match="thing: "):
            read_all(other, Digest.of(data), sizes)


def test_a_wrong_hash_is_raised_with_the_last_promised_byte_not_after_it() -> None:
    reader = VerifyingReader(io.BytesIO(b"abcX"), Digest.of(b"abcd"), "thing")
    assert reader.read(3) == b"abc"
    with pytest.raises(TrustError, match="at the same size"):
        reader.read(1)


def test_more_bytes_than_promised_are_told_by_size() -> None:
    reader = VerifyingReader(io.BytesIO(b"abcde"), Digest.of(b"abcd"), "thing")
    with pytest.raises(TrustError, match="thing: 5 bytes where 4 were promised"):
        reader.read(10)
