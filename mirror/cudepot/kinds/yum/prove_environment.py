"""Proves an environment: dnf's solver, shown its members in the finished repositories, comes to what is locked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import BinaryIO

from cudepot.catalog.ecosystems import YUM
from cudepot.catalog.lock import LockedEnvironment, LockedTarget
from cudepot.catalog.locked_environments import render_environments
from cudepot.catalog.site.snapshot import Tree
from cudepot.catalog.unsolvable import Unsolvable
from cudepot.depot.verdicts import Verdict, verdict
from cudepot.digest import CHUNK, Digest
from cudepot.errors import PinError
from cudepot.formats.filelists import owners_of
from cudepot.formats.repomd import PATH, Repomd, parse_repomd
from cudepot.kinds.rules.system_members import priorities_of
from cudepot.kinds.yum.chain import opened, whole
from cudepot.kinds.yum.environment import USUAL_PRIORITY
from cudepot.kinds.yum.reading import GROUPS, add_paths, modules_of
from cudepot.kinds.yum.rules.environment_text import index_of
from cudepot.kinds.yum.rules.groups import Groups
from cudepot.kinds.yum.rules.joint import Question, set_base, solved, stand_in
from cudepot.kinds.yum.rules.machine import Roots, activate, question
from cudepot.kinds.yum.rules.union import Repository, Union
from cudepot.store.local import LocalStore

_METHOD = 1
"""Raised whenever the proof asks for more or less than it did."""
_SHOWN = 5


def prove(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> tuple[str, ...]:
    """Return a line for each target that a client of the finished repositories would not get as it is locked.

    What was proved of the same repositories and packages is remembered, and the solver not asked again.

    Raises:
        FormatError: an index is damaged.
        StorageError: it is not in the store.
    """
    folder = index_of(environment.name)
    names = dict.fromkeys(upstream for upstream, _ in environment.places)
    roots = {name: tree.get(f"{YUM.folder(name)}{PATH}") for name in names}
    if missing := [name for name, digest in roots.items() if digest is None]:
        return tuple(f"the site has no yum repository of {name}" for name in missing)
    paths = [YUM.folder(name) + filename for name, filename in environment.places]
    seen = sorted((path, tree[path].sha256) for path in paths if path in tree)
    indexes = sorted((name, digest.sha256) for name, digest in roots.items() if digest)
    grounds = [_METHOD, render_environments([environment]), seen, indexes]

    def judged() -> Verdict:
        return Verdict(tuple(Unsolvable(folder, line, "") for line in _differences(store, environment, tree)))

    return tuple(one.package for one in verdict(store, folder.rstrip("/"), grounds, judged).unsolvable)


def _differences(store: LocalStore, environment: LockedEnvironment, tree: Tree) -> Iterator[str]:
    names = dict.fromkeys(upstream for upstream, _ in environment.places)
    with ExitStack() as stack:
        sites = {name: _Site(store, tree, name, stack) for name in names}
        for target in environment.targets:
            yield from (f"{target.name}: {line}" for line in _of_target(environment, target, sites))


class _Site:
    """One finished repository of the site."""

    def __init__(self, store: LocalStore, tree: Tree, name: str, stack: ExitStack) -> None:
        self.store, self.tree, self.folder = store, tree, YUM.folder(name)
        self.repomd: Repomd = parse_repomd(store.read(tree[self.folder + PATH]), self.folder + PATH)
        self.primary: BinaryIO = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        digest, what = self._file("primary")
        with opened(store, digest, what) as text:
            while piece := text.read(CHUNK):
                self.primary.write(piece)
        self.primary.flush()

    def _file(self, kind: str) -> tuple[Digest, str]:
        record = self.repomd.record(kind)
        assert record is not None, "asked for before"
        return self.tree[self.folder + record.href], self.folder + record.href

    def text(self, *kinds: str) -> bytes:
        """Return the first of several types that is there; empty where none is."""
        kind = next((one for one in kinds if self.repomd.record(one)), "")
        return whole(self.store, *self._file(kind)) if kind else b""

    def owners(self, paths: set[str]) -> dict[str, list[str]]:
        """Return which packages have these paths, by their checksums."""
        if self.repomd.record("filelists") is None:
            return {}
        digest, what = self._file("filelists")
        with opened(self.store, digest, what) as text:
            return owners_of(text, paths, what)


def _of_target(environment: LockedEnvironment, target: LockedTarget, sites: Mapping[str, _Site]) -> Iterator[str]:
    """Give what is wrong with one target; nothing where the solver comes to its members."""
    fields, priorities = dict(target.fields), priorities_of(environment)
    mine = dict.fromkeys(one.upstream for one in target.members)
    union = Union(
        fields["architecture"],
        [
            Repository(
                name, sites[name].primary, sites[name].folder, lambda _: False, priorities.get(name, USUAL_PRIORITY)
            )
            for name in mine
        ],
    )
    members = {(one.upstream, one.filename) for one in target.members}
    places = {number: (union.upstreams[number], union.rpm(number).href) for number in union.upstreams}
    union.hidden |= {number for number, place in places.items() if place not in members}
    if strange := [*_strange(union, places, members, sites)]:
        yield from strange
        return
    try:
        asked = _asked(union, environment, target, sites)
    except PinError as error:
        yield str(error)
        return
    answer = solved(union, asked)
    got = {places[one] for one in answer.chosen}
    if answer.refused or got != members:
        yield answer.refused or _difference(members, got)


def _strange(
    union: Union, places: Mapping[int, tuple[str, str]], members: set[tuple[str, str]], sites: Mapping[str, _Site]
) -> Iterator[str]:
    """Give a line for each member that its repository does not have, or has other bytes for than it says."""
    listed = {place: number for number, place in places.items()}
    for upstream, filename in sorted(members):
        if (upstream, filename) not in listed:
            yield f"{filename} is not in the repository of {upstream}"
            continue
        rpm, shown = union.rpm(listed[upstream, filename]), sites[upstream].tree.get(sites[upstream].folder + filename)
        if shown is None or (rpm.checksum[0] == "sha256" and rpm.checksum[1] != shown.sha256):
            yield f"{filename} is not the file that {upstream} lists"


def _asked(union: Union, environment: LockedEnvironment, target: LockedTarget, sites: Mapping[str, _Site]) -> Question:
    """Return what a client asks; what the machine has before counts as there.

    Raises:
        PinError: nothing of what was asked for is in the repositories.
    """
    fields, there = dict(target.fields), set(target.external)
    specs = [one for one in (*environment.roots, *target.roots) if one not in there]
    roots = Roots(specs, fields.get("recommends") == "true")
    modules = modules_of((name, site.text("modules")) for name, site in sites.items())
    groups = Groups((name, text) for name, site in sites.items() if (text := site.text(*GROUPS)))
    active = activate(union, modules, roots, fields.get("platform", ""))
    owners = [(name, site.owners) for name, site in sites.items()]
    add_paths(union, owners, (), specs)
    asked, _ = question(union, active, groups, roots)
    add_paths(union, owners, (package for one in asked.wishes for package in one.packages))
    set_base(union, stand_in(target.external))
    return asked


def _difference(locked: set[tuple[str, str]], got: set[tuple[str, str]]) -> str:
    both = {"without": locked - got, "with": got - locked}
    texts = {word: sorted(filename for _, filename in places)[:_SHOWN] for word, places in both.items() if places}
    return "; ".join(f"{word} {', '.join(names)}" for word, names in texts.items())
