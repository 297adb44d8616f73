"""What the artifacts of one upstream are repackaged as, seen together."""

from __future__ import annotations

import dataclasses

import pytest

from cudepot.catalog.config.config import Pin
from cudepot.catalog.lock import Artifact, Lock
from cudepot.catalog.nvidia.release_names import parse_artifact_name, with_recipe
from cudepot.catalog.nvidia.repackaged import completed, lacking
from cudepot.depot.builds import jobs_of
from cudepot.depot.nvidia_catalog import load_components
from cudepot.digest import Digest
from cudepot.errors import PinError
from cudepot.formats.payload import Role

PIN = Pin("u", ("libcudnn9*",), "cudnn", outputs=("mirror", "conda"))


def artifact(name: str, version: str, kind: str = "deb", why: str = "pin", pin: Pin | None = PIN) -> Artifact:
    filename = f"{name}_{version}_amd64.deb" if kind == "deb" else f"{name}-{version}.x86_64.rpm"
    blank = Artifact("u", kind, name, version, "amd64", filename, filename, Digest.of(filename.encode()), why)
    blank = dataclasses.replace(blank, outputs=pin.outputs if pin else ("mirror",))
    return with_recipe(blank, pin) if pin else blank


def complete(*found: Artifact, pin: Pin = PIN, folder: bool = False) -> tuple[Artifact, ...]:
    return completed(found, [pin], load_components, folder=folder)


def test_headers_that_the_development_package_brings_are_repackaged_too() -> None:
    names = ("libcudnn9-cuda-13", "libcudnn9-dev-cuda-13")
    brought = artifact("libcudnn9-headers-cuda-13", "9.14.0.64-1", why=f"needed by {names[1]}", pin=None)
    found = complete(*(artifact(one, "9.14.0.64-1") for one in names), brought)
    assert {one.release for one in found} == {parse_artifact_name(brought.filename)}
    assert [(one.recipe, one.outputs) for one in found] == [("cudnn", ("mirror", "conda"))] * 3


def test_what_else_is_pinned_stays_as_it_is() -> None:
    names = ("libcudnn9-cuda-13", "libcudnn9-headers-cuda-13")
    others = (
        artifact("libcudnn9-static-cuda-13", "9.14.0.64-1", pin=None),
        artifact("libcudnn9-static-cuda-13", "9.14.0.64-1", why="needed by x", pin=None),
        artifact("libcudnn9-dev-cuda-12", "9.14.0.64-1", why="needed by x", pin=None),
    )
    assert complete(*(artifact(one, "9.14.0.64-1") for one in names), *others)[2:] == others


@pytest.mark.parametrize(
    ("kind", "given", "version", "wanted"),
    [
        ("deb", ("libcudnn9-cuda-13", "libcudnn9-dev-cuda-13"), "9.14.0.64-1", "libcudnn9-headers-cuda-13=9.14.0.64-1"),
        ("rpm", ("libcudnn9-cuda-12", "libcudnn9-devel-cuda-12"), "9.20.0.4-1", "libcudnn9-headers-cuda-12-9.20.0.4-1"),
        ("deb", ("libcudnn9-headers-cuda-13",), "9.14.0.64-1", "libcudnn9-cuda-13=9.14.0.64-1"),
        ("deb", ("libcudnn8",), "8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1"),
        ("rpm", ("libcudnn8",), "8.0.5.39-1.cuda11.1", "libcudnn8-devel-8.0.5.39-1.cuda11.1"),
        ("deb", ("libcudnn9-cuda-12",), "9.12.0.46-1", "libcudnn9-dev-cuda-12=9.12.0.46-1"),
    ],
)  # fmt: skip
def test_a_package_that_is_missing_is_named_as_a_pin_names_it(
    kind: str, given: tuple[str, ...], version: str, wanted: str
) -> None:
    with pytest.raises(PinError, match="could not be repackaged") as caught:
        complete(*(artifact(one, version, kind) for one in given))
    assert f'add "{wanted}" to `packages`' in caught.value.hint
    name = wanted.removesuffix(version)[:-1]
    assert complete(*(artifact(one, version, kind) for one in (*given, name)))


def test_in_a_folder_the_file_is_named() -> None:
    with pytest.raises(PinError) as caught:
        complete(artifact("libcudnn9-cuda-13", "9.14.0.64-1"), folder=True)
    assert "libcudnn9-headers-cuda-13_9.14.0.64-1_amd64.deb" in caught.value.hint


def test_samples_alone_are_complete() -> None:
    assert complete(artifact("libcudnn8-samples", "8.0.5.39-1+cuda11.1"))


@pytest.mark.parametrize(
    ("name", "version", "cuda"),
    [
        ("libcublas-13-0", "13.1.0.3-1", "13.0"),
        ("libcublas-dev-13-1", "13.2.0.9-1", "13.1"),
        ("libcublas13-cuda-13", "13.4.1.2-1", "13.2"),
    ],
)
def test_debs_of_cublas_have_the_cuda_of_their_name_or_of_the_table(name: str, version: str, cuda: str) -> None:
    pin = dataclasses.replace(PIN, recipe="libcublas")
    runtime = artifact(name.replace("-dev", ""), version, pin=pin)
    found = complete(runtime, artifact(name, version, pin=pin), pin=pin)
    assert {one.release.cuda for one in found if one.release} == {cuda}


def test_the_cuda_a_pin_says_holds() -> None:
    pin = dataclasses.replace(PIN, recipe="libcublas", cuda="13.1")
    wheel = "nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl"
    blank = Artifact("u", "wheel", "nvidia-cublas", "13.1.0.3", "", wheel, wheel, Digest.of(b""))
    (said,) = complete(with_recipe(blank, pin), pin=pin)
    unsaid = dataclasses.replace(pin, cuda="")
    (found,) = complete(with_recipe(blank, unsaid), pin=unsaid)
    assert said.release is not None
    assert found.release is not None
    assert (said.release.cuda, found.release.cuda) == ("13.1", "13.0")
    (short,) = complete(with_recipe(blank, half := dataclasses.replace(pin, cuda="13")), pin=half)
    assert short.release is not None
    assert short.release.cuda == "13.0", "the first part alone says too little"


JIT = ("libcudnn9-jit-cuda-13", "libcudnn9-jit-dev-cuda-13")


def test_headers_alone_beside_the_jit_libraries_are_theirs() -> None:
    found = complete(*(artifact(one, "9.14.0.64-1") for one in (*JIT, "libcudnn9-headers-cuda-13")))
    assert [one.release.part for one in found if one.release] == ["jit"] * 3
    brought = artifact("libcudnn9-headers-cuda-13", "9.14.0.64-1", why="needed by x", pin=None)
    found = complete(*(artifact(one, "9.14.0.64-1") for one in JIT), brought)
    assert [one.release.part for one in found if one.release] == ["jit"] * 3


def test_headers_serve_both_the_release_and_its_jit_libraries() -> None:
    both = (*JIT, "libcudnn9-cuda-13", "libcudnn9-headers-cuda-13")
    found = complete(*(artifact(one, "9.14.0.64-1") for one in both))
    assert [one.release.part for one in found if one.release] == ["jit", "jit", "", ""]
    one, other = jobs_of(Lock((), found))
    assert {artifact.name for artifact in one.artifacts} == {*JIT, "libcudnn9-headers-cuda-13"}
    assert len(other.artifacts) == 2


def test_the_jit_libraries_need_headers_too() -> None:
    with pytest.raises(PinError) as caught:
        complete(*(artifact(one, "9.14.0.64-1") for one in JIT))
    assert 'add "libcudnn9-headers-cuda-13=9.14.0.64-1"' in caught.value.hint


def test_static_archives_that_are_asked_for_have_to_be_pinned() -> None:
    pin = dataclasses.replace(PIN, outputs=("conda", "static"))
    names = ("libcudnn9-cuda-13", "libcudnn9-headers-cuda-13")
    found = [artifact(one, "9.14.0.64-1", pin=pin) for one in names]
    with pytest.raises(PinError, match="static archives") as caught:
        complete(*found, pin=pin)
    assert 'add "libcudnn9-static-cuda-13=9.14.0.64-1"' in caught.value.hint
    assert complete(*found, artifact("libcudnn9-static-cuda-13", "9.14.0.64-1", pin=pin), pin=pin)


@pytest.mark.parametrize(
    ("kind", "given", "version", "role", "wanted"),
    [
        ("deb", ("libcudnn9-cuda-12",), "9.8.0.87-1", Role.HEADER, "libcudnn9-dev-cuda-12=9.8.0.87-1"),
        ("rpm", ("libcudnn9-cuda-12", "libcudnn9-devel-cuda-12"), "9.8.0.87-1", Role.HEADER,
         "libcudnn9-headers-cuda-12-9.8.0.87-1"),
        ("deb", ("libcudnn9-cuda-12",), "9.10.1.4-1", Role.HEADER, "libcudnn9-headers-cuda-12=9.10.1.4-1"),
        ("rpm", ("libcudnn9-cuda-12",), "9.8.0.87-1", Role.LICENCE, "libcudnn9-samples-9.8.0.87-1"),
        ("deb", ("libcudnn9-dev-cuda-12",), "9.8.0.87-1", Role.RUNTIME, "libcudnn9-cuda-12=9.8.0.87-1"),
    ],
)  # fmt: skip
def test_what_turns_out_to_be_missing_is_never_what_is_pinned_already(
    kind: str, given: tuple[str, ...], version: str, role: Role, wanted: str
) -> None:
    found = [artifact(one, version, kind) for one in given]
    release = found[0].release
    assert release is not None
    assert f'add "{wanted}"' in lacking(found, release, role, "no header", folder=False).hint
