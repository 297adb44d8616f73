"""The packages of several yum repositories for one machine, as one pool of libsolv's, read and searched as dnf does.

Repositories come in the order of the environment's upstreams: of two that have the same package, the first counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, BinaryIO, NamedTuple

from cudepot.catalog.name_globs import fits
from cudepot.errors import FormatError
from cudepot.formats.primary import Relation, Rpm, relation_of
from cudepot.formats.rich_dependency import parse_rich
from cudepot.kinds.yum.rules.capability import capability
from cudepot.kinds.yum.rules.closure import is_primary_file

DEFAULT = 99
"""dnf's priority of a repository that names none; a lower number comes first."""
_SOURCES = ("src", "nosrc")
_POOL_FLAGS = ("WHATPROVIDESWITHDISABLED", "IMPLICITOBSOLETEUSESCOLORS")
"""As dnf has it, and as Fedora and its kin build libsolv: two architectures of one name are no rivals."""
_SAID = ("REQUIRES", "RECOMMENDS", "SUGGESTS", "SUPPLEMENTS", "ENHANCES", "CONFLICTS", "OBSOLETES")
"""What packages say of others, as libsolv calls it."""


class Repository(NamedTuple):
    """A repository to be read.

    Attributes:
        name: of the upstream.
        primary: its primary.xml, uncompressed, in a real file.
        what: how errors name that.
        hides: whether a package of that name is not to be taken from here.
        priority: dnf's; lower comes first.
    """

    name: str
    primary: BinaryIO
    what: str
    hides: Callable[[str], bool]
    priority: int = DEFAULT


class Package(NamedTuple):
    """A package of the pool: its number there, and what it is called."""

    id: int
    name: str
    evr: str
    architecture: str

    @property
    def nevra(self) -> str:
        """Name, epoch, version, release and architecture as dnf writes them."""
        return f"{self.name}-{self.evr}.{self.architecture}"

    @property
    def long(self) -> str:
        """The same with its epoch, as modules write it."""
        return f"{self.name}-{self.evr if ':' in self.evr else f'0:{self.evr}'}.{self.architecture}"


class Union:
    """What a machine of one architecture can choose from; see :mod:`.joint` for what is chosen.

    Attributes:
        pool: libsolv's.
        solv: its module.
        upstreams: package → the upstream it comes from.
        hidden: packages that are not to be taken from where they are.

    Raises:
        FormatError: libsolv, and so dnf, cannot read a primary.xml.
    """

    def __init__(self, architecture: str, repositories: Sequence[Repository]) -> None:
        import solv  # noqa: PLC0415 - a run that changes nothing solves nothing

        self.solv: Any = solv
        self.architecture = architecture
        self.pool: Any = solv.Pool()
        self.pool.setdisttype(solv.Pool.DISTTYPE_RPM)
        self.pool.setarch(architecture)
        for flag in _POOL_FLAGS:
            self.pool.set_flag(getattr(solv.Pool, f"POOL_FLAG_{flag}"), 1)
        self.upstreams: dict[int, str] = {}
        self.hidden: set[int] = set()
        for one in sorted(repositories, key=lambda each: each.priority):  # as dnf loads them
            self._read(one)
        self._searched = [self.pool.id2str(one) for one in self.pool.addfileprovides_queue()]
        self.pool.createwhatprovides()

    def _read(self, one: Repository) -> None:
        repo = self.pool.add_repo(one.name)
        repo.priority, repo.subpriority = -one.priority, -1000  # as dnf sets priority and cost
        one.primary.seek(0)
        stream = self.solv.xfopen_fd("primary.xml", one.primary.fileno())
        if not repo.add_rpmmd(stream, None, 0):
            raise FormatError(f"{one.what}: {self.pool.errstr}", hint="dnf cannot read it either: report it upstream")
        stream.close()
        hides: dict[str, bool] = {}
        for each in repo.solvables:
            self.upstreams[each.id] = one.name
            if each.arch in _SOURCES or hides.setdefault(each.name, one.hides(each.name)):
                self.hidden.add(each.id)

    @cached_property
    def packages(self) -> dict[int, Package]:
        """All packages by their number, those that a machine cannot install left out."""
        every = (self.pool.id2solvable(one) for one in self.upstreams if one not in self.hidden)
        return {one.id: Package(one.id, one.name, one.evr, one.arch) for one in every if one.installable()}

    def names(self) -> set[str]:
        """Return what packages of all upstreams are called, those too that are not to be taken from one."""
        return {self.pool.id2solvable(one).name for one in self.upstreams}

    @property
    def installed(self) -> dict[int, Package]:
        """What the machine has before, by number."""
        there = self.pool.installed.solvables if self.pool.installed else ()
        return {one.id: Package(one.id, one.name, one.evr, one.arch) for one in there}

    @cached_property
    def by_name(self) -> dict[str, list[Package]]:
        """The same by name."""
        found: dict[str, list[Package]] = {}
        for one in self.packages.values():
            found.setdefault(one.name, []).append(one)
        return found

    def named(self, glob: str) -> Iterator[Package]:
        """Give the packages whose name fits."""
        if glob in self.by_name:
            yield from self.by_name[glob]
            return
        yield from (one for name, several in self.by_name.items() if fits(name, glob) for one in several)

    def dep(self, relation: Relation) -> Any:
        """Return a capability as libsolv has it."""
        return capability(self.solv, self.pool, relation)

    def dep_of(self, text: str) -> Any:
        """Return a capability as libsolv has it, of what is written so."""
        return self.dep(Relation(text) if text.startswith("(") else relation_of(text))

    def best(self, packages: Iterable[int]) -> int:
        """Return the newest of some packages."""
        several = [self.pool.id2solvable(one) for one in packages]
        return int(functools.reduce(lambda one, other: other if other.evrcmp(one) > 0 else one, several).id)

    def providers(self, text: str) -> list[int]:
        """Return the packages that provide what is written so; of a rich dependency those of all its parts."""
        if text.startswith("("):
            return list(dict.fromkeys(one for leaf in leaves(text) for one in self.providers(leaf)))
        return [one.id for one in self.pool.whatprovides(self.dep_of(text))]

    def relations(self, package: int, kind: int) -> list[str]:
        """Return what a package says of one kind (``solv.SOLVABLE_REQUIRES``), but for what is rpm's own affair."""
        found = (str(one) for one in self.pool.id2solvable(package).lookup_deparray(kind))
        return [one for one in found if not one.startswith(("rpmlib(", "solvable:"))]

    def provided(self, begin: str) -> list[str]:
        """Return the capabilities that begin so and that packages provide."""
        flags = self.solv.Selection.SELECTION_PROVIDES | self.solv.Selection.SELECTION_GLOB
        those = self.pool.select(f"{begin}*", flags).solvables()
        found = (text for one in those for text in self.relations(one.id, self.solv.SOLVABLE_PROVIDES))
        return [one for one in found if one.startswith(begin)]

    def owners(self, path: str) -> list[int]:
        """Return the packages that have a path."""
        flags = self.solv.Selection.SELECTION_FILELIST | self.solv.Selection.SELECTION_WITH_ALL
        found = [one.id for one in self.pool.select(path, flags).solvables()]
        return list(dict.fromkeys([*found, *self.providers(path)]))

    def files(self, package: int) -> Iterator[str]:
        """Give the paths of a package that are known here."""
        one = self.pool.id2solvable(package)
        flags = self.solv.Dataiterator.SEARCH_FILES | self.solv.Dataiterator.SEARCH_COMPLETE_FILELIST
        yield from (each.str for each in one.Dataiterator(self.solv.SOLVABLE_FILELIST, None, flags))

    def obsoleters(self, packages: set[int]) -> list[int]:
        """Return the packages that obsolete one of some."""
        names = {self.pool.id2solvable(one).name for one in packages}
        found = {one for name in names for one, text in self._obsoleting.get(name, ()) if packages & self._called(text)}
        return sorted(found)

    def _called(self, text: str) -> set[int]:
        """Return the packages of that very name and version: obsoletes are about names, not about capabilities."""
        name = text.partition(" ")[0]
        return {one for one in self.providers(text) if self.pool.id2solvable(one).name == name}

    @cached_property
    def _obsoleting(self) -> dict[str, list[tuple[int, str]]]:
        """Name → the packages that obsolete it, and how they say so."""
        found: dict[str, list[tuple[int, str]]] = {}
        for one in self.packages:
            for text in self.relations(one, self.solv.SOLVABLE_OBSOLETES):
                found.setdefault(text.partition(" ")[0], []).append((one, text))
        return found

    def requires(self, package: int) -> list[str]:
        """Return what a package requires."""
        return self.relations(package, self.solv.SOLVABLE_REQUIRES)

    def unknown_paths(self, roots: Iterable[int], asked: Iterable[str]) -> set[str]:
        """Return paths that may matter and that primary.xml does not tell of: the full file lists may.

        Args:
            roots: packages that are asked for.
            asked: paths that are asked for themselves.
        """
        beside = {one for one in asked if one.startswith("/") and not self.owners(one)}
        wanted = {one for one in self._searched if not is_primary_file(one)}
        if not wanted:
            return beside
        said = self._said_by(self._reached([*roots, *self._supplementing]))
        return beside | wanted.intersection(leaf for text in said for leaf in leaves(text))

    def _said_by(self, packages: Iterable[int]) -> set[str]:
        kinds = [getattr(self.solv, f"SOLVABLE_{name}") for name in _SAID]
        return {text for one in packages for kind in kinds for text in self.relations(one, kind)}

    @cached_property
    def _supplementing(self) -> list[int]:
        """Packages that want to be there when others are."""
        return [
            one for one in self.packages if self.pool.id2solvable(one).lookup_deparray(self.solv.SOLVABLE_SUPPLEMENTS)
        ]

    def _reached(self, roots: Iterable[int]) -> set[int]:
        """Return every package that a solution could hold, and more."""
        found: set[int] = set()
        waiting, seen = list(roots), set[str]()
        while waiting:
            one = waiting.pop()
            if one in found or one not in self.packages:
                continue
            found.add(one)
            for text in (*self.requires(one), *self.relations(one, self.solv.SOLVABLE_RECOMMENDS)):
                if text not in seen:
                    seen.add(text)
                    waiting += self.providers(text)
        return found

    def add_paths(self, upstream: str, owners: Mapping[str, Iterable[str]]) -> None:
        """Add what the full file lists of an upstream told: the checksum of a package → paths it has."""
        for one in (self.pool.id2solvable(number) for number, name in self.upstreams.items() if name == upstream):
            for path in owners.get(_checksum(self.solv, one)[1], ()):
                one.add_provides(self.pool.Dep(path))

    def settle(self) -> None:
        """Take note of paths that were added."""
        self.pool.createwhatprovides()

    def rpm(self, number: int) -> Rpm:
        """Return a package as its upstream lists it, without what it needs and provides."""
        one = self.pool.id2solvable(number)
        place = one.lookup_location()[0] or ""
        return Rpm(
            one.name, one.evr, one.arch, place, one.lookup_str(self.solv.SOLVABLE_MEDIABASE) or "",
            _checksum(self.solv, one), one.lookup_num(self.solv.SOLVABLE_DOWNLOADSIZE),
            one.lookup_num(self.solv.SOLVABLE_BUILDTIME), (), (), (), (), (),
        )  # fmt: skip


def _checksum(solv: Any, solvable: Any) -> tuple[str, str]:
    found = solvable.lookup_checksum(solv.SOLVABLE_CHECKSUM)
    return (found.typestr(), found.hex()) if found else ("", "")


def leaves(text: str) -> list[str]:
    """Return the capabilities a relation speaks of: itself, or the parts of a rich one."""
    if not text.startswith("("):
        return [text]
    try:
        return list(parse_rich(text).leaves())
    except FormatError:
        return []  # libsolv passes over it
