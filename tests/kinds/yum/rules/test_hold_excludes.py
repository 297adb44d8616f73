"""Excludes that hide every version but the locked ones: as dnf reads a pattern, field by field, and as yum 3 does."""

from __future__ import annotations

import random
import re
from fnmatch import fnmatchcase

import pytest

from cudepot.kinds.yum.rules.client_text import DnfClient
from cudepot.kinds.yum.rules.excludes import excludes

_FIELDS = re.compile(r"(?P<name>.+)-(?P<epoch>\d+):(?P<version>[^-]+)-(?P<release>[^-]+)\.(?P<arch>[^-.]+)")
_SHORT = re.compile(r"(?P<name>.+)-(?P<epoch>\d+):(?P<version>[^-]+)-(?P<release>[^-]+)")


def client(versions: dict[str, list[str]]) -> DnfClient:
    return DnfClient("u", "a-u", "https://x/", (), True, True, versions, architectures=("x86_64", "noarch"))


def patterns(versions: dict[str, list[str]], *, old: bool = False) -> list[str]:
    text = excludes([client(versions)], old=old).decode()
    head, _, line = text.partition("\n")
    assert head == "[main]"
    return line.removeprefix("exclude=" if old else "excludepkgs=").split()


def dnf_hides(spec: str, name: str, epoch: str, version: str, release: str) -> bool:
    """Return whether dnf hides an x86_64 package: the name is exact, other fields are globs; both readings count."""
    for form in (_FIELDS, _SHORT):
        if found := form.fullmatch(spec):
            mine = {"name": name, "epoch": epoch, "version": version, "release": release, "arch": "x86_64"}
            if all(fnmatchcase(mine[field], glob) for field, glob in found.groupdict().items()):
                return True
    return False


def yum_hides(spec: str, name: str, epoch: str, version: str, release: str) -> bool:
    """Return whether yum 3 hides it: a glob over the whole text."""
    return fnmatchcase(f"{name}-{epoch}:{version}-{release}.x86_64", spec)


LOCKED = {"libcudnn8": ["8.0.5.39-1.cuda11.1", "8.0.5.39-1.cuda11"], "nvidia-driver": ["3:455.45.01-1.el8"]}


def test_the_first_differing_letter_and_every_beginning_are_written() -> None:
    found = patterns({"x": ["1.2-3"]})
    assert [one for one in found if "-0:" in one] == [
        "x-0:[!1]*-*.*", "x-0:1[!.]*-*.*", "x-0:1-*.*", "x-0:1.[!2]*-*.*", "x-0:1.-*.*", "x-0:1.2?*-*.*",
        "x-0:1.2-[!3]*.*", "x-0:1.2-3?*.*",
    ]  # fmt: skip
    assert len(found) == 8 + 9, "and a pattern for each other epoch"


@pytest.mark.parametrize("hides", [dnf_hides, yum_hides])
def test_locked_versions_stay_and_all_others_go(hides: object) -> None:
    chosen = random.Random(7)
    specs = patterns(LOCKED, old=hides is yum_hides)
    assert callable(hides)

    def hidden(name: str, epoch: str, version: str, release: str) -> bool:
        return any(hides(one, name, epoch, version, release) for one in specs)

    for release in ("1.cuda11.1", "1.cuda11"):
        assert not hidden("libcudnn8", "0", "8.0.5.39", release)
    assert not hidden("nvidia-driver", "3", "455.45.01", "1.el8")
    assert not hidden("libcudnn8-devel", "0", "9.1.0", "1"), "another package, whose name begins alike"
    for _ in range(3000):
        version = "".join(chosen.choices("0123459.", k=chosen.randint(1, 9)))
        release = "".join(chosen.choices(["1", ".", "cuda11", ".1", "el8", "~", "^", "+"], k=chosen.randint(1, 4)))
        assert hidden("libcudnn8", "0", version, release), (version, release)
    assert hidden("libcudnn8", "1", "8.0.5.39", "1.cuda11.1"), "another epoch"
    assert hidden("libcudnn8", "0", "8.0.5.39", "1")
    assert hidden("libcudnn8", "0", "8.0.5.39", "1.cuda11.")
    assert hidden("nvidia-driver", "0", "455.45.01", "1.el8")


def test_nothing_locked_hides_nothing() -> None:
    assert excludes([client({})], old=False) == b""


def test_yum_3_gets_its_own_word_and_no_pattern_without_a_machine() -> None:
    found = patterns({"x": ["1-23"]}, old=True)
    assert "x-0:1-2.x86_64" in found
    assert "x-0:1-2.noarch" in found
    assert "x-0:1-2" not in found
