"""The real gpg and gpgv: full fingerprints decide, over strong hashes, whatever else a document carries."""

from __future__ import annotations

import base64
import errno
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.keys import PAST, Key, KeyHome
from simulator.site_key import SiteKey

from cudepot.errors import ConfigError, StorageError, TrustError
from cudepot.signing.gpg import GpgSigner, make_key
from cudepot.signing.gpgv import Gpgv

TEXT = b"Origin: x\n- dashes\n-----dashes\ntrailing\n"


@pytest.fixture(scope="module")
def home() -> Iterator[KeyHome]:
    with KeyHome() as one:
        yield one


@pytest.fixture(scope="module")
def key(home: KeyHome) -> Key:
    return home.generate("one <one@example.com>")


@pytest.fixture(scope="module")
def other(home: KeyHome) -> Key:
    return home.generate("two <two@example.com>")


@pytest.fixture
def verifier(tmp_path: Path, key: Key, other: Key) -> Gpgv:
    """Knows both keys, trusts the first."""
    (tmp_path / "one.asc").write_bytes(key.armored)
    (tmp_path / "two.gpg").write_bytes(other.binary)
    return Gpgv([tmp_path / "one.asc", tmp_path / "two.gpg"], [key.fingerprint])


def test_a_signed_text_is_given_as_it_was_signed(verifier: Gpgv, home: KeyHome, key: Key) -> None:
    found = verifier.clearsigned(home.clearsign(TEXT, key), "x")
    assert (found.text, found.signers) == (TEXT, (key.fingerprint,))
    found = verifier.detached(TEXT, home.detach(TEXT, key), "x")
    assert (found.text, found.signers) == (TEXT, (key.fingerprint,))


def test_one_good_signature_among_others_is_enough(verifier: Gpgv, home: KeyHome, key: Key, other: Key) -> None:
    with KeyHome() as strangers:
        document = home.clearsign(TEXT, other, key)
        assert verifier.clearsigned(document, "x").signers == (key.fingerprint,)
        stranger = strangers.generate("three <three@example.com>")
        both = home.detach(TEXT, key) + strangers.detach(TEXT, stranger)
        assert verifier.detached(TEXT, joined(both), "x").signers == (key.fingerprint,)


def test_a_good_signature_by_a_known_key_that_is_not_pinned_is_not_enough(
    verifier: Gpgv, home: KeyHome, other: Key
) -> None:
    with pytest.raises(TrustError, match=f"validly signed by {other.fingerprint}, a key that is not pinned"):
        verifier.clearsigned(home.clearsign(TEXT, other), "x")


def test_both_pinned_signers_are_named(tmp_path: Path, home: KeyHome, key: Key, other: Key) -> None:
    (tmp_path / "all.gpg").write_bytes(key.binary + other.binary)
    verifier = Gpgv([tmp_path / "all.gpg"], [key.fingerprint, other.fingerprint])
    assert set(verifier.clearsigned(home.clearsign(TEXT, key, other), "x").signers) == {
        key.fingerprint,
        other.fingerprint,
    }


def test_a_signature_by_a_subkey_counts_for_its_primary_key(tmp_path: Path) -> None:
    with KeyHome() as home:
        key = home.generate("sub <sub@example.com>", algorithm="ed25519", subkey=True)
        (tmp_path / "k").write_bytes(key.binary)
        document = home.clearsign(TEXT, key)
        assert Gpgv([tmp_path / "k"], [key.fingerprint]).clearsigned(document, "x").signers == (key.fingerprint,)
        with pytest.raises(TrustError, match="not pinned"):
            Gpgv([tmp_path / "k"], [key.subkey]).clearsigned(document, "x")
        (tmp_path / "k").write_bytes(home.revoke(key).binary)
        with pytest.raises(TrustError, match="revoked"):
            Gpgv([tmp_path / "k"], [key.fingerprint]).clearsigned(document, "x")


def test_weak_hashes_are_refused(verifier: Gpgv, home: KeyHome, key: Key) -> None:
    with pytest.raises(TrustError, match="weak hash"):
        verifier.detached(TEXT, home.detach(TEXT, key, digest="SHA1"), "x")
    with pytest.raises(TrustError, match="weak hash"):
        verifier.clearsigned(home.clearsign(TEXT, key, digest="SHA1"), "x")


def test_expired_signatures_and_other_texts_are_refused(verifier: Gpgv, home: KeyHome, key: Key) -> None:
    with pytest.raises(TrustError, match="the signature has expired"):
        verifier.detached(TEXT, home.detach(TEXT, key, when=PAST, expires="1d"), "x")
    with pytest.raises(TrustError, match="does not match the text"):
        verifier.detached(TEXT + b"x", home.detach(TEXT, key), "x")


@pytest.mark.parametrize(
    "signature", [b"", b"nonsense", b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"]
)
def test_no_signature_is_told_as_such(verifier: Gpgv, signature: bytes) -> None:
    with pytest.raises(TrustError, match="x: no OpenPGP signature found"):
        verifier.detached(TEXT, signature, "x")


def test_exactly_one_message_is_accepted(verifier: Gpgv, home: KeyHome, key: Key) -> None:
    good = home.clearsign(TEXT, key)
    for bad in (good + good, b"x\n" + good, good + b"x\n", good[: len(good) // 2], b"", TEXT):
        with pytest.raises(TrustError):
            verifier.clearsigned(bad, "x")
    assert verifier.clearsigned(good.replace(b"\n", b"\r\n"), "x").signers == (key.fingerprint,)


def test_hundreds_of_signatures_do_not_hang_it(verifier: Gpgv, home: KeyHome, key: Key, other: Key) -> None:
    many = joined(home.detach(TEXT, other) * 400 + home.detach(TEXT, key))
    assert verifier.detached(TEXT, many, "x").signers == (key.fingerprint,)


def joined(armored: bytes) -> bytes:
    """Return several armored signatures as one binary file."""
    parts = []
    for block in armored.decode().split("-----BEGIN PGP SIGNATURE-----")[1:]:
        body = block.split("-----END")[0].strip().splitlines()
        parts.append(base64.b64decode("".join(line for line in body if line and not line.startswith("="))))
    return b"".join(parts)


@pytest.mark.parametrize("text", ["63BF863CC", "A4B469963BF863CC", "0x3BF863CC", "", "G" * 40, "A" * 41, "A" * 32])
def test_key_ids_are_no_fingerprints(text: str) -> None:
    with pytest.raises(ConfigError, match="not a full OpenPGP fingerprint"):
        Gpgv([], [text])


def test_fingerprints_are_taken_in_any_spelling(tmp_path: Path, home: KeyHome, key: Key) -> None:
    (tmp_path / "k").write_bytes(key.binary)
    spelt = "0x" + " ".join(key.fingerprint.lower()[at : at + 4] for at in range(0, 40, 4))
    assert Gpgv([tmp_path / "k"], [spelt]).clearsigned(home.clearsign(TEXT, key), "x").signers == (key.fingerprint,)


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the public key"):
        Gpgv([tmp_path / "absent"], ["A" * 40])
    (tmp_path / "k").write_bytes(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nnonsense\n")
    with pytest.raises(ConfigError, match="not an OpenPGP public key"):
        Gpgv([tmp_path / "k"], ["A" * 40])


def test_what_the_signer_signs_the_verifier_takes(site_key: SiteKey, tmp_path: Path) -> None:
    signer = GpgSigner(site_key.home, site_key.fingerprint)
    ring = tmp_path / "ring"
    for armor in (True, False):
        ring.write_bytes(signer.public_key(armor=armor))
        verifier = Gpgv([ring], [site_key.fingerprint])
        assert verifier.clearsigned(signer.clearsign(TEXT), "x").text == TEXT
        assert verifier.detached(TEXT, signer.detach(TEXT), "x").signers == (site_key.fingerprint,)
    assert b"Hash: SHA512" in signer.clearsign(TEXT)


def test_a_signer_without_its_key_says_so(site_key: SiteKey, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no key " + "A" * 40):
        GpgSigner(site_key.home, "A" * 40).public_key(armor=True)
    with pytest.raises(ConfigError, match="gpg: "):
        GpgSigner(site_key.home, "A" * 40).detach(TEXT)
    with pytest.raises(ConfigError, match="no such GnuPG home"):
        GpgSigner(tmp_path / "absent", "A" * 40).detach(TEXT)


def test_a_key_is_made_that_signs_and_no_agent_stays(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30) / "gnupg"
    home.parent.mkdir()
    made = make_key(home, "site <site@example.invalid>")
    signer = GpgSigner(home, made)
    (tmp_path / "k").write_bytes(signer.public_key(armor=False))
    assert Gpgv([tmp_path / "k"], [made]).detached(TEXT, signer.detach(TEXT), "x").signers == (made,)
    assert not list(home.glob("S.*")), "its sockets went with the agent"
    assert home.stat().st_mode & 0o077 == 0


def test_an_agent_of_a_killed_run_is_no_hindrance(tmp_path: Path) -> None:
    home, gone = tmp_path / "home", tmp_path / "name-of-a-killed-run"
    signer = GpgSigner(home, make_key(home, "Site <site@example.com>"))
    gone.symlink_to(home)
    sign = ["gpg", "--homedir", str(gone), "--batch", "--clearsign"]
    subprocess.run(sign, input=TEXT, check=True, capture_output=True)  # starts an agent, which stays
    gone.unlink()
    assert b"Origin: x" in signer.clearsign(TEXT)
    assert not list(home.glob("S.*"))


def test_a_socket_without_an_agent_costs_no_time(tmp_path: Path) -> None:
    home = tmp_path / "home"
    signer = GpgSigner(home, make_key(home, "Site <site@example.com>"))
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(home / "S.gpg-agent"))
    assert b"Origin: x" in signer.clearsign(TEXT)


def test_armour_is_looked_at_byte_for_byte(site_key: SiteKey) -> None:
    from cudepot.openpgp import is_plain_armor

    signature = GpgSigner(site_key.home, site_key.fingerprint).detach(b"text")
    assert is_plain_armor(signature)
    for place in range(len(signature)):
        bad = bytearray(signature)
        bad[place] ^= 1
        assert not is_plain_armor(bytes(bad)), place
        assert not is_plain_armor(signature[:place]), place


def test_a_full_disk_is_no_fault_of_the_key(home: KeyHome, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = GpgSigner(home.path, "F" * 40)
    with pytest.raises(ConfigError):
        signer.detach(b"x")

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(StorageError, match="No space left") as caught:
        signer.detach(b"x")
    assert caught.value.exit_code == 7
