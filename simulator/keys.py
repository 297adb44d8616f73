"""Makes throw-away GnuPG keys and signatures: good, foreign, expired, revoked, made by a subkey or out of date."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from simulator.process import clean_env

BORN = "20190101T000000!"
"""When keys are made, so that signatures of long ago can be made with them too."""

PAST = "20200101T000000!"
"""A time long ago for ``--faked-system-time``; the ``!`` freezes it."""


@dataclass(frozen=True)
class Key:
    """A key by its full fingerprint, with the public part ready to be written to a file.

    Attributes:
        fingerprint: 40 hex digits, upper case, of the primary key.
        subkey: fingerprint of the signing subkey; empty when the primary key signs.
        armored: public key as text (a ``.pub`` or ``.asc`` file).
        binary: public key as a keyring (``.gpg``).
    """

    fingerprint: str
    armored: bytes
    binary: bytes
    subkey: str = ""


class KeyHome:
    """A GNUPGHOME of its own, under a short path because the agent's socket lives in it."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or Path(tempfile.mkdtemp(prefix="gpg-"))
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __enter__(self) -> KeyHome:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop the agent and remove the keys."""
        self.gpgconf("--kill", "all")
        shutil.rmtree(self.path, ignore_errors=True)

    def gpgconf(self, *argv: str) -> None:
        """Run gpgconf on this home."""
        subprocess.run(["gpgconf", "--homedir", self.path, *argv], capture_output=True, check=False)

    def copy(self) -> KeyHome:
        """Return a new home with the same keys and no agent; the caller closes it."""
        new = KeyHome()
        shutil.copytree(self.path, new.path, ignore=shutil.ignore_patterns("S.*", "*.lock"), dirs_exist_ok=True)
        new.path.chmod(0o700)
        return new

    def gpg(self, *argv: str, data: bytes = b"", when: str = "") -> bytes:
        """Run ``gpg`` on this home and return its standard output; ``when`` is a ``--faked-system-time``."""
        faked = ["--faked-system-time", when] if when else []
        done = subprocess.run(
            ["gpg", "--homedir", str(self.path), "--batch", "--yes", "--pinentry-mode", "loopback",
             "--passphrase", "", *faked, *argv],
            input=data, capture_output=True, check=False, env=clean_env(),
        )  # fmt: skip
        if done.returncode != 0:
            raise AssertionError(f"gpg {argv}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def generate(
        self, uid: str, *, algorithm: str = "rsa2048", expire: str = "never", when: str = BORN, subkey: bool = False
    ) -> Key:
        """Make a signing key; ``expire`` as gpg takes it (``1d``), ``subkey`` lets a subkey do the signing."""
        usage = "cert" if subkey else "sign"
        self.gpg("--quick-generate-key", uid, algorithm, usage, expire, when=when)
        listing = self.gpg("--with-colons", "--list-keys", f"={uid}").decode()
        fingerprint = [line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")][-1]
        if subkey:
            self.gpg("--quick-add-key", fingerprint, algorithm, "sign", expire, when=when)
        return self.export(fingerprint)

    def expired(self, uid: str) -> Key:
        """Make a key that expired long ago; sign with it by giving ``when=PAST``."""
        return self.generate(uid, expire="1d", when=PAST)

    def revoke(self, key: Key) -> Key:
        """Revoke ``key`` in this home and return it with the revocation in its public part."""
        stored = (self.path / "openpgp-revocs.d" / f"{key.fingerprint}.rev").read_text()
        self.gpg("--import", data=stored.replace(":-----BEGIN", "-----BEGIN").encode())
        return self.export(key.fingerprint)

    def export(self, fingerprint: str) -> Key:
        """Return the key as it is now."""
        listing = self.gpg("--with-colons", "--list-keys", fingerprint).decode()
        found = [line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")]
        armored, binary = self.gpg("--armor", "--export", fingerprint), self.gpg("--export", fingerprint)
        return Key(fingerprint, armored, binary, *found[1:2])

    def secret(self, key: Key) -> bytes:
        """Return the secret key, armored."""
        return self.gpg("--armor", "--export-secret-keys", key.fingerprint)

    def detach(self, data: bytes, key: Key, *, when: str = "", expires: str = "", digest: str = "SHA512") -> bytes:
        """Return an armored detached signature; ``expires`` (``1d``) limits the signature's own life."""
        return self._sign("--armor", "--detach-sign", data=data, key=key, when=when, expires=expires, digest=digest)

    def clearsign(self, data: bytes, *keys: Key, when: str = "", expires: str = "", digest: str = "SHA256") -> bytes:
        """Return ``data`` with a cleartext signature by each of ``keys`` around it."""
        users = [part for key in keys[1:] for part in ("--local-user", key.fingerprint)]
        return self._sign(*users, "--clearsign", data=data, key=keys[0], when=when, expires=expires, digest=digest)

    def _sign(self, *argv: str, data: bytes, key: Key, when: str, expires: str, digest: str) -> bytes:
        lifetime = ["--default-sig-expire", expires] if expires else []
        return self.gpg(
            *lifetime, "--digest-algo", digest, "--local-user", key.fingerprint, *argv, data=data, when=when
        )  # fmt: skip
