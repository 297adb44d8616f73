"""What environments of debs come to on the archive of this machine is what its own apt-get chooses: 40 large packages.

The archive is whatever apt is configured for here (Debian's main with 63,000 stanzas, updates, security); skipped
where apt has read no index of it. apt looks at all of it, without anything installed.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from simulator.large_debs import NAMES
from tests.kinds.apt.asked_apt import Apt

from cudepot.formats import version as deb_version
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.marking import Present
from cudepot.kinds.apt.rules.resolve_debs import Resolution, Root, resolve
from cudepot.kinds.apt.rules.union import Choice, Offering, Union

_FORMAT = "$(CREATED_BY)\t$(FILENAME)\t$(SUITE)"


@functools.cache
def lists() -> tuple[tuple[str, Path], ...]:
    """Return the indexes that apt has read, in its order, each with the name of its suite."""
    if not shutil.which("apt-get"):
        return ()
    done = subprocess.run(["apt-get", "indextargets", "--format", _FORMAT], capture_output=True, text=True, check=False)
    found = (line.split("\t") for line in done.stdout.splitlines())
    return tuple((one[2], Path(one[1])) for one in found if one[0] == "Packages" and Path(one[1]).exists())


@functools.cache
def offerings() -> tuple[Offering, ...]:
    helper = "/usr/lib/apt/apt-helper"
    texts = [(name, subprocess.check_output([helper, "cat-file", str(path)])) for name, path in lists()]
    return tuple(Offering(f"{name}-{at}", [ScannedIndex(text, name)]) for at, (name, text) in enumerate(texts))


def union() -> Union:
    return Union(offerings(), Machine("amd64"), Choice(lambda _: "", {}, {}))


def is_large() -> bool:
    return any(path.stat().st_size > 10 << 20 for _, path in lists())


pytestmark = [
    pytest.mark.lengthy,
    pytest.mark.skipif(not is_large(), reason="apt has read no index of a distribution here"),
]


def chosen(names: Sequence[str], *, recommends: bool) -> tuple[Union, Resolution]:
    whole = union()
    return whole, resolve(whole, [Root(one) for one in names], Present(), recommends=recommends)


def by_apt(names: Sequence[str], *, recommends: bool) -> set[tuple[str, str]]:
    """Return what this machine's apt-get would install if it had nothing."""
    options = ["-o", "Dir::State::status=/dev/null", "-o", f"APT::Install-Recommends={recommends}"]
    command = ["apt-get", "-s", *options, "install", *names]
    done = subprocess.run(command, env=os.environ | {"LC_ALL": "C"}, capture_output=True, text=True, check=True)
    lines = (line for line in done.stdout.splitlines() if line.startswith("Inst "))
    return {(line.split()[1], line[line.index("(") + 1 :].split()[0]) for line in lines}


def named(found: Resolution) -> set[tuple[str, str]]:
    return {(one.name, one.version) for one in found.packages}


@pytest.mark.parametrize("recommends", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_of_one_package_the_same_as_apt(name: str, recommends: bool) -> None:
    assert named(chosen([name], recommends=recommends)[1]) == by_apt([name], recommends=recommends)


@pytest.mark.parametrize("recommends", [False, True])
def test_of_all_together_the_same_as_apt_and_the_newest_there_is(recommends: bool) -> None:
    whole, found = chosen(NAMES, recommends=recommends)
    assert named(found) == by_apt(NAMES, recommends=recommends)
    for one in found.packages:
        for other, _ in whole.rivals(whole.key(one)):
            assert deb_version.key(other.version) <= deb_version.key(one.version), one.name


KNOWN_SMALLER = {("libreoffice", True)}
"""What apt chooses otherwise where nothing else is there: it does not look at what nobody would have taken."""


@pytest.mark.parametrize("recommends", [False, True])
@pytest.mark.parametrize("name", ["build-essential", "libreoffice", "gnome", "octave", "default-jdk", "postgresql"])
def test_apt_repeats_its_choice_where_nothing_else_is_there(name: str, recommends: bool, tmp_path: Path) -> None:
    whole, found = chosen([name], recommends=recommends)
    apt = Apt(tmp_path)
    apt.offer(whole, recommends=recommends, only={one.name for one in found.packages})
    theirs = apt.install(name)
    assert theirs is not None
    assert theirs <= named(found)
    assert (theirs == named(found)) is ((name, recommends) not in KNOWN_SMALLER)
