"""Public keys as the real gpg writes them: dates, subkeys, and the hash of the newest self-signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.keys import PAST, KeyHome

from cudepot.errors import ConfigError
from cudepot.signing.gpgv import Gpgv
from cudepot.signing.keys import parse_keys, read_keys


@pytest.fixture(scope="module")
def home() -> Iterator[KeyHome]:
    with KeyHome() as one:
        yield one


def test_a_plain_key_armored_or_binary(home: KeyHome, tmp_path: Path) -> None:
    key = home.generate("name: with colon <one@example.com>", expire="10y")
    (tmp_path / "a").write_bytes(key.armored)
    (tmp_path / "b").write_bytes(key.binary)
    (found,) = read_keys(tmp_path / "a")
    assert (found,) == read_keys(tmp_path / "b")
    assert (found.fingerprint, found.uid) == (key.fingerprint, "name: with colon <one@example.com>")
    (part,) = found.parts
    assert (part.algorithm, part.bits, part.created, part.expires) == ("rsa", 2048, "2019-01-01", "2028-12-29")
    assert not part.revoked
    assert part.signs


def test_a_subkey_has_a_binding_of_its_own(home: KeyHome) -> None:
    key = home.generate("sub <sub@example.com>", algorithm="ed25519", subkey=True)
    (found,) = parse_keys(key.binary)
    assert [part.fingerprint for part in found.parts] == [key.fingerprint, key.subkey]
    assert [part.signs for part in found.parts] == [False, True]
    assert {part.algorithm for part in found.parts} == {"eddsa"}
    assert found.part(key.subkey) == found.parts[1]


def test_the_newest_self_signature_counts(home: KeyHome) -> None:
    uid = "weak <weak@example.com>"
    home.gpg("--cert-digest-algo", "SHA1", "--quick-generate-key", uid, "rsa2048", "sign", "never", when=PAST)
    listing = home.gpg("--with-colons", "--list-keys", f"={uid}").decode()
    full = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
    assert parse_keys(home.export(full).binary)[0].parts[0].digest == "SHA1"
    home.gpg("--cert-digest-algo", "SHA512", "--quick-set-expire", full, "20y")
    (again,) = parse_keys(home.export(full).binary)
    assert again.parts[0].digest == "SHA512", "made anew, it stands on a strong hash"


def test_another_keys_signature_on_it_is_no_self_signature(home: KeyHome) -> None:
    good, other = home.generate("good <good@example.com>"), home.generate("other <other@example.com>")
    before = parse_keys(good.binary)[0].parts[0].digest
    home.gpg("--cert-digest-algo", "SHA384", "--local-user", other.fingerprint, "--quick-sign-key", good.fingerprint)
    exported = home.export(good.fingerprint).binary
    assert len(exported) > len(good.binary)
    assert parse_keys(exported)[0].parts[0].digest == before != "SHA384"


def test_revoked_and_expired_keys_are_told(home: KeyHome) -> None:
    assert parse_keys(home.expired("old <old@example.com>").binary)[0].parts[0].expires == "2020-01-02"
    assert parse_keys(home.revoke(home.generate("gone <gone@example.com>")).binary)[0].parts[0].revoked


def test_several_keys_of_one_file(home: KeyHome) -> None:
    both = [home.generate(f"{name} <{name}@example.com>") for name in ("first", "second")]
    found = parse_keys(b"".join(one.binary for one in both))
    assert [one.fingerprint for one in found] == [one.fingerprint for one in both]
    assert [one.uid for one in found] == ["first <first@example.com>", "second <second@example.com>"]


@pytest.mark.parametrize("data", [b"", b"<html>", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nx\n", b"\x99\x01\x0d\x04"])
def test_what_is_no_key_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(data)
    with pytest.raises(ConfigError, match="not an OpenPGP public key"):
        read_keys(tmp_path / "k")


WORDS = b"This file holds the keys of our developers.\n\npub   rsa2048 2019-01-01\n\n"


@pytest.mark.parametrize("form", ["words", "two", "crlf", "binaries", "keybox"])
def test_gpg_decides_what_a_key_file_is(form: str, tmp_path: Path) -> None:
    with KeyHome() as home:
        one, other = home.generate("one <one@example.com>"), home.generate("other <other@example.com>")
        box = home.path / "pubring.kbx"
        texts = {
            "words": WORDS + one.armored + b"\nand another\n\n" + other.armored + b"that was all\n",
            "two": one.armored + other.armored,
            "crlf": (one.armored + b"\n" + other.armored).replace(b"\n", b"\r\n"),
            "binaries": one.binary + other.binary,
            "keybox": box.read_bytes() if box.is_file() else b"",
        }
        file = tmp_path / "KEYS"
        file.write_bytes(texts[form])
        wanted = {one.fingerprint, other.fingerprint}
        assert {key.fingerprint for key in read_keys(file)} == wanted
        for key in (one, other):
            signed = home.clearsign(b"Origin: x\n", key)
            assert Gpgv([file], [key.fingerprint]).clearsigned(signed, "x").signers == (key.fingerprint,)


@pytest.mark.parametrize("text", [b"", b"nothing\n", WORDS])
def test_a_keyring_without_the_pinned_key_is_named(text: bytes, tmp_path: Path) -> None:
    with KeyHome() as home:
        one, other = home.generate("one <one@example.com>"), home.generate("other <other@example.com>")
        empty, full = tmp_path / "empty.pub", tmp_path / "other.pub"
        empty.write_bytes(text)
        full.write_bytes(other.armored)
        signed = home.clearsign(b"Origin: x\n", one)
        for files, said in {
            (empty,): f"{empty} holds no key",
            (empty, full): f"{full} holds {other.fingerprint}",
        }.items():
            with pytest.raises(ConfigError, match=re.escape(said)):
                Gpgv(files, [one.fingerprint]).clearsigned(signed, "x")
