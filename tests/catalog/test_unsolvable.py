"""Findings of what cannot be installed become errors, or notes where somebody allowed them with a reason."""

from __future__ import annotations

from cudepot.catalog.unsolvable import Allowed, Unsolvable, amended, notes, refused

APP = Unsolvable("u", "app 1.0", "Depends: libz", "libz 2.0 Breaks: app (<< 2.0)")


def test_each_repository_that_nobody_allowed_has_an_error_of_its_own() -> None:
    errors = refused([APP, APP._replace(name="v"), APP._replace(package="b 1", because="")], [Allowed("v", "why")])
    assert list(errors) == ["u"]
    assert str(errors["u"]) == (
        "no client can install from u: app 1.0 (Depends: libz): libz 2.0 Breaks: app (<< 2.0); b 1 (Depends: libz)"
    )
    assert 'cudepot lock --allow-unsolvable u --reason "…"' in errors["u"].hint
    assert (errors["u"].code, errors["u"].exit_code) == ("E410", 6)


def test_of_many_findings_some_are_told_and_the_rest_is_counted() -> None:
    error = refused([APP._replace(package=f"p{number} 1") for number in range(9)], [])["u"]
    assert str(error).count("(Depends: libz)") == 3
    assert str(error).endswith("; and 6 more")


def test_what_is_allowed_is_noted_with_its_reason() -> None:
    allowed = [Allowed("u", "unpacked by hand"), Allowed("conda/main", "old")]
    first, second = notes([APP], allowed)
    assert first.startswith("u: published although not all of it can be installed (unpacked by hand): ")
    assert second == "conda/main: published although not all of it can be installed (old)"


def test_a_later_reason_takes_the_place_of_an_earlier_and_forbidding_takes_it_back() -> None:
    before = [Allowed("b", "old"), Allowed("c", "kept")]
    assert amended(before, {"b": "new", "a": "first"}, []) == (
        Allowed("a", "first"), Allowed("b", "new"), Allowed("c", "kept"),
    )  # fmt: skip
    assert amended(before, {}, ["b", "c"]) == ()
