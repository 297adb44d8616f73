"""Conda packages: byte for byte reproducible, and what every reader expects of them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from simulator.cudnn import CudnnRelease, write_archive
from simulator.wheels import write_wheel
from tests.formats.payloads import RECIPES, Objects, payload_of

from cudepot.builders.render import RenderedOutput, render_recipe
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.conda import CondaPackage, Home, Zstd, conda_package, glob_matches, write_conda
from cudepot.formats.conda_read import read_conda
from cudepot.formats.payload import Payload, PayloadFile, Role
from cudepot.formats.release import Release

STAMP = 1604620800000


def output(**more: Any) -> RenderedOutput:
    fields: dict[str, Any] = {
        "name": "libx", "version": "1.2", "build_string": "h0_0", "build_number": 0, "subdir": "linux-64",
        "noarch": "", "depends": ("a >=1",), "constrains": ("b <2",), "run_exports": {"weak": ("libx >=1.2",)},
        "about": {"license": "MIT", "summary": "a \"quoted\" – text"}, "extra": {"own": 1},
        "files": ("lib/libcudnn*.so.*",), "excluded": (),
        "tests": (("test -f x", "echo 'a: b' # c"),), "variant": {"k": "v"},
    }  # fmt: skip
    return RenderedOutput(**(fields | more))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Payload, Objects]:
    objects = Objects()
    archive = write_archive(CudnnRelease("8.0.5.39", "11.1"), tmp_path_factory.mktemp("cudnn"))
    return payload_of([archive], objects), objects


def written(package: CondaPackage, objects: Objects, **options: Any) -> bytes:
    out = io.BytesIO()
    write_conda(out, package, objects.open, **({"zstd": Zstd(3), "timestamp_ms": STAMP} | options))
    return out.getvalue()


def tars(package: bytes) -> dict[str, list[tarfile.TarInfo]]:
    found = {}
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        for name in archive.namelist()[1:]:
            plain = zstandard.ZstdDecompressor().decompressobj().decompress(archive.read(name))
            with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
                found[name] = tar.getmembers()
    return found


def info_of(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        plain = zstandard.ZstdDecompressor().decompressobj().decompress(archive.read(archive.namelist()[2]))
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {one.name: content.read() for one in tar if (content := tar.extractfile(one))}


@pytest.mark.tools
def test_the_container(made: tuple[Payload, Objects]) -> None:
    payload, objects = made
    package = conda_package(output(), payload)
    data = written(package, objects)
    assert package.filename == "libx-1.2-h0_0.conda"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["metadata.json", "pkg-libx-1.2-h0_0.tar.zst", "info-libx-1.2-h0_0.tar.zst"]
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        assert json.loads(archive.read("metadata.json")) == {"conda_pkg_format_version": 2}
    for members in tars(data).values():
        assert [one.name for one in members] == sorted(one.name for one in members)
        assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {
            (0, 0, "", "", STAMP // 1000)
        }
    modes = {one.name: one.mode for one in tars(data)["pkg-libx-1.2-h0_0.tar.zst"] if one.isreg()}
    assert set(modes.values()) == {0o755}


@pytest.mark.tools
def test_the_metadata(made: tuple[Payload, Objects]) -> None:
    payload, objects = made
    info = info_of(written(conda_package(output(), payload, {"release": "8.0.5.39"}), objects))
    licence = next(one.digest for one in payload.files if one.path == "LICENSE")
    assert licence
    assert info["info/licenses/LICENSE"] == objects.contents[licence]
    assert json.loads(info["info/about.json"])["extra"] == {"own": 1, "release": "8.0.5.39"}
    assert json.loads(info["info/run_exports.json"]) == {"weak": ["libx >=1.2"]}
    assert json.loads(info["info/index.json"]) == {
        "arch": "x86_64", "platform": "linux", "subdir": "linux-64", "name": "libx", "version": "1.2",
        "build": "h0_0", "build_number": 0, "depends": ["a >=1"], "constrains": ["b <2"], "license": "MIT",
        "timestamp": STAMP,
    }  # fmt: skip
    paths = {one["_path"]: one for one in json.loads(info["info/paths.json"])["paths"]}
    assert info["info/files"].decode().splitlines() == sorted(paths)
    full, link = paths["lib/libcudnn.so.8.0.5"], paths["lib/libcudnn.so.8"]
    assert Digest(full["sha256"], full["size_in_bytes"]) in objects.contents
    assert (link["path_type"], link["sha256"], link["size_in_bytes"]) == ("softlink", full["sha256"], 17)


@pytest.mark.tools
def test_same_input_same_bytes_for_any_number_of_workers_and_any_read_size(made: tuple[Payload, Objects]) -> None:
    payload, objects = made
    package = conda_package(output(), payload)

    class Dribbling(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 777))

    def dribble(digest: Digest) -> BinaryIO:
        return Dribbling(objects.contents[digest])

    first = written(package, objects)
    assert written(package, objects, threads=1) == written(package, objects, threads=3) == first
    out = io.BytesIO()
    write_conda(out, package, dribble, zstd=Zstd(3), timestamp_ms=STAMP)
    assert out.getvalue() == first
    assert written(package, objects, timestamp_ms=STAMP + 1000) != first


@pytest.mark.tools
def test_the_same_package_from_archive_and_wheel(tmp_path: Path) -> None:
    release = CudnnRelease("9.12.0.46", "13")
    packages = []
    for artifact in (write_archive(release, tmp_path), write_wheel(release, tmp_path)):
        objects = Objects()
        payload = payload_of([artifact], objects)
        variant = {"cudnn_version": "9.12.0.46", "cuda_version": "13"}
        outputs = render_recipe(RECIPES / "cudnn/recipe.yaml", variant, "linux-64")
        packages.append([written(conda_package(one, payload, {"release": 1}), objects) for one in outputs])
    assert packages[0] == packages[1]
    assert len(packages[0]) == 3


def test_a_meta_package_needs_no_payload() -> None:
    package = conda_package(output(files=(), noarch="generic", subdir="noarch", tests=(), run_exports={}), None)
    data = written(package, Objects())
    assert set(info_of(data)) == {
        "info/about.json", "info/files", "info/hash_input.json", "info/index.json", "info/paths.json"
    }  # fmt: skip
    record = json.loads(info_of(data)["info/index.json"])
    assert (record["subdir"], record["noarch"], "arch" in record) == ("noarch", "generic", False)


@pytest.mark.tools
def test_an_idle_glob_is_an_error(made: tuple[Payload, Objects]) -> None:
    with pytest.raises(FormatError, match=r"lib/libother\*"):
        conda_package(output(files=("lib/libcudnn*.so.*", "lib/libother*")), made[0])


@pytest.mark.tools
def test_an_object_of_another_length_is_an_error(made: tuple[Payload, Objects]) -> None:
    package = conda_package(output(), made[0])
    for wrong in (lambda one: io.BytesIO(b"short"), lambda one: io.BytesIO(bytes(one.size + 1))):
        with pytest.raises((FormatError, zstandard.ZstdError)):
            write_conda(io.BytesIO(), package, wrong, zstd=Zstd(1), timestamp_ms=0)


@pytest.mark.tools
def test_no_workers_is_refused(made: tuple[Payload, Objects]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        written(conda_package(output(), made[0]), made[1], threads=0)


@given(st.text("ab/*", max_size=8))
def test_a_star_stays_within_its_segment(glob: str) -> None:
    assert not glob_matches("x/y/z", "*")
    assert not glob_matches("x/y", "*")
    assert glob_matches("a/b", glob) <= (glob.count("/") == 1)


@pytest.mark.parametrize(("window", "most"), [(27, 13 << 20), (0, 30 << 20)])
def test_a_large_window_finds_what_repeats_far_apart(window: int, most: int) -> None:
    """Two libraries with the same 12 MB in them; every reader takes the frame with its defaults."""
    objects, text = Objects(), hashlib.shake_128(b"far").digest(12 << 20)
    files = tuple(PayloadFile(f"lib/libcudnn_{n}.so.9.1.0", Role.RUNTIME, objects.add(n.encode() + text)) for n in "ab")
    package = written(CondaPackage(output(), files), objects, zstd=Zstd(3, window))
    assert most - (6 << 20) < len(package) < most
    members = {m.name: c.read() for m, c in read_conda(io.BytesIO(package)) if c is not None}
    assert members["lib/libcudnn_b.so.9.1.0"] == b"b" + text


def test_the_purl_says_which_channel_the_package_is_of() -> None:
    """CEP 49: a namespace and an encoded repository_url, no ``channel``; qualifiers in order."""
    objects = Objects()
    licence = PayloadFile("LICENSE", Role.LICENCE, objects.add(b"stand-in"))
    payload = Payload(Release("cudnn", "8.0.5.39", "11.1", "linux-64"), (licence,))
    variant: dict[str, str | int] = {"cudnn_version": "8.0.5.39", "cuda_version": "11.1"}
    (rendered,) = render_recipe(RECIPES / "cudnn/recipe.yaml", variant, "linux-64")
    package = conda_package(rendered, payload, home=Home("https://acme.invalid", "conda/main"))
    purl = json.loads(package.sbom)["metadata"]["component"]["purl"]
    assert purl == (
        f"pkg:conda/conda/main/cudnn@8.0.5.39?build={rendered.build_string}"
        "&repository_url=https%3A%2F%2Facme.invalid&subdir=linux-64&type=conda"
    )


@pytest.mark.parametrize("length", [89, 90, 99, 100, 101, 255])
def test_a_header_with_a_long_name_is_packed(length: int) -> None:
    """100 bytes are all that a plain tar header has for a name; longer ones are legal (E3)."""
    objects = Objects()
    path = "include/" + "x" * (length - len("include/.h")) + ".h"
    files = (
        PayloadFile("LICENSE", Role.LICENCE, objects.add(b"text")),
        PayloadFile(path, Role.HEADER, objects.add(b"#pragma once")),
    )
    payload = Payload(Release("cudnn", "8.0.5.39", "11.1", "linux-64"), files)
    package = conda_package(output(files=("include/*",)), payload, {}, ())
    assert [one.name for one in tars(written(package, objects))["pkg-libx-1.2-h0_0.tar.zst"]] == [path]
