"""What `update` makes of pins, lock and offers: never anything older, each entry by itself, and what lies outside."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from cudepot.catalog.config.config import Pin
from cudepot.catalog.lock import Artifact
from cudepot.digest import Digest
from cudepot.kinds.apt.rules import entries as apt
from cudepot.kinds.redistrib.rules import entries as redistrib
from cudepot.kinds.rules.newer import compare
from cudepot.kinds.rules.offer import Offer
from cudepot.kinds.wheels.rules import entries as wheels
from cudepot.kinds.yum.rules import entries as yum

SPELLINGS = {"apt": apt.SPELLING, "yum": yum.SPELLING, "simple": wheels.SPELLING, "redistrib": redistrib.SPELLING}
MACHINE = {"apt": "amd64", "yum": "x86_64", "simple": "linux-64", "redistrib": "linux-64"}


@dataclass(frozen=True)
class Row:
    """One case.

    Attributes:
        packages: of the pin.
        locked, offered: as ``NAME VERSION``, with ``@MACHINE`` behind where it is not the usual one; ``!`` before an
            offer that was withdrawn.
        after: entries as they would be; those that stay are left out.
        notices: what must be said, as parts of sentences, and nothing else.
    """

    kind: str
    packages: tuple[str, ...]
    locked: tuple[str, ...]
    offered: tuple[str, ...]
    after: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    pin: dict[str, object] = field(default_factory=dict)


CU12 = "nvidia-cudnn-cu12"
ROWS = {
    # B1: nothing older, by the ecosystem's own order
    "a wheel that is gone": Row(
        "simple", (f"{CU12}==9.1.0.70",), (f"{CU12} 9.1.0.70",), (f"{CU12} 8.9.7.29",),
        notices=("9.1.0.70 is no longer listed; the newest there is 8.9.7.29, which is older",)),
    "a deb that is gone": Row("apt", ("a=10.0-1",), ("a 10.0-1",), ("a 9.0-1",),
                              notices=("10.0-1 is no longer listed; the newest there is 9.0-1, which is older",)),
    "an rpm that is gone": Row("yum", ("a-10.0-1",), ("a 10.0-1",), ("a 9.0-1",),
                               notices=("10.0-1 is no longer listed; the newest there is 9.0-1, which is older",)),
    "an archive that is gone": Row(
        "redistrib", ("cudnn=9.10.0.56",), ("cudnn 9.10.0.56",), ("cudnn 9.9.0.52",),
        notices=("9.10.0.56 is no longer listed; the newest there is 9.9.0.52, which is older",)),
    "ten is more than nine": Row("simple", ("a==9.9.0.52",), ("a 9.9.0.52",), ("a 9.9.0.52", "a 9.10.0.56"),
                                 {"a==9.9.0.52": "a==9.10.0.56"}),
    "dpkg's tilde": Row("apt", ("a=1.0~rc1-1",), ("a 1.0~rc1-1",), ("a 1.0~rc1-1", "a 1.0-1"),
                        {"a=1.0~rc1-1": "a=1.0-1"}),
    "dpkg's tilde the other way": Row("apt", ("a=1.0-1",), ("a 1.0-1",), ("a 1.0-1", "a 1.0~rc9-1")),
    "an epoch": Row("apt", ("a=9-1",), ("a 9-1",), ("a 9-1", "a 1:2-1"), {"a=9-1": "a=1:2-1"}),
    "rpm's tilde": Row("yum", ("a-1.0~rc1-1",), ("a 1.0~rc1-1",), ("a 1.0~rc1-1", "a 1.0-1"),
                       {"a-1.0~rc1-1": "a-1.0-1"}),
    "rpm's caret": Row("yum", ("a-1.0-1",), ("a 1.0-1",), ("a 1.0-1", "a 1.0^git1-1"), {"a-1.0-1": "a-1.0^git1-1"}),
    "pep 440 post": Row("simple", ("a==1.0",), ("a 1.0",), ("a 1.0", "a 1.0.post1", "a 1.1rc1", "a 1.1.dev3"),
                        {"a==1.0": "a==1.0.post1"}),
    "a pre-release goes on to pre-releases": Row("simple", ("a==1.1rc1",), ("a 1.1rc1",), ("a 1.1rc1", "a 1.1rc2"),
                                                 {"a==1.1rc1": "a==1.1rc2"}),
    "without a lock": Row("apt", ("a=1-1",), (), ("a 1-1", "a 2-1"), {"a=1-1": "a=2-1"}),
    "gone, and newer is there": Row("yum", ("a-1-1",), ("a 1-1",), ("a 2-1",), {"a-1-1": "a-2-1"}),
    # B2: names and versions as the repository splits them, each entry with its own CUDA
    "cuDNN 9 of yum by name": Row("yum", ("libcudnn9-cuda-12",), ("libcudnn9-cuda-12 9.12.0.46-1",),
                                  ("libcudnn9-cuda-12 9.12.0.46-1", "libcudnn9-cuda-13 9.13.0.50-1")),
    "cuDNN 9 of yum by version": Row(
        "yum", ("libcudnn9-cuda-12-9.12.0.46",), ("libcudnn9-cuda-12 9.12.0.46-1",),
        ("libcudnn9-cuda-12 9.12.0.46-1", "libcudnn9-cuda-12 9.13.0.50-1", "libcudnn9-cuda-13 9.14.0.1-1"),
        {"libcudnn9-cuda-12-9.12.0.46": "libcudnn9-cuda-12-9.13.0.50"}),
    "cuDNN 9 of yum, no longer listed": Row(
        "yum", ("libcudnn9-cuda-12-9.12.0.46",), (), ("libcudnn9-cuda-12 9.13.0.50-1",),
        {"libcudnn9-cuda-12-9.12.0.46": "libcudnn9-cuda-12-9.13.0.50"}),
    "cuDNN 8 of yum by version": Row(
        "yum", ("libcudnn8-8.9.6.50",), ("libcudnn8 8.9.6.50-1.cuda12.2", "libcudnn8 8.9.6.50-1.cuda11.8"),
        ("libcudnn8 8.9.6.50-1.cuda12.2", "libcudnn8 8.9.6.50-1.cuda11.8", "libcudnn8 8.9.7.29-1.cuda12.2",
         "libcudnn8 8.9.7.29-1.cuda11.8"),
        {"libcudnn8-8.9.6.50": "libcudnn8-8.9.7.29"}),
    "not for both CUDAs": Row(
        "yum", ("libcudnn8-8.9.6.50",), ("libcudnn8 8.9.6.50-1.cuda12.2", "libcudnn8 8.9.6.50-1.cuda11.8"),
        ("libcudnn8 8.9.6.50-1.cuda12.2", "libcudnn8 8.9.6.50-1.cuda11.8", "libcudnn8 8.9.7.29-1.cuda12.2"),
        notices=("8.9.7.29-1.cuda12.2 is there, but not for CUDA 11 on x86_64",)),
    "with release, architecture and epoch": Row(
        "yum", ("nvidia-driver-3:455.45.01-1.el8.x86_64",), ("nvidia-driver 3:455.45.01-1.el8",),
        ("nvidia-driver 3:455.45.01-1.el8", "nvidia-driver 3:460.1-1.el8"),
        {"nvidia-driver-3:455.45.01-1.el8.x86_64": "nvidia-driver-3:460.1-1.el8.x86_64"}),
    "a dot in the name is no architecture": Row(
        "yum", ("python3.11-1-1",), ("python3.11 1-1",), ("python3.11 1-1", "python3.11 2-1", "python3 9-1"),
        {"python3.11-1-1": "python3.11-2-1"}),
    "one entry's CUDA is not the other's": Row(
        "apt", ("libcudnn9-cuda-13=9.12.0.46-1", "libnccl2=*+cuda12*"),
        ("libcudnn9-cuda-13 9.12.0.46-1", "libnccl2 2.27.3-1+cuda12.9"),
        ("libcudnn9-cuda-13 9.12.0.46-1", "libcudnn9-cuda-13 9.13.0.50-1", "libnccl2 2.27.3-1+cuda12.9",
         "libnccl2 2.28.1-1+cuda12.9", "libnccl2 2.29.1-1+cuda13.0"),
        {"libcudnn9-cuda-13=9.12.0.46-1": "libcudnn9-cuda-13=9.13.0.50-1"},
        ("libnccl2: 2.27.3-1+cuda12.9 -> 2.28.1-1+cuda12.9: the pin allows it",)),
    "two CUDAs in one pin": Row(
        "apt", ("libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8=8.9.6.50-1+cuda12.2"),
        ("libcudnn8 8.0.5.39-1+cuda11.1", "libcudnn8 8.9.6.50-1+cuda12.2"),
        ("libcudnn8 8.0.5.39-1+cuda11.1", "libcudnn8 8.9.6.50-1+cuda12.2", "libcudnn8 8.9.7.29-1+cuda11.8"),
        {"libcudnn8=8.0.5.39-1+cuda11.1": "libcudnn8=8.9.7.29-1+cuda11.8"}),
    "the CUDA of the pin": Row(
        "apt", ("libcudnn8=8.0.5.39-1+cuda11.1",), ("libcudnn8 8.0.5.39-1+cuda11.1",),
        ("libcudnn8 8.0.5.39-1+cuda11.1", "libcudnn8 8.1.0.77-1+cuda11.2"), pin={"cuda": "11.1"}),
    # B3: what is outside the pin
    "outside what init writes": Row(
        "apt", ("libcudnn9-cuda-12=9.12.*-*",), ("libcudnn9-cuda-12 9.12.0.46-1",),
        ("libcudnn9-cuda-12 9.12.0.46-1", "libcudnn9-cuda-12 9.13.0.50-1"),
        notices=("9.13.0.50-1 is there, outside the pin 'libcudnn9-cuda-12=9.12.*-*'",)),
    "inside and outside": Row(
        "yum", ("libcudnn9-cuda-12-9.12.*",), ("libcudnn9-cuda-12 9.12.0.46-1",),
        ("libcudnn9-cuda-12 9.12.0.46-1", "libcudnn9-cuda-12 9.12.1.2-1", "libcudnn9-cuda-12 9.13.0.50-1"),
        notices=("9.12.0.46-1 -> 9.12.1.2-1: the pin allows it", "9.13.0.50-1 is there, outside the pin")),
    "outside a range": Row("simple", ("a>=1,<2",), ("a 1.5",), ("a 1.5", "a 2.0"),
                           notices=("2.0 is there, outside the pin 'a>=1,<2'",)),
    "outside a prefix": Row("simple", ("a==1.*",), ("a 1.5",), ("a 1.5", "a 2.0"), notices=("2.0 is there, outside",)),
    "outside a glob of archives": Row("redistrib", ("cudnn=9.12.*",), ("cudnn 9.12.0.46",),
                                      ("cudnn 9.12.0.46", "cudnn 9.13.0.50"), notices=("9.13.0.50 is there, outside",)),
    "a glob over names": Row("apt", ("libcudnn8*=8.0.*",), ("libcudnn8 8.0.1-1", "libcudnn8-dev 8.0.1-1"),
                             ("libcudnn8 8.0.1-1", "libcudnn8-dev 8.0.1-1", "libcudnn8 8.1-1", "libcudnn8-dev 8.1-1"),
                             notices=("libcudnn8: 8.1-1 is there, outside", "libcudnn8-dev: 8.1-1 is there, outside")),
    "nothing at all": Row("apt", ("a=1-1", "a"), ("a 1-1",), ("a 1-1",)),
    # withdrawn, machines, hashes
    "withdrawn": Row("simple", ("a==1.0",), ("a 1.0",), ("!a 1.0", "!a 2.0"), notices=("1.0 was withdrawn (yanked)",)),
    "withdrawn, and there is another": Row("simple", ("a==1.0",), ("a 1.0",), ("!a 1.0", "a 1.1"),
                                           {"a==1.0": "a==1.1"}, ("1.0 was withdrawn (yanked)",)),
    "not for every machine yet": Row(
        "apt", ("a=1-1",), ("a 1-1", "a 1-1@arm64"), ("a 1-1", "a 1-1@arm64", "a 2-1@arm64"),
        notices=("2-1 is there, but not for amd64",)),
    "for all machines at once": Row("apt", ("a=1-1",), ("a 1-1", "a 1-1@arm64"), ("a 1-1", "a 2-1@all"),
                                    {"a=1-1": "a=2-1"}),
    "the newest that all platforms have": Row(
        "simple", ("a==1.0",), ("a 1.0",), ("a 1.0", "a 1.0@win-64", "a 1.1", "a 1.1@win-64", "a 1.2"),
        {"a==1.0": "a==1.1"}, pin={"subdirs": ("linux-64", "win-64")}),
    "a hash in the pin": Row("simple", ("a==1.0",), ("a 1.0",), ("a 1.0", "a 1.1"),
                             notices=("1.1 is there, but the pin gives the sha256 of a-1.0: change",),
                             pin={"sha256": (("a-1.0", "0" * 64),)}),
    "a version nobody can read": Row("apt", ("a=1-1",), ("a 1-1",), ("a 1-1", "a 2.2_x", "a 1-2"), {"a=1-1": "a=1-2"}),
    "extras and spelling stay": Row("simple", ("Nvidia_X[all]==1.0",), ("nvidia-x 1.0",), ("nvidia-x 2",),
                                    {"Nvidia_X[all]==1.0": "Nvidia_X[all]==2"}),
    "versions side by side": Row(
        "simple", ("a==1.0", "a==2.0", "a==1.5"), ("a 1.0", "a 1.5", "a 2.0"), ("!a 1.0", "a 1.5", "a 2.0", "a 3.0"),
        {"a==2.0": "a==3.0"}, ("1.0 was withdrawn",)),
    "three parts of an archive": Row("redistrib", ("cudnn=9.12.0",), ("cudnn 9.12.0.46",),
                                     ("cudnn 9.12.0.46", "cudnn 9.13.0.50"), {"cudnn=9.12.0": "cudnn=9.13.0"}),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_pins_against_what_is_offered(row: Row) -> None:
    pin = Pin("u", row.packages, **row.pin)  # type: ignore[arg-type]
    locked = [artifact(row.kind, *split(one, row.kind)) for one in row.locked]
    updates, notices = compare([(0, pin)], SPELLINGS[row.kind], locked, [offer(one, row.kind) for one in row.offered])
    assert {one.before: one.after for one in updates} == row.after
    texts = [one.text for one in notices]
    assert len(texts) == len(row.notices), texts
    for text, said in zip(texts, row.notices, strict=True):
        assert said in text


def split(text: str, kind: str) -> tuple[str, str, str]:
    name, _, rest = text.partition(" ")
    version, _, machine = rest.partition("@")
    return name, version, machine or MACHINE[kind]


def artifact(kind: str, name: str, version: str, machine: str) -> Artifact:
    kinds = {"apt": "deb", "yum": "rpm", "simple": "wheel", "redistrib": "archive"}
    return Artifact("u", kinds[kind], name, version, machine, "p", f"{name}-{version}", Digest.of(b""))


def offer(text: str, kind: str) -> Offer:
    return Offer(*split(text.lstrip("!"), kind), 1, "p", withdrawn="" if text.startswith("!") else None)
