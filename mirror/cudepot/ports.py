"""The ports: what a workflow needs from the outside world, small enough to hold in the head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from cudepot.digest import Digest, Promise
from cudepot.errors import TrustError

if TYPE_CHECKING:
    from cudepot.openpgp import DocumentSignature

OpenObject = Callable[[Digest], BinaryIO]
"""Opens the bytes of an object for reading; the caller closes."""


class Validators(NamedTuple):
    """HTTP validators of a response seen before (RFC 9110 section 8.8), for a conditional request."""

    etag: str = ""
    last_modified: str = ""


class Page(NamedTuple):
    """A small document read whole: a root, a key or an index page.

    Attributes:
        body: the bytes.
        validators: to be sent next time; None when they are too weak to prove that nothing changed.
        content_type: the media type without parameters, lower case; may be empty.
        url: where it was in the end, after redirects.
    """

    body: bytes
    validators: Validators | None = None
    content_type: str = ""
    url: str = ""


class About(NamedTuple):
    """What an upstream says of a file without sending it: size (-1 when it does not say) and Last-Modified."""

    size: int = -1
    modified: str = ""


class Source(Protocol):
    """One upstream's bytes, by path relative to its base (or by absolute URL where the index gives one)."""

    def read(
        self, path: str, *, limit: int, known: Validators | None = None, into: BinaryIO | None = None
    ) -> Page | None:
        """Return the document at ``path``, at most ``limit`` bytes; None when ``known`` still holds.

        A large one goes ``into`` a file, and the page comes without its bytes.

        Raises:
            UpstreamError: not there, not reachable, or longer than ``limit``.
        """

    def size(self, path: str) -> int:
        """Return the size of ``path`` in bytes, for indexes that do not say it.

        Raises:
            UpstreamError: not there, not reachable, or the upstream does not know.
        """

    def about(self, path: str) -> About:
        """Return what the upstream says of ``path``, as evidence of a fault.

        Raises:
            UpstreamError: not there, or not reachable.
        """

    def fresh(self) -> Source:
        """Return the same upstream, asked past caches on the way and without conditions."""

    def stream(self, path: str, offset: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open ``path`` at byte ``offset``; give the offset really served, never a higher one, and chunks.

        Raises:
            UpstreamError: not there, not reachable, or cut while reading.
        """

    def piece(self, path: str, start: int, size: int) -> bytes | None:
        """Return ``size`` bytes of a file from ``start`` on; None where just these are not available alone.

        Raises:
            TransientError: not reachable, or cut while reading.
        """


class Part(Protocol):
    """An object on its way into the store; what has arrived survives a crash."""

    size: int

    def write(self, chunk: bytes) -> None:
        """Append bytes; raise TrustError as soon as they are more than promised."""

    def cut(self, size: int) -> None:
        """Keep the first ``size`` bytes of what has arrived."""

    def restart(self) -> None:
        """Forget what has arrived."""

    def commit(self) -> None:
        """Check length and hash, make the object visible; raise TrustError and forget it when they differ."""


class ObjectStore(Protocol):
    """Objects by digest. An object that is visible is complete."""

    def has(self, digest: Digest) -> bool:
        """Return whether the object is here and holds what its name says."""

    def open(self, digest: Digest) -> BinaryIO:
        """Open an object for reading; raise StorageError when it is not here, TrustError when it is damaged."""

    def part(self, digest: Digest) -> AbstractContextManager[Part]:
        """Begin, or go on with, an object whose digest is known beforehand."""

    def settle(self) -> None:
        """Make the names of all objects that came so far durable; those of :meth:`add` are already."""

    def add(self, chunks: Iterator[bytes], *, settle: bool = True) -> Digest:
        """Store bytes whose digest is not known beforehand and return it; durable at once unless told otherwise."""


class PromiseStore(ObjectStore, Protocol):
    """Objects that may be asked for by what an index promises of them."""

    def note_promise(self, promise: Promise, digest: Digest) -> None:
        """Remember that the bytes of ``digest`` keep a promise."""


class Edition(NamedTuple):
    """A document as it was read: its bytes, and a mark that tells them from those of every other edition."""

    body: bytes
    mark: str


class Document(Protocol):
    """A small document that is changed by whoever read it last, and by nobody else."""

    @property
    def where(self) -> str:
        """What people call it: a path, or ``s3://BUCKET/KEY``."""

    def read(self, known: Edition | None = None) -> Edition | None:
        """Return the document; None where there is none, ``known`` itself where that is the document still."""

    def swap(self, body: bytes, over: Edition | None) -> Edition | None:
        """Write over the edition ``over`` (None: where there is none); return None, all unchanged, over any other."""


class Objects(Protocol):
    """Objects of a store, and what it says of its site, for those who only read: a server."""

    @property
    def pointer(self) -> Document:
        """What the store's site shows."""

    def open(self, digest: Digest, start: int = 0, stop: int | None = None) -> BinaryIO:
        """Open bytes ``start`` to ``stop`` (to the end) of an object, which are not hashed.

        Raises:
            MissingError: it is not there with its size.
            SiteError: the server that has it does not respond.
        """


class Rank(IntEnum):
    """When a file of a site may be written: what a rank names is in the ranks before it.

    Files up to ``HASHED`` are named after what they hold, or never change; later ones are overwritten in place.
    """

    PACKAGE = 0
    HASHED = 1
    INDEX = 2
    ROOT = 3


class FileTraits(NamedTuple):
    """How a file of a site is served: rank in the write order, media type, and how long caches may keep it."""

    rank: Rank
    content_type: str
    cache_control: str


class Needs(NamedTuple):
    """What of the store a site is made of: numbers of snapshots, each with why, and objects that are in none."""

    snapshots: Sequence[tuple[int, str]] = ()
    objects: Sequence[Digest] = ()


class Site(Protocol):
    """Where snapshots are shown to clients: a folder, a bucket, or memory.

    A snapshot is first written, which changes nothing that is shown, then switched to. Any snapshot that was written
    and not pruned since can be switched to again: that is rollback. Clients only ever see one snapshot, or, where
    one switch of all files does not exist (S3), roots each of which has all its files.
    """

    @property
    def where(self) -> str:
        """What people call it: the folder a web server has to show, or ``s3://BUCKET/PREFIX``."""

    def channel(self, name: str) -> Site:
        """Return the site as one of its channels shows it; what is said of a site below is then said of the channel.

        Without that, the first channel is meant, or a site that has none.
        """

    def current(self) -> int | None:
        """Return the number of the snapshot shown; None when there is none, or a switch was cut short."""

    def newest(self) -> int:
        """Return the highest number a snapshot was ever written under here; 0 when there is none."""

    def document(self, number: int) -> bytes:
        """Return the ``snapshot.json`` of a snapshot that was written; empty when there is none."""

    def write(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Write a snapshot completely; what clients are shown stays as it is.

        Args:
            number: of the snapshot.
            tree: path → content; the bytes come from the store.
            extra: path → bytes of small files outside the tree (the snapshot's own document and signature).

        Raises:
            StorageError: the place refuses, or an object is not in the store.
            BusyError: another publisher is at work there.
        """

    def room(self, number: int, tree: Mapping[str, Digest]) -> tuple[str, int]:
        """Return a folder of this machine and the bytes that writing a snapshot takes there; links take none."""

    def switch(self, number: int) -> None:
        """Show a snapshot that was written; raise StorageError when there is none of that number."""

    def prune(self, keep: int) -> list[int]:
        """Forget all but the newest ``keep`` snapshots (never the one shown) and return their numbers."""

    def needs(self) -> Needs:
        """Return what ``gc`` has to keep for it; nothing of a site that has files of its own."""

    def announce(self, files: Mapping[str, bytes]) -> None:
        """Write small files beside the channels, in this order; of a site without channels, next to what it shows.

        They are no part of a snapshot: neither :meth:`write` nor ``mend`` touches them.

        Raises:
            StorageError: the place refuses, or nothing is shown yet.
        """

    def announced(self, path: str) -> bytes:
        """Return such a file; empty where there is none."""


class Inspectable(Site, Protocol):
    """A site that can be read back, file by file, and put right: what ``verify`` needs of it."""

    def channel(self, name: str) -> Inspectable:
        """Return the same of a channel."""

    @property
    def readers(self) -> int:
        """How many of its files are read at a time."""

    @property
    def linked(self) -> Callable[[int, str, Digest], bool] | None:
        """Tells whether a file is the store's very object, so that hashing the object has hashed it too.

        None where no file ever is: then all of them have to be read to be known.
        """

    def files(self, number: int) -> Iterator[str]:
        """Give the path of every file of a written snapshot, as far as it is there; and of what does not belong."""

    def open(self, number: int, path: str) -> BinaryIO:
        """Open a file of a written snapshot as clients get it; raise MissingError when it is not there."""

    def mend(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        """Make a written snapshot hold exactly this again, from the store; withdraw files the store lacks."""


class Signed(NamedTuple):
    """What a verifier found: the signed bytes themselves and who signed them.

    Attributes:
        text: exactly the bytes the signature covers.
        signers: full fingerprints (upper-case hex) of the primary keys of the valid signatures.
    """

    text: bytes
    signers: tuple[str, ...]


class Verifier(Protocol):
    """Checks OpenPGP signatures against keys pinned by full fingerprint."""

    def clearsigned(self, document: bytes, what: str) -> Signed:
        """Verify a cleartext-signed document; raise TrustError unless a pinned key signed it validly."""

    def detached(self, document: bytes, signature: bytes, what: str) -> Signed:
        """Verify ``document`` against a detached signature; raise TrustError likewise."""

    def detached_file(self, document: BinaryIO, signature: bytes, what: str) -> Signed:
        """Verify the rest of an open file, of any size, likewise; the text of the result is empty."""

    def detached_each(self, documents: Sequence[tuple[bytes, bytes, str]]) -> list[Signed | TrustError]:
        """Verify many small documents, each with its detached signature and its name; return what each one is."""

    def inspect(self, document: bytes, signature: bytes | None) -> tuple[DocumentSignature, ...]:
        """Return all signatures of a document, good and bad; ``signature`` when it is detached."""


class Signer(Protocol):
    """Signs with the site key."""

    fingerprint: str

    def clearsign(self, document: bytes) -> bytes:
        """Return the document with a cleartext signature around it."""

    def detach(self, document: bytes) -> bytes:
        """Return an armored detached signature of the document."""

    def public_key(self, *, armor: bool) -> bytes:
        """Return the public key that verifiers need."""


class Progress(Protocol):
    """Says how far a long piece of work has come."""

    def step(self, label: str) -> None:
        """Note what is being done now: shown only where the verb takes long; until the next one, bars between."""

    def begin(self, label: str, total: int, files: int = 0) -> None:
        """Start a piece of work of ``total`` bytes, in that many files; 0: files are not counted."""

    def advance(self, done: int, files: int = 0) -> None:
        """Add ``done`` bytes (negative when a transfer starts over) and files that are finished."""

    def end(self) -> None:
        """Finish the piece of work."""

    def say(self, line: str) -> None:
        """Tell the user one line."""
