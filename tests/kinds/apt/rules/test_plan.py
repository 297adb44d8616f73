"""Re-signed flat repositories: stable indexes, dates that only go forward, by-hash names, clients' pin fields."""

from __future__ import annotations

import datetime
import gzip
import lzma

import pytest

from cudepot.catalog.lock import LockedUpstream
from cudepot.catalog.trust import check_release
from cudepot.digest import Digest
from cudepot.errors import TrustError
from cudepot.formats.apt import PackageIndex
from cudepot.formats.apt_release import Release, parse_release
from cudepot.kinds.apt.rules import plan as apt_plan

NOW = datetime.datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=datetime.UTC)
UPSTREAM = LockedUpstream("u", "apt", "https://h/", "r", origin="NVIDIA", label="NVIDIA CUDA")
CONTROL = (
    b"Package: a\nVersion: 1\nArchitecture: amd64\nFilename: ../evil\nSize: 0\nMD5sum: x\nDescription: one\n two\n .\n"
)


def made(date: str, stanzas: int = 1, upstream: LockedUpstream = UPSTREAM) -> bytes:
    files = apt_plan.indexes([apt_plan.stanza(CONTROL, "a.deb", Digest.of(b"a"))] * stanzas)
    return apt_plan.release(upstream, ["amd64", "all", "amd64"], files, date)


def test_a_stanza_keeps_the_control_fields_and_says_where_the_file_lies() -> None:
    fields = apt_plan.stanza(CONTROL, "a.deb", Digest.of(b"a"))
    assert (fields["Filename"], fields["Size"], fields["SHA256"]) == ("a.deb", "1", Digest.of(b"a").sha256)
    assert "MD5sum" not in fields
    assert fields["Description"] == "one\ntwo\n."


def test_the_three_forms_of_an_index_are_one_and_never_change() -> None:
    stanzas = [apt_plan.stanza(CONTROL, "a.deb", Digest.of(b"a"))]
    one, two = apt_plan.indexes(stanzas), apt_plan.indexes(stanzas)
    assert one == two
    assert gzip.decompress(one["Packages.gz"]) == lzma.decompress(one["Packages.xz"]) == one["Packages"]
    assert PackageIndex(one["Packages"], "x").named("a")[0].digest == Digest.of(b"a")
    assert one["Packages.gz"][4:8] == bytes(4), "no time of making"


def test_the_release_names_every_form_and_keeps_what_clients_pin() -> None:
    found = parse_release(made("Mon, 06 May 2024 07:08:09 GMT"), "x")
    assert found.fields["Label"] == "NVIDIA CUDA"
    assert found.fields["Origin"] == "NVIDIA"
    assert found.fields["Architectures"] == "amd64"
    assert found.fields["Acquire-By-Hash"] == "yes"
    assert "Suite" not in found.fields, "an empty field is left out"
    assert set(found.files) == {"Packages", "Packages.gz", "Packages.xz"}


def test_only_the_date_may_differ_in_the_same_repository() -> None:
    one = made("Mon, 06 May 2024 07:08:09 GMT")
    assert apt_plan.same_repository(one, made("Tue, 07 May 2024 07:08:09 GMT"))
    assert not apt_plan.same_repository(one, made("Mon, 06 May 2024 07:08:09 GMT", stanzas=2))
    other = LockedUpstream("u", "apt", "https://h/", "r", origin="X", label="NVIDIA CUDA")
    assert not apt_plan.same_repository(one, made("Mon, 06 May 2024 07:08:09 GMT", upstream=other))


def test_dates_go_forward_even_when_the_clock_does_not() -> None:
    first = apt_plan.next_date(NOW, None)
    assert first == "Mon, 06 May 2024 07:08:09 GMT"
    assert apt_plan.next_date(NOW, made(first)) == "Mon, 06 May 2024 07:08:10 GMT"
    assert apt_plan.next_date(NOW - datetime.timedelta(minutes=2), made(first)) == "Mon, 06 May 2024 07:08:10 GMT"
    of_the_future = NOW - datetime.timedelta(days=9)
    assert apt_plan.next_date(of_the_future, made(first)) == "Sat, 27 Apr 2024 07:08:09 GMT"
    assert apt_plan.next_date(NOW + datetime.timedelta(days=1), made(first)) == "Tue, 07 May 2024 07:08:09 GMT"


def lasting(date: str, seconds: int) -> bytes:
    return apt_plan.release(UPSTREAM, ["amd64"], apt_plan.indexes([]), date, seconds)


def test_a_release_lasts_as_long_as_is_wanted() -> None:
    text = lasting("Mon, 06 May 2024 07:08:09 GMT", 86400)
    assert parse_release(text, "x").fields["Valid-Until"] == "Tue, 07 May 2024 07:08:09 GMT"
    assert b"Valid-Until" not in lasting("Mon, 06 May 2024 07:08:09 GMT", 0)
    later = lasting("Tue, 07 May 2024 07:08:09 GMT", 86400)
    assert apt_plan.same_repository(text, later)
    assert not apt_plan.same_repository(text, lasting("Mon, 06 May 2024 07:08:09 GMT", 86401))
    assert not apt_plan.same_repository(text, lasting("Mon, 06 May 2024 07:08:09 GMT", 0))


def test_a_release_is_worn_when_half_its_time_has_passed() -> None:
    text, born = lasting("Mon, 06 May 2024 07:08:09 GMT", 86400), NOW.replace(microsecond=0)
    assert not apt_plan.is_worn(text, born + datetime.timedelta(seconds=43199))
    assert apt_plan.is_worn(text, born + datetime.timedelta(seconds=43200))
    assert not apt_plan.is_worn(lasting("Mon, 06 May 2024 07:08:09 GMT", 0), born + datetime.timedelta(days=9999))


def test_by_hash_names() -> None:
    digest = Digest.of(b"x")
    assert apt_plan.by_hash({"Packages": digest}) == {f"by-hash/SHA256/{digest.sha256}": digest}


def check(fields: dict[str, str], *, seen: str = "", allow_rollback: bool = False) -> None:
    check_release(Release(fields, {}), "u", now=NOW, seen=seen, allow_rollback=allow_rollback)


DATE = "Mon, 06 May 2024 07:00:00 +0000"


def test_a_release_of_today_may_be_used() -> None:
    check({"Date": DATE})
    check({"Date": DATE, "Valid-Until": "Mon, 06 May 2024 07:08:10 +0000"}, seen=DATE)
    check({"Date": "Mon, 06 May 2024 07:09:00 +0000"})  # within a minute: clocks differ
    check({"Date": "Mon, 06 May 2024 09:00:00 +0200"}, seen=DATE)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"Date": DATE, "Valid-Until": "Mon, 06 May 2024 07:08:09 +0000"}, "expired on 2024-05-06 07:08 UTC"),
        ({}, "has no date"),
        ({"Date": "Mon, 06 May 2024 07:09:10 +0000"}, "in the future"),
        ({"Date": "Mon, 06 May 2024 06:59:59 +0000"}, "older than the one of"),
    ],
)
def test_other_releases_may_not(fields: dict[str, str], says: str) -> None:
    with pytest.raises(TrustError, match=says):
        check(fields, seen=DATE)


def test_a_rollback_that_is_meant_is_allowed_but_nothing_else() -> None:
    check({"Date": "Mon, 06 May 2024 06:59:59 +0000"}, seen=DATE, allow_rollback=True)
    with pytest.raises(TrustError, match="expired"):
        check({"Date": DATE, "Valid-Until": "Mon, 06 May 2024 07:00:01 +0000"}, allow_rollback=True)
