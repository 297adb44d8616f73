"""Chooses the packages of an environment: all names in one job over all repositories, as ``dnf install`` does.

The newest of what is asked for, or no solution (dnf's ``best``), comes first; where that has none, older versions are
taken, and packages of the machine's second architecture (``i686``), and a note says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cudepot.kinds.yum.rules.closure import BESIDE
from cudepot.kinds.yum.rules.union import Union, leaves

_SOLVER_FLAGS = (1, 3, 11, 12, 18, 21)
"""libsolv's ``SOLVER_FLAG_`` that dnf sets (``solver.h``; what ``dnf --debugsolver`` writes): ALLOW_DOWNGRADE,
ALLOW_VENDORCHANGE, KEEP_EXPLICIT_OBSOLETES, BEST_OBEY_POLICY, KEEP_ORPHANS, YUM_OBSOLETES."""
_SEVERAL = (
    "kernel", "kernel-PAE", "installonlypkg(kernel)", "installonlypkg(kernel-module)", "installonlypkg(vm)",
    "multiversion(kernel)",
)  # fmt: skip
"""What a machine may have in several versions (``installonlypkgs`` of dnf.conf(5))."""
_TOLD = 6  # reasons given where packages cannot be installed
_CHOICES = 10  # notes on what was taken of several


class Wish(NamedTuple):
    """One thing that is asked for: one of these packages has to be there.

    Attributes:
        text: as it was asked for.
        packages: numbers in the pool.
    """

    text: str
    packages: tuple[int, ...]


class Base(NamedTuple):
    """A package that a machine has before: what it is called, and what it says of itself, as written."""

    name: str
    evr: str
    architecture: str
    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    obsoletes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a pool.

    Attributes:
        wishes: all of them have to be met at once.
        recommends: whether weak dependencies are followed.
        hidden: packages that must not be taken.
        beside: whether the machine's second architecture was asked for.
    """

    wishes: Sequence[Wish]
    recommends: bool = False
    hidden: Collection[int] = ()
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What was chosen.

    Attributes:
        chosen: packages that come, by number.
        refused: why there is no solution, in libsolv's words; empty where there is one.
        notes: what was taken of several, and what could not be the newest.
    """

    chosen: tuple[int, ...] = ()
    refused: str = ""
    notes: tuple[str, ...] = field(default=())


def set_base(union: Union, base: Iterable[Base]) -> None:
    """Tell a pool what the machine has before."""
    pool = union.pool
    repo = pool.add_repo("@System")
    for one in base:
        made = repo.add_solvable()
        made.name, made.evr, made.arch = one.name, one.evr, one.architecture
        for text in dict.fromkeys((*one.provides, f"{one.name} = {one.evr}", *one.files)):
            made.add_provides(union.dep_of(text))
        for text in one.requires:
            made.add_requires(union.dep_of(text))
        for text in one.conflicts:
            made.add_conflicts(union.dep_of(text))
        for text in one.obsoletes:
            made.add_obsoletes(union.dep_of(text))
    pool.installed = repo
    union.settle()


def stand_in(provided: Iterable[str]) -> list[Base]:
    """Return a base that provides what a lock says that one did; of a rich dependency all of its parts."""
    every = tuple(dict.fromkeys(leaf for text in provided for leaf in leaves(text)))
    return [Base("@base", "0-0", "noarch", every)] if every else []


def solved(union: Union, question: Question) -> Answer:
    """Return what is chosen; the first of several ways to ask that has a solution counts."""
    refused, notes = "", list[str]()
    ways = [(best, beside) for best in (True, False) for beside in ({True} if question.beside else (False, True))]
    for best, beside in ways:
        solver, problems = _asked(union, question, best=best, beside=beside)
        if not problems:
            chosen = tuple(one.id for one in solver.transaction().newsolvables())
            return Answer(chosen, "", (*_below_best(union, question, chosen, refused), *_choices(union, solver)))
        refused = refused or _problem_text(problems)
    return Answer((), refused, tuple(notes))


def _asked(union: Union, question: Question, *, best: bool, beside: bool) -> tuple[Any, list[Any]]:
    solv, pool = union.solv, union.pool
    others = BESIDE.get(union.architecture, ())
    second = () if beside else (one.id for one in union.packages.values() if one.architecture in others)
    pool.set_disabled_list(sorted({*union.hidden, *question.hidden, *second}))
    pool.createwhatprovides()
    solver = pool.Solver()
    for flag in _SOLVER_FLAGS:
        solver.set_flag(flag, 1)
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, int(not question.recommends))
    job = solv.Job
    kind = job.SOLVER_INSTALL | job.SOLVER_SOLVABLE_ONE_OF | job.SOLVER_SETEVR | job.SOLVER_SETARCH
    kind |= job.SOLVER_FORCEBEST if best else 0
    jobs = [pool.Job(kind, pool.towhatprovides(sorted(one.packages))) for one in question.wishes]
    several = job.SOLVER_MULTIVERSION | job.SOLVER_SOLVABLE_PROVIDES
    jobs += [pool.Job(several, pool.Dep(name).id) for name in _SEVERAL]
    return solver, solver.solve(jobs)


def _problem_text(problems: Sequence[Any]) -> str:
    rules = [rule for one in problems for rule in one.findallproblemrules()]
    return "; ".join(list(dict.fromkeys(rule.info().problemstr() for rule in rules))[:_TOLD])


def _below_best(union: Union, question: Question, chosen: Sequence[int], refused: str) -> Iterator[str]:
    """Give a note for each wish that is not met by the newest, and what else was needed to find a solution."""
    if not refused:
        return
    there, others = set(chosen), BESIDE.get(union.architecture, ())
    for one in question.wishes:
        best = union.best(each for each in one.packages if each in union.packages)
        taken = [number for number in one.packages if number in there]
        if taken and best not in taken:
            yield (
                f"{one.text}: {union.packages[taken[0]].nevra} is chosen, because {union.packages[best].nevra} cannot "
                f"be installed: {refused}"
            )
    if second := [union.packages[one].nevra for one in chosen if union.packages[one].architecture in others]:
        yield f"packages of the second architecture are needed: {', '.join(second[:_TOLD])}: {refused}"


def _choices(union: Union, solver: Any) -> Iterator[str]:
    """Give a note for each need that packages of several names could meet: which was taken, and why."""
    found: dict[str, None] = {}
    rule = union.solv.Alternative.SOLVER_ALTERNATIVE_TYPE_RULE
    for one in solver.alternatives():
        names = list(dict.fromkeys(each.name for each in one.choices()))
        if one.type != rule or len(names) < 2 or one.chosen is None:
            continue
        needs = one.rule.info()
        of_package = needs.type == union.solv.Solver.SOLVER_RULE_PKG_REQUIRES and needs.solvable
        who = f"{needs.solvable.name} needs {needs.dep}" if of_package else "of the requested packages"
        others = ", ".join(name for name in names if name != one.chosen.name)
        found[f"{who}: {one.chosen.name} is chosen{_why(union, one)}, not {others}"] = None
    yield from list(found)[:_CHOICES]
    if len(found) > _CHOICES:
        yield f"{len(found) - _CHOICES} more needs could be met in several ways"


def _why(union: Union, one: Any) -> str:
    """Return the reason where it is a priority; else it is libsolv's order, which is dnf's."""
    ranks = {each.name: each.repo.priority for each in one.choices()}
    best = max(ranks.values())
    above = ranks.get(one.chosen.name) == best and any(rank < best for rank in ranks.values())
    return f" (by the priority of {union.upstreams.get(one.chosen.id, 'its upstream')})" if above else " (as dnf does)"


def left_out(union: Union, question: Question, answer: Answer) -> set[int]:
    """Return the packages that weak dependencies would bring beside what was chosen without them."""
    more = solved(union, Question(question.wishes, True, question.hidden, question.beside))
    return set(more.chosen) - set(answer.chosen)


def needed(union: Union, chosen: Collection[int]) -> dict[int, tuple[list[str], list[str]]]:
    """Return for each chosen package what it needs of the others, by their names, and what the base meets."""
    there = set(chosen)
    installed = set(union.installed)
    return {one: _needs(union, one, there, installed) for one in chosen}


def _needs(union: Union, one: int, chosen: set[int], installed: set[int]) -> tuple[list[str], list[str]]:
    inside: dict[str, None] = {}
    outside: dict[str, None] = {}
    for text in union.requires(one):
        for leaf in leaves(text):
            providers = union.providers(leaf)
            mine = [each for each in providers if each in chosen]
            named = [each for each in mine if union.packages[each].name == leaf.partition(" ")[0]]
            if one in mine:
                continue
            if mine:
                inside[leaf if named else union.packages[mine[0]].name] = None
            elif not installed.isdisjoint(providers):
                outside[leaf] = None
    return list(inside), list(outside)
