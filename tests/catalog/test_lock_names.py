"""Names of packages go into files and commands of clients: what is more than a name does not get into a lock."""

from __future__ import annotations

import pytest

from cudepot.catalog.lock import Artifact
from cudepot.digest import Digest
from cudepot.errors import FormatError

DIGEST = Digest("0" * 64, 1)


def artifact(kind: str, name: str, version: str = "1.0") -> Artifact:
    return Artifact("up", kind, name, version, "amd64", "x.deb", "x.deb", DIGEST)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("x\nPackage: *", "1.0"), ("-oAPT::Update::Pre-Invoke::=sh", "1.0"), ("$(id)", "1.0"), ("*", "1.0"),
        ("x y", "1.0"), ("x", "1.0\nPin-Priority: 1001"), ("x", "1'"), ("x\n", "1.0"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_what_is_more_than_a_name_is_refused(kind: str, name: str, version: str) -> None:
    with pytest.raises(FormatError, match="is not a name, version or architecture"):
        artifact(kind, name, version)


def test_odd_names_and_versions_pass() -> None:
    assert artifact("deb", "libstdc++6", "1:2.0~rc1+dfsg-1ubuntu0.1").name == "libstdc++6"
    assert artifact("rpm", "gcc-c++", "1:8.5.0-22.el8^git1").name == "gcc-c++"
    assert artifact("archive", "cudnn 8 (final).zip", "").name == "cudnn 8 (final).zip"
