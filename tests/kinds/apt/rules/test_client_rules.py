"""The rules of apt's verifiers, at the days they change."""

from __future__ import annotations

import datetime

import pytest

from cudepot.kinds.apt.rules.client_rules import CLIENTS, GPGV, NOBLE, SQV, judge_document, judge_key
from cudepot.kinds.rules.client_verdicts import Verdict
from cudepot.openpgp import DocumentSignature, KeyPart, PublicKey

TODAY = datetime.date(2026, 11, 23)
FULL = "A" * 40
SUB = "B" * 40


def key(*, subkey: KeyPart | None = None, **more: object) -> PublicKey:
    given = {"algorithm": "rsa", "bits": 4096, "created": "2022-04-14", "digest": "SHA512"} | more
    part = KeyPart(FULL, **given)  # type: ignore[arg-type]
    return PublicKey("x", (part, subkey) if subkey else (part,))


def signature(digest: str = "SHA512", **more: str) -> DocumentSignature:
    return DocumentSignature(**({"signer": FULL, "part": FULL, "digest": digest, "expires": "", "fault": ""} | more))


def refusing(verdicts: tuple[Verdict, ...]) -> list[str]:
    return [one.client for one in verdicts if not one.accepted]


def test_a_good_key_and_signature_are_accepted_by_all_without_a_word() -> None:
    for verdicts in (judge_key(key(), TODAY), judge_document([signature()], [key()], TODAY)):
        assert [one.client for one in verdicts] == list(CLIENTS)
        assert all(one.accepted and not one.reasons for one in verdicts)


@pytest.mark.parametrize(("day", "refused"), [("2026-01-31", []), ("2026-02-01", [SQV])])
def test_a_sha1_self_signature_is_refused_by_sqv_from_its_day_on(day: str, refused: list[str]) -> None:
    verdicts = judge_document([signature()], [key(digest="SHA1")], datetime.date.fromisoformat(day))
    assert refusing(verdicts) == refused
    assert "is self-signed with SHA1" in verdicts[-1].reasons[0], "told before, and after"
    assert "2026-02-01" in verdicts[-1].reasons[0]


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({"bits": 1024}, [NOBLE, SQV]),
        ({"bits": 2048}, []),
        ({"algorithm": "dsa", "bits": 3072}, [NOBLE, SQV]),
        ({"algorithm": "eddsa", "bits": 255}, []),
        ({"revoked": True}, list(CLIENTS)),
        ({"expires": "2026-11-23"}, list(CLIENTS)),
        ({"expires": "2026-11-24"}, []),
    ],
)
def test_what_is_wrong_with_a_key(more: dict[str, object], refused: list[str]) -> None:
    assert refusing(judge_key(key(**more), TODAY)) == refused
    assert refusing(judge_document([signature()], [key(**more)], TODAY)) == refused


@pytest.mark.parametrize(("digest", "refused"), [("SHA1", list(CLIENTS)), ("MD5", list(CLIENTS)), ("SHA224", [SQV])])
def test_weak_hashes_of_the_signature(digest: str, refused: list[str]) -> None:
    assert refusing(judge_document([signature(digest)], [key()], TODAY)) == refused


def test_an_end_is_told_beforehand() -> None:
    told = judge_key(key(expires="2026-12-31"), TODAY)[0]
    assert told == Verdict(GPGV, accepted=True, reasons=("only until 2026-12-31: key AAAAAAAA expires",))
    assert judge_key(key(expires="2027-12-31"), TODAY)[0].reasons == ()


def test_one_good_signature_among_bad_ones_is_enough() -> None:
    weak = signature("SHA1")
    assert refusing(judge_document([weak, signature()], [key()], TODAY)) == []
    assert refusing(judge_document([weak, weak], [key()], TODAY)) == list(CLIENTS)


def test_faults_and_unknown_keys_are_refusals() -> None:
    assert refusing(judge_document([], [key()], TODAY)) == list(CLIENTS)
    assert refusing(judge_document([signature()], [], TODAY)) == list(CLIENTS)
    broken = signature("", signer="", part="", fault="signed by a key that is not in the keyring (1234)")
    assert refusing(judge_document([broken], [key()], TODAY)) == list(CLIENTS)
    bad = signature(fault="the signature does not match the text")
    assert refusing(judge_document([bad], [key()], TODAY)) == list(CLIENTS)


def test_a_subkey_and_the_primary_above_it_both_count() -> None:
    sub = KeyPart(SUB, "rsa", 4096, "2022-04-14", digest="SHA1")
    found = judge_document([signature(part=SUB)], [key(subkey=sub)], TODAY)
    assert refusing(found) == [SQV]
    assert "BBBBBBBB" in found[-1].reasons[0]
    good = KeyPart(SUB, "rsa", 4096, "2022-04-14", digest="SHA512")
    assert refusing(judge_document([signature(part=SUB)], [key(subkey=good, digest="SHA1")], TODAY)) == [SQV]
