"""Bundles made to do harm, or damaged on the way: refused, with nothing written outside the store and nothing lost."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.sides import FARS, Far, Near, deb_of
from simulator.site_key import SiteKey

from cudepot.errors import FormatError
from cudepot.formats.bundle_tar import END, header, members, padding


@pytest.fixture(scope="module")
def near(
    site_key_master: tuple[KeyHome, Key], upstream_key: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory
) -> Near:
    """Two snapshots in the bundles ``full`` and ``second``; read only."""
    home, key = site_key_master
    folder = tmp_path_factory.mktemp("hostile")
    one = Near(folder, SiteKey(home.path, key, folder / "x", folder / "y"), upstream_key)
    one.publish(deb_of("first"))
    one.export("full.tar", 0)
    one.publish(deb_of("second"))
    one.export("second.tar", 1)
    return one


@pytest.fixture(params=FARS)
def far(
    request: pytest.FixtureRequest, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], near: Near, tmp_path: Path
) -> Far:
    """A far side that shows the first snapshot."""
    one: Far = request.param(tmp_path / "far", site_key.key_file, upstream_key[1].fingerprint).init()
    one.take(near.medium / "full.tar")
    one.run("publish")
    return one


OBJECT = "objects/" + "0" * 64
Members = list[tuple[str, bytes]]


def read(volume: bytes) -> Members:
    """Return the members of a volume."""
    stream = io.BytesIO(volume)
    return [(one.name, volume[one.offset : one.offset + one.size]) for one in members(stream, "x")]


def write(found: Members) -> bytes:
    """Return a volume of these members."""
    return b"".join(header(name, len(data)) + data + bytes(padding(len(data))) for name, data in found) + END


def tar(add: Callable[[tarfile.TarFile], None], volume: bytes) -> bytes:
    """Return a volume with more members, as Python's tarfile writes them."""
    out = io.BytesIO(volume[: -len(END)])
    out.seek(0, 2)
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        add(archive)
    return out.getvalue()


def special(name: str, kind: bytes, link: str = "") -> Callable[[bytes], bytes]:
    """Return what appends a member that is no regular file."""

    def change(volume: bytes) -> bytes:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        return tar(lambda archive: archive.addfile(info), volume)

    return change


def named(name: str) -> Callable[[bytes], bytes]:
    """Return what appends a regular file under a name."""
    return lambda volume: write([*read(volume), (name, b"evil")])


def huge(volume: bytes) -> bytes:
    """A header that promises eight gigabytes."""
    return volume[: -len(END)] + header(OBJECT, 8**11 - 1) + END


def sparse(volume: bytes) -> bytes:
    info = tarfile.TarInfo(OBJECT)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"GNU.sparse.size": "1"}) as one:
        one.addfile(info)
    return volume[: -len(END)] + out.getvalue()


def wrong_bytes(volume: bytes) -> bytes:
    """Other bytes under the names of all objects: one that is here already is not read again."""
    found = read(volume)
    return write([*found[:3], *((name, bytes(len(data))) for name, data in found[3:])])


def swapped_manifest(volume: bytes) -> bytes:
    """A manifest with a changed number, under the old signature."""
    found = read(volume)
    return write([(found[0][0], found[0][1].replace(b'"number": 2', b'"number": 9')), *found[1:]])


def missing_member(volume: bytes) -> bytes:
    return write(read(volume)[:-1])


def twice(volume: bytes) -> bytes:
    found = read(volume)
    return write([*found, found[-1]])


def reordered(volume: bytes) -> bytes:
    found = read(volume)
    return write([*found[:3], *reversed(found[3:])])


def without_signature(volume: bytes) -> bytes:
    found = read(volume)
    return write([found[0], *found[2:]])


def other_sums(volume: bytes) -> bytes:
    found = read(volume)
    return write([*found[:2], (found[2][0], found[2][1].replace(b"objects/", b"objekte/")), *found[3:]])


HOSTILE: list[Callable[[bytes], bytes]] = [
    special(OBJECT, tarfile.SYMTYPE, "/etc/passwd"), special(OBJECT, tarfile.LNKTYPE, "x"),
    special(OBJECT, tarfile.CHRTYPE), special(OBJECT, tarfile.FIFOTYPE),
    special("evil", tarfile.DIRTYPE), named("../../evil"), named("/tmp/evil"), named("objects/../evil"),
    named("objects/" + "Z" * 64), named(OBJECT), huge, sparse, wrong_bytes, swapped_manifest,
    missing_member, twice, reordered, without_signature, other_sums,
    lambda volume: volume[: len(volume) // 2], lambda volume: volume[:-1], lambda volume: volume[:-1024],
    lambda volume: volume + b"\0", lambda volume: b"", lambda _: bytes(10_240), lambda volume: volume[512:],
]  # fmt: skip


def test_hostile_volumes_are_refused_and_the_real_one_still_comes_in(far: Far, near: Near, tmp_path: Path) -> None:
    good = (near.medium / "second.tar").read_bytes()
    for number, harm in enumerate(HOSTILE):
        volume = tmp_path / f"{number}.tar"
        volume.write_bytes(harm(good))
        done = far.run("bundle", "import", str(volume), check=False)
        assert done.rc in (5, 10), (number, str(done))
        assert done.error
        volume.unlink()
    assert not list(tmp_path.glob("*evil*"))
    assert not Path("/tmp/evil").exists()
    assert [one["number"] for one in far.run("snapshots", "--json").json] == [1]
    assert far.run("verify", "--json").json["faults"] == []
    assert far.take(near.medium / "second.tar")["imported"] == [2]
    far.run("publish")
    assert far.run("verify", "--json").json["faults"] == []


def test_what_follows_the_end_is_not_read_into_memory() -> None:
    """A sparse file of terabytes costs whoever makes it nothing."""

    class Endless(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return 1 << 40 if whence == 2 else super().seek(offset, whence)

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert 0 <= size < 1 << 20, "all that follows"
            return bytes(size)

    with pytest.raises(FormatError, match="does not end where it should"):
        list(members(Endless(), "x"))


def test_every_flipped_bit_of_a_volume_is_seen_by_its_reader(near: Near) -> None:
    """A header has one form, padding is zero; whatever else is flipped lies in bytes that a hash covers."""
    volume = (near.medium / "second.tar").read_bytes()
    good = read(volume)
    spread = random.Random(3)
    for _ in range(300):
        bad = bytearray(volume)
        place = spread.randrange(len(bad))
        bad[place] ^= 1 << spread.randrange(8)
        try:
            found = read(bytes(bad))
        except FormatError:
            continue
        assert [name for name, _ in found] == [name for name, _ in good]
        assert found != good
