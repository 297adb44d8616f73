"""What hangs from a bad root is not used: signatures, dates, indexes. Site, lock and store stay as they were."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.keys import PAST
from simulator.nvidia import Nvidia
from simulator.project import DEB, Project

RUNTIME = f"libcudnn8_{DEB}_amd64.deb"


def refused(project: Project, code: int, *argv: str, kept: tuple[bytes, ...] = ()) -> str:
    """Run a verb that must fail with ``code``, leave everything published alone, and return its error line.

    ``kept`` are good bytes that may have come into the store before the fault was met.
    """
    before = project.published()
    done = project.fail(code, *argv)
    after = project.published()
    for data in kept:
        after.pop(str(project.object(data)), None)
    assert after == before
    return done.error


def good_again(project: Project, nvidia: Nvidia) -> None:
    """With the fault gone, the next run goes through."""
    nvidia.server.heal()
    project.run("lock")
    assert RUNTIME in project.lock.read_text()


def by_a_stranger(nvidia: Nvidia) -> None:
    nvidia.repo.sign(nvidia.other_key)


def signature_expired(nvidia: Nvidia) -> None:
    nvidia.repo.sign(when=PAST, expires="1d")


def text_changed(nvidia: Nvidia) -> None:
    root = nvidia.repo.folder / "InRelease"
    nvidia.repo.put(root, root.read_bytes().replace(b"Label: NVIDIA CUDA", b"Label: NVIDIA CUDB"))


def text_after(nvidia: Nvidia) -> None:
    root = nvidia.repo.folder / "InRelease"
    nvidia.repo.put(root, root.read_bytes() + b"\nSHA256:\n")


def text_before(nvidia: Nvidia) -> None:
    root = nvidia.repo.folder / "InRelease"
    nvidia.repo.put(root, b"Origin: NVIDIA\n\n" + root.read_bytes())


def not_signed(nvidia: Nvidia) -> None:
    nvidia.repo.put(nvidia.repo.folder / "InRelease", (nvidia.repo.folder / "Release").read_bytes())


def an_error_page(nvidia: Nvidia) -> None:
    nvidia.repo.put(nvidia.repo.folder / "InRelease", b"<html>We are moving!</html>\n")


def valid_until_has_passed(nvidia: Nvidia) -> None:
    nvidia.repo.fields["Valid-Until"] = "Wed, 01 Jan 2020 00:00:00 +0000"
    nvidia.repo.publish()
    del nvidia.repo.fields["Valid-Until"]


def from_the_future(nvidia: Nvidia) -> None:
    nvidia.repo.publish(date="Fri, 01 Jan 2100 00:00:00 +0000")


def without_sha256(nvidia: Nvidia) -> None:
    release = nvidia.repo.folder / "Release"
    nvidia.repo.put(release, release.read_bytes().replace(b"SHA256:", b"SHA224:"))
    nvidia.repo.sign()


FAULTS: list[tuple[Callable[[Nvidia], None], int, str]] = [
    (by_a_stranger, 5, "a key that is not in the keyring"),
    (signature_expired, 5, "the signature has expired"),
    (text_changed, 5, "the signature does not match the text"),
    (text_after, 5, "not exactly one cleartext-signed message"),
    (text_before, 5, "not exactly one cleartext-signed message"),
    (not_signed, 5, "not exactly one cleartext-signed message"),
    (an_error_page, 5, "not exactly one cleartext-signed message"),
    (valid_until_has_passed, 5, "expired on 2020-01-01 00:00 UTC (Valid-Until)"),
    (from_the_future, 5, "in the future"),
    (without_sha256, 10, "no SHA256 or SHA512 section"),
]


@pytest.mark.parametrize(("fault", "code", "says"), FAULTS, ids=[one[0].__name__ for one in FAULTS])
def test_a_bad_root_is_refused(
    shown: Project, nvidia: Nvidia, fault: Callable[[Nvidia], None], code: int, says: str
) -> None:
    shown.add_apt(nvidia)
    fault(nvidia)
    error = refused(shown, code, "lock")
    assert says in error
    assert f"{nvidia.apt_url}InRelease" in error
    nvidia.repo.publish()
    good_again(shown, nvidia)


def test_a_key_in_the_keyring_that_is_not_pinned_is_refused(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia, keys=(nvidia.other_key.fingerprint,))
    error = refused(shown, 3, "lock")
    assert f"none of the pinned keys {nvidia.other_key.fingerprint} is in `keyrings`" in error
    assert f"holds {nvidia.key.fingerprint}" in error
    shown.toml.write_text(shown.toml.read_text().replace(nvidia.other_key.fingerprint, nvidia.key.fingerprint))
    good_again(shown, nvidia)


def test_an_expired_key_is_refused(shown: Project, nvidia: Nvidia) -> None:
    old = nvidia.artifacts.expired_key
    shown.add_apt(nvidia, keys=(nvidia.key.fingerprint, old.fingerprint))
    nvidia.key_file.write_bytes(old.armored)
    nvidia.repo.sign(old, when=PAST)
    assert "the key that signed it has expired" in refused(shown, 5, "lock")
    nvidia.key_file.write_bytes(nvidia.key.armored)
    nvidia.repo.sign()
    good_again(shown, nvidia)


def test_a_missing_key_file_is_named(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    nvidia.key_file.rename(nvidia.folder / "elsewhere")
    assert f"{nvidia.key_file}: cannot read the public key" in refused(shown, 3, "lock")


@pytest.mark.parametrize("names", [("InRelease",), ("Release", "Release.gpg")], ids=["inline", "detached"])
def test_an_older_root_is_refused_unless_it_is_meant(shown: Project, nvidia: Nvidia, names: tuple[str, ...]) -> None:
    shown.add_apt(nvidia)
    old = {name: (nvidia.repo.folder / name).read_bytes() for name in names}
    nvidia.repo.publish()
    shown.run("lock")
    for name, data in old.items():
        nvidia.server.replace(f"{nvidia.apt_path}/{name}", data)
    if "InRelease" not in names:
        nvidia.server.missing(f"{nvidia.apt_path}/InRelease")
    assert "older than the one of" in refused(shown, 5, "lock")
    shown.run("lock", "--allow-rollback")
    good_again(shown, nvidia)


def test_release_with_a_detached_signature_serves_where_there_is_no_inrelease(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    nvidia.server.missing(f"{nvidia.apt_path}/InRelease")
    nvidia.server.flip(f"{nvidia.apt_path}/Release", at=20)
    error = refused(shown, 5, "lock")
    assert f"{nvidia.apt_url}Release: the signature does not match the text" in error
    nvidia.server.heal(f"{nvidia.apt_path}/Release")
    shown.run("lock")
    assert 'path = "Release"' in shown.lock.read_text()


def test_no_root_at_all_names_the_first_one_looked_for(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    nvidia.server.missing(f"{nvidia.apt_path}/*Release*")
    assert f"{nvidia.apt_url}InRelease: HTTP 404" in refused(shown, 4, "lock")
    good_again(shown, nvidia)


def test_an_endless_root_is_cut_off_and_nothing_else_is_tried(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    nvidia.server.endless(f"{nvidia.apt_path}/InRelease")
    assert "more than 10485760 bytes (10 MiB), the limit for such a document" in refused(shown, 4, "lock")
    assert nvidia.server.count(f"{nvidia.apt_path}/*") == 1
    good_again(shown, nvidia)


def test_an_index_that_the_release_does_not_mean_is_refused(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    index, root = f"{nvidia.apt_path}/Packages*", (nvidia.repo.folder / "InRelease").read_bytes()
    nvidia.server.same_size(index)
    error = refused(shown, 5, "lock", kept=(root,))
    assert f"{nvidia.apt_url}Packages.gz: does not match the signed Release" in error
    assert "at the same size" in error
    nvidia.server.heal()
    nvidia.server.replace(index, gzip.compress(b"another length"))
    assert "bytes where" in refused(shown, 5, "lock")
    good_again(shown, nvidia)


def test_the_other_form_of_an_index_serves_where_one_is_bad(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    nvidia.server.same_size(f"{nvidia.apt_path}/Packages.gz")
    shown.run("lock")
    assert RUNTIME in shown.lock.read_text()


def test_an_index_cut_short_is_given_up_in_the_end(shown: Project, nvidia: Nvidia) -> None:
    shown.add_apt(nvidia)
    root = (nvidia.repo.folder / "InRelease").read_bytes()
    nvidia.server.cut(f"{nvidia.apt_path}/Packages.gz", 0)
    error = refused(shown, 4, "lock", kept=(root,))
    assert f"{nvidia.apt_url}Packages.gz: the transfer was cut" in error
    good_again(shown, nvidia)


@pytest.mark.parametrize("name", ["../../etc/x", "/etc/x", "./sub/../../x", "a\\b"])
def test_a_package_that_would_leave_its_folder_is_refused_even_when_signed(
    shown: Project, nvidia: Nvidia, name: str, tmp_path: Path
) -> None:
    shown.add_apt(nvidia)
    stanzas = list(nvidia.repo.stanzas)
    nvidia.repo.stanzas = [one.replace(f"Filename: ./{RUNTIME}", f"Filename: {name}") for one in stanzas]
    nvidia.repo.publish()
    kept = tuple((nvidia.repo.folder / one).read_bytes() for one in ("InRelease", "Packages.gz"))
    assert repr(name) in refused(shown, 6, "lock", kept=kept)
    assert not (tmp_path / "etc").exists()
    nvidia.repo.stanzas = stanzas
    nvidia.repo.publish()
    good_again(shown, nvidia)
