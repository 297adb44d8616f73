"""The key of a site that is shown here as another machine signed it: it verifies, and cannot sign."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cudepot.errors import ConfigError
from cudepot.signing.keys import dearmored, read_keys


class OriginKey:
    """Stands where a signer stands; see :class:`cudepot.ports.Signer`.

    Args:
        path: file with the public key.
        fingerprint: full fingerprint of the key.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path, self.fingerprint = path, fingerprint

    def clearsign(self, document: bytes) -> bytes:  # noqa: ARG002
        """Refuse."""
        raise self._refusal()

    def detach(self, document: bytes) -> bytes:  # noqa: ARG002
        """Refuse."""
        raise self._refusal()

    def public_key(self, *, armor: bool) -> bytes:
        """Return the public key.

        Raises:
            ConfigError: the file does not hold it, and nothing else.
        """
        found = [one.fingerprint for one in read_keys(self._path)]
        if found != [self.fingerprint]:
            raise ConfigError(
                f"{self._path}: holds {', '.join(found)}, not just {self.fingerprint}", hint="`site.from-keyring`"
            )
        binary = dearmored(self._path)
        return _armored(binary) if armor else binary

    def _refusal(self) -> ConfigError:
        return ConfigError(
            f"this project shows the site of {self.fingerprint} as it was signed; it cannot sign",
            hint="do it on the near side and bring the result in a bundle (`cudepot explain airgap`)",
        )


def _armored(binary: bytes) -> bytes:
    done = subprocess.run(["gpg", "--enarmor"], input=binary, capture_output=True, check=True)
    return done.stdout.replace(b"PGP ARMORED FILE", b"PGP PUBLIC KEY BLOCK")
