"""Reads which keys a file of public keys holds, by GnuPG's ``gpg --show-keys``; nothing is imported anywhere."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from cudepot.errors import ConfigError


def primary_fingerprints(path: Path) -> tuple[str, ...]:
    """Return the full fingerprints of the primary keys in a file, text or binary, in its order."""
    with tempfile.TemporaryDirectory(prefix="cudepot-keys-") as home:
        command = ["gpg", "--homedir", home, "--batch", "--no-tty", "--with-colons", "--show-keys", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except FileNotFoundError as error:
            raise ConfigError("gpg is not installed", hint="apt-get install gnupg, or dnf install gnupg2") from error
    found, primary = [], False
    for fields in (line.split(":") for line in done.stdout.splitlines()):
        if fields[0] in ("pub", "sub"):
            primary = fields[0] == "pub"
        elif fields[0] == "fpr" and primary and len(fields) > 9:
            found.append(fields[9])
    return tuple(found)
