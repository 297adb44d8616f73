"""The store on a local disk, as cudepot has it: every object once, under its sha256, visible only when complete.

Format: ``docs/formats.md``, Store. It is held by the same lock as cudepot holds, so the two never work at once.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, Set, Tuple

from cudepot_far.disk import fsync, fsync_each, make_folders, remove, storage_errors, write_atomic
from cudepot_far.errors import BusyError, ConfigError, FormatError, StorageError, TrustError
from cudepot_far.sealed import sealed, unsealed
from cudepot_far.values import CHUNK, Digest, checked, chunks_of

FORMAT = "cudepot-store 1\n"
INCOMING, IMPORTED = "incoming", "imported"
SNAPSHOTS, PROMOTIONS = "snapshots", "promotions"
CHANNELS, ROLLBACK, TAGS = "channels.json", "rollback.json", "tags.json"
_FOLDERS = ("objects", "parts", "tmp")
_NUMBERED = re.compile(r"([0-9]{6})\.json\.asc")
_SECOND = 1000000  # microseconds
_NO_LINK = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP)


class Store:
    """Objects, snapshots and manifests of bundles below the folder ``root``.

    Raises:
        ConfigError: there is no store, or one of another format.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._unsettled: Set[str] = set()
        self._hashed: Dict[Tuple[str, int, int], bool] = {}
        try:
            with open(self.at("FORMAT"), encoding="utf-8", errors="replace") as handle:
                found = handle.read()
        except OSError as error:
            raise ConfigError(f"{root}: no cudepot store here", "run `init KEYFILE` first") from error
        if found != FORMAT:
            raise ConfigError(f"{root}: store format {found.strip()!r} is not {FORMAT.strip()!r}", "use a newer file")

    @staticmethod
    def create(root: str) -> "Store":
        """Make a store; one that is there stays as it is."""
        with storage_errors(root):
            for name in _FOLDERS:
                make_folders(os.path.join(root, name))
            with open(os.path.join(root, "lock"), "a"):
                pass
        if not os.path.exists(os.path.join(root, "FORMAT")):
            write_atomic(os.path.join(root, "FORMAT"), FORMAT.encode())
        return Store(root)

    def at(self, *names: str) -> str:
        """Return where one of the store's own files is, or would be."""
        return os.path.join(self.root, *names)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store for this process; what a killed one left half-made is removed.

        Raises:
            BusyError: another process has it.
        """
        with storage_errors(self.at("lock")):
            handle = open(self.at("lock"), "a+")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(f"another cudepot process holds {self.root}", "wait for it to finish") from error
            self._clear()
            with contextlib.suppress(OSError):
                os.truncate(handle.fileno(), 0)
                os.write(handle.fileno(), f"pid {os.getpid()}".encode())
            yield

    def _clear(self) -> None:
        for name in os.listdir(self.at("tmp")):
            left = self.at("tmp", name)
            if os.path.isdir(left) and not os.path.islink(left):
                shutil.rmtree(left, ignore_errors=True)
            else:
                remove(left)

    # objects

    def path(self, digest: Digest) -> str:
        """Return where an object lies, or would lie."""
        return self.at("objects", digest.sha256[:2], digest.sha256)

    def has(self, digest: Digest) -> bool:
        """Return whether an object is here and holds what its name says; one without a mark is hashed for it."""
        path = self.path(digest)
        try:
            about = os.stat(path)
        except OSError:
            return False
        if about.st_size != digest.size:
            return False
        if about.st_mtime_ns // 1000 % _SECOND == _mark(digest.sha256):
            return True
        key = (path, about.st_ino, about.st_mtime_ns)
        if key not in self._hashed:
            self._hashed[key] = self.holds(digest)
        return self._hashed[key]

    def holds(self, digest: Digest) -> bool:
        """Return whether an object is here and holds what its name says, by hashing it; then mark it."""
        try:
            with open(self.path(digest), "rb") as handle:
                for _ in checked(iter(lambda: handle.read(CHUNK), b""), digest, ""):
                    pass
                with contextlib.suppress(OSError):  # another user's, or a read-only disk: it is hashed once a run
                    _put_mark(handle.fileno(), digest.sha256)
        except (OSError, TrustError):
            return False
        return True

    def open(self, digest: Digest) -> BinaryIO:
        """Open an object; raise StorageError when it is not here, TrustError when it is damaged."""
        if self.has(digest):
            return open(self.path(digest), "rb")
        if os.path.lexists(self.path(digest)):
            raise TrustError(f"object {digest.sha256} of the store is damaged", "import the bundle that had it again")
        raise StorageError(f"object {digest.sha256} ({digest.size} bytes) is not in the store", "see `missing`")

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """Give the bytes of an object, hashed again on the way."""
        what = f"object {digest.sha256}"
        with self.open(digest) as handle:
            yield from checked(chunks_of(handle, digest.size, what), digest, what)

    def read(self, digest: Digest) -> bytes:
        """Return an object whole."""
        return b"".join(self.chunks(digest))

    def add(self, digest: Digest, chunks: Iterable[bytes], what: str) -> None:
        """Bring an object in; it appears when it is complete, hashed and on the disk.

        Raises:
            TrustError: the bytes are others.
            StorageError: the disk refuses.
        """
        with storage_errors(self.root):
            handle, temp = tempfile.mkstemp(dir=self.at("tmp"))
            try:
                with os.fdopen(handle, "wb") as out:
                    for chunk in checked(iter(chunks), digest, what):
                        out.write(chunk)
                    out.flush()
                    os.fchmod(out.fileno(), 0o444)
                    with contextlib.suppress(OSError):
                        _put_mark(out.fileno(), digest.sha256)
                    os.fsync(out.fileno())
                self._move(temp, digest)
            except BaseException:
                remove(temp)
                raise

    def add_bytes(self, data: bytes) -> Digest:
        """Bring in what is in memory."""
        digest = Digest(hashlib.sha256(data).hexdigest(), len(data))
        if not self.has(digest):
            self.add(digest, [data], "bytes")
        return digest

    def _move(self, temp: str, digest: Digest) -> None:
        path = self.path(digest)
        if not os.path.isdir(os.path.dirname(path)):
            make_folders(os.path.dirname(path))
            self._unsettled.add(self.at("objects"))
        os.replace(temp, path)
        self._unsettled.add(os.path.dirname(path))

    def settle(self) -> None:
        """Make the names of all objects that came so far durable."""
        with storage_errors(self.root):
            fsync_each(sorted(self._unsettled))
        self._unsettled.clear()

    def discard(self, digest: Digest) -> None:
        """Remove an object, if it is here."""
        remove(self.path(digest))

    def place(self, digest: Digest, target: str) -> None:
        """Put an object at a path: a hard link where possible, else a copy that is checked on the way."""
        if not self.has(digest):
            self.open(digest).close()  # says what is wrong
        try:
            os.link(self.path(digest), target)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            with open(target, "wb") as out:
                for chunk in self.chunks(digest):
                    out.write(chunk)
                out.flush()
                os.fchmod(out.fileno(), 0o444)
                os.fsync(out.fileno())

    # snapshots and promotions: NNNNNN.json, and last its signature

    def numbers(self, folder: str = SNAPSHOTS) -> List[int]:
        """Return the numbers of all complete snapshots, or of all complete records of promotions, in order."""
        with contextlib.suppress(FileNotFoundError):
            found = (_NUMBERED.fullmatch(name) for name in os.listdir(self.at(folder)))
            return sorted(int(one.group(1)) for one in found if one)
        return []

    def snapshot(self, number: int, folder: str = SNAPSHOTS) -> Tuple[bytes, bytes]:
        """Return a snapshot's document, or a record, and its signature."""
        path = self.at(folder, f"{number:06d}.json")
        try:
            with open(path, "rb") as document, open(path + ".asc", "rb") as signature:
                return document.read(), signature.read()
        except OSError as error:
            raise StorageError(f"{path}: cannot read {folder[:-1]} {number}: {error.strerror}") from error

    def add_snapshot(self, number: int, document: bytes, signature: bytes, folder: str = SNAPSHOTS) -> None:
        """Keep a snapshot, or a record, for good; the signature comes last and makes it complete."""
        path = self.at(folder, f"{number:06d}.json")
        write_atomic(path, document, 0o444)
        write_atomic(path + ".asc", signature, 0o444)

    # small documents

    def recall(self, name: str) -> Dict[str, object]:
        """Return a small document; an empty one where there is none, or it does not hold."""
        try:
            with open(self.at(name), "rb") as handle:
                return unsealed(handle.read(), name)
        except (OSError, FormatError):
            return {}

    def keep(self, name: str, document: Dict[str, Any]) -> None:
        """Keep a small document, with a hash of itself."""
        write_atomic(self.at(name), json.dumps(sealed(document), indent=1).encode() + b"\n")

    # manifests: a file for each, with its signature

    def manifests(self, folder: str) -> List[str]:
        """Return the names of the manifests in ``incoming`` or ``imported``, in order."""
        with contextlib.suppress(FileNotFoundError):
            found = os.listdir(self.at(folder))
            return sorted(name[:-5] for name in found if name.endswith(".json") and not name.startswith("."))
        return []

    def has_manifest(self, folder: str, name: str) -> bool:
        """Return whether there is a manifest of that name."""
        return os.path.isfile(self.at(folder, name + ".json"))

    def manifest(self, folder: str, name: str) -> Tuple[bytes, bytes]:
        """Return a manifest and its signature; raise FormatError when they were changed."""
        path = self.at(folder, name + ".json")
        try:
            with open(path, "rb") as handle:
                found = unsealed(handle.read(), path)
            return str(found["manifest"]).encode(), str(found["signature"]).encode()
        except OSError as error:
            raise StorageError(f"{path}: cannot read the manifest of a bundle: {error.strerror}") from error
        except KeyError as error:
            raise FormatError(f"{path}: holds no {error}", "the full cudepot repairs it") from error

    def add_manifest(self, folder: str, name: str, document: bytes, signature: bytes) -> None:
        """Keep a manifest and its signature."""
        found = sealed({"manifest": document.decode(), "signature": signature.decode()})
        data = json.dumps(found, sort_keys=True).encode() + b"\n"
        write_atomic(self.at(folder, name + ".json"), data, 0o444)

    def forget(self, folder: str, name: str) -> None:
        """Remove a manifest."""
        with storage_errors(self.root):
            remove(self.at(folder, name + ".json"))
            fsync(self.at(folder))


def _mark(sha256: str) -> int:
    return int(sha256[:5], 16) % _SECOND


def _put_mark(descriptor: int, sha256: str) -> None:
    about = os.fstat(descriptor)
    whole = about.st_mtime_ns // 10**9 * 10**9
    os.utime(descriptor, ns=(about.st_atime_ns, whole + _mark(sha256) * 1000))
