"""Which apt clients refuse a signed root or a key, and why: the rules of apt's verifiers as values.

- apt with gpgv: signatures over MD5, SHA-1 or RIPEMD-160 count for nothing since apt 1.4 (1.2 in Ubuntu 16.04); apt of
  Ubuntu 24.04 also wants RSA of 2048 bits or more, or an Edwards curve.
- apt with sqv, Debian 13 and later: Sequoia's policy with the dates apt's ``default-sequoia.config`` sets. It also
  looks at the signature by which a key vouches for itself, which gpgv takes over SHA-1.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence

from cudepot.kinds.rules.client_verdicts import Refusal, Verdict, life, verdict
from cudepot.openpgp import DocumentSignature, KeyPart, PublicKey

GPGV = "apt with gpgv (Debian 12, Ubuntu 22.04 and older)"
NOBLE = "apt of Ubuntu 24.04 (gpgv, with its own key rules)"
SQV = "apt with sqv (Debian 13 and newer)"
CLIENTS = (GPGV, NOBLE, SQV)

_WEAK = ("MD5", "SHA1", "RIPEMD160")
_LONG_AGO = "2014-02-01"
_SQV_KEYS = {"dsa": "2024-02-01", "elgamal": "2024-02-01"}
_SQV_RSA_2048 = "2030-02-01"
_SQV_SELF = {"SHA1": "2026-02-01", "SHA224": "2026-02-01", "MD5": _LONG_AGO, "RIPEMD160": _LONG_AGO}


def judge_key(key: PublicKey, today: datetime.date) -> tuple[Verdict, ...]:
    """Return what clients make of a key, whatever it signs: one of its signing parts has to be good."""
    parts = [one for one in key.parts if one.signs]
    return tuple(verdict(name, [_key_refusals(name, key, one) for one in parts], today) for name in CLIENTS)


def judge_document(
    signatures: Sequence[DocumentSignature], keys: Iterable[PublicKey], today: datetime.date
) -> tuple[Verdict, ...]:
    """Return what clients make of a signed document that is given these keys: one good signature is enough."""
    known = {key.fingerprint: key for key in keys}
    return tuple(verdict(name, [_refusals(name, one, known) for one in signatures], today) for name in CLIENTS)


def _refusals(client: str, one: DocumentSignature, known: Mapping[str, PublicKey]) -> list[Refusal]:
    """Return what a client has against a signature; ``since`` in the future is a coming end."""
    if one.fault and not one.digest:
        return [Refusal(one.fault)]
    found = [Refusal(f"the signature uses {one.digest}")] if one.digest in _weak(client) else []
    if one.expires:
        found.append(Refusal("the signature expires", one.expires))
    if "does not match" in one.fault or "could not be checked" in one.fault:
        found.append(Refusal(one.fault))
    key = known.get(one.signer)
    if key is None:
        return [*found, Refusal(f"the key {one.signer or 'that signed'} is not in any key file")]
    return found + _key_refusals(client, key, key.part(one.part))


def _weak(client: str) -> tuple[str, ...]:
    return (*_WEAK, "SHA224") if client == SQV else _WEAK


def _key_refusals(client: str, key: PublicKey, part: KeyPart) -> list[Refusal]:
    """Return what a client has against the key or subkey that signs, or against the primary key above it."""
    primary = key.parts[0]
    parts = [primary] if part == primary else [primary, part]
    return [refusal for one in parts for refusal in (*life(one), *_strength(client, one))]


def _strength(client: str, part: KeyPart) -> list[Refusal]:
    short, found = part.fingerprint[-8:], []
    named = f"key {short} is {part.algorithm} of {part.bits} bits"
    if client == NOBLE and (part.algorithm not in ("rsa", "eddsa") or (part.algorithm == "rsa" and part.bits < 2048)):
        found.append(Refusal(named))
    if client == SQV:
        since = _LONG_AGO if part.bits < 2048 and part.algorithm == "rsa" else _SQV_KEYS.get(part.algorithm, "")
        found += [Refusal(named, since)] if since else []
        if part.algorithm == "rsa" and 2048 <= part.bits < 3072:
            found.append(Refusal(named, _SQV_RSA_2048))
        if part.digest in _SQV_SELF:
            found.append(Refusal(f"key {short} is self-signed with {part.digest}", _SQV_SELF[part.digest]))
    return found
