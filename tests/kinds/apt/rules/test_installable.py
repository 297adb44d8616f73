"""What the closure calls installable the real apt-get installs, and what it refuses apt-get refuses too."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.clients.apt_simulation import Simulation
from tests.kinds.apt.rules.small import OUTSIDE, VERSIONS, Deb, relations

from cudepot.formats.apt import PackageIndex, parse_relations
from cudepot.kinds.apt.rules.closure import select
from cudepot.kinds.apt.rules.installable import Selection, Wishes
from cudepot.kinds.apt.rules.offers import Offers
from cudepot.kinds.apt.rules.pins import DebPin

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("apt-get"), reason="apt-get is not installed")]
FEW = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = "abcd"


def provisions() -> st.SearchStrategy[str]:
    one = st.sampled_from(["v", "v (= 1)", "v (= 2)", "w", "a (= 2)"])
    return st.lists(one, max_size=1).map(", ".join)


def repositories() -> st.SearchStrategy[tuple[Deb, ...]]:
    """Return small repositories for one architecture."""
    known = [*NAMES, "v", "w"]
    fields = st.tuples(
        st.tuples(st.just("Depends"), relations([*known, OUTSIDE], alternatives=2)),
        st.tuples(st.sampled_from(["Conflicts", "Breaks"]), relations(known)),
        st.tuples(st.just("Provides"), provisions()),
    )
    debs = st.builds(Deb, st.sampled_from(NAMES), st.sampled_from(VERSIONS), st.just("amd64"), fields)
    return st.lists(debs, min_size=1, max_size=8, unique_by=lambda one: (one.name, one.version)).map(tuple)


def mixed() -> st.SearchStrategy[tuple[Deb, ...]]:
    """Return small repositories for amd64 and i386."""
    known = [*NAMES, "v"]
    fields = st.tuples(
        st.tuples(st.just("Depends"), relations(known, ["", "", "", ":any", ":i386"])),
        st.tuples(st.just("Conflicts"), relations(known, ["", "", ":i386"])),
        st.tuples(st.just("Multi-Arch"), st.sampled_from(["", "same", "allowed"])),
        st.tuples(st.just("Provides"), st.sampled_from(["", "v"])),
    )
    machines = st.sampled_from(["amd64", "amd64", "i386", "i386", "all"])
    debs = st.builds(Deb, st.sampled_from(NAMES), st.sampled_from("12"), machines, fields)
    # apt-get has no way to name one of two builds of a version for all machines and for its own
    unique = st.lists(
        debs, min_size=1, max_size=8, unique_by=lambda one: (one.name, one.version, one.architecture == "i386")
    )
    return unique.map(tuple)


def chosen(debs: Sequence[Deb], pins: Sequence[DebPin], machines: Sequence[str] = ("amd64",)) -> Selection:
    """Return what is chosen where the distribution provides ``ext`` and nothing else."""
    fields = [text for one in debs for name, text in one.fields if name == "Depends"]
    groups = [group for text in fields for group in parse_relations(text)]
    external = {" | ".join(map(str, group)) for group in groups if any(one.name == OUTSIDE for one in group)}
    index = PackageIndex("\n".join(one.stanza for one in debs).encode(), "x")
    return select(Offers([index]), Wishes("u", pins, machines, external=external))


def specs(selection: Selection, native: str) -> list[str]:
    """Return what names exactly the chosen packages on a command line of apt-get."""
    return [
        f"{one.name}:{native if one.architecture == 'all' else one.architecture}={one.version}"
        for one, _ in selection.chosen.values()
    ]


@pytest.fixture
def amd64(tmp_path: Path) -> Simulation:
    return Simulation(tmp_path / "amd64")


@pytest.fixture
def both(tmp_path: Path) -> Simulation:
    return Simulation(tmp_path / "both", ("amd64", "i386"))


def judge(apt: Simulation, debs: Sequence[Deb], wanted: Sequence[Deb], machines: Sequence[str] = ("amd64",)) -> None:
    """Hold the closure of some packages against apt-get: both ways."""
    pins = [DebPin(one.name, one.version, "", (one.architecture,)) for one in wanted if one.architecture != "all"]
    pins += [DebPin(one.name, one.version, "", machines[:1]) for one in wanted if one.architecture == "all"]
    found = chosen(debs, pins, machines)
    asked = [
        f"{one.name}:{machines[0] if one.architecture == 'all' else one.architecture}={one.version}" for one in wanted
    ]
    if not found.findings:
        labels = {f"{one.name} {one.version} {one.architecture}" for one, _ in found.chosen.values()}
        published = [one for one in debs if str(one) in labels]
        apt.offer("\n".join(one.stanza for one in published), [OUTSIDE])
        assert apt.install(*specs(found, machines[0])) == labels, "all of it together"
        assert apt.install(*asked) is not None, "what is pinned, the rest found by apt"
        return
    apt.offer("\n".join(one.stanza for one in debs), [OUTSIDE])
    for more in _ways(debs, wanted, machines):
        assert apt.install(*asked, *more) is None, (found.findings, more)


def _ways(debs: Sequence[Deb], wanted: Sequence[Deb], machines: Sequence[str]) -> Iterator[list[str]]:
    """Give versions of the other packages to ask for as well: apt alone would try the newest only."""
    yield []
    names = sorted({one.name for one in debs} - {one.name for one in wanted})
    versions = [
        [one for one in debs if one.name == name and one.architecture in (machines[0], "all")] for name in names
    ]
    for several in itertools.islice(itertools.product(*(one for one in versions if one)), 2):
        yield [f"{one.name}={one.version}" for one in several]
    for one in itertools.islice((one for one in debs if one.name in names), 2):
        yield [f"{one.name}:{machines[0] if one.architecture == 'all' else one.architecture}={one.version}"]


@FEW
@given(repositories())
def test_one_package_is_installable_where_apt_says_so(amd64: Simulation, debs: tuple[Deb, ...]) -> None:
    judge(amd64, debs, debs[:1])


@FEW
@given(repositories())
def test_two_packages_are_installable_together_where_apt_says_so(amd64: Simulation, debs: tuple[Deb, ...]) -> None:
    judge(amd64, debs, [debs[0], *(one for one in debs[1:2] if one.name != debs[0].name)])


@FEW
@given(mixed())
def test_a_package_of_one_of_two_architectures_is_installable_where_apt_says_so(
    both: Simulation, debs: tuple[Deb, ...]
) -> None:
    first = next((one for one in debs if one.architecture in ("amd64", "all")), None)
    if first is not None:
        judge(both, debs, [first], ("amd64", "i386"))


@pytest.mark.parametrize(
    "fields",
    [
        ("Pre-Depends: b", "Pre-Depends: a", "Depends: b"),
        ("Pre-Depends: b", "Depends: c", "Depends: a"),
        ("Depends: b", "Depends: c", "Depends: a"),
        ("Pre-Depends: b", "Depends: c", "Depends: b"),
        ("Pre-Depends: a", "Depends: c", "Depends: b"),
    ],
)
def test_a_cycle_of_dependencies_is_judged_as_apt_does(amd64: Simulation, fields: tuple[str, ...]) -> None:
    pairs = [tuple(one.split(": ")) for one in fields]
    debs = [Deb(name, "1", "amd64", ((said, text),)) for name, (said, text) in zip("abc", pairs, strict=True)]
    judge(amd64, debs, debs[:1])
