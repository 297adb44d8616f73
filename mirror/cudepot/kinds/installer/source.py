"""The repository inside a local-repo installer, as a source: a deb that carries debs, or an rpm that carries rpms.

NVIDIA's ``cudnn-local-repo-DISTRO-VERSION_1.0-1_ARCH.deb`` holds ``/var/<name>/`` with packages, index, signatures
and the key that made them, ``…-1.0-1.ARCH.rpm`` the same with ``repodata/``. Nothing is unpacked to disk; one file
after the other passes through memory in pieces.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from cudepot.catalog.ecosystems import APT, YUM
from cudepot.digest import CHUNK, Digest, VerifyingReader
from cudepot.errors import ConfigError, FormatError, MissingError, TrustError, UpstreamError
from cudepot.formats.deb import read_deb
from cudepot.formats.members import Members
from cudepot.ports import About, Page, Validators

KEYS = (".pub", ".gpg", ".asc", ".key")
REPOMD = "repodata/repomd.xml"
_ROOTS = ("InRelease", "Release", "Release.gpg", f"{REPOMD}.asc")
_INDEXES = ("Packages", "Packages.gz", "Packages.xz", "Packages.bz2", "Packages.zst")
_REPODATA = "repodata/"
_MOST_SMALL = 64 << 20  # bytes of an index; NVIDIA's installers hold a few dozen packages


class LocalRepo:
    """Bytes of the repository inside an installer; see :class:`cudepot.ports.Source`.

    Args:
        file: the installer.
        sha256: what it must hash to; checked over the whole file before anything in it is given.
    """

    def __init__(self, file: Path, sha256: str) -> None:
        self.file, self._sha256 = file, sha256
        self._small: dict[str, bytes] = {}
        self._folder = ""
        self._opening = threading.Lock()

    def read(
        self,
        path: str,
        *,
        limit: int,
        known: Validators | None = None,  # noqa: ARG002
        into: BinaryIO | None = None,
    ) -> Page | None:
        """Return a small document: a root, an index or a key."""
        self._open()
        if path not in self._small:
            raise MissingError(f"{self.file}: no {path} in {self._folder}", hint="is this a local-repo installer?")
        if len(self._small[path]) > limit:
            raise UpstreamError(f"{self.file}: {path} has more than {limit} bytes but should be a small document")
        if into is None:
            return Page(self._small[path])
        into.write(self._small[path])
        return Page(b"")

    def size(self, path: str) -> int:
        """Return the size of ``path`` in bytes."""
        with self.stream(path, 0) as (_, chunks):
            return sum(len(chunk) for chunk in chunks)

    def about(self, path: str) -> About:
        """Return the size of ``path``; an installer tells no times that would say anything."""
        return About(self.size(path), "")

    def fresh(self) -> LocalRepo:
        """Return this source: nothing is between it and the disk."""
        return self

    @contextlib.contextmanager
    def stream(self, path: str, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:  # noqa: ARG002
        """Open ``path`` from its beginning: the installer has to be unpacked up to it."""
        self._open()
        if path in self._small:
            yield 0, iter([self._small[path]])
            return
        with contextlib.closing(self._packages()) as packages:
            for name, content in packages:
                if name == path:
                    yield 0, iter(lambda: content.read(CHUNK), b"")  # noqa: B023 - used before the next turn
                    return
        raise MissingError(f"{self.file}: no {path} in {self._folder}", hint="the installer's index names it")

    def piece(self, path: str, start: int, size: int) -> bytes | None:  # noqa: ARG002
        """Return None: the installer has to be unpacked up to a file to read any of it."""
        return None

    def keys(self) -> dict[str, bytes]:
        """Return the key files in the repository by name."""
        self._open()
        return {name: data for name, data in self._small.items() if name.endswith(KEYS) and name not in _ROOTS}

    def has(self, path: str) -> bool:
        """Return whether a root, an index or a key of that name is in the repository."""
        self._open()
        return path in self._small

    def packages(self) -> Iterator[tuple[str, BinaryIO]]:
        """Give every file of the repository that is no index, root or key, in one pass; streams as in read_deb."""
        self._open()
        yield from self._packages()

    def _packages(self) -> Generator[tuple[str, BinaryIO]]:
        with contextlib.closing(self._files()) as files:
            for folder, name, content in files:
                if folder == self._folder and name not in self._small:
                    yield name, content

    def _files(self) -> Generator[tuple[str, str, BinaryIO]]:
        """Give folder, path in it and content of what is in a folder below ``/var``, hashing the installer."""
        with self._opened() as plain:
            digest = Digest(self._sha256, self.file.stat().st_size)  # it could have been exchanged since
            handle: BinaryIO = VerifyingReader(plain, digest, str(self.file))  # type: ignore[assignment]
            for member, content in self._members(handle):
                place, _, rest = member.name.partition("/")
                folder, _, name = rest.partition("/")
                if content is not None and place == "var" and name:
                    yield folder, name, content
            while handle.read(CHUNK):  # members after data.tar belong to what was hashed
                pass

    def _members(self, handle: BinaryIO) -> Members:
        if self.file.suffix != ".rpm":
            return read_deb(handle, what=str(self.file))
        from cudepot.formats.rpm import read_rpm  # noqa: PLC0415 - most installers are debs

        return read_rpm(handle, what=str(self.file))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            plain = self.file.open("rb")
        except OSError as error:
            raise ConfigError(
                f"{self.file}: cannot read it: {error.strerror}", hint="`path` in cudepot.toml"
            ) from error
        with plain:
            yield plain

    def _open(self) -> None:
        """Hash the installer once and keep its small files; nothing is parsed before its hash was found right."""
        with self._opening:
            if not self._folder:
                self._check_hash()
                self._read_small()

    def _check_hash(self) -> None:
        with self._opened() as handle:
            found = Digest.of_stream(handle)
        if found.sha256 != self._sha256:
            raise TrustError(
                f"{self.file}: sha256 is {found.sha256}, but cudepot.toml says {self._sha256}",
                hint="download it again, or compare both with the hash NVIDIA gives; nothing from it was used",
            )

    def _read_small(self) -> None:
        found: dict[str, dict[str, bytes]] = {}
        for folder, name, content in self._files():
            if name in _ROOTS or name in _INDEXES or name.endswith(KEYS) or name.startswith(_REPODATA):
                found.setdefault(folder, {})[name] = self._whole(name, content)
        rpm = self.file.suffix == ".rpm"
        roots = {REPOMD} if rpm else {"InRelease", "Release"}
        folders = [folder for folder, files in found.items() if files.keys() & roots]
        if len(folders) != 1:
            kind, ending = (YUM.name, "-1.0-1.ARCH.rpm") if rpm else (APT.name, "_1.0-1_ARCH.deb")
            raise FormatError(
                f"{self.file}: {len(folders)} {kind} repositories below /var, but there must be exactly one",
                hint=f"a local-repo installer is named NAME-local-repo-DISTRO-VERSION{ending}",
            )
        self._folder, self._small = folders[0], found[folders[0]]

    def _whole(self, name: str, content: BinaryIO) -> bytes:
        data = content.read(_MOST_SMALL + 1)
        if len(data) > _MOST_SMALL:
            raise FormatError(f"{self.file}: {name} has more than {_MOST_SMALL} bytes", hint="do not use it")
        return data
