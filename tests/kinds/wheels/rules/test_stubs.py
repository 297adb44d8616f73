"""NVIDIA's stubs: every form it has published, and what only looks like one."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.sdist_samples import pkg_info, stub_files, tarred

from cudepot.errors import FormatError
from cudepot.formats.sdist_read import Sdist, read_sdist
from cudepot.kinds.wheels.rules.stubs import NVIDIA, Stub, stub_of

FAKE = "A fake package to warn the user they are not installing the correct package."
INDEX = '[tool.wheel_stub]\nindex_url = "{}"\n'


def of(files: dict[str, bytes]) -> Stub | None:
    return stub_of(read_sdist(io.BytesIO(tarred(files))))


def test_wheel_stubs_say_where_the_wheel_is() -> None:
    assert of(stub_files(tool=INDEX.format("https://pypi.nvidia.com/"))) == Stub(NVIDIA, "wheel_stub")
    assert of(stub_files(tool=INDEX.format("https://index.invalid/x"))) == Stub(
        "https://index.invalid/x/", "wheel_stub"
    )
    assert of(stub_files(tool="[tool.wheel_stub]\nstub_only = true\n")) == Stub(NVIDIA, "wheel_stub")
    assert of(stub_files()) == Stub(NVIDIA, "wheel_stub")


def test_the_older_ones_have_no_top_folder_and_name_no_index() -> None:
    assert of(stub_files("nvidia_stub.buildapi", top="")) == Stub(NVIDIA, "nvidia_stub")


@pytest.mark.parametrize("backend", ["wheel_stub", "wheel_stub.buildapi:Backend", "nvidia_stub.api"])
def test_whichever_object_of_the_backend_is_meant(backend: str) -> None:
    assert of(stub_files(backend)) is not None


def test_placeholders_that_only_end_with_an_error_are_stubs() -> None:
    said = pkg_info("nvidia-cublas", "0.0.1.dev5", FAKE)
    assert of({"n-0/PKG-INFO": said, "n-0/setup.py": b"raise RuntimeError"}) == Stub(NVIDIA, "")
    assert of({"n-0/PKG-INFO": said.replace(b"nvidia", b"somebody")}) is None


@pytest.mark.parametrize("backend", ["hatchling.build", "wheel_stubborn.api", "my.wheel_stub", "setuptools.build_meta"])
def test_what_builds_something_is_no_stub(backend: str) -> None:
    assert of(stub_files(backend, tool=INDEX.format("https://pypi.nvidia.com/"))) is None


def test_a_backend_of_that_name_that_an_sdist_brings_itself_is_no_stub() -> None:
    files = stub_files()
    files["tool-1.0/pyproject.toml"] = files["tool-1.0/pyproject.toml"].replace(
        b"requires", b'backend-path = ["."]\nrequires'
    )
    assert of(files) is None


@pytest.mark.parametrize("text", [b"", b"[build-system", b"[build-system]\nrequires = 1\n", b"\xff"])
def test_what_says_nothing_that_can_be_read_is_no_stub(text: bytes) -> None:
    assert stub_of(Sdist(b"", text)) is None


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://h/", "file:///etc/passwd", "", "h", "https://", "https://u:p@h/"),
        *("https://h/?token=1", "https://h/#a", "https://[::1/", "https://h/a b"),
    ],
)
def test_an_index_that_must_not_be_asked_is_an_error(url: str) -> None:
    with pytest.raises(FormatError, match="stub whose index"):
        of(stub_files(tool=INDEX.format(url)))


def test_an_index_that_is_no_text_is_an_error() -> None:
    with pytest.raises(FormatError, match="stub whose index"):
        of(stub_files(tool="[tool.wheel_stub]\nindex_url = 1\n"))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_texts_are_read_or_refused(one: bytes, other: bytes) -> None:
    for text in (other, stub_files()["tool-1.0/pyproject.toml"] + other):
        with contextlib.suppress(FormatError):
            stub_of(Sdist(one, text))
