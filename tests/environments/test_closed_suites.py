"""What a far side is shown of an environment of debs: the suite of a bare machine says what upstreams' indexes do."""

from __future__ import annotations

import gzip
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from simulator.project import Project
from tests.clients.apt import AptRoot
from tests.clients.http import serve
from tests.environments.test_closed_debs import ask, installed, publish, versions

from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_document import parse_lock
from cudepot.catalog.site.snapshot import parse_snapshot
from cudepot.cli.progress import Silent
from cudepot.digest import Digest
from cudepot.errors import TrustError
from cudepot.store.local import LocalStore
from cudepot.workflows.bundle.environments import prove_environments
from cudepot.workflows.bundle.prove import check_folders

SUITE = "apt/dists/node/"
INDEX = f"{SUITE}main/binary-amd64/Packages"


def test_a_bare_machine_has_a_suite_of_its_own(closed: Project, tmp_path: Path) -> None:
    ask(closed, "cuda-toolkit-12-6", bootstrap=True)
    publish(closed)
    closed.run("verify")
    assert "unchanged: snapshot 1" in closed.run("publish").out
    assert "mmdebstrap node MACHINE" in (closed.site / "index.html").read_text()
    release = (closed.site / "apt/dists/node/Release").read_text()
    assert "Suite: node\nCodename: bookworm\n" in release
    index = (closed.site / "apt/dists/node/main/binary-amd64/Packages").read_text()
    required = {one.splitlines()[0] for one in index.split("\n\n") if "\nPriority: required\n" in one}
    bare = ("apt", "base-files", "dpkg", "mawk", "usr-is-merged")
    assert required == {f"Package: {one}" for one in bare}
    with serve(closed.site) as site:
        root = AptRoot(tmp_path / "root")
        root.add_source(f"{site.url}/apt/", closed.site / "keys/site.gpg", "node", components="main")
        root.update()
        root.install("cuda-toolkit-12-6", *bare)
        assert installed(root) == versions(closed)


class Shown(NamedTuple):
    """A published site as a far side has it before it believes it; ``tree`` may be changed."""

    store: LocalStore
    lock: Lock
    tree: dict[str, Digest]

    def prove(self) -> None:
        """Check it as an import does."""
        check_folders(self.lock, self.tree)
        prove_environments(self.store, Silent(), self.lock, self.tree)

    def text(self, path: str) -> bytes:
        """Return a file of it."""
        return self.store.read(self.tree[path])

    def put(self, path: str, text: bytes) -> None:
        """Show other bytes at a path."""
        self.tree[path] = self.store.add_bytes(text)


@pytest.fixture
def shown(closed: Project) -> Shown:
    ask(closed, "cuda-toolkit-12-6", bootstrap=True)
    publish(closed)
    store = LocalStore(closed.store)
    tree = dict(parse_snapshot(store.snapshots.read(1)[0], "snapshot 1").tree)
    return Shown(store, parse_lock(tomllib.loads(closed.lock.read_text())), tree)


def another_package(one: Shown) -> None:
    one.put(INDEX, one.text(INDEX).replace(b"Package: make\n", b"Package: cmake\n"))


def another_file(one: Shown) -> None:
    one.put(INDEX, one.text(INDEX).replace(b"Filename: debian/main/make_4.3", b"Filename: debian/main/gcc_12.2"))


def another_packed(one: Shown) -> None:
    one.put(f"{INDEX}.gz", gzip.compress(one.text(INDEX) + b"\nPackage: evil\n\n"))


def another_by_hash(one: Shown) -> None:
    one.put(f"{SUITE}main/binary-amd64/by-hash/SHA256/{'0' * 64}", b"Package: evil\n")


def another_index(one: Shown) -> None:
    one.put(f"{SUITE}contrib/binary-amd64/Packages", b"Package: evil\n")


def another_release(one: Shown) -> None:
    one.put(
        f"{SUITE}InRelease",
        one.text(f"{SUITE}InRelease").replace(b"main/binary-amd64/Packages.gz", b"evil/Packages.gz"),
    )


def no_release(one: Shown) -> None:
    del one.tree[f"{SUITE}InRelease"]


def a_suite_of_nobody(one: Shown) -> None:
    one.put("apt/dists/other/InRelease", b"")


def no_stanza(one: Shown) -> None:
    path = "apt/debian/main/Packages"
    stanzas = one.text(path).split(b"\n\n")
    one.put(path, b"\n\n".join(each for each in stanzas if not each.startswith(b"Package: make\n")))


HARMS: dict[Callable[[Shown], None], str] = {
    another_package: "does not match the repositories of its upstreams",
    another_file: "does not match the repositories of its upstreams",
    another_packed: "does not match the repositories of its upstreams",
    another_by_hash: "does not match the repositories of its upstreams",
    another_index: "does not belong to a suite",
    another_release: "evil/Packages.gz does not match this index",
    no_release: "InRelease: is missing",
    a_suite_of_nobody: "belongs to no upstream",
    no_stanza: "does not have make_4.3_amd64.deb",
}


def test_a_far_side_takes_it_as_it_is_and_in_no_other_form(shown: Shown) -> None:
    shown.prove()
    for harm, told in HARMS.items():
        changed = shown._replace(tree=dict(shown.tree))
        harm(changed)
        with pytest.raises(TrustError, match=told):
            changed.prove()
