"""What is particular to sites on S3: few requests, write order, one publisher, grace, odd names, long files."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from tests.sites import Place
from tests.transport.test_sites import PACKAGE, ROOT, extra, publish, tree

from cudepot.digest import Digest
from cudepot.errors import BusyError, SiteError
from cudepot.sites.s3 import publish_lock as s3_lock
from cudepot.sites.s3.site import S3Site
from cudepot.transport.s3 import send as s3_send
from cudepot.transport.s3.bucket import Bucket


class Watched:
    """Notes the requests of every bucket opened: ``METHOD key`` in order; ``stop`` is asked before each."""

    def __init__(self, patch: pytest.MonkeyPatch, prefix: str) -> None:
        self.seen: list[str] = []
        self.stop: Callable[[str], bool] = lambda _: False
        original = Bucket._count

        def count(bucket: Bucket, **event: object) -> None:
            request = event["request"]
            said = f"{request.method} {request.url.split('?')[0].partition(quote(prefix))[2]}"  # type: ignore[attr-defined]
            if self.stop(said):
                raise KeyboardInterrupt(said)
            self.seen.append(said)
            original(bucket, **event)

        patch.setattr(Bucket, "_count", count)

    def puts(self) -> list[str]:
        return [one.partition(" ")[2] for one in self.seen if one.startswith("PUT ") and ".cudepot/" not in one]


def test_nothing_new_takes_two_requests(place: Place) -> None:
    publish(place, 1)
    site = place.s3()
    assert site.current() == 1
    assert site.document(1) == extra(1)["snapshot.json"]
    assert site._bucket.requests == 2


def test_only_what_changed_is_sent_and_in_order(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"/simple/x/index.html": b"page 1", "by-hash/SHA256/" + "0" * 64: b"index 1"}
    publish(place, 1, Packages=b"index 1", **{"a.deb": b"a", **page})
    watched = Watched(monkeypatch, "some/prefix/")
    hashed = "by-hash/SHA256/" + "1" * 64
    publish(place, 2, Packages=b"index 2", **{"b.deb": b"b", "a.deb": b"a", hashed: b"index 2", **page})
    dotted = ROOT.replace("one/", "one/./")
    puts = [one for one in watched.puts() if not one.endswith("/")]
    assert [one for one in puts if "/./" not in one] == [
        "apt/one/b.deb", f"apt/one/{hashed}", "apt/one/Packages", ROOT, "snapshot.json.asc", "snapshot.json",
    ]  # fmt: skip
    if place.name != "rclone":  # it cannot hold such names
        assert puts.index("apt/one/./Packages") < puts.index(ROOT) < puts.index(dotted) < puts.index("snapshot.json")
    assert not [one for one in watched.seen if one.startswith("HEAD")]


def test_files_are_served_as_what_they_are(place: Place) -> None:
    publish(place, 1, **{"Packages.gz": b"\x1f\x8b", "x.whl": b"w", "index.html": b"<html>"})
    client = place.server.client()  # type: ignore[union-attr]
    found = {}
    for name in ("Packages.gz", "x.whl", "index.html", "InRelease"):
        head = client.head_object(Bucket=place.where.bucket, Key=f"some/prefix/apt/one/{name}")
        found[name] = (head["ContentType"], head.get("CacheControl", ""), head.get("ContentEncoding", ""))
    if place.name == "rclone":  # keeps no headers
        pytest.skip("rclone keeps no headers")
    short = "public, max-age=60, must-revalidate"
    assert found == {
        "Packages.gz": ("application/gzip", short, ""),
        "x.whl": ("application/zip", "public, max-age=31536000, immutable", ""),
        "index.html": ("text/html; charset=utf-8", short, ""),
        "InRelease": ("text/plain; charset=utf-8", short, ""),
    }


def test_names_arrive_as_clients_ask_for_them(place: Place) -> None:
    if place.name == "rclone":
        pytest.skip("rclone lets nobody in without a signature, and refuses names like ./x and x/")
    made = tree(place, {"apt/flat/a+b~1.deb": b"deb", "apt/flat/Packages": b"i", "simple/x/index.html": b"page",
                        "wheels/x-1+acme.1-py3-none-any.whl": b"whl", "apt/flat/odd%2b.deb": b"odd",
                        "apt/ours/InRelease": b"ours", "apt/ours/x.deb": b"x",
                        "apt/d/dists/s/InRelease": b"suite", "apt/d/pool/x.deb": b"y"})  # fmt: skip
    whole = [{"name": name, "type": "apt", "file": [{"path": "InRelease"}]} for name in ("flat", "d")]
    document = json.dumps({"number": 1, "upstreams": [*whole, {"name": "ours", "type": "apt"}]}).encode()
    site = place.s3()
    site.write(1, made, {**extra(1), "snapshot.json": document})
    site.switch(1)
    base = f"{place.where.endpoint}/{place.where.bucket}/some/prefix/"
    asked = {
        "apt/flat/a%2bb~1.deb": b"deb", "apt/flat/./a%2bb~1.deb": b"deb", "apt/flat/odd%252b.deb": b"odd",
        "simple/x/": b"page", "wheels/x-1%2Bacme.1-py3-none-any.whl": b"whl",
        "apt/ours/./InRelease": b"ours", "apt/d/./pool/x.deb": b"y",
    }  # fmt: skip
    for path, body in asked.items():
        assert raw_get(base + path) == (200, body), path
    for path in ("apt/flat/absent.deb", "apt/ours/./x.deb", "apt/d/./dists/s/InRelease"):
        assert raw_get(base + path)[0] == 404, path
    assert set(site.files(1)) == {*made, *extra(1)}, "the other names are no strays"


def raw_get(url: str) -> tuple[int, bytes]:
    """Ask for a URL exactly as written: requests would take ``./`` out."""
    import http.client

    host, _, path = url.removeprefix("http://").partition("/")
    one = http.client.HTTPConnection(host, timeout=30)
    try:
        one.request("GET", f"/{path}")
        answer = one.getresponse()
        return answer.status, answer.read()
    finally:
        one.close()


def compete(place: Place, number: int, made: dict[str, Digest], who: str, gate: threading.Barrier) -> str:
    """Publish at the same moment as somebody else; return who won, as far as this one knows."""
    site = place.s3(owner=who)
    gate.wait()
    try:
        site.write(number, made, {"snapshot.json": b'{"number": %d, "by": "%s"}' % (number, who.encode())})
        site.switch(number)
    except BusyError:
        return "busy"
    return who


def test_of_two_publishers_one_stops(place: Place) -> None:
    """Both begin at once, again and again; whoever loses says so, and the site shows the winner's snapshot whole."""
    for number in range(1, 5):
        gate = threading.Barrier(2)
        made = {who: tree(place, {ROOT: f"{who} {number}".encode()}) for who in ("one", "two")}
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(compete, place, number, made[who], who, gate) for who in made]
            found = [job.result() for job in jobs]
        assert found.count("busy") == 1, found
        winner = next(one for one in found if one != "busy")
        assert place.get(ROOT) == f"{winner} {number}".encode()
        assert f'"{winner}"'.encode() in (place.get("snapshot.json") or b"")


def test_a_lock_keeps_others_out_until_it_lapses(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(place, 1)
    made = tree(place, {ROOT: b"two"})
    place.s3(owner="dead").write(2, made, extra(2))
    with pytest.raises(BusyError, match="store dead, snapshot 2"):
        place.s3(owner="other").write(2, made, extra(2))
    place.s3(owner="dead").write(2, made, extra(2))  # its own next run goes on at once
    monkeypatch.setattr(s3_lock, "LEASE", -5.0)
    other = place.s3(owner="other")
    other.write(2, made, extra(2))
    other.switch(2)
    assert place.get(ROOT) == b"two"


def test_who_lost_the_lock_stops_before_the_switch(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(place, 1)
    slow = place.s3(owner="slow")
    slow.write(2, tree(place, {ROOT: b"slow"}), extra(2))
    monkeypatch.setattr(s3_lock, "LEASE", -5.0)
    quick = place.s3(owner="quick")
    with pytest.raises(BusyError, match="snapshot 2 was published by somebody else"):
        quick.write(2, tree(place, {ROOT: b"quick"}), {"snapshot.json": b'{"number": 2, "by": "quick"}'})
    quick.write(3, tree(place, {ROOT: b"quick"}), extra(3))
    with pytest.raises(BusyError):
        slow.switch(2)
    quick.switch(3)
    assert (place.get(ROOT), place.s3().current()) == (b"quick", 3)


def test_conditions_are_found_out(place: Place) -> None:
    site = place.s3()
    site.write(1, tree(place, {ROOT: b"r"}), extra(1))
    assert place.server is not None
    assert site._lock.conditional == place.server.honest


@pytest.mark.parametrize("point", ["apt/one/b.deb", "apt/one/Packages", "apt/one/InRelease", "snapshot.json", "lock"])
def test_a_run_that_dies_leaves_roots_with_all_their_files(
    place: Place, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """A run that is gone between two requests; its lock stays behind, and its next run finishes."""
    publish(place, 1, Packages=b"index 1", **{"a.deb": b"a"})
    with monkeypatch.context() as patch:
        watched = Watched(patch, "some/prefix/")
        dead: list[str] = []

        def stop(said: str) -> bool:
            if dead or said.endswith(f"PUT {point}") or (point == "lock" and said.startswith("DELETE")):
                dead.append(said)
            return bool(dead)

        watched.stop = stop
        with pytest.raises(BaseException, match=r"PUT|DELETE|GET"):
            publish(place, 2, Packages=b"index 2", **{"b.deb": b"b", "a.deb": b"a"})
    assert place.get("apt/one/a.deb") == b"a", "what the old root names is there"
    if place.get(ROOT) == b"root 2":
        assert (place.get("apt/one/b.deb"), place.get("apt/one/Packages")) == (b"b", b"index 2")
    site = place.make()
    assert site.current() in ((1,) if point in ("apt/one/b.deb",) else (2,) if point == "lock" else (None,))
    publish(place, 2, Packages=b"index 2", **{"b.deb": b"b", "a.deb": b"a"})
    assert (place.make().current(), place.get(ROOT), place.get("apt/one/b.deb")) == (2, b"root 2", b"b")
    assert site_lock(place) is None


def test_going_back_after_a_death_shows_the_old_roots(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch to 2 dies between two roots; going back to 1 must not take the half for the whole."""
    roots = {"/apt/two/InRelease": b"two 1"}
    publish(place, 1, **roots)
    with monkeypatch.context() as patch:
        watched, dead = Watched(patch, "some/prefix/"), []

        def stop(said: str) -> bool:
            if dead or said == "PUT snapshot.json.asc":
                dead.append(said)
            return bool(dead)

        watched.stop = stop
        with pytest.raises(BaseException, match="PUT"):
            publish(place, 2, **{"/apt/two/InRelease": b"two 2"})
    assert place.get(ROOT) == b"root 2"
    site = place.make()
    assert site.current() is None
    site.switch(1)
    assert (place.get(ROOT), place.get("apt/two/InRelease"), site.current()) == (b"root 1", b"two 1", 1)


def site_lock(place: Place) -> bytes | None:
    return place.get(s3_lock.KEY)


def test_what_old_roots_name_stays_for_the_grace_period(place: Place) -> None:
    def show(number: int, grace: int, **files: bytes) -> S3Site:
        site = place.s3(grace=grace)
        site.write(number, tree(place, {f"apt/one/{n}": b for n, b in files.items()}), extra(number))
        site.switch(number)
        site.prune(1)
        return site

    show(1, 3600, **{"old.deb": b"old", "InRelease": b"1"})
    show(2, 3600, **{"new.deb": b"new", "InRelease": b"2"})
    assert place.get("apt/one/old.deb") == b"old", "the snapshot is gone, its files are not"
    show(3, 0, **{"new.deb": b"new", "InRelease": b"3"})
    assert (place.get("apt/one/old.deb"), place.get("apt/one/new.deb")) == (None, b"new")
    assert "apt/one/old.deb" not in place.s3()._inventory().objects


def test_a_long_upload_goes_on_where_it_was_cut(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(24 << 20)
    made = tree(place, {PACKAGE: data, ROOT: b"root"})
    parts: list[int] = []
    original = Bucket.put_part

    def put_part(bucket: Bucket, key: str, upload: str, number: int, body: bytes) -> str:
        if number > 2 and not parts.count(0):
            raise SiteError("the server is gone", hint="wait")
        parts.append(number)
        return original(bucket, key, upload, number, body)

    monkeypatch.setattr(Bucket, "put_part", put_part)
    monkeypatch.setattr(s3_send, "WHOLE", s3_send.PART)
    with pytest.raises(SiteError, match="gone"):
        place.s3(workers=1).write(1, made, extra(1))
    assert parts == [1, 2]
    parts[:] = [0]
    site = place.s3(workers=2)
    site.write(1, made, extra(1))
    site.switch(1)
    with site.open(1, PACKAGE) as handle:
        assert Digest.of_stream(handle) == Digest.of(data)
    assert sorted(parts) == ([0, 3, 4, 5] if place.name != "rclone" else sorted(parts))
    assert site._inventory().uploads == {}


def test_a_content_is_sent_once_and_copied_to_its_other_names(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[tuple[str, str]] = []
    real = Bucket.copy

    def copy(self: Bucket, source: str, key: str, *rest: object) -> None:
        copied.append((source, key))
        real(self, source, key, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "copy", copy)
    names = ("apt/n/a+b_1_all.deb", "compute/cuda/repos/n/x86_64/a+b_1_all.deb")
    indexes = ("apt/n/by-hash/SHA256/" + "0" * 64, "apt/n/Packages", "compute/cuda/repos/n/x86_64/Packages")
    site = place.s3()
    site.write(1, tree(place, {**dict.fromkeys(names, b"deb"), **dict.fromkeys(indexes, b"index")}), extra(1))
    site.switch(1)
    sources = {key: source for source, key in copied}
    assert sources[names[1]] == names[0]
    assert {sources[one] for one in indexes[1:]} <= {*indexes}
    for name in names:
        assert place.get(name) == b"deb"
    for name in indexes:
        assert place.get(name) == b"index"
    copied.clear()
    later = dict.fromkeys((*names, "compute/cuda/repos/m/x86_64/a+b_1_all.deb"), b"deb")
    site.write(2, tree(place, later), extra(2))
    site.switch(2)
    assert [key for _, key in copied] == ["compute/cuda/repos/m/x86_64/a+b_1_all.deb"], (
        "what is there is not sent again"
    )
