"""sdists, unpacked for a build: whole, dated alike, and with nothing outside of their folder."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tests.formats.sdist_samples import pkg_info, tarred, zipped

from cudepot.builders.wheel_build import EPOCH, find_interpreter
from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.kinds.wheels.sdist_build import (
    Source,
    Workplace,
    files_of,
    libraries_of,
    requirements_of,
    this_machine,
    unpack,
)
from cudepot.store.local import LocalStore

FILES = {"x-1.0/PKG-INFO": pkg_info(), "x-1.0/x/__init__.py": b"1", "x-1.0/setup.py": b"2"}


def unpacked(folder: Path, data: bytes) -> Path:
    place = folder / "build" / "source"
    place.mkdir(parents=True)
    unpack(io.BytesIO(data), place, Source("x-1.0.tar.gz", Digest.of(data)))
    return place


@pytest.mark.parametrize("packed", [tarred, zipped])
@pytest.mark.parametrize("top", ["x-1.0/", ""])
def test_the_top_folder_is_left_out_where_there_is_one(tmp_path: Path, packed: object, top: str) -> None:
    assert callable(packed)
    files = {name.replace("x-1.0/", top): data for name, data in FILES.items()}
    place = unpacked(tmp_path, packed(files))
    assert {str(one.relative_to(place)): one.read_bytes() for one in place.rglob("*") if one.is_file()} == {
        name.removeprefix("x-1.0/"): data for name, data in FILES.items()
    }


def test_what_a_mac_puts_beside_the_folder_is_passed_over(tmp_path: Path) -> None:
    assert (unpacked(tmp_path, tarred({"._x-1.0": b"mac", **FILES})) / "PKG-INFO").exists()


def test_dates_and_modes_are_the_same_each_time(tmp_path: Path) -> None:
    os.umask(old := os.umask(0o077))
    try:
        place = unpacked(tmp_path, tarred(FILES))
    finally:
        os.umask(old)
    for one in place.rglob("*"):
        assert one.stat().st_mtime == EPOCH, one
    assert stat.S_IMODE((place / "setup.py").stat().st_mode) == 0o644


def test_links_inside_are_kept(tmp_path: Path) -> None:
    place = unpacked(tmp_path, tarred(FILES, ("x-1.0/copy.py", "setup.py")))
    assert (place / "copy.py").readlink() == Path("setup.py")


@pytest.mark.parametrize(
    "links",
    [
        [("x-1.0/out", "../../../../etc")],
        [("x-1.0/out", "/etc")],
        [("x-1.0/x", "y")],
        [("x-1.0/setup.py/deeper", "y")],
        [("x-1.0/p/q/up", "../.."), ("x-1.0/p/q/up/out", "../../../../etc")],
    ],
)
def test_links_that_lead_out_or_stand_in_the_way_are_refused(tmp_path: Path, links: list[tuple[str, str]]) -> None:
    with pytest.raises(FormatError):
        unpacked(tmp_path, tarred(FILES, *links))


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """Links are made last: with `out` a link to the folder above, `out/x` would come to lie there."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, target in (("a/b/up", ".."), ("a/out", "b/up/..")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        info = tarfile.TarInfo("a/out/x")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(FormatError, match="overwrite each other"):
        unpacked(tmp_path, out.getvalue())
    assert list(tmp_path.rglob("x")) == [tmp_path / "build/unpacked/a/out/x"], "where its name says"


def test_an_sdist_that_is_none_is_an_error(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store", create=True)
    with pytest.raises(FormatError):
        requirements_of(store, Source("x-1.0.tar.gz", store.add_bytes(b"no archive")))


C = """
#include <Python.h>
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", 0, -1, 0};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
"""
OWN = """
import os, subprocess, sysconfig, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    suffix, headers = sysconfig.get_config_var("EXT_SUFFIX"), sysconfig.get_path("include")
    command = ["cc", "-shared", "-fPIC", "-g", "-I", headers, os.path.abspath("fast.c"), "-o", "fast" + suffix]
    subprocess.check_call(command)
    tag = "cp{0}{1}-cp{0}{1}-linux_x86_64".format(*__import__("sys").version_info)
    name, info = f"fast-1.0-{tag}.whl", "fast-1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as out:
        out.writestr(zipfile.ZipInfo("fast" + suffix), open("fast" + suffix, "rb").read())
        out.writestr(zipfile.ZipInfo(info + "METADATA"), "Metadata-Version: 2.1\\nName: fast\\nVersion: 1.0\\n")
        out.writestr(zipfile.ZipInfo(info + "WHEEL"), f"Wheel-Version: 1.0\\nTag: {tag}\\n")
        out.writestr(zipfile.ZipInfo(info + "RECORD"), "")
    return name
"""
TOML = b'[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'


@pytest.mark.tools
def test_compiled_code_is_built_the_same_twice_and_says_what_it_needs(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store", create=True)
    files = {"fast-1.0/own.py": OWN.encode(), "fast-1.0/fast.c": C.encode(), "fast-1.0/pyproject.toml": TOML}
    source = Source("fast-1.0.tar.gz", store.add_bytes(tarred(files)))
    assert requirements_of(store, source) == ()
    python = find_interpreter()
    assert python is not None
    made = []
    for _ in range(2):
        with Workplace(store, source, python) as place:
            assert place.requires() == ()
            made.append(place.wheel())
    assert made[0] == made[1], "with the paths of its folder in the debug information"
    name, digest = made[0]
    (library,) = libraries_of(store, digest, name).values()
    assert library.machine == "x86_64"
    assert this_machine(python).name.startswith("linux-")
    (file,) = (one for one in files_of(store, digest, name) if one.endswith(".so"))
    target = tmp_path / "env"
    (tmp_path / name).write_bytes(store.read(digest))
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", target]
    subprocess.run([*command, tmp_path / name], check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", "import fast"], check=True, cwd=target)
    assert (target / file).exists()
