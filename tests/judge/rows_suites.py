"""Rows: suites, components and architectures, flat folders, and indexes by their hash."""

from __future__ import annotations

import hashlib

from tests.judge.apt_repo import Odd, sub
from tests.judge.changes import dists
from tests.judge.table import Table

TABLE = Table()


@TABLE.row()
def dists_without_components(repo: Odd) -> None:
    dists(repo)
    repo.release = sub("Components: main\n", "")


@TABLE.row()
def dists_without_architectures(repo: Odd) -> None:
    dists(repo)
    repo.release = sub("Architectures: amd64\n", "")


@TABLE.row()
def dists_of_another_suite(repo: Odd) -> None:
    dists(repo)
    repo.release = sub("Suite: stable\n", "Suite: unstable\nCodename: sid\n")


@TABLE.row()
def dists_with_a_component_in_its_suite(repo: Odd) -> None:
    repo.suite, repo.component = "stable/updates", "main"
    repo.release = sub("Components: main", "Components: updates/main")


@TABLE.row()
def dists_with_architecture_all_beside(repo: Odd) -> None:
    dists(repo)
    repo.release = sub("Architectures: amd64", "Architectures: all amd64")


@TABLE.row()
def dists_for_all_only(repo: Odd) -> None:
    dists(repo)
    repo.release = sub("Architectures: amd64", "Architectures: all")


@TABLE.row()
def dists_not_for_this_machine(repo: Odd) -> None:
    dists(repo)
    repo.release = sub("Architectures: amd64", "Architectures: arm64")


@TABLE.row()
def dists_that_are_not_automatic(repo: Odd) -> None:
    dists(repo)
    repo.head |= {"NotAutomatic": "yes", "ButAutomaticUpgrades": "yes"}


@TABLE.row()
def flat_in_a_sub_suite(repo: Odd) -> None:
    repo.suite = "binary/"
    repo.stanzas = [repo.put(repo.bench.deb, "binary/tool_1.0_amd64.deb")]


@TABLE.row()
def flat_in_a_deep_sub_suite(repo: Odd) -> None:
    repo.suite = "debian/12/"
    repo.stanzas = [repo.put(repo.bench.deb, "debian/12/x/tool_1.0_amd64.deb")]


@TABLE.row()
def flat_in_a_sub_suite_with_packages_beside(repo: Odd) -> None:
    repo.suite = "binary/"
    repo.stanzas = [repo.put(repo.bench.deb, "pool/tool_1.0_amd64.deb")]


@TABLE.row()
def by_hash_is_said_and_there(repo: Odd) -> None:
    _by_hash(repo)
    repo.after = lambda: _hashed(repo, keep=True)


@TABLE.row()
def by_hash_is_said_and_plain_names_are_gone(repo: Odd) -> None:
    _by_hash(repo)
    repo.after = lambda: _hashed(repo, keep=False)


@TABLE.row()
def by_hash_is_said_and_not_there(repo: Odd) -> None:
    _by_hash(repo)


@TABLE.row()
def by_hash_is_said_in_capitals(repo: Odd) -> None:
    repo.head |= {"Acquire-By-Hash": "YES"}
    repo.after = lambda: _hashed(repo, keep=False)


@TABLE.row()
def by_hash_is_said_as_true(repo: Odd) -> None:
    repo.head |= {"Acquire-By-Hash": "true"}
    repo.after = lambda: _hashed(repo, keep=False)


def _by_hash(repo: Odd) -> None:
    repo.head |= {"Acquire-By-Hash": "yes"}


def _hashed(repo: Odd, *, keep: bool) -> None:
    for file in repo.root.glob("Packages*"):
        data = file.read_bytes()
        repo.write(f"by-hash/SHA256/{hashlib.sha256(data).hexdigest()}", data)
        if not keep:
            file.unlink()
