"""Sites for the contract that all kinds of them keep: a folder, a shelf, and buckets of real S3 servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from simulator.s3 import S3Server
from tests.shelf import ShelfSite

from cudepot.catalog.nvidia.site_paths import whole_apt
from cudepot.catalog.site.file_traits import traits
from cudepot.cli.progress import Silent
from cudepot.errors import MissingError
from cudepot.ports import Inspectable
from cudepot.sites.folder.site import FolderSite
from cudepot.sites.s3.place import S3Place
from cudepot.sites.s3.site import S3Site
from cudepot.sites.s3.snapshot import Names
from cudepot.sites.store.pointer_file import PointerFile
from cudepot.sites.store.site import StoreSite
from cudepot.store.local import LocalStore
from cudepot.stores.kind import Around
from cudepot.stores.s3.place import S3StorePlace
from cudepot.stores.s3.store import S3Store
from cudepot.stores.s3.uploads import Uploads
from cudepot.transport.s3.bucket import Bucket
from simulator import s3


@dataclass
class Place:
    """One kind of site: ``make`` opens the same place anew, ``get`` reads as a client does, ``put`` meddles."""

    name: str
    store: LocalStore
    make: Callable[[], Inspectable]
    get: Callable[[str], bytes | None]
    put: Callable[[str, bytes], None]
    server: S3Server | None = None
    where: S3Place = field(default_factory=lambda: S3Place("none"))
    linked: bool = False

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

    return Place("folder", store, lambda: FolderSite(base / "site", store), get, put, linked=True)


def store_place(store: LocalStore) -> Place:
    """Return the store itself as a site, read as its server reads it."""

    def make() -> StoreSite:
        return StoreSite(PointerFile(store.pointer), store)

    def get(path: str) -> bytes | None:
        try:
            with make().open(make().current() or 0, path) as handle:
                return handle.read()
        except MissingError:
            return None

    def put(path: str, data: bytes) -> None:
        file, number = PointerFile(store.pointer), make().current() or 0
        one = file.read().snapshots[number]
        extra = {**one.extra, path: store.add_bytes(data)}
        store.checkpoint()
        file.change(lambda pointer: pointer.with_written(number, one._replace(extra=extra), 0))

    return Place("store", store, make, get, put, linked=True)


def shelf_place(base: Path, store: LocalStore) -> Place:
    """Return a shelf."""
    site = ShelfSite(base / "shelf", store)

    def shown() -> dict[str, bytes]:
        return site.snapshot(site.current() or 0)

    def put(path: str, data: bytes) -> None:
        site.put(site.current() or 0, shown() | {path: data})

    return Place("shelf", store, lambda: ShelfSite(base / "shelf", store), lambda path: shown().get(path), put)


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
_MARKS = {"radosgw": [pytest.mark.slow], "rclone": [pytest.mark.lengthy]}
S3_KINDS = [pytest.param(name, marks=_MARKS.get(name, [])) for name in _SERVERS]
STORE_KINDS = ["store", "store in moto", pytest.param("store in radosgw", marks=[pytest.mark.lengthy])]
KINDS = ["folder", "shelf", *STORE_KINDS, *S3_KINDS]


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
    if kind == "shelf":
        return shelf_place(base, store)
    if kind == "store":
        return store_place(store)
    server = servers(kind.removeprefix("store in "))
    for name, value in server.env.items():
        patch.setenv(name, value)
    return s3_place(server, store) if kind == server.name else store_place(bucket_store(server, base))


def bucket_store(server: S3Server, base: Path) -> S3Store:
    """Return a store in a fresh bucket, that sends what it gets until the test ends."""
    place = S3StorePlace(server.bucket(), "depot/", server.url, path_style=True, table="store")
    store = place.open(Around(base, base / "copy", Silent(), "tests"))
    store._uploads = Uploads(store.bucket, store._cache, store.there, store.spoilt)
    return store
