"""Many signatures by one run of gpg: the same verdicts as gpgv's, and as rpm's own on real rpms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.keys import PAST, Key, KeyHome
from simulator.process import clean_env, run
from tests.formats.rpm_samples import build_rpm, sign_rpm

from cudepot.errors import TrustError
from cudepot.formats.rpm_header import read_head
from cudepot.ports import Signed
from cudepot.signing.gpgv import Gpgv


@pytest.fixture(scope="module")
def home() -> Iterator[KeyHome]:
    with KeyHome() as one:
        yield one


def binary(home: KeyHome, data: bytes, key: Key, *, when: str = "", digest: str = "SHA512") -> bytes:
    return home.gpg("--detach-sign", "--digest-algo", digest, "--local-user", key.fingerprint, data=data, when=when)


def test_each_document_gets_its_own_verdict(home: KeyHome, tmp_path: Path) -> None:
    good, second, stranger = (home.generate(name) for name in ("good", "second", "stranger"))
    subkey = home.generate("subkey", subkey=True)
    expired, revoked = home.expired("expired"), home.generate("revoked")
    documents = [
        (b"one", binary(home, b"one", good), "one"),
        (b"two", binary(home, b"two", second), "two"),
        (b"changed", binary(home, b"three", good), "three"),
        (b"four", binary(home, b"four", stranger), "four"),
        (b"five", binary(home, b"five", expired, when=PAST), "five"),
        (b"six", binary(home, b"six", good, digest="SHA1"), "six"),
        (b"seven", binary(home, b"seven", revoked), "seven"),
        (b"eight", b"\x88\x02xx", "eight"),
        (b"", binary(home, b"", good), "nine"),
        (b"ten" * 100_000, binary(home, b"ten" * 100_000, subkey), "ten"),
    ]
    keys = [good, second, expired, home.revoke(revoked), subkey]
    rings = [tmp_path / f"{number}.pub" for number in range(len(keys))]
    for path, key in zip(rings, keys, strict=True):
        path.write_bytes(key.armored)
    verifier = Gpgv(rings, [one.fingerprint for one in keys])
    found = verifier.detached_each(documents)
    names = {good.fingerprint: "good", second.fingerprint: "second", subkey.fingerprint: "subkey"}
    told = [names[one.signers[0]] if isinstance(one, Signed) else "" for one in found]
    assert told == ["good", "second", "", "", "", "", "", "", "good", "subkey"]
    whys = ["does not match", "not in the keyring", "expired", "weak hash", "revoked"]
    assert all(why in str(found[number]) for number, why in zip((2, 3, 4, 5, 6), whys, strict=True))
    one_by_one = [isinstance(verifier.detached_each([one])[0], Signed) for one in documents]
    assert one_by_one == [bool(one) for one in told]
    assert verifier.detached_each([]) == []


def test_real_rpms_get_rpms_own_verdict(home: KeyHome, tmp_path: Path) -> None:
    key, other = home.generate("signer"), home.generate("other")
    rpms = [build_rpm(tmp_path, f"pkg{number}", "1") for number in range(3)]
    sign_rpm(rpms[0], home, key)
    sign_rpm(rpms[1], home, other)
    sign_rpm(rpms[2], home, key, digest="sha512")
    (tmp_path / "key.pub").write_bytes(key.armored)
    env = clean_env(HOME=str(tmp_path))
    database = ["--define", f"_dbpath {tmp_path}/rpmdb"]
    run("rpmkeys", *database, "--import", tmp_path / "key.pub", env=env)
    said = [run("rpmkeys", *database, "-K", one, env=env, check=False).returncode == 0 for one in rpms]
    documents = []
    for path in rpms:
        with path.open("rb") as handle:
            head = read_head(handle, what=path.name)
        documents.append((head.header.raw, head.signatures()[0], path.name))
    found = Gpgv([tmp_path / "key.pub"], [key.fingerprint]).detached_each(documents)
    assert [isinstance(one, Signed) for one in found] == said == [True, False, True]
    assert isinstance(found[1], TrustError)
