"""A site of type ``store``: shown out of a folder or a bucket by one write, and served by ``cudepot serve``."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from simulator.project import Project
from simulator.relay import relay
from simulator.s3 import S3Server
from tests.clients import web
from tests.clients.apt import AptRoot
from tests.sites import bucket_store
from tests.stores.machines import Machines
from tests.transport.test_sites import extra

from cudepot.catalog.site.pointer import parse_pointer
from cudepot.digest import Digest
from cudepot.errors import BusyError
from cudepot.sites.store.pointer_file import PointerFile
from cudepot.sites.store.serving import Current
from cudepot.sites.store.site import StoreSite
from cudepot.store.local import LocalStore
from cudepot.store.objects import FolderObjects

DEV, TEST = CHANNELS = ("dev", "test")
_SITE = f'[site]\ntype = "store"\nkeep = 1\nurl = "http://site.example/"\nchannels = {json.dumps(CHANNELS)}\n'
DEB = "apt/local/hello_1.0_amd64.deb"
MORE = "apt/local/more_1.0_amd64.deb"


def of_store(project: Project) -> Project:
    """Let a project's site be its store, with two channels."""
    project._head = project._head.replace("[site]\n", _SITE)
    project.write()
    return project


def publish(project: Project) -> None:
    """Publish what there is, by two verbs instead of three: each is a process of its own."""
    project.run("sync", "--lock")
    project.run("publish")


def in_a_folder(machines: Machines) -> Project:
    """Return such a project whose store is a folder."""
    one = machines.new("one")
    one.sections.pop(0)
    return of_store(one).init()


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(url: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """Ask a server; ``_`` in names of headers is ``-``."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, parts.path + path, headers=sent)
        got = connection.getresponse()
        return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        connection.close()


def until(seen: Callable[[], object], wanted: object) -> None:
    """Wait until a server, which looks once a second, shows what is wanted."""
    end = time.monotonic() + 60
    while (found := seen()) != wanted:
        assert time.monotonic() < end, (found, wanted)
        time.sleep(0.1)


def number(url: str, channel: str) -> int:
    """Return the number of the snapshot that a server shows in a channel."""
    return int(json.loads(ask(url, f"/{channel}/snapshot.json").body)["number"])


def test_a_server_with_a_configuration_alone_shows_what_a_bucket_has(few: Machines, tmp_path: Path) -> None:
    one = of_store(few.new("one"))
    publish(one)
    one.run("promote", DEV, TEST)
    few.deb("more")
    publish(one)
    with relay(few.server.url) as line:
        served = of_store(few.new("served", endpoint=line.url))
        served.write()
        for path in served.base.iterdir():
            if path != served.toml:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        with web.serve(served.base, env=served.env) as url:
            _holds_to_http(url, few)
            _changes_with_a_promotion(url, one, tmp_path)
            line.cut()
            _asks_to_come_back(url)
            line.join()
            until(lambda: ask(url, "/readyz").status, 200)
            assert ask(url, f"/{TEST}/{MORE}").status == 200
        assert [path.name for path in served.base.iterdir()] == ["cudepot.toml"], "it needs no place of its own"


def _holds_to_http(url: str, few: Machines) -> None:
    body = (few.base / "local/more_1.0_amd64.deb").read_bytes()
    whole = ask(url, f"/{DEV}/{MORE}")
    assert (whole.status, whole.body) == (200, body)
    assert whole.headers["etag"] == f'"{Digest.of(body).sha256}"'
    assert "immutable" in whole.headers["cache-control"]
    assert whole.headers["content-type"] == "application/vnd.debian.binary-package"
    assert ask(url, f"/{TEST}/{MORE}").status == 404, "not promoted yet"
    part = ask(url, f"/{DEV}/{MORE}", Range="bytes=100-199")
    assert (part.status, part.body) == (206, body[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(body)}"
    assert ask(url, f"/{DEV}/{MORE}", Range="bytes=-10").body == body[-10:]
    assert ask(url, f"/{DEV}/{MORE}", Range=f"bytes={len(body)}-").status == 416
    assert ask(url, f"/{DEV}/{MORE}", Range="bytes=5-", If_Range='"other"').body == body
    head = ask(url, f"/{DEV}/{MORE}", "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(body)))
    for name, value in (
        ("If_None_Match", whole.headers["etag"]),
        ("If_Modified_Since", whole.headers["last-modified"]),
    ):
        assert ask(url, f"/{DEV}/{MORE}", **{name: value}).status == 304
    assert ask(url, f"/{DEV}/apt", "GET").headers["location"] == "apt/"
    assert ask(url, f"/{DEV}/").headers["content-type"].startswith("text/html")
    assert ask(url, f"/{DEV}/../../etc/passwd").status == 404
    assert ask(url, f"/{DEV}/{MORE}", "PUT").status == 405
    assert ask(url, "/").body.count(b"<li>") == 2


def _changes_with_a_promotion(url: str, one: Project, folder: Path) -> None:
    before = ask(url, f"/{TEST}/apt/local/InRelease")
    index = re.search(r"([0-9a-f]{64}) +[0-9]+ Packages.xz", before.body.decode())
    assert index
    assert number(url, "current") == 1, "a second name of the last channel"
    one.run("promote", DEV, TEST)
    until(lambda: number(url, TEST), 2)
    after = ask(url, f"/{TEST}/apt/local/InRelease", If_Modified_Since=before.headers["last-modified"])
    assert (after.status, after.headers["last-modified"] > "") == (200, True)
    by_hash = f"/{TEST}/apt/local/by-hash/SHA256/{index[1]}"
    assert ask(url, by_hash).status == 200, "one who has the root from before gets its index still"
    (folder / "site.gpg").write_bytes(ask(url, f"/{TEST}/keys/site.gpg").body)
    root = AptRoot(folder / "apt")
    root.add_source(f"{url}/{TEST}/apt/local/", folder / "site.gpg")
    root.update()
    assert "Candidate: 1.0" in root.policy("more")
    root.install("more")


def _asks_to_come_back(url: str) -> None:
    until(lambda: ask(url, "/readyz").status, 503)
    gone = ask(url, f"/{TEST}/{MORE}")
    assert (gone.status, gone.headers["retry-after"]) == (503, "5")
    same = ask(url, f"/{TEST}/{MORE}", "HEAD")
    assert same.status == 200, "the last good pointer is known"
    assert ask(url, f"/{TEST}/{MORE}", If_None_Match=same.headers["etag"]).status == 304
    assert ask(url, f"/{TEST}/nothing").status == 404


def test_two_machines_of_one_bucket_lose_nothing(few: Machines) -> None:
    """Kills at any moment, two at a time: a channel shows one of two snapshots, and the same command completes it."""
    one, two = in_a_folder(few), of_store(few.new("two"))
    publish(one)
    one.run("promote", DEV, TEST)
    one.sections.insert(0, few.store())
    one.write()
    few.deb("more")
    publish(one)
    pointer = parse_pointer(few.get("site.json"), "pointer")
    assert {name: each.shows for name, each in pointer.channels.items()} == {DEV: 2, TEST: 1}, "it moved along"
    assert not [path for path in few.listed("records/") if b'"site.json"' in few.get(path)], "it is no record"
    child = one.start("promote", DEV, TEST)
    time.sleep(0.6)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    racers = [each.start("promote", DEV, TEST) for each in (one, two)]
    codes = [each.wait(120) for each in racers]
    for each in racers:
        each.communicate()
    assert sorted(codes) in ([0, 0], [0, 9]), codes
    two.run("promote", DEV, TEST)
    pointer = parse_pointer(few.get("site.json"), "pointer")
    assert {name: each.shows for name, each in pointer.channels.items()} == {DEV: 2, TEST: 2}
    assert [each["shows"] for each in two.run("channels", TEST, "--json").json["promotions"]] == [2, 1]
    assert two.run("verify", "--json").json["faults"] == []


def test_it_works_in_a_folder_and_gc_keeps_what_is_shown(few: Machines) -> None:
    one = in_a_folder(few)
    publish(one)
    one.run("promote", DEV, TEST)
    for name in ("more", "most"):
        few.deb(name)
        publish(one)
    assert not (one.base / "site").exists(), "nothing is written but the store"
    why = one.run("gc", "--keep", "1", "--force", "--json").json["why"]
    assert "shown in test\n" in one.run("snapshots").out, "once"
    assert (why["1"], why["2"]) == (["shown in test"], ["shown in dev before"])
    assert one.run("verify", "--json").json["faults"] == []
    with web.serve(one.base) as url:
        assert (number(url, DEV), number(url, TEST)) == (3, 1)
        assert ask(url, f"/{TEST}/{DEB}", Range="bytes=0-6").body == b"!<arch>"
        one.run("rollback", "2")
        until(lambda: number(url, DEV), 4)
        most = f"/{DEV}/{DEB.replace('hello', 'most')}"
        assert b"most" not in ask(url, f"/{DEV}/apt/local/Packages").body
        assert ask(url, most).status == 200, "one who has the index from before gets what it names still"
        assert ask(url, most.replace(DEV, TEST)).status == 404
        assert one.run("status", "--json").json["channels"] == {DEV: 4, TEST: 1}
        one.object_of(Digest.of(ask(url, f"/{TEST}/{DEB}").body).sha256).unlink()
        assert ask(url, f"/{TEST}/{DEB}").status == 404
    assert [text for text in one.run("verify", "--json", check=False).json["faults"] if f"{DEB}: missing" in text]
    one.run("sync")
    assert one.run("verify", "--json").json["faults"] == []
    (one.store / "site.json").write_text("{}")
    broken = one.fail(7, "publish")
    assert "not what cudepot wrote" in broken.error
    assert broken.hint.startswith("hint: move it away; then `cudepot publish`")
    (one.store / "site.json").unlink()
    one.run("publish")
    one.run("promote", DEV, TEST, "--snapshot", "1")
    assert one.run("status", "--json").json["channels"] == {DEV: 4, TEST: 1}


@pytest.fixture
def bucketed(moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], StoreSite]:
    """Give the sites that machines see, all of one bucket, with one snapshot written."""
    for name, value in moto.env.items():
        monkeypatch.setenv(name, value)
    store = bucket_store(moto, tmp_path)

    def machine(_: str) -> StoreSite:
        return StoreSite(PointerFile(store.pointer), store, CHANNELS)

    site = machine("first")
    for one in (1, 2):
        site.write(one, {"a": store.add_bytes(b"%d" % one)}, extra(one))
    return machine


def test_a_switch_is_one_request(bucketed: Callable[[str], StoreSite]) -> None:
    site = bucketed("one").channel(TEST)
    bucket = site._store.bucket  # type: ignore[attr-defined]
    assert site.current() is None
    before = bucket.requests
    site.switch(1)
    assert bucket.requests - before == 1
    assert site.prune(3) == []
    assert bucket.requests - before == 1, "nothing is written where nothing goes"


def test_switches_of_two_channels_at_a_time_are_both_kept(bucketed: Callable[[str], StoreSite]) -> None:
    one, two = bucketed("one"), bucketed("two").channel(TEST)
    assert (one.current(), two.current()) == (None, None)
    one.switch(2)
    two.switch(1)
    last = bucketed("three")
    assert (last.current(), last.channel(TEST).current()) == (2, 1)


def test_the_second_of_two_that_switch_one_channel_is_told(bucketed: Callable[[str], StoreSite]) -> None:
    one, two = bucketed("one"), bucketed("two")
    assert (one.current(), two.current()) == (None, None)
    one.switch(2)
    with pytest.raises(BusyError, match="another machine made dev show snapshot 2 meanwhile"):
        two.switch(1)
    assert two.current() == 2
    two.switch(1)
    assert bucketed("three").current() == 1


def test_a_list_of_files_that_is_not_what_the_pointer_says_is_not_used(tmp_path: Path) -> None:
    """Nobody signs the pointer; what it names is held to its hash before a path is taken from it."""
    store = LocalStore(tmp_path / "store", create=True)
    site = StoreSite(PointerFile(store.pointer), store)
    site.write(1, {"a": store.add_bytes(b"a")}, extra(1))
    site.switch(1)
    now = [0.0]
    current = Current(FolderObjects(store.root), lambda: now[0])
    assert current.trouble() == ""
    site.write(2, {"b": store.add_bytes(b"b")}, extra(2))
    site.switch(2)
    listed = next(one.more for number, one in PointerFile(store.pointer).read().snapshots.items() if number == 2)
    assert listed
    place = Path(store.here(listed))
    place.chmod(0o644)
    place.write_bytes(place.read_bytes().replace(b'"b"', b'"c"'))
    now[0] += 2
    assert current.trouble() == "the store cannot be read"
    assert current._views["current"].file("a"), "the last good one is known"
