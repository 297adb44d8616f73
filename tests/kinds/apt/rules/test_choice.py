"""What an environment of debs comes to is what the real apt-get chooses, over several repositories with priorities.

Where apt's own way leaves something broken, apt asks its problem resolver, or refuses because it looks at one version
of each name only: there a solution that can be installed is enough, which apt takes when it is asked for just that.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.kinds.apt.asked_apt import Apt
from tests.kinds.apt.rules.small import Deb, relations

from cudepot.errors import PinError
from cudepot.formats.apt import Package
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.marking import Present
from cudepot.kinds.apt.rules.resolve_debs import Resolution, Root, resolve
from cudepot.kinds.apt.rules.union import Choice, Offering, Union

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("apt-get"), reason="apt-get is not installed")]
MANY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],
)
NAMES, VERSIONS = "abcdef", "123"
AMD64 = Machine("amd64")
KNOWN = [*NAMES, "v", "w"]


def archives() -> st.SearchStrategy[tuple[Deb, ...]]:
    """Return small repositories whose packages recommend, provide and exclude each other."""
    fields = st.tuples(
        st.tuples(st.just("Pre-Depends"), relations(KNOWN, alternatives=1)),
        st.tuples(st.just("Depends"), relations(KNOWN, alternatives=3)),
        st.tuples(st.just("Recommends"), relations(KNOWN, alternatives=2)),
        st.tuples(st.sampled_from(["Conflicts", "Breaks"]), relations(KNOWN)),
        st.tuples(st.just("Provides"), st.lists(st.sampled_from(["v", "v (= 1)", "w"]), max_size=1).map(", ".join)),
        st.tuples(st.just("Priority"), st.sampled_from(["", "required", "standard", "extra"])),
    )
    debs = st.builds(Deb, st.sampled_from(NAMES), st.sampled_from(VERSIONS), st.just("amd64"), fields)
    return st.lists(debs, min_size=2, max_size=10, unique_by=lambda one: (one.name, one.version)).map(tuple)


def union_of(several: Sequence[Sequence[Deb]], priorities: Sequence[int], machine: Machine = AMD64) -> Union:
    texts = ["\n".join(one.stanza for one in debs).encode() for debs in several]
    offerings = [
        Offering(f"u{number}", [ScannedIndex(text, f"u{number}")], priorities[number])
        for number, text in enumerate(texts)
    ]
    return Union(offerings, machine, Choice(lambda _: "", {}, {}))


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    return Apt(tmp_path)


def solved(union: Union, wanted: Sequence[str], *, recommends: bool) -> Resolution | None:
    try:
        return resolve(union, [Root(one) for one in wanted], Present(), recommends=recommends)
    except PinError:
        return None


def goes_round(union: Union, found: Resolution) -> bool:
    """Return whether a package needs one that it has in Pre-Depends, and is needed by it."""

    def met(one: Package, *fields: str) -> list[Package]:
        groups = [group for said, group in union.facts(one).needs if said in fields]
        return [
            other
            for group in groups
            for other in found.packages
            if any(union.machine.meets(other, union.facts(other).offers, each, one) for each in group)
        ]

    def below(one: Package, seen: set[str]) -> set[str]:
        for other in met(one, "Pre-Depends", "Depends"):
            if other.name not in seen:
                seen.add(other.name)
                below(other, seen)
        return seen

    return any(one.name in below(other, {other.name}) for one in found.packages for other in met(one, "Pre-Depends"))


@MANY
@given(
    archives(),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
    st.sampled_from([(500, 500), (500, 600), (600, 500)]),
    st.booleans(),
)
def test_apt_chooses_the_same(
    apt: Apt, debs: tuple[Deb, ...], wanted: list[str], priorities: tuple[int, int], recommends: bool
) -> None:
    union = union_of([debs[::2], debs[1::2]], priorities)
    found = solved(union, wanted, recommends=recommends)
    apt.offer(union, recommends=recommends)
    theirs = apt.install(*wanted)
    if found is None:
        assert theirs is None
        return
    if goes_round(union, found):
        return  # there may be no order to unpack them in: that is another matter
    ours = {(one.name, one.version) for one in found.packages}
    if not found.searched:
        assert ours == theirs
    exact = apt.install(*(f"{name}={version}" for name, version in sorted(ours)))
    assert exact is not None
    assert ours <= exact


def mixed() -> st.SearchStrategy[tuple[Deb, ...]]:
    """Return small repositories for amd64 and i386."""
    fields = st.tuples(
        st.tuples(st.just("Depends"), relations([*"abcd", "v"], ["", "", "", ":any", ":i386"], alternatives=2)),
        st.tuples(st.just("Conflicts"), relations([*"abcd", "v"], ["", "", ":i386"])),
        st.tuples(st.just("Multi-Arch"), st.sampled_from(["", "same", "foreign", "allowed"])),
        st.tuples(st.just("Provides"), st.sampled_from(["", "v"])),
    )
    machines = st.sampled_from(["amd64", "amd64", "i386", "i386", "all"])
    debs = st.builds(Deb, st.sampled_from("abcd"), st.sampled_from("12"), machines, fields)
    unique = st.lists(
        debs, min_size=1, max_size=8, unique_by=lambda one: (one.name, one.version, one.architecture == "i386")
    )
    return unique.map(tuple)


@MANY
@given(mixed())
def test_apt_chooses_the_same_on_a_machine_of_two_architectures(apt: Apt, debs: tuple[Deb, ...]) -> None:
    union = union_of([debs], [500], Machine("amd64", ("i386",)))
    found = solved(union, ["a"], recommends=False)
    apt.offer(union, recommends=False)
    theirs = apt.install("a")
    if found is None:
        assert theirs is None
    elif not found.searched:
        assert {(one.name, one.version) for one in found.packages} == theirs
