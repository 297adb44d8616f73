"""Signing by GnuPG's ``gpg`` with the site's own key, kept in a GnuPG home of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cudepot.disk import storage_errors
from cudepot.errors import ConfigError, SignerError, StorageError
from cudepot.temporary import temporary_folder

_OPTIONS = ["--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--no-auto-check-trustdb"]
_STRONG = ["--digest-algo", "SHA512", "--cert-digest-algo", "SHA512"]
_PROBE = 4096  # bytes, a page: less may still fit where gpg found no room
_PATIENCE = 2.0  # seconds an agent is given to end
_SHORT = 60  # bytes of a folder in which an agent can still have its sockets


class GpgSigner:
    """Signs with one key of one GnuPG home; see :class:`cudepot.ports.Signer`.

    As a context manager it keeps one agent for all signatures, which else start and stop one each.

    Args:
        home: GnuPG home folder that holds the secret key.
        fingerprint: full fingerprint of the key.
    """

    def __init__(self, home: Path, fingerprint: str) -> None:
        self._home, self.fingerprint = home, fingerprint
        self._open: contextlib.ExitStack | None = None
        self._session = ""
        self._public: dict[bool, bytes] = {}

    def __enter__(self) -> GpgSigner:
        """Keep the agent from the first signature on."""
        self._open = contextlib.ExitStack()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the agent, if there is one."""
        if self._open is not None:
            self._open.close()
        self._open, self._session = None, ""

    def clearsign(self, document: bytes) -> bytes:
        """Return the document with a cleartext signature around it (InRelease)."""
        return self._gpg([*_STRONG, "--local-user", self.fingerprint, "--clearsign"], document)

    def detach(self, document: bytes) -> bytes:
        """Return an armored detached signature (Release.gpg, snapshot.json.asc)."""
        return self._gpg([*_STRONG, "--local-user", self.fingerprint, "--armor", "--detach-sign"], document)

    def public_key(self, *, armor: bool) -> bytes:
        """Return the public key, without signatures that verifiers do not need."""
        if armor in self._public:
            return self._public[armor]
        options = ["--export-options", "export-minimal", "--export", self.fingerprint]
        _check_home(self._home)
        key = _gpg(str(self._home), (["--armor"] if armor else []) + options, b"")  # needs no agent
        if not key:
            raise ConfigError(
                f"{self._home}: no key {self.fingerprint}",
                hint="`site.key` in cudepot.toml must name a key in `site.gnupg`; `cudepot init` creates one",
            )
        return self._public.setdefault(armor, key)

    def _gpg(self, arguments: list[str], data: bytes) -> bytes:
        if self._open is not None:
            self._session = self._session or self._open.enter_context(_session(self._home))
            return _gpg(self._session, arguments, data)
        with _session(self._home) as home:
            return _gpg(home, arguments, data)


def make_key(home: Path, uid: str) -> str:
    """Make a signing key without passphrase in a GnuPG home and return its fingerprint.

    A key of that name that is there already, from a run that was interrupted, is taken as it is.

    RSA 4096 with SHA-512 is what every client still in use can check: yum of RHEL 7 and apt of Ubuntu 16.04 as
    well as sqv of Debian 13.

    Raises:
        ConfigError: gpg is missing or refuses.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _session(home) as short, tempfile.NamedTemporaryFile() as status:
        if found := _secret_key(short, uid):
            return found
        make = [
            "--passphrase",
            "",
            "--status-file",
            status.name,
            "--quick-generate-key",
            uid,
            "rsa4096",
            "sign",
            "never",
        ]
        _gpg(short, [*_STRONG, *make], b"")
        for line in Path(status.name).read_text().splitlines():
            if line.startswith("[GNUPG:] KEY_CREATED "):
                return line.split()[3]
    raise StorageError(f"{home}: gpg did not create a key")


def import_keys(home: Path, keys: bytes) -> None:
    """Put public keys into a GnuPG home, which is made where it is missing; raise ConfigError where gpg refuses."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _session(home) as short:
        _gpg(short, ["--import"], keys)


def has_private_key(home: Path, fingerprint: str) -> bool:
    """Return whether a GnuPG home has the private half of a key."""
    if not home.is_dir():
        return False
    with _session(home) as short:
        try:
            return bool(_gpg(short, ["--list-secret-keys", "--with-colons", fingerprint], b""))
        except ConfigError:
            return False


def _secret_key(home: str, uid: str) -> str:
    """Return the fingerprint of the secret key with exactly this user id; empty when there is none."""
    listed = _gpg(home, ["--with-colons", "--list-secret-keys"], b"").decode(errors="replace").splitlines()
    found = ""
    for fields in (line.split(":") for line in listed):
        if fields[0] == "fpr" and not found:
            found = fields[9]
        elif fields[0] == "sec":
            found = ""
        elif fields[0] == "uid" and fields[9] == uid:
            return found
    return ""


def _check_home(home: Path) -> None:
    if not home.is_dir():
        raise ConfigError(f"{home}: no such GnuPG home", hint="copy it from the machine that has the site's secret key")


@contextlib.contextmanager
def _session(home: Path) -> Iterator[str]:
    """Give a short name for the home (an agent's socket path has 108 bytes) and stop the agent afterwards.

    An agent of a run that was killed is stopped before: it answers, but finds no key, for the name it was given for
    the home has gone.
    """
    _check_home(home)
    place = tempfile.gettempdir()
    with temporary_folder(place if len(place) <= _SHORT else "/tmp") as folder:  # noqa: S108 - made with a name of its own, for us alone
        short = folder / "h"
        short.symlink_to(home.resolve())
        if _has_agent(short):
            _stop_agent(short)
        try:
            yield str(short)
        finally:
            _stop_agent(short)


def _stop_agent(home: Path) -> None:
    """Stop the agent of a home and wait until its socket is gone: it goes a moment after it was told to."""
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], capture_output=True, check=False)
    end = time.monotonic() + _PATIENCE
    while _has_agent(home) and time.monotonic() < end:
        time.sleep(0.02)


def _has_agent(home: Path) -> bool:
    """Return whether somebody listens at the agent's socket in a home: the file outlives an agent that crashed."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
        one.connect(str(home / "S.gpg-agent"))
        return True
    return False


def _check_writable(home: Path) -> None:
    """Raise StorageError where gpg cannot write its locks into a home: it says why in any language."""
    with storage_errors(home), tempfile.TemporaryFile(dir=home.resolve()) as probe:
        probe.write(bytes(_PROBE))


def _gpg(home: str, arguments: list[str], data: bytes) -> bytes:
    command = ["gpg", "--homedir", home, *_OPTIONS, *arguments]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ConfigError("gpg is not installed", hint="apt-get install gnupg, or dnf install gnupg2") from error
    if done.returncode:
        _check_writable(Path(home))
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise SignerError(f"gpg: {said}", hint="check `site.key` and `site.gnupg` in cudepot.toml")
    return done.stdout
