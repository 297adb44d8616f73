"""The store on a local disk: every object once, under its sha256, visible only when complete.

Layout and invariants are described in ``docs/formats.md``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

from cudepot.digest import CHUNK, Digest, Hasher, Promise, VerifyingReader, hasher
from cudepot.disk import fsync_each, storage_errors, write_atomic
from cudepot.errors import ConfigError, FormatError, StorageError, TrustError
from cudepot.store import layout
from cudepot.store.here import Here
from cudepot.store.hold import held
from cudepot.store.holdings import Holdings
from cudepot.store.marks import Marks
from cudepot.store.own_files import OwnFiles
from cudepot.store.part import LocalPart

_FORMAT = "cudepot-store 1\n"


def _absent(digest: Digest) -> StorageError:
    return StorageError(f"object {digest.sha256} ({digest.size} bytes) is not in the store", hint="run `cudepot sync`")


def _damaged(digest: Digest) -> TrustError:
    return TrustError(
        f"object {digest.sha256} of the store is damaged: its content does not match its name",
        hint="run `cudepot verify --repair`, then `cudepot sync`",
    )


class LocalStore(OwnFiles, Holdings, Here):
    """Objects under ``root/objects``; see :class:`cudepot.ports.ObjectStore`.

    Args:
        root: folder of the store; made when ``create`` is set.
        durable: fsync objects; off only for scratch copies that are worthless after a crash.
        quick: see :class:`~cudepot.store.marks.Marks`.
    """

    def __init__(self, root: Path, *, create: bool = False, durable: bool = True, quick: bool = False) -> None:
        self.root, self._durable, self.marks = root, durable, Marks(quick=quick)
        self._objects = f"{layout.OBJECTS.at(root)}/"
        self._unsettled: set[str] = set()
        self._gathered: dict[str, str] = {}
        self._gathers = False
        self._settling = threading.Lock()
        if create:
            self._create()
        self._check_format()

    def _create(self) -> None:
        with storage_errors(self.root):
            for folder in (layout.OBJECTS, layout.PARTS, layout.TMP):
                self.at(folder).mkdir(parents=True, exist_ok=True)
            self.at(layout.LOCK).touch()
        if not self.at(layout.FORMAT).exists():
            write_atomic(self.at(layout.FORMAT), _FORMAT.encode())

    def _check_format(self) -> None:
        try:
            found = self.at(layout.FORMAT).read_text(errors="replace")
        except OSError as error:
            raise ConfigError(f"{self.root}: no cudepot store here", hint="run `cudepot init` first") from error
        if found != _FORMAT:
            raise ConfigError(
                f"{self.root}: store format {found.strip()!r} is not {_FORMAT.strip()!r}",
                hint="use the cudepot version that made it",
            )

    def path(self, digest: Digest) -> Path:
        """Return where the object is, or would be."""
        return Path(self.name(digest))

    def name(self, digest: Digest) -> str:
        """Return the same as text, which costs less where thousands are asked for."""
        return self.here(digest)

    def here(self, digest: Digest) -> str:
        """Return where the object is on this machine, or would be; a store that is elsewhere brings nothing."""
        return self._gathered.get(digest.sha256) or f"{self._objects}{digest.sha256[:2]}/{digest.sha256}"

    def has(self, digest: Digest) -> bool:
        """Return whether the object is here and holds what its name says; one without a mark is hashed for it."""
        try:
            about = os.stat(path := self.here(digest))  # noqa: PTH116
        except OSError:
            return False
        if about.st_size != digest.size:
            return False
        return self.marks.holds(about, digest.sha256) or self.marks.proved(path, digest)

    def is_marked(self, digest: Digest) -> bool:
        """Return whether the object is here and :meth:`has` need not hash it to know."""
        try:
            about = os.stat(self.here(digest))  # noqa: PTH116
        except OSError:
            return False
        return about.st_size == digest.size and self.marks.holds(about, digest.sha256)

    def is_damaged(self, digest: Digest) -> bool:
        """Return whether there is a file in the object's place, but with other bytes."""
        return os.path.lexists(self.here(digest)) and not self.has(digest)

    def open(self, digest: Digest) -> BinaryIO:
        """Open an object for reading; raise StorageError when it is not here, TrustError when it is damaged."""
        try:
            handle = open(path := self.name(digest), "rb")  # noqa: PTH123, SIM115 - the caller closes
        except OSError as error:
            raise _absent(digest) from error
        about = os.fstat(handle.fileno())
        if about.st_size == digest.size and (self.marks.holds(about, digest.sha256) or self.marks.proved(path, digest)):
            return handle
        handle.close()
        raise _damaged(digest)

    def read(self, digest: Digest) -> bytes:
        """Return an object whole, no more bytes than its size; raise as :meth:`open` does."""
        with self.open(digest) as handle:
            return handle.read(digest.size)

    def find(self, digest: Digest | None) -> bytes | None:
        """Return an object whole; None where it is not here, or none is meant."""
        return self.read(digest) if digest is not None and self.has(digest) else None

    @contextlib.contextmanager
    def part(self, digest: Digest) -> Iterator[LocalPart]:
        """Begin, or go on with, an object whose digest is known beforehand; wait for another who is at it."""
        part = LocalPart(self, digest)
        try:
            yield part
        finally:
            part.close()

    def add(self, chunks: Iterator[bytes], *, settle: bool = True) -> Digest:
        """Store bytes whose digest is not known beforehand and return it; for ``settle`` see :meth:`seal`."""
        with (
            storage_errors(self.root),
            tempfile.NamedTemporaryFile(dir=self.at(layout.TMP), delete=False) as out,
        ):
            path, one, size = Path(out.name), hasher(), 0
            try:
                for chunk in chunks:
                    out.write(chunk)
                    one.update(chunk)
                    size += len(chunk)
                out.flush()
                digest = Digest(one.hexdigest(), size)
                self.seal(out, out.name, digest, settle=settle, gather=self._gathers)  # type: ignore[arg-type]
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return digest

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """Let the small files that :meth:`add` takes meanwhile become objects together, in the end.

        The disk is waited for once, where thousands of pages and metadata files come; they can be read before.
        """
        self._gathers = True
        try:
            yield
            with storage_errors(self.root):
                if self._durable:
                    fsync_each(self._gathered.values())
                for sha256, path in self._gathered.items():
                    self._move(path, sha256)
                self._gathered.clear()
                self.settle()
        finally:
            self._gathers = False
            for path in self._gathered.values():  # of a run that failed
                Path(path).unlink(missing_ok=True)
            self._gathered.clear()

    def make(self, write: Callable[[BinaryIO], object], *also: Hasher) -> Digest:
        """Store what ``write`` puts into a seekable file and return its digest; ``also`` get the same bytes."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - where packages are built

        from cudepot.store.trickling import Trickling  # noqa: PLC0415

        with (
            storage_errors(self.root),
            tempfile.NamedTemporaryFile(dir=self.at(layout.TMP), delete=False) as out,
            ThreadPoolExecutor(1) as pool,
        ):
            path, file = Path(out.name), cast(BinaryIO, out)
            try:
                if self._durable:  # what the disk takes its time for goes on while bytes are made and hashed
                    write(cast(BinaryIO, trickling := Trickling(file, pool)))
                    settled = trickling.settle()
                else:
                    write(file)
                    file.flush()
                with path.open("rb") as written:
                    digest = Digest.of_stream(written, *also)
                if self._durable:
                    settled.result()
                self.seal(file, out.name, digest)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return digest

    def add_bytes(self, data: bytes) -> Digest:
        """Store bytes in memory and return their digest."""
        return self.add(iter([data]))

    def seal(
        self, file: BinaryIO | FileIO, path: str, digest: Digest, *, settle: bool = True, gather: bool = False
    ) -> None:
        """Move a complete, checked file to its place: read-only, durable, one rename.

        An object that is there stays: the site shares its inode. Where many come, :meth:`settle` makes their names
        durable at once: an object whose name a power cut takes back is only fetched again.

        Raises:
            StorageError: the file is longer or shorter than what was hashed: something else writes to it.
        """
        if (about := os.fstat(file.fileno())).st_size != digest.size:
            raise StorageError(
                f"{path}: written to by another program", hint="run cudepot again, with nothing else writing there"
            )
        if self.has(digest):
            os.unlink(path)  # noqa: PTH108 - thousands a second
            return
        os.fchmod(file.fileno(), 0o444)
        with contextlib.suppress(OSError):  # a file system that keeps no times: it is hashed when it is used
            self.marks.put(file.fileno(), about, digest.sha256)
        if gather:
            self._gathered[digest.sha256] = path
            return
        if self._durable:
            os.fsync(file.fileno())
        self._move(path, digest.sha256)
        if settle:
            self.settle()

    def _move(self, path: str, sha256: str) -> None:
        folder = self._objects + sha256[:2]
        try:
            os.replace(path, f"{folder}/{sha256}")  # noqa: PTH105
        except FileNotFoundError:  # one time in thousands
            Path(folder).mkdir(exist_ok=True)
            self._unsettled.add(self._objects)
            os.replace(path, f"{folder}/{sha256}")  # noqa: PTH105
        self._unsettled.add(folder)

    def settle(self) -> None:
        """Make the names of all objects that came so far durable; several folders at once, which the disk joins."""
        with self._settling:  # who finds nothing left to do must not be ahead of who does it
            folders = []
            while self._unsettled:
                folders.append(self._unsettled.pop())
            if self._durable:
                fsync_each(folders)

    def place(self, digest: Digest, target: Path | str) -> None:
        """Put an object at a path: a hard link where possible, else a copy that is checked on the way."""
        if not self.has(digest):
            self.open(digest).close()  # says what is wrong
        try:
            os.link(self.name(digest), target)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP):
                raise
            self._copy(digest, target)

    def _copy(self, digest: Digest, target: Path | str) -> None:
        with self.open(digest) as source, open(target, "wb") as out:  # noqa: PTH123
            shutil.copyfileobj(VerifyingReader(source, digest, f"object {digest.sha256[:12]}…"), out, CHUNK)
            out.flush()
            os.fchmod(out.fileno(), 0o444)
            os.fsync(out.fileno())

    def known_as(self, promise: Promise) -> Digest | None:
        """Return the digest of what was found to keep a promise, if it is here."""
        try:
            sha256, size = (self.at(layout.SHA512) / promise.sha512).read_text().split()
            found = Digest(sha256, int(size))
        except (OSError, ValueError, FormatError):
            return None
        return found if found.size == promise.size else None

    def note_promise(self, promise: Promise, digest: Digest) -> None:
        """Remember that the bytes of ``digest`` keep a promise: an index may know them by nothing else."""
        write_atomic(self.at(layout.SHA512) / promise.sha512, f"{digest.sha256} {digest.size}\n".encode())

    def discard(self, digest: Digest) -> None:
        """Remove an object, if it is here."""
        Path(self.here(digest)).unlink(missing_ok=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[LocalStore]:
        """Give a store inside this one for unpacked payloads; it is gone afterwards."""
        root = self.at(layout.SCRATCH)
        shutil.rmtree(root, ignore_errors=True)
        try:
            yield LocalStore(root, create=True, durable=False)
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def locked(
        self, *, dry: bool = False, wait: float = 0.0, said: Callable[[str], None] = lambda _: None, who: str = ""
    ) -> AbstractContextManager[None]:
        """Hold the store for this process.

        What a killed process left behind half-made is removed, unless this is a ``dry`` run, which changes nothing.

        Args:
            dry: as above.
            wait: seconds to wait for another process that holds it.
            said: told once that it is waited for.
            who: what others read of this process, beside its number.

        Raises:
            BusyError: another process has it, and kept it for all of ``wait``.
        """
        return held(self.root, dry=dry, wait=wait, said=said, who=who)
