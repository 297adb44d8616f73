"""The store in an S3 bucket: the bucket is the truth, a folder is its working copy and may be thrown away.

Objects and snapshots are created once and never changed. All else is one tree of records, named by ``state.json``,
which is only changed by whoever read it last (``docs/adr/0058``): of two machines that work on a store at a time, one
loses and changes nothing.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cudepot.digest import Digest
from cudepot.errors import BusyError, ConfigError, CudepotError
from cudepot.store import layout
from cudepot.store.hold import held
from cudepot.store.sealed_file import SealedFile
from cudepot.stores.kind import Around
from cudepot.stores.s3.collect import LEASE, Remover, Retired, retire, unnamed_keys
from cudepot.stores.s3.conditions import check_conditions
from cudepot.stores.s3.objects import BucketDocument
from cudepot.stores.s3.records import ROOM as RECORDS
from cudepot.stores.s3.records import RecordGoneError, Records
from cudepot.stores.s3.records import key_of as record_key
from cudepot.stores.s3.snapshots import ROOM as SNAPSHOTS
from cudepot.stores.s3.snapshots import BucketSnapshots
from cudepot.stores.s3.snapshots import key_of as snapshot_key
from cudepot.stores.s3.state import Coming, State, StateFile
from cudepot.stores.s3.there import ROOM as OBJECTS
from cudepot.stores.s3.there import key_of
from cudepot.stores.s3.working_copy import WorkingCopy
from cudepot.transport.s3.bucket import Bucket

LOCK_FILE = "cudepot.lock"
"""The project's own file that goes with a store: a machine that has none gets it back."""
_PASSING = (layout.LOG, layout.LAST_RUN)  # what the next run writes again
_PATIENCE = 15.0  # seconds that a run waits for one that only reads


class S3Store(WorkingCopy):
    """See the module, and :class:`~cudepot.store.local.LocalStore`.

    Args:
        around: what of a run it works with.
        bucket: the bucket.
        cache: bytes that objects may take on this machine after a run; None for as many as there are.
        singly: see :class:`~cudepot.stores.s3.there.There`; a worker's folder goes with it and need not be durable.
    """

    def __init__(self, around: Around, bucket: Bucket, *, cache: int | None = None, singly: bool = False) -> None:
        super().__init__(around, bucket, cache=cache, singly=singly)
        self._removed: set[int] = set()
        self._uncreated = 0  # number of a snapshot that the state names and that may not be there yet
        self._state = StateFile(bucket)
        self._records = Records(bucket, self.root, {f"project/{LOCK_FILE}": around.base / LOCK_FILE})

    @property
    def snapshots(self) -> BucketSnapshots:
        """The snapshots that were made here, or came here."""
        return BucketSnapshots(self.root, self.bucket, self._announce, self._removed)

    @property
    def pointer(self) -> BucketDocument:
        """What a site shows that is served out of this store: an object of its own."""
        return BucketDocument(self.bucket, self.root)

    # what a run sees, and leaves

    @contextlib.contextmanager
    def locked(
        self, *, dry: bool = False, wait: float = 0.0, said: Callable[[str], None] = lambda _: None, who: str = ""
    ) -> Iterator[None]:
        """Hold the working copy, bring it up to date, and in the end let the bucket have what is new.

        Raises:
            BusyError: another process has it; or another machine changed the store meanwhile.
        """
        with super().locked(dry=dry, wait=max(wait, _PATIENCE), said=said, who=who):
            self._pull()
            if dry:
                yield
                return
            with self.sending():
                try:
                    yield
                except CudepotError:
                    self._keep_what_can()
                    raise
                self.commit()
            self._cache.trim(self._limit, self.there)

    def refresh(self) -> None:
        """Bring the working copy up to date, unless a run on this machine is at work with it."""
        with contextlib.suppress(BusyError), held(self.root, dry=True, wait=0.0, said=lambda _: None, who=""):
            self._pull()

    def _keep_what_can(self) -> None:
        """Let the bucket know what a run that failed found out; the error it failed with is the one to tell."""
        with contextlib.suppress(CudepotError):
            self.commit()

    def _pull(self) -> None:
        """Make the working copy what the bucket says; a store that was a folder stays as it is until it is sent."""
        before, state = None, self._state.read()
        while state is not None:
            self._check(state)
            try:
                self._follow(state)
            except RecordGoneError:
                before, state = state, self._state.read()
                if state is None or state == before:
                    raise
            else:
                return

    def _check(self, state: State) -> None:
        note = self._note()
        if note.get("bucket") != self.where and (own := self._own_records()):
            other = note.get("bucket", "")
            raise ConfigError(
                f"{self.root}: has {own} of {other or 'its own'}, and {self.where} has others",
                hint=f"move the folder away: a working copy of {self.where} is made from the bucket",
            )
        if state.collecting and state.collecting != note.get("copy") and self._state.age < LEASE:
            raise BusyError(
                f"{self.where}: another machine removes objects there",
                hint=f"run the command again when it is done; a dead one is waited for {LEASE:.0f} s",
            )

    def _own_records(self) -> str:
        """Return what this folder has that cannot be restored from anything else; empty for nothing."""
        if self.snapshots.documents():
            return "snapshots"
        records = (one for one in layout.LAYOUT if one.loss == layout.Loss.RECORD and one not in _PASSING)
        return ", ".join(one.name for one in records if one.found(self.root))

    def _follow(self, state: State) -> None:
        self._take_note()  # first: a run that is killed meanwhile leaves a working copy, not a store of its own
        self.there.forget()
        self.snapshots.pull(state)
        self._uncreated = state.coming.number if state.coming else 0
        self._records.pull(state.tree)

    def checkpoint(self) -> None:
        """Let the bucket have all that is new here; see :meth:`commit`."""
        self.commit()

    def commit(self, collecting: str = "", coming: tuple[int, bytes] | None = None) -> None:
        """Let the bucket have all that is new here: objects first, then records, then the state that names them.

        Args:
            collecting: the working copy that is going to remove objects.
            coming: number and content of a snapshot that will be created as soon as the state names it.

        Raises:
            BusyError: another machine changed the store meanwhile.
            SiteError: the bucket's server refuses, or is not there.
        """
        assert self._uploads is not None, "only a run that holds the store changes it"
        if self._state.state is None:
            self._adopt()
        self._uploads.wait()
        self._create_named()
        named = Coming(coming[0], self._records.keep(coming[1])) if coming else None
        kept, before = {*BucketSnapshots.numbers(self.snapshots), *([named.number] if named else [])}, self._state.state
        newest, serial = (before.newest, before.serial) if before else (0, 0)
        new = State(self._records.push(), tuple(sorted(kept)), max((*kept, newest)), named, collecting, serial)
        if new != before:
            self._state.swap(replace(new, serial=serial + 1))
        self.bucket.delete_each([snapshot_key(one) for one in sorted(self._removed)])
        self._removed.clear()

    def _announce(self, number: int, body: bytes) -> None:
        self.commit(coming=(number, body))
        self._uncreated = number

    def _create_named(self) -> None:
        """Create the snapshot that the state names, unless it is there: whoever made it may have died in between."""
        snapshots = self.snapshots
        if self._uncreated in snapshots.numbers():
            snapshots.create(self._uncreated, *snapshots.read(self._uncreated))
        self._uncreated = 0

    def _adopt(self) -> None:
        """Send all of a store that was a folder until now, or nothing of a new one."""
        check_conditions(self.bucket)
        self._take_note()
        for path in self.objects():
            if path.is_file() and not path.is_symlink():
                self.has(Digest(path.name, path.stat().st_size))
        assert self._uploads is not None, "see commit"
        self._uploads.wait()
        snapshots = self.snapshots
        for number in snapshots.numbers():
            snapshots.create(number, *snapshots.read(number))

    def _note(self) -> Mapping[str, str]:
        return SealedFile(self.at(layout.BUCKET)).recall()

    def _take_note(self) -> None:
        copy = self._note().get("copy") or secrets.token_hex(8)
        SealedFile(self.at(layout.BUCKET)).write({"bucket": self.where, "copy": copy})

    # clearing up

    def due(self, unnamed: Iterable[str]) -> list[str]:
        """Return which objects :meth:`collect` would remove now."""
        return self._retired(unnamed, self._state.server_time()).doomed

    def _retired(self, unnamed: Iterable[str], now: float) -> Retired:
        return retire(unnamed, SealedFile(self.at(layout.RETIRED)).recall(), now, self.bucket.place.grace)

    def waiting(self) -> Collection[str]:
        """Return the sha256 of objects that an earlier `gc` noted and left for later."""
        return SealedFile(self.at(layout.RETIRED)).recall().keys()

    def collect(self, unnamed: Iterable[str]) -> list[str]:
        """Remove objects that nothing has named for the grace period, and return which."""
        if self._state.state is None:
            self.commit()
        now = self._state.server_time()
        old, found = now - self.bucket.place.grace, self._retired(unnamed, now)
        SealedFile(self.at(layout.RETIRED)).write(found.waiting)
        self.commit(collecting=self._note()["copy"])
        remover = Remover(self.bucket, self._state)
        remover.remove([key_of(one) for one in found.doomed])
        for one in found.doomed:
            Path(self.here(Digest(one, 0))).unlink(missing_ok=True)
            self.there.remove(one)
        remover.remove(list(unnamed_keys(self.bucket, (RECORDS, SNAPSHOTS), self._named_keys(), old)))
        for key, upload, begun in list(self.bucket.uploads(OBJECTS)):
            if begun <= old:
                self.bucket.abort(key, upload)
        self.commit()
        return found.doomed

    def _named_keys(self) -> set[str]:
        """Return the keys of the records and snapshots that the state names."""
        state = self._state.state
        assert state is not None, "it was just written"
        return self._records.named() | {record_key(state.tree)} | {snapshot_key(one) for one in state.snapshots}
