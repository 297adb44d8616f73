"""A payload against its release's claims."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from simulator.cudnn import CudnnRelease, write_archive
from tests.formats.payloads import Objects, payload_of

from cudepot.errors import FormatError
from cudepot.formats.payload import Payload
from cudepot.formats.payload_check import check_payload, version_number
from cudepot.formats.release import Release

pytestmark = pytest.mark.tools


def made(release: CudnnRelease, folder: Path) -> tuple[Payload, Objects]:
    objects = Objects()
    return payload_of([write_archive(release, folder)], objects), objects


def replaced(payload: Payload, objects: Objects, path: str, data: bytes) -> Payload:
    digest = objects.add(data)
    files = tuple(dataclasses.replace(one, digest=digest) if one.path == path else one for one in payload.files)
    return dataclasses.replace(payload, files=files)


@pytest.mark.parametrize(
    ("release", "number", "glibc"),
    [
        (CudnnRelease("7.6.5.32", "10.2"), 7605, (2, 14)),
        (CudnnRelease("8.0.5.39", "11.1"), 8005, (2, 14)),
        (CudnnRelease("9.12.0.46", "13"), 91200, (2, 27)),
        (CudnnRelease("8.0.5.39", "11.1", "aarch64"), 8005, (2, 14)),
    ],
    ids=str,
)
def test_an_honest_payload(release: CudnnRelease, number: int, glibc: tuple[int, int], tmp_path: Path) -> None:
    payload, objects = made(release, tmp_path)
    report = check_payload(payload, objects.open)
    assert (report.header_version, report.glibc) == (number, glibc)
    assert {path for path, _ in report.libraries} == {one.path for one in payload.files if one.role == "runtime"}


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        (Release("cudnn", "8.0.4.39", "11.1", "linux-64"), "include/cudnn_version.h: version is 8.0.5, but 8.0.4"),
        (Release("cudnn", "9.0.5.39", "11.1", "linux-64"), "SONAME is libcudnn.so.8, but libcudnn.so.9"),
        (Release("cudnn", "8.0.5.39", "11.1", "linux-aarch64"), "machine is x86_64, but aarch64"),
    ],
)
def test_a_release_that_claims_otherwise(claim: Release, says: str, tmp_path: Path) -> None:
    payload, objects = made(CudnnRelease("8.0.5.39", "11.1"), tmp_path)
    with pytest.raises(FormatError, match=says):
        check_payload(dataclasses.replace(payload, release=claim), objects.open)


@pytest.mark.parametrize(
    ("path", "data", "says"),
    [
        ("include/cudnn_version.h", b"#define CUDNN_MAJOR 8\n", "CUDNN_MINOR is defined 0 times"),
        (
            "include/cudnn_version.h",
            b"#define CUDNN_MAJOR 8\n#define CUDNN_MAJOR 9\n",
            "CUDNN_MAJOR is defined 2 times",
        ),
        ("lib/libcudnn_ops_infer.so.8.0.5", b"not a library", "lib/libcudnn_ops_infer.so.8.0.5: not a readable ELF"),
    ],
)
def test_damaged_content(path: str, data: bytes, says: str, tmp_path: Path) -> None:
    payload, objects = made(CudnnRelease("8.0.5.39", "11.1"), tmp_path)
    with pytest.raises(FormatError, match=says):
        check_payload(replaced(payload, objects, path, data), objects.open)


def test_version_numbers() -> None:
    assert [version_number(one) for one in ((7, 6, 5), (8, 9, 7), (9, 12, 0))] == [7605, 8907, 91200]
