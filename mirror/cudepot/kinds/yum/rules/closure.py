"""Which rpms of a repository a set of pins needs: the pinned ones and, by libsolv, everything they depend on.

Every pinned package is an install of its own, because a mirror offers several versions side by side and the client
decides; so are those together that one ``[[pin]]`` means for one machine (:mod:`cudepot.kinds.rules.together`).
What the repository does not offer, or what the boundary names, counts as installed: a stand-in for the distribution
provides it. So each answer is one that a client's solver, which is the same, can give too.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cudepot.catalog.name_globs import Globs
from cudepot.errors import FormatError
from cudepot.formats.primary import Relation, Rpm, relation_of
from cudepot.formats.rich_dependency import parse_rich
from cudepot.kinds.rules.together import apart, together
from cudepot.kinds.yum.rules.capability import capability
from cudepot.kinds.yum.rules.pins import RpmPin, Rpms, meant, named_of
from cudepot.kinds.yum.rules.selection import Fault, RpmSelection, label

BESIDE = {
    "x86_64": ("i686", "i586", "i486", "i386", "athlon"),
    "ppc64": ("ppc",),
    "s390x": ("s390",),
    "sparc64": ("sparcv9", "sparcv8", "sparc"),
}
"""Architecture of a machine → others that rpm installs beside its own (rpmrc's ``arch_compat``)."""

_TOLD = 6  # reasons given where packages cannot be installed
_PRIMARY_FILES = ("/etc/", "/usr/lib/sendmail")  # and all with `bin/` in it: what createrepo_c puts into primary.xml


class Machine:
    """The packages a machine of one architecture can install, as a pool of libsolv's.

    Args:
        architecture: of the machine, in rpm's words.
        rpms: what the repository offers; other architectures are left out, and so is what the pins rule out.
        pins: what is wanted.
        boundary: globs over names that are left to the distribution.
        beside: further architectures whose packages the machine installs (``i686`` on ``x86_64``).
    """

    def __init__(
        self,
        architecture: str,
        rpms: Iterable[Rpm],
        pins: Sequence[RpmPin],
        boundary: Sequence[str] = (),
        beside: Sequence[str] = (),
    ) -> None:
        import solv  # noqa: PLC0415 - a run that changes nothing solves nothing

        self._solv: Any = solv
        self.architecture, self._boundary = architecture, boundary
        mine = (architecture, *beside)
        self._pins = [one for one in pins if not set(mine).isdisjoint(one.machines)]
        self._by_name = Globs([one.name for one in self._pins])
        self._pool: Any = solv.Pool()
        self._pool.setdisttype(solv.Pool.DISTTYPE_RPM)
        self._pool.setarch(architecture)
        self._repo, self._distribution = self._pool.add_repo("upstream"), self._pool.add_repo("distribution")
        self._ids: dict[str, int] = {}
        self._rpms: dict[int, Rpm] = {}
        self._offered: set[str] = set()
        self._settle = True
        self._deps: dict[Relation, Any] = {}
        every = list(rpms)
        self._fitting = _newest_files(one for one in every if one.architecture in (*mine, "noarch"))
        unasked = set(BESIDE.get(architecture, ())).difference(mine)
        self._unasked = [one for one in every if one.architecture in unasked]
        for rpm in self._fitting:
            self._offer(rpm)

    def _offer(self, rpm: Rpm) -> None:
        """Note what a package provides, even where it must not be chosen: it is not the distribution's then."""
        about = [self._pins[at] for at in self._by_name.fitting(rpm.name)]
        pinned = any(pin.means(rpm) for pin in about)
        if self._is_beyond(rpm.name) and not pinned:
            return
        self._offered.update(one.name for one in rpm.provides)
        self._offered.update(rpm.files)
        if pinned or not any(pin.speaks_of(rpm) for pin in about):
            self._add(rpm)

    def _add(self, rpm: Rpm) -> None:
        one = self._repo.add_solvable()
        one.name, one.evr, one.arch = rpm.name, rpm.evr, rpm.architecture
        for relation in rpm.provides:
            one.add_provides(self._dep(relation))
        for path in rpm.files:
            one.add_provides(self._pool.Dep(path))
        for relation in rpm.obsoletes:
            one.add_obsoletes(self._dep(relation))
        self._ids[rpm.nevra], self._rpms[one.id] = one.id, rpm

    def _dep(self, relation: Relation) -> Any:
        if relation not in self._deps:
            self._deps[relation] = capability(self._solv, self._pool, relation)
        return self._deps[relation]

    def _is_beyond(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, glob) for glob in self._boundary)

    def _is_offered(self, name: str) -> bool:
        return name in self._offered and not self._is_beyond(name)

    def unknown_paths(self) -> set[str]:
        """Return paths that packages need and primary.xml does not tell of: the full file lists may."""
        paths = {one.name for rpm in self._rpms.values() for one in rpm.requires if one.name.startswith("/")}
        return {one for one in paths if not (self._is_offered(one) or self._is_beyond(one) or is_primary_file(one))}

    def add_paths(self, owners: Mapping[str, Iterable[str]]) -> None:
        """Add what the full file lists told: the checksum of a package → paths it has."""
        for number, rpm in self._rpms.items():
            for path in owners.get(rpm.checksum[1], ()):
                self._pool.id2solvable(number).add_provides(self._pool.Dep(path))
        for rpm in self._fitting:
            self._offered.update(owners.get(rpm.checksum[1], ()))

    def solve(self, into: RpmSelection) -> None:
        """Choose the pinned packages and what they need; note those that cannot be installed from what is offered."""
        lacking = self._all_lacking()
        self._stand_in(one for several in lacking.values() for one in several)
        offer = Rpms(self._rpms.values())
        pinned = [one for pin in self._pins for one in meant(pin, offer)]
        job = self._solv.Job
        favour = [self._job(job.SOLVER_FAVOR, one) for one in self._contested(pinned)]
        into.chosen.update({rpm.nevra: (rpm, "pin") for rpm in pinned})
        for rpms, needed, because in self._tried([[one] for one in pinned], named_of(self._pins, offer), favour):
            if because and _are_of_one_machine(rpms):
                into.faults.append(Fault(rpms, self.architecture, because))
            elif because:
                into.notes.append(
                    f"{label(rpms)} conflict with each other: a machine installs those of one CUDA ({because})"
                )
            for one in needed if _are_of_one_machine(rpms) else ():
                into.chosen.setdefault(one.nevra, (one, f"needed by {rpms[0].name}"))
                into.external |= {str(need) for need in _needs(one) if need in lacking}
        for need in lacking:
            if str(need) in into.external and (machines := self._elsewhere(need)):
                into.elsewhere.setdefault(str(need), set()).update(machines)

    def _tried(
        self, alone: Iterable[Sequence[Rpm]], named: Iterable[Sequence[Rpm]], favour: Sequence[Any] = ()
    ) -> Iterator[tuple[Sequence[Rpm], list[Rpm], str]]:
        """Give what installing packages brings, or why they cannot be installed.

        First each of ``alone``. Then, of what each table names, all that is meant for one machine, and all of it where
        that is more; but nothing with a package that cannot be installed alone.
        """
        failed: set[str] = set()
        sets = [*alone, *(rpms for one in named for rpms in self._sets(one))]
        for rpms in sets:
            if failed.isdisjoint(one.nevra for one in rpms):
                jobs = [self._job(self._solv.Job.SOLVER_INSTALL, one) for one in rpms]
                needed, because = self._closure([*favour, *jobs])
                failed |= {rpms[0].nevra} if because and len(rpms) == 1 else set()
                yield rpms, needed, because

    def _sets(self, named: Sequence[Rpm]) -> list[list[Rpm]]:
        """Return which packages of a table this machine installs together, more than one; then all that are apart."""
        mine = [one for one in named if one.architecture in (self.architecture, "noarch")]
        return [one for one in (*together(mine, _called), apart(mine, _called)) if len(one) > 1]

    def _elsewhere(self, need: Relation) -> set[str]:
        """Return the architectures that nobody asked for, and for which the upstream has what is lacking."""
        names = {name.partition(" ")[0] for name in self._lacking(need)}
        return {one.architecture for one in self._unasked if not names.isdisjoint(_offers(one))}

    def _contested(self, pinned: Sequence[Rpm]) -> list[Rpm]:
        """Return the pinned packages that have rivals which nobody pinned: only there a preference decides.

        All jobs are looked at in every solution, so thousands that decide nothing would cost minutes.
        """
        mine = {rpm.nevra for rpm in pinned}
        others = {one for rpm in self._rpms.values() if rpm.nevra not in mine for one in _offers(rpm)}
        return [rpm for rpm in pinned if not others.isdisjoint(_offers(rpm))]

    def _job(self, what: int, rpm: Rpm) -> Any:
        return self._pool.Job(what | self._solv.Job.SOLVER_SOLVABLE, self._ids[rpm.nevra])

    def _all_lacking(self) -> dict[Relation, set[Relation]]:
        """Return what packages need and the repository does not offer, and what has to be provided for each."""
        lacking: dict[Relation, set[Relation]] = {}
        for need in dict.fromkeys(need for rpm in self._rpms.values() for need in _needs(rpm)):
            names = self._lacking(need)
            if names:
                lacking[need] = {relation_of(name) for name in names}
        return lacking

    def _stand_in(self, provided: Iterable[Relation]) -> None:
        """Make the distribution, which provides that."""
        one = self._distribution.add_solvable()
        one.name, one.evr, one.arch = "@distribution", "0-0", "noarch"
        for relation in sorted(set(provided)):
            one.add_provides(self._dep(relation))
        self._pool.installed = self._distribution
        for number, rpm in self._rpms.items():
            self._link(self._pool.id2solvable(number), rpm)
        self._pool.createwhatprovides()

    def _link(self, one: Any, rpm: Rpm) -> None:
        """Add what a package needs and what it is against, now that it is known what is offered."""
        for relation in _needs(rpm):
            one.add_requires(self._dep(self._settled(relation)))
        for relation in rpm.conflicts:
            # the stand-in is no package that could be in the way
            if self._is_offered(relation.name) and _is_readable(relation):
                one.add_conflicts(self._dep(relation))

    def _settled(self, need: Relation) -> Relation:
        if not (self._settle and need.name.startswith("(")):
            return need
        text = str(parse_rich(need.name).settled(self._is_offered))
        return Relation(text) if text.startswith("(") else relation_of(text)

    def _lacking(self, need: Relation) -> set[str]:
        """Return what has to come from elsewhere for a need to be met, as it would be written itself."""
        settled = self._settled(need)
        if settled.name.startswith("("):
            return parse_rich(settled.name).lacking(self._is_offered)
        return set() if self._is_offered(settled.name) else {str(settled)}

    def _closure(self, jobs: Sequence[Any]) -> tuple[list[Rpm], str]:
        """Return what is installed, or else why that cannot be done."""
        solver = self._pool.Solver()
        problems = solver.solve(list(jobs))
        if problems:
            rules = [rule for one in problems for rule in one.findallproblemrules()]
            return [], "; ".join(list(dict.fromkeys(rule.info().problemstr() for rule in rules))[:_TOLD])
        return [self._rpms[one.id] for one in solver.transaction().newsolvables()], ""

    def proved(
        self, wanted: Iterable[str], named: Iterable[Sequence[Rpm]], provided: Iterable[str]
    ) -> Iterator[tuple[Sequence[Rpm], list[Rpm], str]]:
        """Give what installing packages brings, each alone and those together that have to be, or why that cannot be.

        Args:
            wanted: packages as NEVRA; those that are not for this machine are passed over.
            named: what each ``[[pin]]`` names without a glob.
            provided: what the distribution has, as a lock tells it.
        """
        self._settle = False
        self._stand_in(_leaves(provided, self._is_offered))
        alone = [[self._rpms[self._ids[nevra]]] for nevra in wanted if nevra in self._ids]
        return (one for one in self._tried(alone, named) if _are_of_one_machine(one[0]))


def machines(
    architectures: Sequence[str], rpms: Sequence[Rpm], pins: Sequence[RpmPin], boundary: Sequence[str] = ()
) -> list[Machine]:
    """Return the machines that the architectures asked for are of: one for x86_64 and i686, two for aarch64 as well."""
    beside = {one: [other for other in BESIDE.get(one, ()) if other in architectures] for one in architectures}
    second = {other for several in beside.values() for other in several}
    return [Machine(one, rpms, pins, boundary, beside[one]) for one in architectures if one not in second]


def add_unknown_paths(machines: Sequence[Machine], owners: Callable[[set[str]], Mapping[str, Iterable[str]]]) -> None:
    """Add what packages need as paths that primary.xml does not tell of.

    ``owners`` looks paths up in the full file lists (checksum of a package → paths it has); it is asked for all
    machines at once, and only where there is such a path.
    """
    if unknown := {path for one in machines for path in one.unknown_paths()}:
        found = owners(unknown)
        for one in machines:
            one.add_paths(found)


def _newest_files(rpms: Iterable[Rpm]) -> list[Rpm]:
    """Keep one package of each NEVRA: of several, the one whose file was written last; else the first, as dnf does."""
    found: dict[str, Rpm] = {}
    for one in rpms:
        if found.setdefault(one.nevra, one).time < one.time:
            found[one.nevra] = one
    return list(found.values())


def _needs(rpm: Rpm) -> list[Relation]:
    """Return what a package requires; libsolv, and so dnf, passes over a rich dependency that is malformed."""
    return [one for one in rpm.requires if not one.name.startswith("rpmlib(") and _is_readable(one)]


def _is_readable(relation: Relation) -> bool:
    if not relation.name.startswith("("):
        return True
    try:
        parse_rich(relation.name)
    except FormatError:
        return False
    return True


def is_primary_file(path: str) -> bool:
    """Return whether primary.xml tells of a path."""
    return "bin/" in path or path.startswith(_PRIMARY_FILES)


def _leaves(provided: Iterable[str], offered: Callable[[str], bool]) -> Iterator[Relation]:
    """Give the capabilities that a lock's `external` is about."""
    for text in provided:
        lacking = parse_rich(text).lacking(offered) if text.startswith("(") else {text}
        yield from (relation_of(one) for one in lacking)


def select_rpms(machines: Iterable[Machine]) -> RpmSelection:
    """Return the pinned packages of all machines and everything they need, and which cannot be installed."""
    selection = RpmSelection()
    for machine in machines:
        machine.solve(selection)
    return selection


def _called(rpm: Rpm) -> tuple[str, str]:
    return rpm.name, rpm.evr


def _are_of_one_machine(rpms: Sequence[Rpm]) -> bool:
    return together(rpms, _called) == [list(rpms)]


def _offers(rpm: Rpm) -> set[str]:
    """Return the names of all that a package can meet a requirement with."""
    return {rpm.name, *(one.name for one in rpm.provides), *rpm.files}
