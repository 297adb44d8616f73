"""The key a site signs with, as tests and measurements hold it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulator.keys import Key


@dataclass(frozen=True)
class SiteKey:
    """A site's signing key: a GNUPGHOME that holds the secret part, and the key itself.

    Attributes:
        home: value for GNUPGHOME.
        keyring: the public key as a binary keyring file, for clients; ``key_file`` the same as text.
    """

    home: Path
    key: Key
    keyring: Path
    key_file: Path

    @property
    def fingerprint(self) -> str:
        """Full fingerprint."""
        return self.key.fingerprint
