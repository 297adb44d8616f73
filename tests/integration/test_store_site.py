"""Two channels served right out of a bucket: read at once by apt, dnf, pip and rattler, and by an edge."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from simulator.process import ToolError
from simulator.project import Project
from simulator.s3 import S3Server
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.clients import web
from tests.clients.apt import AptRoot
from tests.clients.python_env import PythonEnv
from tests.integration.test_channels_clients import FORMS, World, clients_see, two_channels
from tests.kinds.contract.shelf import FIRST, SECOND

EVERY = ("apt", "dnf", "rattler", "pip")
_STORE = '[store]\ntype = "s3"\nbucket = "{}"\nendpoint = "{}"\n\n'


@pytest.fixture(params=["moto", "radosgw"])
def served(
    request: pytest.FixtureRequest, s3_server: Callable[[str], S3Server], site_key: SiteKey, tmp_path: Path
) -> Iterator[World]:
    """A project whose store and site are one bucket."""
    server = s3_server(request.param)
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    project.env |= server.env
    store = _STORE.format(server.bucket(), server.url)
    with two_channels(project, tmp_path, 'type = "store"\nedges = true\n', store) as made:
        yield made


@pytest.mark.lengthy
def test_four_clients_read_two_channels_of_a_bucket(served: World, tmp_path: Path) -> None:
    project = served.project
    with web.serve(project.base, env=project.env) as url:
        seen = {name: clients_see(f"{url}/{name}", tmp_path / name) for name in ("dev", "prod")}
        assert seen["prod"] == {one: {FIRST} for one in EVERY}
        assert seen["dev"] == {one: {FIRST, SECOND} for one in EVERY}
        _follows(f"{url}/dev/", tmp_path / "edge", tmp_path / "dev/site.asc")
        with _at_work(f"{url}/prod", tmp_path / "prod") as ended:
            for delay in (0.5, 0.9, 1.4, 2.0):
                for argv in (("promote", "dev", "prod"), ("rollback", "1", "--channel", "prod")):
                    _killed(project, delay, *argv)
                    project.run(*argv)
            project.run("promote", "dev", "prod")
        assert ended.errors == []
        assert ended.rounds > 3
        assert clients_see(f"{url}/prod", tmp_path / "after") == seen["dev"]
    assert project.run("verify", "--json").json["faults"] == []
    records = project.run("channels", "prod", "--json").json["promotions"]
    assert [one["shows"] for one in reversed(records)] == [1, *(2, 1) * 4, 2], "each once, whatever was killed"


def _killed(project: Project, delay: float, *argv: str) -> None:
    """Begin a verb, and kill it at some moment."""
    child = project.start(*argv)
    time.sleep(delay)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


class _Ended:
    """What clients met while channels were switched."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.rounds = 0


@contextlib.contextmanager
def _at_work(url: str, folder: Path) -> Iterator[_Ended]:
    """Have apt and pip ask again and again meanwhile; each round has to find the first package."""
    found, stop = _Ended(), threading.Event()
    root, env = AptRoot(folder / "looped"), PythonEnv(folder / "looping")
    root.add_source(f"{url}/apt/debs/", folder / "site.gpg")

    def rounds() -> None:
        while not stop.is_set():
            try:
                root.update()
                assert "Candidate: 1.0" in root.policy(FIRST)
                assert env.pip_install(f"{url}/simple/", f"nvidia-{FIRST}", check=False).returncode == 0
            except (AssertionError, ToolError) as error:
                found.errors.append(repr(error))
            found.rounds += 1

    thread = threading.Thread(target=rounds)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def _follows(url: str, base: Path, key: Path) -> None:
    """An edge takes over what a channel shows, over plain HTTP, and serves that out of its own store."""
    edge = Far(base, key).init()
    text = edge.toml.read_text().replace("[site]\n", '[site]\ntype = "store"\n')
    unsigned = "unsigned-upstreams = []"
    assert unsigned in text
    edge.toml.write_text(text.replace(unsigned, unsigned.replace("[]", json.dumps([*FORMS, "conda"]))))
    edge.run("edge", url)
    with web.serve(base) as own:
        assert clients_see(own, base / "clients") == {one: {FIRST, SECOND} for one in EVERY}
