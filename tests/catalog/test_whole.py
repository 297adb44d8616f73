"""What a whole repository consists of, decided without any I/O."""

from __future__ import annotations

import pytest

from cudepot.catalog.lock import LockedFile, LockedUpstream
from cudepot.catalog.mirror import whole
from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError
from cudepot.kinds.apt.rules.mirror import main_indexes

A, B, C = (Digest(char * 64, 1) for char in "abc")


def upstream(*files: LockedFile) -> LockedUpstream:
    return LockedUpstream("u", "apt", "https://u.example/", "0" * 64, files=files)


def test_packages_are_read_from_the_smallest_form() -> None:
    forms = [LockedFile(name, "index", A) for name in ("Packages", "Packages.gz", "Packages.xz", "Contents")]
    assert main_indexes(upstream(*forms))[0].path == "Packages.xz"
    assert main_indexes(upstream(*forms[:2]))[0].path == "Packages.gz"
    with pytest.raises(ConfigError, match="no package index"):
        main_indexes(upstream(forms[3], LockedFile("Packages", "extra", A)))


def test_every_folder_has_its_index_and_names_by_hash_are_none() -> None:
    paths = ("dists/a/main/binary-amd64/Packages", "dists/a/main/binary-amd64/Packages.gz")
    paths += ("dists/a/main/binary-amd64/by-hash/SHA256/" + "a" * 64, "dists/a/main/binary-arm64/Packages.gz")
    found = main_indexes(upstream(*(LockedFile(one, "index", A) for one in paths)))
    assert [one.path for one in found] == [paths[1], paths[3]]


def test_sources_are_an_index_of_their_own_beside_packages() -> None:
    paths = ("a/binary-amd64/Packages.xz", "a/source/Sources.gz", "a/source/Sources.xz", "a/source/Release")
    found = main_indexes(upstream(*(LockedFile(one, "index", A) for one in paths)))
    assert [one.path for one in found] == [paths[0], paths[2]]
    with pytest.raises(ConfigError, match="no package index"):
        main_indexes(upstream(LockedFile("Sources", "index", A)))


def test_the_last_of_two_hashes_counts_and_is_told_once() -> None:
    found = whole(upstream(), [("x", A), ("y", C), ("x", B), ("x", B), ("y", C)])
    assert found.packages == {"x": B, "y": C}
    assert len(found.notes) == 1
    assert A.sha256 in found.notes[0]


def test_an_extra_may_be_a_package_of_the_index_when_it_is_the_same() -> None:
    extra = upstream(LockedFile("keyring.deb", "extra", A))
    assert whole(extra, [("keyring.deb", A)]).tree == {"keyring.deb": A}
    with pytest.raises(FormatError, match="was locked"):
        whole(extra, [("keyring.deb", B)])


@pytest.mark.parametrize("path", ["InRelease/x", "InRelease/a/b/x.deb"])
def test_a_file_is_no_folder(path: str) -> None:
    with pytest.raises(FormatError, match="both a file and a folder"):
        whole(upstream(LockedFile("InRelease", "root", A)), [(path, B)])
