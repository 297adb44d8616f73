"""A Ceph cluster whose gateway or disk daemon is killed in the middle of publishing: nothing wrong is ever served."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from simulator.s3 import Ceph, S3Server
from tests.sites import Place, place_of

from cudepot.digest import Digest
from cudepot.errors import CudepotError

pytestmark = [pytest.mark.slow, pytest.mark.lengthy]
FILES = 120


class Client(threading.Thread):
    """Reads the root again and again, and all that it names, as long as the server answers at all."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base, self.done, self.faults, self.looked = base, threading.Event(), [], 0
        self.faults: list[str]

    def run(self) -> None:
        while not self.done.is_set():
            try:
                self._look()
            except requests.RequestException:
                time.sleep(0.1)

    def _look(self) -> None:
        answer = requests.get(f"{self.base}apt/x/InRelease", timeout=60)
        if answer.status_code != 200:
            return
        for path, sha256 in list(json.loads(answer.content).items())[:: FILES // 5]:
            found = requests.get(self.base + path, timeout=60)
            if found.status_code == 404 or (found.ok and hashlib.sha256(found.content).hexdigest() != sha256):
                self.faults.append(f"{path}: {found.status_code}")
        self.looked += 1


def snapshot(place: Place, number: int) -> tuple[dict[str, Digest], dict[str, bytes]]:
    """Return a tree whose root names every package by its hash, and the document beside it."""
    bodies = {f"apt/x/{number}-{one}.deb": b"%d %d" % (number, one) * 2000 for one in range(FILES)}
    bodies[f"apt/x/{number}-long.deb"] = b"%d" % number * (10 << 20)
    root = json.dumps({path: hashlib.sha256(body).hexdigest() for path, body in bodies.items()}).encode()
    tree = {path: place.store.add_bytes(body) for path, body in {**bodies, "apt/x/InRelease": root}.items()}
    return tree, {"snapshot.json": json.dumps({"number": number}).encode()}


def publish(place: Place, number: int, parts: tuple[dict[str, Digest], dict[str, bytes]]) -> None:
    site = place.s3()
    site.write(number, *parts)
    site.switch(number)


@pytest.mark.parametrize("victim", ["rgw", "osd"])
def test_a_daemon_killed_in_mid_publish_harms_nothing(
    tmp_path: Path, s3_server: Callable[[str], S3Server], monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    place = place_of("radosgw", tmp_path, s3_server, monkeypatch)
    ceph = place.server
    assert isinstance(ceph, Ceph)
    publish(place, 1, snapshot(place, 1))
    second = snapshot(place, 2)
    client = Client(f"{ceph.url}/{place.where.bucket}/some/prefix/")
    client.start()
    try:
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(publish, place, 2, second)
            _wait_until(lambda: place.server.client().list_objects_v2(  # type: ignore[union-attr]
                Bucket=place.where.bucket, Prefix="some/prefix/apt/x/2-")["KeyCount"] > FILES // 5)  # fmt: skip
            ceph.stop(victim)
            time.sleep(3)
            ceph.start(victim)
            ceph.wait()
            failed = job.exception(timeout=300)
        assert failed is None or isinstance(failed, CudepotError), failed
        if victim == "rgw":
            assert failed is not None, "the gateway was gone for longer than boto3 tries"
            assert place.get("snapshot.json") == b'{"number": 1}'
        publish(place, 2, second)
        looked = client.looked
        _wait_until(lambda: client.looked > looked + 1)
    finally:
        client.done.set()
        client.join()
    assert client.faults == []
    assert place.s3().current() == 2
    for path, digest in second[0].items():
        with place.s3().open(2, path) as handle:
            assert Digest.of_stream(handle) == digest


def _wait_until(so: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.02)
