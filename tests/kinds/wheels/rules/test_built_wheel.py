"""What a wheel that was built here has to be."""

from __future__ import annotations

import pytest

from cudepot.errors import BuildError
from cudepot.formats.library import LibraryInfo
from cudepot.kinds.wheels.rules.built_wheel import (
    check_glibc,
    check_name,
    check_platform,
    differing,
    fits,
    is_for_this_machine,
    unfit,
    version_of,
)
from cudepot.kinds.wheels.rules.target import Target

LINUX = Target("linux-64", "3.12", "2.28")
WHAT = "x-1.0.tar.gz"


@pytest.mark.parametrize(
    ("name", "version"), [("x-1.0.tar.gz", "1.0"), ("a-b-2.0rc1.zip", "2.0rc1"), ("x-1.0.post1.tar.gz", "1.0.post1")]
)
def test_the_name_of_an_sdist_says_its_version(name: str, version: str) -> None:
    assert version_of(name) == version


def test_what_is_no_name_of_an_sdist_is_an_error() -> None:
    for name in ("x.tar.gz", "x-1.0.tar", "x-y-z.tar.gz"):
        with pytest.raises(BuildError, match="not an sdist's file name"):
            version_of(name)


@pytest.mark.parametrize("name", ["x_y-1.0-py3-none-any.whl", "X.Y-1.0.0-py3-none-any.whl", "x_y-1-2-py3-none-any.whl"])
def test_a_wheel_is_of_its_sdist_however_it_is_spelt(name: str) -> None:
    check_name(name, "x-y", "1.0", WHAT)


@pytest.mark.parametrize(
    "name", ["x-1.0-py3-none-any.whl", "x_y-1.1-py3-none-any.whl", "x_y.whl", "../x_y-1.0-py3-none-any.whl"]
)
def test_a_wheel_of_something_else_is_refused(name: str) -> None:
    with pytest.raises(BuildError, match=r"is not a wheel of x-y 1\.0"):
        check_name(name, "x-y", "1.0", WHAT)


@pytest.mark.parametrize(
    ("tags", "fit"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        ("cp312-cp312-linux_x86_64", True),
        ("cp311-abi3-linux_x86_64", True),
        ("cp311-cp311-linux_x86_64", False),
        ("cp312-cp312-linux_aarch64", False),
        ("cp312-cp312-manylinux_2_28_x86_64", True),
        ("cp312-cp312-manylinux_2_34_x86_64", False),
    ],
)
def test_tags_say_which_targets_take_it(tags: str, fit: bool) -> None:
    assert fits(f"x-1.0-{tags}.whl", LINUX) == fit
    assert fits(f"x-1.0-1-{tags}.whl", LINUX) == fit, "a build tag changes nothing"


def test_only_plain_linux_says_nothing_of_glibc() -> None:
    assert is_for_this_machine("x-1.0-cp312-cp312-linux_x86_64.whl")
    assert not is_for_this_machine("x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert not is_for_this_machine("linux_x-1.0-py3-none-any.whl")


def test_another_platform_and_another_python_are_named() -> None:
    here = Target("linux-64", "3.11.7", "2.36")
    check_platform(LINUX, here, WHAT)
    with pytest.raises(BuildError, match=r"for linux-64 only, but win-64-py3\.12 needs another"):
        check_platform(Target("win-64", "3.12"), here, WHAT)
    built = "x-1.0-cp311-cp311-linux_x86_64.whl"
    assert "must be built with Python 3.12, which this machine does not have" in str(unfit(built, LINUX, WHAT, ""))
    assert "Python 3.12.1 builds x-1.0-cp311" in str(unfit(built, LINUX, WHAT, "3.12.1"))


WHEEL = "x-1.0-cp312-cp312-linux_x86_64.whl"


def library(*needed: str, glibc: tuple[int, int] = (2, 14)) -> LibraryInfo:
    return LibraryInfo("x86_64", "", needed, glibc=glibc)


def test_glibc_is_read_from_what_was_built() -> None:
    check_glibc(
        {"x/a.so": library("libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "libgcc_s.so.1")}, WHEEL, LINUX, WHAT
    )
    check_glibc({"x/a.so": library("libb.so"), "x/libb.so": library("libc.so.6", glibc=(2, 28))}, WHEEL, LINUX, WHAT)
    check_glibc({}, WHEEL, LINUX, WHAT)


def test_a_newer_glibc_is_refused() -> None:
    with pytest.raises(BuildError, match=r"needs glibc 2\.34 \(x/a\.so\), but linux-64-py3\.12 has 2\.28") as refused:
        check_glibc({"x/a.so": library("libc.so.6", glibc=(2, 34))}, WHEEL, LINUX, WHAT)
    assert 'glibc = "2.34"' in refused.value.hint


@pytest.mark.parametrize("needed", ["libstdc++.so.6", "libcrypto.so.3", "libcuda.so.1", "libcfoo.so.1"])
def test_what_no_wheel_may_count_on_is_refused(needed: str) -> None:
    with pytest.raises(BuildError, match=r"works only on this machine: x/a\.so needs lib") as refused:
        check_glibc({"x/a.so": library("libc.so.6", needed)}, WHEEL, LINUX, WHAT)
    assert "auditwheel" in refused.value.hint


def test_what_tells_two_builds_apart() -> None:
    record = "x-1.dist-info/RECORD"
    assert differing({"a": "1", record: "1"}, {"a": "2", record: "2"}) == "a"
    assert differing({"a": "1"}, {"b": "1"}) == "a, b"
    assert differing({"a": "1"}, {"a": "1"}) == "order, dates or modes of its files"
