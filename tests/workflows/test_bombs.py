"""Artifacts that are small and unpack to any number of bytes: refused in every form before the disk is filled."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from simulator.process import run
from simulator.project import DOWNLOADS, Project
from tests.formats.test_archive import entry as tar_entry
from tests.formats.test_archive import tar_of
from tests.formats.test_deb import ar
from tests.formats.test_rpm import cpio, entry, rpm

from cudepot.disk import check_room
from cudepot.errors import StorageError

_ZEROS = bytes(200 << 20)
_LIBRARY = "libcudnn.so.8.0.5"


def tar_with(name: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        info = tarfile.TarInfo(name)
        info.size = len(_ZEROS)
        made.addfile(info, io.BytesIO(_ZEROS))
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("nvidia/cudnn/lib/libcudnn.so.8", _ZEROS)
    return out.getvalue()


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "tgz": ("cudnn-11.1-linux-x64-v8.0.5.39.tgz", lambda: gzip.compress(tar_with(f"cuda/lib64/{_LIBRARY}"))),
    "tar.xz": (
        "cudnn-linux-x86_64-8.9.7.29_cuda11-archive.tar.xz",
        lambda: lzma.compress(tar_with("cudnn-linux-x86_64-8.9.7.29_cuda11-archive/lib/libcudnn.so.8.9.7"), preset=0),
    ),
    "wheel": ("nvidia_cudnn_cu11-8.5.0.96-py3-none-manylinux1_x86_64.whl", zipped),
    "deb": (
        "libcudnn8_8.0.5.39-1+cuda11.1_amd64.deb",
        lambda: ar(
            ("debian-binary", b"2.0\n"),
            (
                "control.tar",
                tar_of(tar_entry("./control", b"Package: libcudnn8\nVersion: 1\nArchitecture: amd64\n")),
            ),
            ("data.tar.zst", zst(tar_with(f"usr/lib/x86_64-linux-gnu/{_LIBRARY}"))),
        ),
    ),
    "rpm": (
        "libcudnn8-8.0.5.39-1.cuda11.1.x86_64.rpm",
        lambda: rpm(gzip.compress(cpio(entry(f"usr/lib64/{_LIBRARY}", _ZEROS)))),
    ),
}


def offered(project: Project, folder: Path, name: str) -> None:
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(folder))
    project.add("pin", upstream=DOWNLOADS, packages=[name], recipe="cudnn", outputs=["conda"])
    project.run("lock")
    project.run("sync")


def most_seen(project: Project) -> int:
    """Run `repackage`, which has to refuse, under a limit on what one file may come to."""
    limit = 150 << 20
    done = project.run("repackage", check=False, prefix=("prlimit", f"--fsize={limit}"))
    assert done.rc == 10, done
    assert done.error.startswith("error E800")
    return limit


@pytest.mark.parametrize("form", BOMBS)
def test_what_unpacks_to_far_more_than_it_has_packed_is_refused(project: Project, form: str, tmp_path: Path) -> None:
    name, made = BOMBS[form]
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / name).write_bytes(made())
    assert (folder / name).stat().st_size < 1 << 20
    offered(project, folder, name)
    most_seen(project)
    assert not list((project.store / "scratch").glob("**/*"))


def test_a_sparse_library_of_40_gib_is_refused(project: Project, tmp_path: Path) -> None:
    folder, inside = tmp_path / "downloads", tmp_path / "cuda" / "lib64"
    folder.mkdir()
    inside.mkdir(parents=True)
    with (inside / _LIBRARY).open("wb") as made:
        made.write(b"\x7fELF")
        made.truncate(40 << 30)
    name = BOMBS["tgz"][0]
    run("tar", "--format=gnu", "--sparse", "-czf", folder / name, "-C", tmp_path, "cuda")
    offered(project, folder, name)
    assert "is a sparse file" in project.fail(10, "repackage").error


def test_a_disk_without_room_for_a_file_is_told_before_it_is_begun(tmp_path: Path) -> None:
    check_room(tmp_path, 1)
    with pytest.raises(StorageError, match="are needed") as caught:
        check_room(tmp_path, 1 << 60)
    assert caught.value.code == "E520"
    assert "free another" in caught.value.hint
