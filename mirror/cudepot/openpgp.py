"""OpenPGP keys and signatures as values: what a verifier's rules look at."""

from __future__ import annotations

from dataclasses import dataclass

HASHES = {
    1: "MD5", 2: "SHA1", 3: "RIPEMD160", 8: "SHA256", 9: "SHA384", 10: "SHA512", 11: "SHA224",
    12: "SHA3-256", 14: "SHA3-512",
}  # fmt: skip
"""Hash algorithms by their number in RFC 9580 section 9.5."""

ALGORITHMS = {1: "rsa", 2: "rsa", 3: "rsa", 16: "elgamal", 17: "dsa", 18: "ecdh", 19: "ecdsa", 22: "eddsa", 27: "eddsa"}
"""Public key algorithms by their number in RFC 9580 section 9.1."""


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A primary key or a subkey.

    Attributes:
        algorithm: ``rsa``, ``dsa``, ``eddsa`` …, with ``bits`` beside it.
        created, expires: UTC dates as ISO 8601; ``expires`` is empty when it never does.
        revoked: whether its owner took it back.
        digest: hash of the newest self-signature that binds it; empty when there is none.
        signs: whether it may sign documents.
    """

    fingerprint: str
    algorithm: str
    bits: int
    created: str
    expires: str = ""
    revoked: bool = False
    digest: str = ""
    signs: bool = True


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as its file has it: the primary key first, then its subkeys."""

    uid: str
    parts: tuple[KeyPart, ...]

    @property
    def fingerprint(self) -> str:
        """Full fingerprint of the primary key."""
        return self.parts[0].fingerprint

    def part(self, fingerprint: str) -> KeyPart:
        """Return the part of that fingerprint; the primary key for one that is not here."""
        return next((one for one in self.parts if one.fingerprint == fingerprint), self.parts[0])


@dataclass(frozen=True, slots=True)
class DocumentSignature:
    """One signature of a document as gpgv saw it.

    Attributes:
        signer: fingerprint of the primary key; empty when the key is not at hand.
        part: fingerprint of the key or subkey that signed.
        digest: name of its hash; empty when it could not be checked.
        expires: UTC date; empty when it never does.
        fault: why gpgv does not accept it; empty when it does.
    """

    signer: str
    part: str
    digest: str
    expires: str
    fault: str
