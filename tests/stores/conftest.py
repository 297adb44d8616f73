"""Projects whose store is in a bucket of a real S3 server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from simulator.dask import Cluster, cluster
from simulator.debs import simple_deb, write_deb
from simulator.project import Project
from simulator.s3 import S3Server
from simulator.site_key import SiteKey
from tests.stores.machines import Machines

import cudepot
from cudepot.cli.progress import Silent
from cudepot.stores.kind import Around
from cudepot.stores.s3.store import S3Store
from cudepot.transport.s3.bucket import Bucket
from cudepot.transport.s3.where import Where

FAST = os.environ.get("CUDEPOT_KILLS_ON", "moto")
"""The server that starts fast; `test_many_kills` is run on radosgw as well."""


@pytest.fixture(params=["moto", pytest.param("radosgw", marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest, s3_server: Callable[[str], S3Server]) -> S3Server:
    """A server that honours conditions."""
    return s3_server(request.param)


@pytest.fixture
def moto(s3_server: Callable[[str], S3Server]) -> S3Server:
    """The server that starts fast."""
    return s3_server(FAST)


@pytest.fixture
def machines(server: S3Server, site_key: SiteKey, tmp_path: Path) -> Machines:
    """Machines that work on one store."""
    return machines_on(server, site_key, tmp_path)


@pytest.fixture
def few(moto: S3Server, site_key: SiteKey, tmp_path: Path) -> Machines:
    """The same, on the server that starts fast only."""
    return machines_on(moto, site_key, tmp_path)


def machines_on(server: S3Server, site_key: SiteKey, base: Path) -> Machines:
    """Return machines whose store is a new bucket; they publish the debs of a folder."""
    (base / "local").mkdir()
    write_deb(simple_deb("hello", "1.0"), base / "local")
    return Machines(
        server, server.bucket(), base, lambda name: Project(base / name, key=site_key.fingerprint, gnupg=site_key.home)
    )


@pytest.fixture(scope="session")
def workers(s3_server: Callable[[str], S3Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two Dask workers that reach moto, for all tests of a session."""
    with cluster(tmp_path_factory.mktemp("dask"), worker_env(s3_server(FAST)), 2) as one:
        yield one


def worker_env(server: S3Server) -> dict[str, str]:
    """Return what workers have in their environment."""
    return {**server.env, "PYTHONPATH": str(Path(cudepot.__file__).parent.parent), "CUDEPOT_TRIES": "2"}


@pytest.fixture
def where(
    request: pytest.FixtureRequest, s3_server: Callable[[str], S3Server], monkeypatch: pytest.MonkeyPatch
) -> Where:
    server = s3_server(getattr(request, "param", "moto"))
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return Where(server.bucket(), "x/", server.url, path_style=True, table="store")


@pytest.fixture
def on(where: Where, tmp_path: Path) -> Callable[[str], S3Store]:
    """Open the bucket's store as a machine of that name does."""

    def make(name: str) -> S3Store:
        (tmp_path / name).mkdir(exist_ok=True)
        return S3Store(Around(tmp_path / name, tmp_path / name / "store", Silent(), "tests"), Bucket(where, "tests"))

    return make
