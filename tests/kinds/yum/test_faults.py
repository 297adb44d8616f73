"""Bad and hostile yum upstreams: a clear error each, and what was locked and published stays as it was."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.process import run
from simulator.project import Project, same_files
from simulator.rpms import sign_rpms, simple_rpm, write_rpm
from simulator.yum import Rhel, RhelArtifacts
from tests.kinds.yum.world import CUDNN, DEVEL, NAME, add_yum, forge

REPOMD = "repodata/repomd.xml"
BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><metadata/>'


@dataclass
class World:
    """A project that shows a site, and an upstream that has published something newer since."""

    project: Project
    rhel: Rhel

    def at(self, path: str) -> str:
        """Return a path on the server."""
        return f"{self.rhel.path}/{path}"

    def metadata(self, kind: str) -> str:
        """Return the path on the server of a file of the metadata."""
        return self.at(f"repodata/{self.rhel.repo.metadata(kind).name}")

    def refused(self, code: int, *verb: str) -> str:
        """The verb fails, once and clearly; lock and site stay; return what was said."""
        before, lock = self.project.published(), self.project.lock.read_bytes()
        done = self.project.fail(code, *(verb or ("lock",)))
        assert same_files(before, self.project.published())
        assert self.project.lock.read_bytes() == lock
        return done.error


@pytest.fixture(scope="module")
def world(
    rhel_artifacts: RhelArtifacts, site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One world for all faults: each of them must leave it as it was."""
    home, key = site_key_master
    with Rhel(rhel_artifacts, tmp_path_factory.mktemp("yum")) as rhel:
        project = Project(tmp_path_factory.mktemp("faults") / "p", key=key.fingerprint, gnupg=home.path).init()
        add_yum(project, rhel, DEVEL, "libstuff++")
        project.publish()
        publish_newer(rhel, "1.0+git2")
        yield World(project, rhel)


@pytest.fixture(autouse=True)
def healed(world: World) -> Iterator[None]:
    """Every fault is over when its test is."""
    kept = {path: path.read_bytes() for path in world.rhel.repo.repomd.parent.iterdir()}
    yield
    world.rhel.server.heal()
    for path, data in kept.items():
        path.write_bytes(data)


def publish_newer(rhel: Rhel, version: str) -> Path:
    """Publish a newer libstuff++, and return it."""
    newer = write_rpm(simple_rpm("libstuff++", version, "1", "x86_64"), rhel.folder)
    sign_rpms([newer], rhel.keys, rhel.key)
    rhel.repo.add(newer)
    rhel.repo.publish()
    return newer


def test_a_root_newer_than_its_signature_is_waited_for_then_named(world: World) -> None:
    """NVIDIA's repomd.xml.asc follows 10 to 23 minutes after repomd.xml."""
    world.rhel.repo.write_metadata()
    error = world.refused(5)
    assert "signature does not fit its root" in error
    assert "Last-Modified" in error
    assert "signature of" in error
    (fault,) = world.project.run("status", "--json").json["faults"]
    assert fault["kind"] == "signature does not fit its root"


def test_a_missing_signature_is_the_same_fault(world: World) -> None:
    world.rhel.server.missing(world.at(f"{REPOMD}.asc"))
    assert "no signature" in world.refused(5)


def test_metadata_that_was_rotated_away_is_named(world: World) -> None:
    world.rhel.server.missing(world.metadata("primary"))
    assert "signed root names an index that is not there" in world.refused(4)


def test_metadata_of_the_same_size_with_other_content_is_named(world: World) -> None:
    world.rhel.server.same_size(world.metadata("primary"))
    error = world.refused(5)
    assert "same size, other content" in error
    assert "signed repomd.xml" in error


def test_metadata_with_a_wrong_size_is_refused(world: World) -> None:
    world.rhel.server.replace(world.metadata("primary"), world.rhel.repo.metadata("primary").read_bytes() + b"x" * 4)
    assert "does not match the signed repomd.xml" in world.refused(5)


def test_a_stranger_may_not_sign(world: World) -> None:
    world.rhel.repo.write_metadata()
    world.rhel.repo.sign(world.rhel.other_key)
    assert "not in the keyring" in world.refused(5)


def test_a_signature_over_sha1_is_refused(world: World) -> None:
    world.rhel.repo.write_metadata()
    world.rhel.repo.sign(digest="SHA1")
    assert "weak hash" in world.refused(5)


def escaping(text: bytes) -> bytes:
    return text.replace(b'<location href="libstuff', b'<location href="../../../../etc/libstuff')


FORGED: list[tuple[str, Callable[[bytes], bytes], bytes, int, str]] = [
    ("path", escaping, b"", 10, "leaves its folder"),
    ("weak", lambda text: text.replace(b'<checksum type="sha256"', b'<checksum type="sha"'), b"", 5, "by sha only"),
    ("bomb", lambda _: BOMB, b"", 10, "declares XML entities"),
    ("entity", lambda text: text.replace(b"<summary>", b"<summary>&bomb;", 1), b"", 10, "undefined entity"),
    ("inflated", lambda _: b"<metadata/>", gzip.compress(bytes(50 << 20)), 10, "not well-formed"),
    ("cut", lambda text: text[: len(text) // 2], b"", 10, "unclosed token"),
    ("no gzip", lambda _: b"<metadata/>", b"\x1f\x8b\x08broken", 10, "damaged or cut short"),
]


@pytest.mark.parametrize(
    ("change", "packed", "code", "text"), [one[1:] for one in FORGED], ids=[one[0] for one in FORGED]
)
def test_hostile_metadata_with_a_good_signature_are_refused(
    world: World, change: Callable[[bytes], bytes], packed: bytes, code: int, text: str
) -> None:
    forge(world.rhel, "primary", change, packed=packed)
    assert text in world.refused(code)


def test_a_hostile_root_is_refused(world: World) -> None:
    text = world.rhel.repo.repomd.read_text()
    for change in (("<repomd", '<!DOCTYPE a [<!ENTITY b "c">]><repomd'), ('href="repodata/', 'href="../../repodata/')):
        world.rhel.repo.repomd.write_text(text.replace(*change))
        world.rhel.repo.sign()
        world.refused(10)


def test_bytes_that_changed_under_a_version_are_an_alarm(world: World) -> None:
    rpm = world.rhel.rpm(f"{CUDNN}.x86_64")
    before = rpm.read_bytes()
    sign_rpms([rpm], world.rhel.keys, world.rhel.old_key)
    world.rhel.repo.publish()
    error = world.refused(5)
    rpm.write_bytes(before)
    assert "version changed in place" in error
    assert "libcudnn8 8.0.5.39-1.cuda11.1" in error


def test_an_rpm_that_is_not_what_the_metadata_say_is_named(world: World) -> None:
    """Four bytes more, the same size with other content, cut short, not there: each is fetched for nothing."""
    newer = publish_newer(world.rhel, "1.0+git3")
    world.project.run("lock")
    path, data = world.at(newer.name), newer.read_bytes()
    world.rhel.server.same_size(path)
    assert "same size, other content" in world.refused(5, "sync")
    world.rhel.server.heal()
    world.rhel.server.replace(path, data + b"1234")
    assert "file has another size than its index says" in world.refused(5, "sync")
    world.rhel.server.heal()
    world.rhel.server.replace(path, data[:-100])
    world.refused(5, "sync")
    world.rhel.server.heal()
    world.rhel.server.missing(path)
    assert "index names a file that is not there" in world.refused(4, "sync")
    world.refused(3, "publish")
    world.rhel.server.heal()
    world.project.run("sync")


@pytest.mark.parametrize("how", ["stranger", "nobody", "revoked"])
def test_an_rpm_that_nobody_who_may_has_signed_is_not_published(world: World, how: str) -> None:
    versions = {"stranger": "2.1", "nobody": "2.2", "revoked": "2.3"}
    newer = publish_newer(world.rhel, versions[how])
    if how == "nobody":
        run("rpmsign", "--delsign", newer)
    else:
        sign_rpms([newer], world.rhel.keys, world.rhel.other_key if how == "stranger" else world.rhel.old_key)
    world.rhel.repo.add(newer)
    world.rhel.repo.publish()
    world.project.run("lock")
    if how == "revoked":
        revoke(world.rhel)
    error = world.refused(5, "sync")
    said = {"stranger": "not in the keyring", "nobody": "neither its header", "revoked": "has been revoked"}
    assert said[how] in error
    assert "package signature does not hold" in error
    assert "have not been checked" in world.refused(3, "publish")
    assert world.project.run("publish", "--keep-last", "--json").json["held"] == [NAME]


def revoke(rhel: Rhel) -> None:
    """Put the revocation of the older key into its file."""
    with rhel.keys.copy() as home:
        rhel.old_key_file.write_bytes(home.revoke(rhel.old_key).armored)


def test_an_older_root_is_not_accepted_again(world: World) -> None:
    """The last of them: from here on the memory knows a newer root."""
    root, signature = (world.rhel.repo.repomd.with_name(name) for name in ("repomd.xml", "repomd.xml.asc"))
    old = root.read_bytes(), signature.read_bytes()
    publish_newer(world.rhel, "3.0")
    world.project.run("lock")
    root.write_bytes(old[0])
    signature.write_bytes(old[1])
    assert "older than the one of" in world.refused(5)
    world.project.run("lock", "--allow-rollback")
