"""Signatures that are kept: the same file has the same one, as long as the same key signs."""

from __future__ import annotations

import datetime
from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.site_key import SiteKey

from cudepot.depot.depot import Signing
from cudepot.depot.signatures import kept_signature
from cudepot.signing.gpg import GpgSigner
from cudepot.signing.gpgv import Gpgv
from cudepot.store.local import LocalStore

FILE = b"the same bytes before and after\n"


def test_after_a_change_of_keys_the_new_one_signs_what_the_old_one_had(
    site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "store", create=True)
    old = GpgSigner(site_key.home, site_key.fingerprint)
    new = GpgSigner(upstream_key[0].path, upstream_key[1].fingerprint)
    ring = tmp_path / "keys"
    ring.write_bytes(old.public_key(armor=False) + new.public_key(armor=False))
    both = Gpgv([ring], [old.fingerprint, new.fingerprint])

    def signed(by: GpgSigner) -> bytes:
        signing = Signing(store, lambda: by, lambda: datetime.datetime.now(datetime.UTC))
        return kept_signature(FILE, signing, lambda: both, "file")

    first, second = signed(old), signed(new)
    assert both.detached(FILE, first, "file").signers == (old.fingerprint,)
    assert both.detached(FILE, second, "file").signers == (new.fingerprint,)
    assert (signed(old), signed(new)) == (first, second), "each is kept"
