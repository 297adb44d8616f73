"""Which fault it is, by the evidence alone."""

from __future__ import annotations

import pytest

from cudepot.catalog import faults
from cudepot.catalog.drift import ChangedError, same_bytes_or_accepted
from cudepot.catalog.faults import Fault, Served, fault_of, file_fault, index_fault
from cudepot.catalog.lock import Artifact
from cudepot.digest import Digest, mismatch
from cudepot.errors import (
    ConfigError,
    CudepotError,
    CutError,
    FormatError,
    MissingError,
    PinError,
    SignatureError,
    StaleError,
    TransientError,
    TrustError,
)

ROOT, EARLIER, LATER = (f"{day}, 2{number} Apr 2022 23:27:19 +0000" for day, number in
                        (("Mon", 5), ("Sun", 4), ("Tue", 6)))  # fmt: skip
PROMISED = Digest("a" * 64, 1000)
URL = "https://example.com/Packages.gz"


def kind(size: int, modified: str = "", sha256: str = "b" * 64, **beside: str | int) -> str:
    served = Served(size, sha256, modified)
    return index_fault(URL, PROMISED, served, dated=ROOT, beside=beside).kind


@pytest.mark.parametrize(
    ("size", "modified", "expected"),
    [
        (900, LATER, faults.NEWER),  # both directions occur: the date decides, not the size
        (1100, EARLIER, faults.OLDER),
        (900, "", faults.OLDER),
        (1100, "", faults.NEWER),
        (1100, "yesterday", faults.NEWER),
        (1000, LATER, faults.SAME_SIZE),
    ],
)
def test_an_index_is_newer_or_older_than_its_signature(size: int, modified: str, expected: str) -> None:
    assert kind(size, modified) == expected


def test_the_release_beside_counts_most_when_it_names_what_is_served() -> None:
    assert kind(900, EARLIER, release_date=LATER, release_names_served=1) == faults.NEWER
    assert kind(1100, LATER, release_date=EARLIER, release_names_served=1) == faults.OLDER
    assert kind(900, EARLIER, release_date=LATER) == faults.OLDER


def test_bytes_that_are_right_when_looked_at_again_came_from_another_edge() -> None:
    assert kind(1000, sha256="a" * 64) == faults.MIXED
    wrong = mismatch("x", PROMISED, Digest("b" * 64, 1000))
    assert file_fault(URL, PROMISED, wrong, Served(1000, "a" * 64)).kind == faults.MIXED


@pytest.mark.parametrize(
    ("error", "expected", "passing"),
    [
        (StaleError("x"), faults.STALE, True),
        (SignatureError("x"), faults.TORN, True),
        (TrustError("x"), faults.UNTRUSTED, False),
        (CutError("x"), faults.CUT, True),
        (TransientError("x"), faults.UNREACHABLE, True),
        (TransientError("x", status=429), faults.OVERLOADED, True),
        (MissingError("x"), faults.NO_ROOT, True),
        (FormatError("x"), faults.MALFORMED, False),
        (PinError("x"), faults.PINS, False),
        (ConfigError("x"), faults.SETTINGS, False),
    ],
)
def test_every_error_is_some_fault(error: CudepotError, expected: str, *, passing: bool) -> None:
    found = fault_of(error, URL)
    assert (found.kind, found.url, found.passing) == (expected, URL, passing)


def test_the_evidence_is_told_in_words_as_far_as_there_is_any() -> None:
    fault = index_fault(URL, PROMISED, Served(900), dated=ROOT, beside={})
    assert fault.line() == f"served 900 bytes; promised 1000 bytes, sha256 {'a' * 64}; signed root of {ROOT}"
    assert Fault(faults.CUT, URL).line() == ""
    assert Fault(faults.OVERLOADED, URL, {"status": 503}).line() == "HTTP 503"


def test_an_error_told_anew_knows_what_it_knew() -> None:
    error = mismatch("x", PROMISED, Digest("b" * 64, 1000))
    other = error.retold("another text")
    assert str(other) == "another text"
    assert (type(other), other.hint, other.expected, other.found) == (
        type(error), error.hint, error.expected, error.found
    )  # fmt: skip


def deb(sha256: str = "a" * 64, version: str = "1", path: str = "x_1_amd64.deb", replaces: str = "") -> Artifact:
    digest = Digest(sha256, 10)
    return Artifact("up", "deb", "x", version, "amd64", path, path, digest, replaces=replaces)


def test_other_bytes_under_a_locked_version_are_refused_also_under_another_file_name() -> None:
    with pytest.raises(ChangedError, match=f"locked with sha256 {'a' * 64} .* now offered with {'b' * 64}") as caught:
        same_bytes_or_accepted([deb()], [deb("b" * 64, path="other/x_1_amd64.deb")], ["y"], "https://example.com/")
    assert caught.value.fault.url == "https://example.com/other/x_1_amd64.deb"
    assert "--accept-changed x" in caught.value.hint


def test_an_accepted_change_is_marked_and_the_mark_stays() -> None:
    (accepted,) = same_bytes_or_accepted([deb()], [deb("b" * 64)], ["x"], "u")
    assert accepted.replaces == "a" * 64
    assert same_bytes_or_accepted([accepted], [deb("b" * 64)], [], "u") == (accepted,)
    assert same_bytes_or_accepted([accepted], [deb("b" * 64, version="2")], [], "u") == (deb("b" * 64, version="2"),)


def test_another_build_of_one_wheel_version_is_no_change() -> None:
    one, two = (
        Artifact("up", "wheel", "x", "1", "any", name, name, Digest(sha256 * 64, 10))
        for name, sha256 in (("x-1-py3-none-any.whl", "a"), ("x-1-2-py3-none-any.whl", "b"))
    )
    assert same_bytes_or_accepted([one], [two], [], "u") == (two,)
