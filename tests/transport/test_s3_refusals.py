"""What a site on S3 says of servers that damage, refuse or cannot be reached, and of objects damaged at home."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from simulator.s3 import S3Server
from tests.sites import Place, place_of
from tests.transport.test_sites import PACKAGE, ROOT, extra, tree

from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError, SiteError, TrustError
from cudepot.ports import FileTraits
from cudepot.transport.s3.bucket import Bucket


def test_reading_back_finds_a_server_that_damages(moto: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    site = moto.s3(read_back=True)
    site.write(1, tree(moto, {PACKAGE: b"package", ROOT: b"root"}), extra(1))
    site.switch(1)
    original = Bucket.put_direct

    def put(
        bucket: Bucket, key: str, stream: BinaryIO, traits: FileTraits, digest: Digest, *, absent: bool = False
    ) -> bool:
        damaged = b"change" if key.endswith(".deb") else stream.read()
        return original(bucket, key, io.BytesIO(damaged), traits, Digest.of(damaged), absent=absent)

    monkeypatch.setattr(Bucket, "put_direct", put)
    with pytest.raises(SiteError, match="reads back as 6 bytes"):
        site.write(2, tree(moto, {PACKAGE: b"changed", ROOT: b"root 2"}), extra(2))
    assert moto.get(ROOT) == b"root"


@pytest.mark.parametrize("told", ["is damaged", "where .* was promised"], ids=["written to", "time kept"])
def test_a_damaged_object_is_not_sent(place: Place, told: str) -> None:
    made = tree(place, {PACKAGE: b"package", ROOT: b"root"})
    file = place.store.path(made[PACKAGE])
    times = file.stat()
    file.chmod(0o644)
    file.write_bytes(b"pAckage")
    if told != "is damaged":
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(TrustError, match=told):
        place.s3().write(1, made, extra(1))
    assert place.get(PACKAGE) is None


def test_a_bucket_that_answers_403_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    site = place.s3()
    monkeypatch.setattr(site._progress, "say", said.append)
    client = place.server.client()  # type: ignore[union-attr]
    if place.name == "radosgw":
        client.put_bucket_acl(Bucket=place.where.bucket, ACL="private")
    site.write(1, tree(place, {ROOT: b"root"}), extra(1))
    site.switch(1)
    wanted = {"moto": [], "rclone": ["without credentials"], "radosgw": ["answers 403, not 404"]}[place.name]
    assert len(said) == len(wanted)
    assert all(one in line for one, line in zip(wanted, said, strict=True)), said


def test_a_server_that_cannot_hold_folder_pages_is_told(
    tmp_path: Path, s3_server: Callable[[str], S3Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of("rclone", tmp_path, s3_server, monkeypatch)
    site = place.s3(folder_pages=True)
    site.write(1, tree(place, {"simple/x/index.html": b"page"}), extra(1))
    with pytest.raises(SiteError, match="simple/x/: refused") as told:
        site.switch(1)
    assert "folder-pages = false" in told.value.hint


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"endpoint": "http://127.0.0.1:9"}, SiteError, "127.0.0.1:9"),
        ({"bucket": "no-such-bucket-here"}, SiteError, "NoSuchBucket"),
        ({"profile": "nobody"}, ConfigError, "nobody"),
    ],
)
def test_what_cannot_be_reached_is_told(
    moto: Place, changed: dict[str, str], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as told:
        moto.s3(**changed).write(1, {}, extra(1))
    assert isinstance(told.value, CudepotError)
    assert told.value.hint


def test_without_credentials_nothing_is_asked(moto: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ConfigError, match="redentials"):
        moto.s3().current()


def test_a_wrong_secret_is_told_without_it(
    tmp_path: Path, s3_server: Callable[[str], S3Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of("rclone", tmp_path, s3_server, monkeypatch)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-here")
    with pytest.raises(SiteError, match="SignatureDoesNotMatch") as told:
        place.s3().current()
    assert "wrong-secret-here" not in f"{told.value}{told.value.hint}"
