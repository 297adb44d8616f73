"""The rules of dnf's and yum's verifiers, one by one."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest
from simulator.keys import KeyHome

from cudepot.kinds.yum.rules.client_rules import (
    CLIENTS,
    FIPS,
    RHEL7,
    RHEL8,
    RHEL9,
    SEQUOIA,
    Of,
    judge_rpm_document,
    judge_rpm_key,
)  # fmt: skip
from cudepot.openpgp import DocumentSignature, KeyPart, PublicKey, packet_algorithms

TODAY = datetime.date(2026, 11, 25)
MAIN, SUB = "A" * 40, "B" * 40


def key(algorithm: str = "rsa", bits: int = 4096, digest: str = "SHA512", expires: str = "", *,
        revoked: bool = False, subkey: bool = False) -> PublicKey:  # fmt: skip
    part = KeyPart(MAIN, algorithm, bits, "2020-01-01", expires, revoked, digest, not subkey)
    more = (KeyPart(SUB, algorithm, bits, "2020-01-01", "", False, digest),) if subkey else ()
    return PublicKey("uid", (part, *more))


def refused(one: PublicKey, digest: str = "SHA256", of: Of = Of.PACKAGE, *, digested: bool = True) -> set[str]:
    signature = DocumentSignature(MAIN, one.parts[-1].fingerprint, digest, "", "")
    verdicts = judge_rpm_document([signature], [one], TODAY, of, digested=digested)
    assert [verdict.client for verdict in verdicts] == list(CLIENTS)
    return {verdict.client for verdict in verdicts if not verdict.accepted}


@pytest.mark.parametrize(
    ("one", "digest", "package", "metadata"),
    [
        (key(), "SHA512", set(), set()),
        (key(), "SHA1", {RHEL9, SEQUOIA}, {SEQUOIA}),
        (key(), "MD5", {RHEL8, RHEL9, SEQUOIA, FIPS}, {RHEL8, RHEL9, SEQUOIA, FIPS}),
        (key(digest="SHA1"), "SHA512", {RHEL9, SEQUOIA}, {SEQUOIA}),
        (key("dsa", 2048), "SHA256", {SEQUOIA}, {SEQUOIA}),
        (key(bits=1024), "SHA256", {SEQUOIA}, {SEQUOIA}),
        (key("eddsa", 255), "SHA512", {RHEL7, RHEL8}, {RHEL7}),
        (key(subkey=True), "SHA512", {RHEL7}, set()),
        (key(expires="2024-01-01"), "SHA512", {SEQUOIA}, set(CLIENTS)),
        (key(revoked=True), "SHA512", {SEQUOIA}, set(CLIENTS)),
    ],
)
def test_who_refuses_packages_and_metadata(
    one: PublicKey, digest: str, package: set[str], metadata: set[str]
) -> None:  # fmt: skip
    assert refused(one, digest) == package
    assert refused(one, digest, Of.METADATA) == metadata


def test_a_package_without_sha256_digests_is_refused_in_fips_mode() -> None:
    assert refused(key(), digested=False) == {FIPS}


def test_a_key_is_judged_as_packages_are_checked_with_it() -> None:
    verdicts = judge_rpm_key(key("eddsa", 255), TODAY)
    assert {one.client for one in verdicts if not one.accepted} == {RHEL7, RHEL8}
    assert verdicts[0].reasons == ("key AAAAAAAA is eddsa of 255 bits",)


def test_a_stranger_and_a_torn_signature_are_refused_by_all() -> None:
    for one in (DocumentSignature(SUB, SUB, "SHA256", "", ""),
                DocumentSignature(MAIN, MAIN, "SHA256", "", "the signature does not match the text"),
                DocumentSignature("", "", "", "", "signed by a key that is not in the keyring")):  # fmt: skip
        verdicts = judge_rpm_document([one], [key()], TODAY, Of.PACKAGE)
        assert not any(verdict.accepted for verdict in verdicts)


@pytest.mark.tools
@pytest.mark.parametrize(("algorithm", "number"), [("rsa2048", 1), ("ed25519", 22)])
def test_signatures_are_told_apart_as_gpg_does(algorithm: str, number: int, tmp_path: Path) -> None:
    with KeyHome() as home:
        made = home.generate("someone <someone@example.com>", algorithm=algorithm)
        for digest, code in (("SHA256", 8), ("SHA512", 10)):
            options = ("--digest-algo", digest, "--local-user", made.fingerprint, "--detach-sign")
            packet = home.gpg(*options, data=b"text")
            assert packet_algorithms(packet) == (number, code, bytes.fromhex(made.fingerprint[-16:]))
            shown = subprocess.run(["gpg", "--list-packets"], input=packet, capture_output=True, check=True).stdout
            assert f"algo {number}, keyid {made.fingerprint[-16:]}".encode() in shown
            assert f"digest algo {code},".encode() in shown


@pytest.mark.parametrize("packet", [b"\x88\x03\x04\x00\x01", b"\xc2\x01\x03", b"\x88\x06\x04\x00\x01\x08\xff\xff"])
def test_an_odd_packet_is_no_error(packet: bytes) -> None:
    assert packet_algorithms(packet)[2] == b""
