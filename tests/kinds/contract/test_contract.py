"""What every kind of upstream keeps to, from `lock` to the far side of an air gap; a row of the table each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.server import Server
from simulator.site_key import SiteKey
from tests.kinds.contract import toy
from tests.kinds.contract.case import Case, call, copy, dates
from tests.kinds.contract.rows import NAME, ROWS, Row, Stage
from tests.kinds.contract.shelf import CHANGED, FIRST, SECOND, Shelf

import cudepot
from cudepot.catalog.site.file_traits import traits
from cudepot.ports import Rank

PACKAGES = (".deb", ".rpm", ".whl", ".conda", ".tar.xz", ".tgz", ".toy")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The packages, made once."""
    one = Shelf(tmp_path_factory.mktemp("shelf"))
    yield one
    one.keys.close()


@pytest.fixture(scope="module", autouse=True)
def world() -> Iterator[None]:
    """Let what is hopeless end soon, and the toy be a kind."""
    with toy.registered(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDEPOT_TRIES", "1")
        patch.setenv("CUDEPOT_WAIT", "0")
        yield


@pytest.fixture(scope="module", params=ROWS, ids=str)
def template(
    request: pytest.FixtureRequest,
    shelf: Shelf,
    site_key_master: tuple[KeyHome, Key],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    """A project that shows the first package of an upstream of that kind; read only."""
    row: Row = request.param
    folder = tmp_path_factory.mktemp("kind")
    (folder / "upstream").mkdir()
    home, key = site_key_master
    (folder / "site.asc").write_bytes(key.armored)
    site_key = SiteKey(home.path, key, folder / "site.gpg", folder / "site.asc")
    with Server(folder / "upstream") as server:
        project = Project(folder / "project", key=key.fingerprint, gnupg=home.path)
        case = Case(row, Stage(folder / "upstream", server.url, shelf), server, site_key, project)
        project.accept_eula(*row.eula)
        case.offer(FIRST)
        case.run("init")
        case.publish()
        shutil.copytree(folder / "upstream", folder / "upstream.saved")
        yield case


@pytest.fixture
def case(template: Case, tmp_path: Path) -> Case:
    """The same for this test alone; the upstream is as it was published."""
    upstream = template.stage.folder
    shutil.rmtree(upstream)
    shutil.copytree(upstream.with_name("upstream.saved"), upstream)
    template.server.heal()
    template.server.forget()
    return copy(template, tmp_path / "project")


def test_the_same_root_gives_the_same_lock_for_one_request(case: Case) -> None:
    before = case.project.lock.read_bytes()
    assert case.json("lock")["written"] is False
    assert case.project.lock.read_bytes() == before
    assert len(case.server.requests) == case.row.asks, case.server.requests


def test_other_bytes_under_a_locked_name_are_an_alarm(case: Case) -> None:
    before = case.state()
    case.offer(CHANGED)
    said = case.run("lock", code=5)
    assert "--accept-changed" in said, said
    assert case.state() == before


def test_publishing_again_shows_the_same_tree(case: Case) -> None:
    before = case.state()
    case.publish()
    assert case.json("publish")["number"] == 1
    assert case.state() == before


def test_verify_finds_a_flipped_byte_in_every_file(case: Case) -> None:
    damaged = {path: path.read_bytes() for path in case.checked()}
    for path, data in damaged.items():
        replace(path, flipped(data))
    while damaged:
        code, said = call(case.project.base, "verify")
        assert code in (3, 5), said
        found = [path for path in damaged if case.names(path, said)]
        assert found, f"verify says nothing of {sorted(map(str, damaged))}:\n{said}"
        for path in found:
            replace(path, damaged.pop(path))
    case.run("verify")


def test_a_bundle_proves_it_and_the_far_side_shows_the_same(case: Case, tmp_path: Path) -> None:
    case.run("bundle", "export", str(tmp_path / "all.tar"), "--since", "0")
    far = tmp_path / "far"
    far.mkdir()
    trust = {"key": ("--upstream-key", case.stage.shelf.key.fingerprint), "unsigned": ("--unsigned-upstream", NAME)}
    how = trust.get(case.row.trust, ())
    case.run("init", "--from-site", str(case.key.key_file), "--label", "acme", *how, base=far)
    case.run("bundle", "import", str(tmp_path / "all.tar"), base=far)
    case.run("publish", base=far)
    assert case.shown(far) == case.shown()
    case.run("verify", base=far)


def test_a_published_name_never_gets_other_bytes(case: Case) -> None:
    before = case.shown()
    case.offer(CHANGED)
    case.project.lock.unlink()
    for verb in ("lock", "sync", "repackage"):
        case.run(verb)
    assert "was published with sha256" in case.run("publish", code=5)
    assert case.shown() == before


def test_a_rollback_shows_what_was_shown_and_no_date_goes_back(case: Case) -> None:
    before = case.shown()
    case.offer(FIRST, SECOND)
    case.publish()
    second, later = case.shown(), dict(dates(case.project.site))
    assert second != before
    case.run("rollback", "1")
    again = case.shown()
    others = {path for path in before if again.get(path) != before[path]}
    assert {Path(path).name for path in others} <= case.row.anew
    more = again.keys() - before.keys()
    assert not [path for path in more if path.endswith(PACKAGES)], "indexes of before stay for a client in mid-update"
    dated = dict(dates(case.project.site))
    assert case.row.sealed or all(dated[path] > date for path, date in later.items()), (later, dated)
    case.run("verify")


def test_what_an_index_does_not_say_is_not_fetched(case: Case) -> None:
    before = case.state()
    case.offer(FIRST, SECOND)
    case.run("lock")
    lock = case.project.lock.read_bytes()
    case.spoil(case.files[-1].name)
    case.run("sync", code=0 if case.row.unpacked else 5)
    assert case.project.lock.read_bytes() == lock
    assert case.state() == before | {"cudepot.lock": case.state()["cudepot.lock"]}


def replace(path: Path, data: bytes) -> None:
    """Write a file anew: others that are links to it stay as they are."""
    path.unlink()
    path.write_bytes(data)


def flipped(data: bytes) -> bytes:
    """Return bytes of which the middle one is another."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_the_other_verbs_take_it_too(case: Case) -> None:
    case.offer(FIRST, SECOND)
    case.run("lock")
    case.run("update")
    for argv in (
        ["sync"],
        ["repackage"],
        ["publish", "--dry-run"],
        ["publish"],
        ["snapshots"],
        ["verify", "--clients"],
    ):
        case.run(*argv)
    assert case.run("diff", "1", "2").startswith("+ ")
    assert "all good" in case.run("verify", "--repair")
    assert "removed: 1\n" in case.run("gc", "--keep", "1", "--force")
    assert "all good" in case.run("status", "--check")


def test_no_file_of_the_product_knows_the_toy() -> None:
    product = Path(cudepot.__file__).parent
    assert not [path for path in product.rglob("*.py") if re.search(r"\btoys?\b", path.read_text(), re.I)]
    assert traits("toys/up/first-1.0.toy").rank is Rank.PACKAGE
    assert traits(f"toys/up/{toy.INDEX}").rank is Rank.ROOT
