"""The catalog of published files: what is in it, what is selected, and why something is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cudepot.catalog.nvidia.published import Catalog, Query, parse_catalog, select, why_not
from cudepot.catalog.nvidia.release_names import parse_artifact_name
from cudepot.depot.nvidia_catalog import load_catalog
from cudepot.errors import ConfigError

TGZ = "1d046bfa79399dabcc6f6cb1507918754439442ea0ca9e0fbecdd446f9b00cce"
ROW = {"release": "8.0.5.39", "platform": "linux-x64", "file": "a.tgz", "source": "1"}


def catalog() -> Catalog:
    return load_catalog()


def names(**query: str) -> list[str]:
    return [one.file for one in select(catalog(), Query(**query))]  # type: ignore[arg-type]


def test_it_knows_the_published_files_by_hash() -> None:
    one = catalog().identify(TGZ)
    assert one is not None
    assert (one.file, one.size, one.version) == ("cudnn-11.1-linux-x64-v8.0.5.39.tgz", 1548325637, "8.0.5.39")
    assert (
        one.url
        == "https://developer.download.nvidia.com/compute/redist/cudnn/v8.0.5/cudnn-11.1-linux-x64-v8.0.5.39.tgz"
    )
    assert one.release == parse_artifact_name(one.file)
    assert catalog().identify("") is None
    assert catalog().identify("0" * 64) is None


def test_every_row_agrees_with_its_own_name() -> None:
    checked = 0
    for one in catalog().files:
        claimed = parse_artifact_name(one.file)
        if claimed is not None:
            assert claimed == one.release, one
            checked += 1
    assert checked > 550
    hashes = [one.sha256 for one in catalog().files if one.sha256]
    assert len(set(hashes)) == len(hashes), "one content has one row"


def test_one_name_with_several_contents() -> None:
    several = catalog().called("cudnn-9.0-linux-x64-v7.tgz")
    assert [one.version for one in several] == ["7.0.1", "7.0.2", "7.0.3", "7.0.4", "7.0.5"]
    assert len(catalog().called("libcudnn8_8.4.0.27-1%2Bcuda11.6_amd64.deb")) == 2


def test_the_wheels_of_every_line_are_known() -> None:
    wheels = [one for one in catalog().files if one.form == "wheel"]
    lines = {(one.cuda, one.platform, one.part) for one in wheels}
    assert {
        ("11", "linux-64", ""),
        ("12", "linux-aarch64", ""),
        ("13", "win-arm64", ""),
        ("13", "linux-64", "jit"),
    } <= lines
    assert len(wheels) > 380
    assert all(one.sha256 and one.size > 1000 for one in wheels)
    assert names(version="9.1.0.70", cuda="12", platform="linux-64", form="wheel") == [
        "nvidia_cudnn_cu12-9.1.0.70-py3-none-manylinux2014_x86_64.whl"
    ]
    assert names(version="9.28.1.4", cuda="13", platform="linux-aarch64", form="wheel")
    withdrawn = [one for one in wheels if "yanked" in one.note]
    assert "nvidia_cudnn_cu11-8.9.4.19-py3-none-win_amd64.whl" in [one.file for one in withdrawn]
    assert not [one for one in wheels if ".dev" in one.file or "0.0.0a0" in one.file]


def test_selection() -> None:
    assert names(version="8.0.5.39", cuda="11.1", platform="linux-aarch64", form="tgz") == [
        "cudnn-11.1-linux-aarch64sbsa-v8.0.5.39.tgz"
    ]
    assert names(version="8.9.7", cuda="11.8", platform="linux-sbsa") == [
        "cudnn-linux-sbsa-8.9.7.29_cuda11-archive.tar.xz"
    ]
    assert names(version="8.7", cuda="10.1", platform="linux-64") == [], "what 8.7 calls 10 is 10.2"
    assert len(names(version="8.7", cuda="10.2", platform="linux-64")) == 1
    assert {one.platform for one in select(catalog(), Query(platform="linux-aarch64"))} == {"linux-aarch64"}
    assert "cudnn_jit-linux-x86_64-9.27.0.42_cuda12-archive.tar.xz" in [
        one.file for one in select(catalog(), Query(version="9.27", parts=True))
    ]
    with pytest.raises(ConfigError, match="unknown platform"):
        names(platform="amiga")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (Query("8.0.5.39", "11.0", "linux-aarch64"), "not built for CUDA 11.0 on linux-aarch64; it was for 11.1"),
        (Query("8.0.5.39", "11.0", "linux-aarch64"), "exists on linux-64, linux-ppc64le, win-64"),
        (Query("9.12", "11", "linux-64"), "CUDA 11 and linux-64: cuDNN 8.0.0.180 to 9.10.2.21"),
        (Query("9.12", "", "linux-ppc64le"), "linux-ppc64le: cuDNN 7.1.3 to 9.0.0.312"),
        (Query("9.99"), "no release 9.99 is known; the newest is 9.28.1.4"),
        (Query("8.9.7", "12", "linux-64", "zip"), "does not exist as zip; it does as tar.xz, wheel"),
        (Query("9.1", form="deb"), "cudepot upstreams"),
        (Query("8.0.5", "14"), "nothing is known for CUDA 14"),
    ],
)
def test_it_says_why_not(query: Query, says: str) -> None:
    assert select(catalog(), query) == ()
    assert says in why_not(catalog(), query)


def test_it_says_nothing_where_something_fits() -> None:
    assert why_not(catalog(), Query("8.0.5.39", "11.1")) == ""


def test_support_of_a_release() -> None:
    one = catalog().identify(TGZ)
    assert one is not None
    assert [row.toolkits for row in catalog().supports(one)] == ["11.1"]
    (row,) = [row for row in catalog().support if row.covers("9.10.2.21", "12")]
    assert row.driver == "525.60.13"
    assert "Blackwell" in row.capability
    assert not row.covers("9.11.0.98", "12")
    assert not row.covers("9.10.2.21", "11")


@pytest.mark.parametrize(
    "change",
    [{"platform": "amiga"}, {"sha256": "abc"}, {"size": -1}, {"component": "x"}, {"new": 1}, {"release": 8}],
)
def test_a_malformed_row_is_named(change: dict[str, object]) -> None:
    document = {"version": 1, "base": "https://x/", "sources": {"1": "s"}, "files": [ROW | change]}
    with pytest.raises(ConfigError, match=r"files\[0\]"):
        parse_catalog([document], {})
    with pytest.raises(ConfigError, match="version 2"):
        parse_catalog([document | {"version": 2}], {})


def test_the_generated_file_has_one_row_a_line() -> None:
    folder = Path(__file__).resolve().parents[2] / "channel-config/catalog"
    for path in folder.glob("*.json"):
        lines = [line for line in path.read_text().splitlines() if '"release"' in line]
        assert len(lines) == len(json.loads(path.read_text())["files"]), path
