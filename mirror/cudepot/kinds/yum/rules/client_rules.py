"""Which dnf and yum clients refuse signed metadata, a package or a key, and why: their verifiers' rules as values.

Two things verify: whatever looks at ``repomd.xml.asc``, and rpm, which looks at keys and packages.

- RHEL 7: yum asks GnuPG 2.0 about metadata; rpm 4.11 knows RSA and DSA, no signature by a subkey and no dates.
- RHEL 8: GnuPG 2.2; rpm 4.14 knows no elliptic curves (4.15 does) and no dates.
- RHEL 9: GnuPG 2.3, which no policy restricts; rpm 4.16 under one that takes no SHA-1, not even where a key vouches
  for itself.
- rpm-sequoia, in RHEL 10 and Fedora since 39: both through Sequoia, under a policy without SHA-1, DSA and short RSA.
- FIPS mode, from RHEL 8 on: rpm also wants SHA-256 digests in the package.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from cudepot.kinds.rules.client_verdicts import Refusal, Verdict, life, verdict
from cudepot.openpgp import DocumentSignature, KeyPart, PublicKey

RHEL7 = "yum of RHEL 7 (rpm 4.11)"
RHEL8 = "dnf of RHEL 8 (rpm 4.14)"
RHEL9 = "dnf of RHEL 9 (rpm 4.16)"
SEQUOIA = "dnf with rpm-sequoia (RHEL 10, Fedora 39 and newer)"
FIPS = "dnf in FIPS mode (RHEL 8 and newer)"
CLIENTS = (RHEL7, RHEL8, RHEL9, SEQUOIA, FIPS)

_BROKEN = ("MD5", "RIPEMD160")
_CURVES = ("eddsa", "ecdsa")


class Of(Enum):
    """What a signature is of: metadata, or a package (or a key, which is imported to check packages)."""

    METADATA = "metadata"
    PACKAGE = "package"


def judge_rpm_key(key: PublicKey, today: datetime.date) -> tuple[Verdict, ...]:
    """Return what clients make of a key that is imported to check packages: one signing part has to be good."""
    parts = [one for one in key.parts if one.signs]
    return tuple(verdict(name, [_of_key(name, key, one, Of.PACKAGE) for one in parts], today) for name in CLIENTS)


def judge_rpm_document(
    signatures: Sequence[DocumentSignature],
    keys: Iterable[PublicKey],
    today: datetime.date,
    of: Of,
    *,
    digested: bool = True,
) -> tuple[Verdict, ...]:
    """Return what clients make of metadata or a package: one good signature is enough.

    Args:
        signatures: on it.
        keys: that the client is given.
        today: the day of the verdict.
        of: what is signed.
        digested: whether a package has a SHA-256 digest of its header.
    """
    known = {key.fingerprint: key for key in keys}
    found = []
    for name in CLIENTS:
        ways = [_of_signature(name, one, known, of) for one in signatures]
        if name == FIPS and not digested:
            ways = [[*way, Refusal("the package has no SHA-256 digest of its header")] for way in ways]
        found.append(verdict(name, ways, today))
    return tuple(found)


def _weak(client: str, of: Of) -> tuple[str, ...]:
    """Return the hashes a client takes no signature over."""
    if client == SEQUOIA:
        return (*_BROKEN, "SHA1", "SHA224")
    if client == RHEL9 and of is Of.PACKAGE:
        return (*_BROKEN, "SHA1")
    return () if client == RHEL7 else _BROKEN


def _of_signature(client: str, one: DocumentSignature, known: Mapping[str, PublicKey], of: Of) -> list[Refusal]:
    if one.fault and not one.digest:
        return [Refusal(one.fault)]
    found = [Refusal(f"the signature uses {one.digest}")] if one.digest in _weak(client, of) else []
    if "does not match" in one.fault or "could not be checked" in one.fault:
        found.append(Refusal(one.fault))
    key = known.get(one.signer)
    if key is None:
        return [*found, Refusal(f"the key {one.signer or 'that signed'} is not in any key file")]
    return found + _of_key(client, key, key.part(one.part), of)


def _of_key(client: str, key: PublicKey, part: KeyPart, of: Of) -> list[Refusal]:
    primary = key.parts[0]
    parts = [primary] if part == primary else [primary, part]
    found = [refusal for one in parts for refusal in _strength(client, one, of)]
    if client == SEQUOIA or of is Of.METADATA:  # rpm before that looks at no dates
        found += [refusal for one in parts for refusal in life(one)]
    if client == RHEL7 and of is Of.PACKAGE and part != primary:
        found.append(Refusal(f"{part.fingerprint[-8:]} is a subkey"))
    return found


def _strength(client: str, part: KeyPart, of: Of) -> list[Refusal]:
    short, found = part.fingerprint[-8:], []
    old = client == RHEL7 or (client == RHEL8 and of is Of.PACKAGE)
    weak = client == SEQUOIA and (part.algorithm == "dsa" or (part.algorithm == "rsa" and part.bits < 2048))
    if weak or (old and part.algorithm in _CURVES):
        found.append(Refusal(f"key {short} is {part.algorithm} of {part.bits} bits"))
    if client in (RHEL9, SEQUOIA) and part.digest in _weak(client, of):
        found.append(Refusal(f"key {short} is self-signed with {part.digest}"))
    return found
