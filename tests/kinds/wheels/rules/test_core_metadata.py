"""PKG-INFO as METADATA: whether it tells all, and nothing in it leads a resolver astray."""

from __future__ import annotations

import email

from hypothesis import given
from hypothesis import strategies as st

from cudepot.kinds.wheels.rules.core_metadata import as_metadata, required, resolver_fields

STATIC = b"Metadata-Version: 2.2\nName: a_B\nVersion: 1\n"


def test_what_a_resolver_looks_for_is_kept_under_the_files_own_name() -> None:
    said = (
        STATIC
        + b"Requires-Dist: b>=1 ;\n  python_version < '3'\nRequires-Python: >=3\nProvides-Extra: x\nSummary: y\n\nText"
    )
    assert as_metadata(said, "a-b", "1.0").decode() == (
        "Metadata-Version: 2.1\nName: a-b\nVersion: 1.0\nRequires-Python: >=3\n"
        "Requires-Dist: b>=1 ; python_version < '3'\nProvides-Extra: x\n\n"
    )


def test_what_two_wheels_of_a_version_must_agree_in() -> None:
    one = b"Name: x\nRequires-Dist: b\nRequires-Dist: a\nRequires-Python: >=3\n\nRequires-Dist: c\n"
    other = b"Name: x\nRequires-Python: >=3\nRequires-Dist: a\nRequires-Dist: b\nSummary: built elsewhere\n"
    assert resolver_fields(one) == resolver_fields(other) == {
        ("Requires-Dist", "a"), ("Requires-Dist", "b"), ("Requires-Python", ">=3"),
    }  # fmt: skip
    assert resolver_fields(one.replace(b": b", b": bb")) != resolver_fields(other)


def test_what_is_no_requirement_is_passed_over() -> None:
    deep = f"c; {'(' * 5000}python_version > '3'{')' * 5000}"
    said = f"Requires-Dist: a>=1\nRequires-Dist: ==\nRequires-Dist: {deep}\nRequires-Dist: b\n"
    assert [str(one) for one in required(said.encode())] == ["a>=1", "b"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"Requires-Dist: {text}".encode()))
def test_no_bytes_bring_other_fields(junk: bytes) -> None:
    list(required(junk))
    found = email.message_from_bytes(as_metadata(junk, "a", "1"))
    assert set(found.keys()) <= {
        "Metadata-Version",
        "Name",
        "Version",
        "Requires-Python",
        "Requires-Dist",
        "Provides-Extra",
    }
    assert (found.get_all("Name"), found.get_all("Version")) == (["a"], ["1"])
