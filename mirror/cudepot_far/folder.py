"""The site as a folder: every snapshot whole in a folder of its own, ``current`` a link that one rename switches.

The same layout and the same bytes as cudepot's (``docs/formats.md``, Site).
"""

import contextlib
import os
import re
import shutil
from typing import Dict, Iterator, List, Optional, Sequence

from cudepot_far.disk import fsync, fsync_each, make_folders, remove, storage_errors, write_atomic
from cudepot_far.errors import TrustError
from cudepot_far.store import Store
from cudepot_far.values import CHUNK, Digest, checked, safe_name

_SHOWN = "current"
_CURRENT = re.compile(r"snapshots/([0-9]{6})")


class Site:
    """The folder ``root`` with ``snapshots/000001/`` ... and ``current``; web servers show ``current``.

    One with channels has a link for each of them, and web servers show the folder itself. There ``current`` becomes a
    second name of the last channel as soon as that shows something.
    """

    def __init__(self, root: str, store: Store, channels: Sequence[str] = ()) -> None:
        self.root, self._store, self._channels = root, store, list(channels)
        self.where = root if channels else os.path.join(root, _SHOWN)

    def folder(self, number: int) -> str:
        """Return where a snapshot lies, or would lie."""
        return os.path.join(self.root, "snapshots", f"{number:06d}")

    def current(self, channel: str = "") -> Optional[int]:
        """Return the number of the snapshot that a channel shows; None when there is none."""
        return self._number(channel or (self._channels or [_SHOWN])[0])

    def _number(self, link: str) -> Optional[int]:
        try:
            target = os.readlink(os.path.join(self.root, link))
        except OSError:
            return None
        if link == _SHOWN and target in self._channels:
            return self._number(target)
        found = _CURRENT.fullmatch(target)
        return int(found.group(1)) if found and os.path.isdir(self.folder(int(found.group(1)))) else None

    def shown(self) -> List[int]:
        """Return the numbers of all snapshots that are shown under any name."""
        found = {self._number(one) for one in [_SHOWN, *self._channels]}
        return sorted(one for one in found if one is not None)

    def document(self, number: int) -> bytes:
        """Return the snapshot document that lies in a snapshot's folder; empty when there is none."""
        with contextlib.suppress(OSError), open(os.path.join(self.folder(number), "snapshot.json"), "rb") as handle:
            return handle.read()
        return b""

    def show(self, channel: str, number: int, tree: Dict[str, Digest], extra: Dict[str, bytes], keep: int) -> None:
        """Write a snapshot completely under a name of its own, switch a channel to it, then remove old ones.

        Raises:
            StorageError: the disk is full, read-only or not permitted; what was shown is shown still.
        """
        with storage_errors(self.root):
            self._write(number, tree, extra)
            self._switch(channel or (self._channels or [_SHOWN])[0], number)
            self._prune(keep)

    def _write(self, number: int, tree: Dict[str, Digest], extra: Dict[str, bytes]) -> None:
        final = self.folder(number)
        for name in self._names():
            if name.endswith(".partial"):  # of a run that was killed
                shutil.rmtree(os.path.join(self.root, "snapshots", name), ignore_errors=True)
        if os.path.isdir(final):
            self._mend(final, tree, extra)
            return
        partial = final + ".partial"
        try:
            make_folders(partial)
            self._fill(partial, tree, extra)
            os.rename(partial, final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        fsync(os.path.dirname(final))

    def _fill(self, partial: str, tree: Dict[str, Digest], extra: Dict[str, bytes]) -> None:
        for path, digest in tree.items():
            target = os.path.join(partial, safe_name(path))
            make_folders(os.path.dirname(target))
            self._store.place(digest, target)
        for path, data in extra.items():
            with open(os.path.join(partial, path), "wb") as out:
                out.write(data)
                out.flush()
                os.fchmod(out.fileno(), 0o644)
                os.fsync(out.fileno())
        self._open_to_readers(partial)

    def _open_to_readers(self, snapshot: str) -> None:
        """Let a web server read it, whatever the umask of the one who publishes, and make the names durable."""
        folders = [self.root, os.path.dirname(snapshot)] + [folder for folder, _, _ in os.walk(snapshot)]
        for one in folders:
            os.chmod(one, 0o755)
        fsync_each(folders)

    def _mend(self, folder: str, tree: Dict[str, Digest], extra: Dict[str, bytes]) -> None:
        """Make a folder hold exactly these files, one rename each, so that it can be shown meanwhile."""
        for path in list(_files(folder)):
            if path not in tree and path not in extra:
                remove(os.path.join(folder, path))
        for path, digest in tree.items():
            target = os.path.join(folder, safe_name(path))
            if not self._same(target, digest):
                make_folders(os.path.dirname(target))
                temp = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.new")
                remove(temp)
                self._store.place(digest, temp)
                os.replace(temp, target)
        for path, data in extra.items():
            write_atomic(os.path.join(folder, path), data)
        self._open_to_readers(folder)

    def _same(self, file: str, digest: Digest) -> bool:
        if os.path.islink(file) or not os.path.isfile(file) or not self._store.has(digest):
            return False
        return os.path.samefile(file, self._store.path(digest))

    def _switch(self, name: str, number: int) -> None:
        """Show a snapshot: one rename, so a client sees the old or the new one."""
        self._point(name, os.path.join("snapshots", f"{number:06d}"))
        if [name] == self._channels[-1:] and not self._is_second(name):
            self._point(_SHOWN, name)
        fsync(self.root)

    def _is_second(self, channel: str) -> bool:
        """Return whether ``current`` is a second name of a channel already."""
        with contextlib.suppress(OSError):
            return os.readlink(os.path.join(self.root, _SHOWN)) == channel
        return False

    def _point(self, link: str, target: str) -> None:
        temp = os.path.join(self.root, f".{link}.new")
        remove(temp)
        os.symlink(target, temp)
        os.replace(temp, os.path.join(self.root, link))

    def faults(self, number: int, tree: Dict[str, Digest]) -> List[str]:
        """Return what is wrong with the files of a snapshot's folder."""
        folder, found = self.folder(number), []
        there = set(_files(folder)) - {"snapshot.json", "snapshot.json.asc"}
        found += [f"{folder}/{path}: belongs to no snapshot" for path in sorted(there - set(tree))]
        for path, digest in sorted(tree.items()):
            if not self._same(os.path.join(folder, path), digest) and not _holds(os.path.join(folder, path), digest):
                found.append(f"{folder}/{path}: missing, or changed")
        return found

    def _prune(self, keep: int) -> None:
        """Remove all but the newest ``keep`` snapshots, never the one shown."""
        found, shown = sorted((int(name) for name in self._names() if name.isdigit()), reverse=True), self.shown()
        for number in found[keep:]:
            if number not in shown:
                shutil.rmtree(self.folder(number), ignore_errors=True)

    def _names(self) -> List[str]:
        with contextlib.suppress(FileNotFoundError):
            return os.listdir(os.path.join(self.root, "snapshots"))
        return []


def _holds(path: str, digest: Digest) -> bool:
    try:
        with open(path, "rb") as handle:
            for _ in checked(iter(lambda: handle.read(CHUNK), b""), digest, path):
                pass
    except (OSError, TrustError):
        return False
    return not os.path.islink(path)


def _files(folder: str) -> Iterator[str]:
    """Give the relative path of everything in a folder that is not a folder itself."""
    for top, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(top, name))]
        for name in sorted(names + links):
            yield os.path.relpath(os.path.join(top, name), folder)
