"""Sites for the contract that all kinds of them keep: a folder, memory, and buckets of real S3 servers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import pytest
from simulator.s3 import S3Server

from cudepot.catalog.nvidia.site_paths import whole_apt
from cudepot.catalog.site.file_traits import traits
from cudepot.cli.progress import Silent
from cudepot.digest import Digest
from cudepot.errors import MissingError, StorageError
from cudepot.ports import ObjectStore, S3Place, Site
from cudepot.store.local import LocalStore
from cudepot.transport.folder.site import FolderSite
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.site import S3Site
from cudepot.transport.s3.snapshot import Names
from simulator import s3


class MemorySite:
    """A site in memory: the contract at its plainest."""

    where = "memory"

    def __init__(self, store: ObjectStore) -> None:
        self._store, self._shown, self._newest = store, 0, 0
        self.snapshots: dict[int, dict[str, bytes]] = {}

    def current(self) -> int | None:
        return self._shown or None

    def newest(self) -> int:
        return self._newest

    def document(self, number: int) -> bytes:
        return self.snapshots.get(number, {}).get("snapshot.json", b"")

    def write(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        files = dict(extra)
        for path, digest in tree.items():
            with self._store.open(digest) as handle:
                files[path] = handle.read()
        self.snapshots[number], self._newest = files, max(self._newest, number)

    def mend(self, number: int, tree: Mapping[str, Digest], extra: Mapping[str, bytes]) -> None:
        self.write(number, {path: one for path, one in tree.items() if self._store.has(one)}, extra)

    def switch(self, number: int) -> None:
        if number not in self.snapshots:
            raise StorageError("no such snapshot", hint="write it")
        self._shown = number

    def prune(self, keep: int) -> list[int]:
        gone = [one for one in sorted(self.snapshots)[:-keep] if one != self._shown]
        for one in gone:
            del self.snapshots[one]
        return gone

    def files(self, number: int) -> Iterator[str]:
        yield from self.snapshots.get(number, {})

    def open(self, number: int, path: str) -> BinaryIO:
        try:
            return io.BytesIO(self.snapshots[number][path])
        except KeyError as error:
            raise MissingError(f"{path}: not there", hint="write it") from error

    def linked(self, number: int, path: str, digest: Digest) -> bool:
        return False


@dataclass
class Place:
    """One kind of site: ``make`` opens the same place anew, ``get`` reads as a client does, ``put`` meddles."""

    name: str
    store: LocalStore
    make: Callable[[], Site]
    get: Callable[[str], bytes | None]
    put: Callable[[str, bytes], None]
    server: S3Server | None = None
    where: S3Place = field(default_factory=lambda: S3Place("none"))

    def bucket(self, **changed: object) -> Bucket:
        """Return the bucket below an S3 site."""
        return Bucket(replace(self.where, **changed), "tests")  # type: ignore[arg-type]

    def s3(self, owner: str = "one", **changed: object) -> S3Site:
        """Open an S3 site as a store called ``owner`` does."""
        return site_on(replace(self.where, **changed), self.store, owner)  # type: ignore[arg-type]


def site_on(where: S3Place, store: LocalStore, owner: str = "one") -> S3Site:
    """Open an S3 site."""
    return S3Site(
        Bucket(where, "tests"),
        store,
        lambda: owner,
        Names(traits, whole_apt, extra=where.folder_pages),
        Silent(),
        0.2,
    )


def folder_place(base: Path, store: LocalStore) -> Place:
    """Return a folder."""
    site = FolderSite(base / "site", store)

    def get(path: str) -> bytes | None:
        file = site.current_path / path
        return file.read_bytes() if file.is_file() else None

    def put(path: str, data: bytes) -> None:
        (site.current_path / path).unlink(missing_ok=True)
        (site.current_path / path).write_bytes(data)

    return Place("folder", store, lambda: FolderSite(base / "site", store), get, put)


def memory_place(store: LocalStore) -> Place:
    """Return memory."""
    site = MemorySite(store)

    def shown() -> dict[str, bytes]:
        return site.snapshots.get(site.current() or 0, {})

    def put(path: str, data: bytes) -> None:
        shown()[path] = data

    return Place("memory", store, lambda: site, lambda path: shown().get(path), put)


def s3_place(server: S3Server, store: LocalStore) -> Place:
    """Return a fresh bucket of a server."""
    client, name = server.client(), server.bucket()

    def get(path: str) -> bytes | None:
        try:
            return bytes(client.get_object(Bucket=name, Key=f"some/prefix/{path}")["Body"].read())
        except client.exceptions.NoSuchKey:
            return None

    def put(path: str, data: bytes) -> None:
        client.put_object(Bucket=name, Key=f"some/prefix/{path}", Body=data)

    where = S3Place(
        name, "some/prefix/", server.url, path_style=True, grace=0, workers=8, folder_pages=server.name != "rclone"
    )
    return Place(server.name, store, lambda: site_on(where, store), get, put, server, where)


_SERVERS = {"moto": s3.moto, "rclone": s3.rclone, "radosgw": s3.radosgw}
S3_KINDS = [pytest.param(name, marks=[pytest.mark.slow] if name == "radosgw" else []) for name in _SERVERS]
KINDS = ["folder", "memory", *S3_KINDS]


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], S3Server]]:
    """Give servers by name, each started once when it is asked for first."""
    import contextlib

    with contextlib.ExitStack() as stack:
        running: dict[str, S3Server] = {}

        def get(name: str) -> S3Server:
            if name not in running:
                running[name] = stack.enter_context(_SERVERS[name](tmp_path_factory.mktemp(name)))
            return running[name]

        yield get


def place_of(kind: str, base: Path, servers: Callable[[str], S3Server], patch: pytest.MonkeyPatch) -> Place:
    """Return a place of a kind; boto3 finds the credentials of its server in the environment."""
    store = LocalStore(base / "store", create=True, durable=False)
    if kind == "folder":
        return folder_place(base, store)
    if kind == "memory":
        return memory_place(store)
    server = servers(kind)
    for name, value in server.env.items():
        patch.setenv(name, value)
    return s3_place(server, store)
