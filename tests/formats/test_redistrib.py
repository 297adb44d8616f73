"""redistrib manifests: what they list, and what is wrong with some."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cudepot.errors import FormatError
from cudepot.formats.redistrib import parse_redistrib

HASH = "ab" * 32


def file(name: str, **more: object) -> dict[str, object]:
    return {"relative_path": f"cudnn/x/{name}", "sha256": HASH, "md5": "0" * 32, "size": "1012666264", **more}


def document(**platforms: object) -> dict[str, Any]:
    cudnn = {"name": "x", "license": "y", "license_path": "z", "version": "9.27.0.42", **platforms}
    return {"release_date": "2026-09-29", "release_label": "9.27.0", "release_product": "cudnn", "cudnn": cudnn}


def parse(data: object) -> Any:
    return parse_redistrib(json.dumps(data).encode())


def test_entries_wherever_the_variants_stand() -> None:
    data = document(**{"linux-x86_64": {"cuda12": file("a"), "cuda13": file("b")}, "cuda_variant": ["12", "13"]})
    data["cudnn_samples"] = {"name": "s", "version": "9.27.0.42", "source": file("s.tar.xz", size=1665944)}
    found = parse(data)
    assert (found.label, found.date, found.faults) == ("9.27.0", "2026-09-29", ())
    told = [(one.component, one.platform, one.cuda, one.filename, one.digest.size) for one in found.files]
    assert told == [
        ("cudnn", "linux-x86_64", "12", "a", 1012666264),
        ("cudnn", "linux-x86_64", "13", "b", 1012666264),
        ("cudnn_samples", "source", "", "s.tar.xz", 1665944),
    ]


def test_an_entry_with_and_without_variants_is_reported_and_the_rest_used() -> None:
    both = {"cuda13": file("good.zip"), **file("cudnn-windows-arm64-9.27.0.42_cuda13.4-archive.zip")}
    found = parse(document(**{"linux-sbsa": {"cuda12": file("a")}, "windows-arm64": both}))
    assert [one.filename for one in found.files] == ["a", "good.zip"]
    (fault,) = found.faults
    assert "cudnn.windows-arm64" in fault
    assert "cuda13.4-archive.zip" in fault


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (file("x", size="12 MB"), "size is '12 MB'"),
        (file("x", size=-1), "size is -1"),
        (file("x", size=None), "size is None"),
        (file("x", size="9" * 5000), "linux-sbsa.cuda12"),
        (file("x", sha256="AB" * 32), "not a sha256"),
        (file("../x"), "leaves its folder"),
        (file("x", relative_path="/etc/passwd"), "unsafe path"),
        (file("x", relative_path=["a"]), "unsafe path"),
    ],
)
def test_a_malformed_file_is_left_out_and_named(bad: dict[str, object], says: str) -> None:
    found = parse(document(**{"linux-sbsa": {"cuda12": bad}, "linux-x86_64": {"cuda12": file("good")}, "odd": 7}))
    assert [one.filename for one in found.files] == ["good"]
    assert any(says in fault for fault in found.faults)
    assert "cudnn.odd: not an object" in found.faults


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"7", b"{}", b'{"cudnn": {}}', b"[" * 100_000, b"\xff"])
def test_what_is_no_manifest_is_an_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_redistrib(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_a_manifest_or_an_error(data: object) -> None:
    for one in (data, {"cudnn": data}, document(**{"linux-sbsa": data})):
        try:
            found = parse(one)
        except FormatError:
            continue
        assert found.files
