"""Which wheels a target takes, judged by packaging on this machine and by pip; what markers mean there."""

from __future__ import annotations

import os
import sys
import sysconfig

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker, default_environment
from packaging.tags import sys_tags
from packaging.version import Version
from pip._internal.index.package_finder import CandidateEvaluator
from pip._internal.models.candidate import InstallationCandidate
from pip._internal.models.link import Link
from pip._internal.models.target_python import TargetPython
from pip._vendor.packaging.tags import Tag as PipTag

from cudepot.errors import ConfigError
from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.rules.best_wheel import best_wheel
from cudepot.kinds.wheels.rules.served import Served
from cudepot.kinds.wheels.rules.target import Target, machine, marker, markers, tags

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
LINUX, WINDOWS = Target("linux-64", "3.12", "2.28"), Target("win-64", "3.12")
TARGETS = (
    LINUX, WINDOWS, Target("linux-aarch64", "3.11", "2.17"), Target("linux-64", "3.9", "2.5"),
    Target("linux-ppc64le", "3.13", "2.34"),
)  # fmt: skip
is_plain_linux = os.uname().machine == "x86_64" and "gnu" in sysconfig.get_config_var("MULTIARCH")


def glibc() -> str:
    return os.confstr("CS_GNU_LIBC_VERSION").split()[1]  # type: ignore[union-attr]


@pytest.mark.skipif(not is_plain_linux, reason="not a Linux on x86_64 with glibc")
def test_tags_are_those_packaging_finds_on_such_a_machine() -> None:
    assert list(tags(Target("linux-64", HERE, glibc()))) == list(sys_tags())


@pytest.mark.skipif(not is_plain_linux, reason="not a Linux on x86_64 with glibc")
def test_markers_mean_what_they_mean_on_such_a_machine() -> None:
    target = Target("linux-64", HERE, glibc())
    unknown = {"platform_release", "platform_version"}
    ours = {name: value for name, value in machine(target, sys.version_info[2]).items() if name not in unknown}
    assert ours == {name: value for name, value in default_environment().items() if name not in unknown} | {"extra": ""}


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_the_marker_of_a_target_holds_on_its_machines_alone(target: Target) -> None:
    for other in TARGETS:
        assert Marker(marker(target)).evaluate(dict(machine(other, 7))) == (other == target)


def test_targets_within_others_have_no_marker_of_their_own() -> None:
    exact, older = Target("linux-64", "3.12.4", "2.28"), Target("linux-64", "3.12", "2.17")
    assert markers([LINUX, exact, older, WINDOWS]) == [marker(LINUX), marker(WINDOWS)]
    assert markers([exact]) == [marker(exact)]
    assert Marker(marker(exact)).evaluate(dict(machine(exact)))
    assert not Marker(marker(exact)).evaluate(dict(machine(LINUX, 5)))


def test_names_and_what_has_no_wheels() -> None:
    assert [one.name for one in (LINUX, Target("win-64", "3.12.4"))] == ["linux-64-py3.12", "win-64-py3.12.4"]
    with pytest.raises(ConfigError, match="there are no wheels for osx-64"):
        Target("osx-64", "3.12")
    with pytest.raises(ConfigError, match="not a glibc version"):
        Target("linux-64", "3.12")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("cp312-cp312-manylinux_2_28_x86_64", True), ("cp312-cp312-manylinux_2_29_x86_64", False),
        ("cp312-cp312-manylinux1_x86_64", True), ("cp312-cp312-manylinux2010_x86_64", True),
        ("cp312-cp312-linux_x86_64", True), ("cp312-cp312-musllinux_1_2_x86_64", False),
        ("cp312-cp312t-manylinux_2_28_x86_64", False), ("cp313-cp313-manylinux_2_28_x86_64", False),
        ("cp311-cp311-manylinux_2_28_x86_64", False), ("cp38-abi3-manylinux_2_17_x86_64", True),
        ("cp313-abi3-manylinux_2_17_x86_64", False), ("py37-none-any", True), ("py2.py3-none-any", True),
        ("py2-none-any", False), ("py313-none-any", False), ("cp312-none-any", True), ("cp311-none-any", False),
        ("cp312-cp312-manylinux2014_aarch64", False), ("pp310-pypy310_pp73-manylinux_2_28_x86_64", False),
    ],
)  # fmt: skip
def test_what_fits_linux(text: str, fits: bool) -> None:
    assert (chosen(LINUX, [text]) is not None) == fits


def chosen(target: Target, several: list[str], builds: tuple[str, ...] = ()) -> str | None:
    """Return the name of the best wheel, of some with these tags."""
    parts = [f"{build}-{one}" if build else one for one, build in zip(several, builds or ("",) * 99, strict=False)]
    files = [IndexFile(f"a-1.0-{one}.whl", "u", "") for one in parts]
    found = best_wheel(Served("a", files, (target,)).releases[Version("1.0")], target)
    return found.file.filename if found else None


def by_pip(target: Target, names: list[str]) -> str | None:
    """Return what pip would install on the target."""
    python = TargetPython()
    python._valid_tags = [PipTag(one.interpreter, one.abi, one.platform) for one in tags(target)]
    judge = CandidateEvaluator.create("a", target_python=python)
    links = [InstallationCandidate("a", "1.0", Link(f"https://files.example/{one}")) for one in names]
    fitting = [one for one in links if _fits(one.link.filename, target)]
    best = judge.compute_best_candidate(fitting).best_candidate
    return best.link.filename if best else None


def _fits(name: str, target: Target) -> bool:
    return chosen(target, ["-".join(name.removesuffix(".whl").split("-")[-3:])]) is not None


PARTS = st.tuples(
    st.sampled_from(("cp312-cp312", "cp312-abi3", "cp311-abi3", "cp38-abi3", "py3-none", "py312-none", "cp312-none")),
    st.sampled_from((
        "any", "manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux1_x86_64",
        "linux_x86_64", "win_amd64", "manylinux_2_34_x86_64", "musllinux_1_2_x86_64",
    )),
)  # fmt: skip


@given(st.lists(PARTS, min_size=1, unique=True), st.sampled_from((LINUX, WINDOWS)))
def test_the_best_is_the_one_pip_takes(parts: list[tuple[str, str]], target: Target) -> None:
    texts = [f"{tag}-{platform}" for tag, platform in parts]
    names = [f"a-1.0-{one}.whl" for one in texts]
    assert chosen(target, texts) == by_pip(target, names)


def test_of_several_builds_the_last_is_taken() -> None:
    text = "py3-none-any"
    assert chosen(LINUX, [text] * 4, ("", "2", "10", "9x")) == f"a-1.0-10-{text}.whl"
    assert by_pip(LINUX, [f"a-1.0-{one}-{text}.whl" for one in ("2", "10", "9x")]) == f"a-1.0-10-{text}.whl"
