"""Wheels: NVIDIA's layout, byte for byte reproducible, installable by pip."""

from __future__ import annotations

import csv
import dataclasses
import email
import io
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename
from simulator.cudnn import CudnnRelease, write_archive
from tests.formats.payloads import Objects, payload_of, wheel_rules

from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.payload import Payload
from cudepot.formats.payload_check import check_payload
from cudepot.formats.release import Release
from cudepot.formats.wheel_read import read_metadata, read_wheel
from cudepot.formats.wheel_write import Wheel, WheelRules, metadata, wheel_of, write_wheel
from simulator import wheels

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Payload, Objects]:
    objects = Objects()
    archive = write_archive(CudnnRelease("8.0.5.39", "11.1"), tmp_path_factory.mktemp("cudnn"))
    return payload_of([archive], objects), objects


def wheel_for(payload: Payload, objects: Objects, label: str = "acme.1") -> Wheel:
    return wheel_of(payload, wheel_rules(), label=label, glibc=check_payload(payload, objects.open).glibc)


def written(wheel: Wheel, objects: Objects, **options: int) -> bytes:
    out = io.BytesIO()
    digest = write_wheel(out, wheel, objects.open, **options)
    assert digest == Digest.of(read_metadata(io.BytesIO(out.getvalue())))
    return out.getvalue()


def test_names_and_layout(made: tuple[Payload, Objects]) -> None:
    payload, objects = made
    wheel = wheel_for(payload, objects)
    assert wheel.filename == (
        "nvidia_cudnn_cu11-8.0.5.39+acme.1-py3-none-manylinux2014_x86_64.manylinux_2_14_x86_64.whl"
    )
    name, version, _, tags = parse_wheel_filename(wheel.filename, validate_order=True)
    assert (name, str(version), {tag.platform for tag in tags}) == (
        "nvidia-cudnn-cu11", "8.0.5.39+acme.1", {"manylinux_2_14_x86_64", "manylinux2014_x86_64"}
    )  # fmt: skip
    names = [member.name for member, _ in read_wheel(io.BytesIO(written(wheel, objects)))]
    info = "nvidia_cudnn_cu11-8.0.5.39+acme.1.dist-info"
    assert {one for one in names if one.startswith(info)} == {
        f"{info}/{one}"
        for one in ("METADATA", "WHEEL", "top_level.txt", "RECORD", "licenses/License.txt", "sboms/cudepot.cdx.json")
    }
    libraries = [one for one in names if one.startswith("nvidia/cudnn/lib/")]
    assert len(libraries) == 7
    assert all(one.endswith(".so.8") for one in libraries)
    headers = [one for one in names if one.startswith("nvidia/cudnn/include/")]
    assert len(headers) == 18
    assert len(names) == len(libraries) + len(headers) + 6
    assert not any("__init__" in one for one in names)


def test_metadata(made: tuple[Payload, Objects]) -> None:
    text = email.message_from_bytes(metadata(wheel_for(*made)))
    assert text["Metadata-Version"] == "2.4"
    assert (text["Name"], text["Version"]) == ("nvidia-cudnn-cu11", "8.0.5.39+acme.1")
    assert text["License-Expression"] == "LicenseRef-NVIDIA-Proprietary"
    assert text["License-File"] == "License.txt"
    assert text.get_all("Requires-Dist") == ["nvidia-cublas-cu11"]


@pytest.mark.parametrize(
    ("version", "cuda", "name", "requires"),
    [
        ("7.6.5.32", "10.2", "nvidia-cudnn-cu10", ()),
        ("8.0.5.39", "11.1", "nvidia-cudnn-cu11", ("nvidia-cublas-cu11",)),
        ("8.9.7.29", "12", "nvidia-cudnn-cu12", ("nvidia-cublas-cu12", "nvidia-cuda-nvrtc-cu12")),
        ("9.1.0.70", "12", "nvidia-cudnn-cu12", ("nvidia-cublas-cu12",)),
        ("9.12.0.46", "13", "nvidia-cudnn-cu13", ("nvidia-cublas",)),
    ],
)
def test_names_and_needs_by_release(version: str, cuda: str, name: str, requires: tuple[str, ...]) -> None:
    entry = wheel_rules().entry(Release("cudnn", version, cuda, "linux-64"))
    assert (entry.name, entry.requires) == (name, requires)


def test_record_lists_every_file_with_its_hash(made: tuple[Payload, Objects]) -> None:
    data = written(wheel_for(*made), made[1])
    members = {one.name: content.read() for one, content in read_wheel(io.BytesIO(data)) if content}
    record = next(name for name in members if name.endswith("RECORD"))
    rows = {path: (value, size) for path, value, size in csv.reader(io.StringIO(members[record].decode()))}
    assert rows.pop(record) == ("", "")
    assert set(rows) == set(members) - {record}
    for path, (value, size) in rows.items():
        assert value.startswith("sha256=")
        sha256 = urlsafe_b64decode(value.removeprefix("sha256=") + "=").hex()
        assert Digest(sha256, int(size)) == Digest.of(members[path])


def test_same_input_same_bytes(made: tuple[Payload, Objects]) -> None:
    wheel = wheel_for(*made)
    first = written(wheel, made[1])
    assert written(wheel, made[1], threads=1) == written(wheel, made[1], threads=3) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_same_wheel_from_archive_and_nvidia_s_wheel(tmp_path: Path) -> None:
    release, packages = CudnnRelease("9.12.0.46", "13"), []
    for artifact in (write_archive(release, tmp_path), wheels.write_wheel(release, tmp_path)):
        objects = Objects()
        packages.append(written(wheel_for(payload_of([artifact], objects), objects), objects))
    assert packages[0] == packages[1]


def test_the_libraries_load_and_say_their_version_after_pip_install(
    made: tuple[Payload, Objects], tmp_path: Path
) -> None:
    wheel, target = wheel_for(*made), tmp_path / "site"
    (tmp_path / wheel.filename).write_bytes(written(wheel, made[1]))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--isolated",
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--target",
        str(target),
    ]
    subprocess.run([*pip, tmp_path / wheel.filename], check=True, capture_output=True)
    load = f"import ctypes; print(ctypes.CDLL('{target}/nvidia/cudnn/lib/libcudnn.so.8').cudnnGetVersion())"
    done = subprocess.run([sys.executable, "-c", load], check=True, capture_output=True, text=True)
    assert done.stdout == "8005\n"


@pytest.mark.parametrize(
    ("subdir", "glibc", "platforms"),
    [
        ("linux-64", (2, 28), ["manylinux_2_28_x86_64"]),
        ("linux-64", (2, 18), ["manylinux_2_18_x86_64"]),
        ("linux-64", (2, 17), ["manylinux2014_x86_64", "manylinux_2_17_x86_64"]),
        ("linux-64", (2, 13), ["manylinux2014_x86_64", "manylinux_2_13_x86_64"]),
        ("linux-64", (2, 12), ["manylinux2010_x86_64", "manylinux_2_12_x86_64"]),
        ("linux-64", (2, 6), ["manylinux2010_x86_64", "manylinux_2_6_x86_64"]),
        ("linux-64", (0, 0), ["manylinux1_x86_64", "manylinux_2_5_x86_64"]),
        ("linux-aarch64", (2, 14), ["manylinux2014_aarch64", "manylinux_2_17_aarch64"]),
        ("linux-aarch64", (2, 27), ["manylinux_2_27_aarch64"]),
        ("linux-ppc64le", (2, 5), ["manylinux2014_ppc64le", "manylinux_2_17_ppc64le"]),
        ("linux-ppc64le", (2, 28), ["manylinux_2_28_ppc64le"]),
    ],
)
def test_tags(
    subdir: str, glibc: tuple[int, int], platforms: list[str], made: tuple[Payload, Objects], tmp_path: Path
) -> None:
    """The older names are those whose glibc has all the libraries need; file name and WHEEL say the same tags."""
    payload = dataclasses.replace(made[0], release=Release("cudnn", "8.0.5.39", "11.1", subdir))
    wheel = wheel_of(payload, wheel_rules(), label="", glibc=glibc)
    assert wheel.tag == f"py3-none-{'.'.join(platforms)}"
    with zipfile.ZipFile(io.BytesIO(written(wheel, made[1]))) as archive:
        told = email.message_from_bytes(archive.read(f"{wheel.stem}.dist-info/WHEEL")).get_all("Tag", [])
    assert told == [f"py3-none-{one}" for one in platforms]
    assert {str(tag) for tag in parse_wheel_filename(wheel.filename, validate_order=True)[3]} == set(told)


@pytest.mark.parametrize("label", ["+acme", "Acme", "a b", "a/b", ".a", "a..b"])
def test_a_bad_label_is_a_config_error(label: str, made: tuple[Payload, Objects]) -> None:
    with pytest.raises(ConfigError, match="local version label"):
        wheel_of(made[0], wheel_rules(), label=label, glibc=(2, 17))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"schema": 1, "import_path": "a", "summary": "b", "homepage": "c", "wheel": []},
        {"schema": 1, "import_path": "a", "summary": "b", "homepage": "c", "licence": "d", "wheel": [{}]},
        {
            "schema": 1, "import_path": "a", "summary": "b", "homepage": "c", "licence": "d",
            "wheel": [{"cuda": 1, "since": "x y", "name": "n", "requires": []}],
        },
    ],
)  # fmt: skip
def test_malformed_rules_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"wheel\.toml"):
        WheelRules.from_dict(data)


def test_a_release_without_entry_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"CUDA 8\.0"):
        wheel_rules().entry(Release("cudnn", "7.1.4.18", "8.0", "linux-64"))


def test_an_object_of_another_length_is_an_error(made: tuple[Payload, Objects]) -> None:
    with pytest.raises(FormatError, match="were promised"):
        write_wheel(io.BytesIO(), wheel_for(*made), lambda one: io.BytesIO(b"short"))
