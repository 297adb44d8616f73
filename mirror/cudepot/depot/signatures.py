"""Signatures by the site's key that were made once and are kept, so that the same file has the same signature."""

from __future__ import annotations

from cudepot.depot.depot import Signing, SiteVerifier
from cudepot.digest import Digest
from cudepot.store.layout import SIGNATURES
from cudepot.store.sealed_file import SealedFile


def kept_signature(
    data: bytes, signing: Signing, site_verifier: SiteVerifier, what: str, *, dry_run: bool = False
) -> bytes:
    """Return the detached signature of a file: the one its key made before, else a new one, which is kept.

    Args:
        data: the file.
        signing: what signs, and the store.
        site_verifier: gives what checks a signature that was kept.
        what: how errors name the file.
        dry_run: keep nothing.

    Raises:
        ConfigError: the site's key cannot sign.
        TrustError: a kept signature does not hold.
    """
    file, signer = SealedFile(signing.store.at(SIGNATURES)), signing.signer()
    name = f"{signer.fingerprint} {Digest.of(data).sha256}"  # former keys still verify, but sign no more
    known = file.recall()
    if name in known:
        signature = str(known[name]).encode()
        site_verifier().detached(data, signature, what)
        return signature
    signature = signer.detach(data)
    if not dry_run:
        file.write({**known, name: signature.decode()})
    return signature
