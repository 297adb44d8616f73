"""What excludes packages from each other, across versions, architectures and provided names; what the search costs."""

from __future__ import annotations

import re

import pytest

from cudepot.catalog.config.config import Pin
from cudepot.errors import FormatError
from cudepot.formats.apt import Package, PackageIndex, Relation
from cudepot.kinds.apt.rules.closure import select
from cudepot.kinds.apt.rules.installable import Selection, Wishes
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.offers import Offers
from cudepot.kinds.apt.rules.pins import DebPin, exact_pins


def stanza(text: str) -> str:
    """Return a stanza of a package given as ``name version [arch] | Field: text | …``."""
    head, *fields = (part.strip() for part in re.split(r" \| (?=[A-Z])", text))
    name, version, arch = (*head.split(), "amd64")[:3]
    rows = [f"Package: {name}", f"Version: {version}", f"Architecture: {arch}", *fields]
    return "\n".join([*rows, f"Filename: ./{name}_{version}_{arch}.deb", "Size: 1", f"SHA256: {'0' * 64}"])


def index(*packages: str) -> PackageIndex:
    return PackageIndex("\n\n".join(map(stanza, packages)).encode(), "x")


def resolve(
    packages: PackageIndex | list[PackageIndex], *pins: DebPin | str, machines: tuple[str, ...] = ("amd64",)
) -> Selection:
    wanted = [DebPin.parse(one) if isinstance(one, str) else one for one in pins]
    indexes = packages if isinstance(packages, list) else [packages]
    return select(Offers(indexes), Wishes("u", wanted, machines))


def chosen(found: Selection) -> list[str]:
    return sorted(" ".join(key) for key in found.chosen)


def findings(found: Selection) -> list[str]:
    return [str(one) for one in found.findings]


def test_an_older_version_is_taken_where_the_newest_breaks_the_pin() -> None:
    packages = index("app 1.0 | Depends: libz", "libz 1.0", "libz 2.0 | Breaks: app (<< 2.0)")
    assert chosen(resolve(packages, "app")) == ["app 1.0 amd64", "libz 1.0 amd64"]


def test_the_way_back_leads_to_what_the_conflict_hangs_from() -> None:
    packages = index(
        "app 1 | Depends: ui, core", "ui 2 | Depends: theme", "ui 1", "theme 1 | Conflicts: core", "core 1",
    )  # fmt: skip
    found = resolve(packages, "app")
    assert chosen(found) == ["app 1 amd64", "core 1 amd64", "ui 1 amd64"]
    assert findings(found) == []


def test_another_alternative_is_taken_where_the_first_is_excluded() -> None:
    packages = index("app 1 | Depends: b | c", "b 1 | Conflicts: app", "c 1")
    assert chosen(resolve(packages, "app")) == ["app 1 amd64", "c 1 amd64"]


def test_nothing_excludes_itself_not_even_through_what_it_provides() -> None:
    own = "datacenter-gpu-manager 3.3 | Conflicts: datacenter-gpu-manager, dcgm | Provides: dcgm"
    assert findings(resolve(index(own), "datacenter-gpu-manager")) == []


@pytest.mark.parametrize(
    ("provides", "excludes", "fits"),
    [("v", "v", False), ("v (= 1)", "v (<< 2)", False), ("v (= 3)", "v (<< 2)", True), ("v", "v (<< 2)", True)],
)
def test_provided_names_are_excluded_as_policy_says(provides: str, excludes: str, fits: bool) -> None:
    packages = index("app 1 | Depends: p", f"p 1 | Provides: {provides}", f"app 2 | Depends: p | Breaks: {excludes}")
    assert (not findings(resolve(packages, "app=2"))) is fits


def test_what_the_distribution_has_to_provide_can_be_excluded_too() -> None:
    packages = index("app 1 | Depends: old-lib, new-lib", "new-lib 1 | Conflicts: old-lib")
    (finding,) = findings(resolve(packages, "app"))
    assert "new-lib 1 Conflicts: old-lib" in finding
    versions = index("app 1 | Depends: old-lib, new-lib", "new-lib 1 | Conflicts: old-lib (<< 2)")
    assert findings(resolve(versions, "app")) == [], "the distribution's may be newer"


def test_pins_of_one_table_are_installable_together_or_named() -> None:
    packages = index("a 1 | Depends: z (>= 2)", "b 1 | Depends: z (<< 2)", "z 1", "z 2")
    (finding,) = findings(resolve(packages, "a", "b"))
    assert finding.startswith("a 1 and b 1 (b 1 Depends: z (<< 2)): z 2 is also needed, in place of")
    apart = resolve(packages, DebPin("a", entry=0), DebPin("b", entry=1))
    assert findings(apart) == []
    assert chosen(apart) == ["a 1 amd64", "b 1 amd64", "z 1 amd64", "z 2 amd64"]


def test_one_version_is_found_that_serves_all_pins_of_a_table() -> None:
    packages = index("a 1 | Depends: z", "b 1 | Depends: z (<< 2)", "z 1", "z 2")
    assert chosen(resolve(packages, "a", "b")) == ["a 1 amd64", "b 1 amd64", "z 1 amd64"]


def test_what_is_allowed_all_the_same_comes_with_what_it_asks_for() -> None:
    found = resolve(index("app 1 | Depends: z", "z 1 | Breaks: app"), "app")
    assert len(found.findings) == 1
    assert chosen(found) == ["app 1 amd64", "z 1 amd64"]


@pytest.mark.parametrize(
    ("first", "second", "third", "fits"),
    [
        ("Pre-Depends: b", "Pre-Depends: a", "Depends: x", False),
        ("Pre-Depends: b", "Depends: c", "Depends: a", False),
        ("Depends: b", "Depends: c", "Depends: a", True),
        ("Pre-Depends: b", "Depends: c", "Depends: b", True),
        ("Pre-Depends: a", "Depends: c", "Depends: b", False),
    ],
)
def test_a_cycle_with_a_pre_depends_in_it_has_no_order(first: str, second: str, third: str, fits: bool) -> None:
    found = findings(resolve(index(f"a 1 | {first}", f"b 1 | {second}", f"c 1 | {third}"), "a"))
    assert (not found) is fits
    assert all("in turn" in one for one in found)


# architectures


BOTH = ("amd64", "i386")


@pytest.mark.parametrize(
    ("relation", "package", "met"),
    [
        ("b", "b 1 i386", False),
        ("b", "b 1 i386 | Multi-Arch: foreign", True),
        ("b", "b 1 i386 | Multi-Arch: allowed", False),
        ("b:any", "b 1 i386 | Multi-Arch: allowed", True),
        ("b:any", "b 1", False),
        ("b:i386", "b 1 i386", True),
        ("b:i386", "b 1", False),
        ("b:native", "b 1", True),
        ("b:native", "b 1 all", True),
        ("b:native", "b 1 i386", False),
        ("v", "b 1 i386 | Multi-Arch: foreign | Provides: v", True),
    ],
)
def test_which_architecture_meets_a_relation(relation: str, package: str, met: bool) -> None:
    found = resolve(index(f"a 1 | Depends: {relation}", package), DebPin("a", "*", "", ("amd64",)), machines=BOTH)
    assert (found.external == set()) is met
    assert findings(found) == []


def test_the_machines_own_architecture_comes_first() -> None:
    packages = index("a 1 | Depends: b", "b 2 i386 | Multi-Arch: foreign", "b 1 | Multi-Arch: foreign")
    assert "b 1 amd64" in chosen(resolve(packages, DebPin("a", "*", "", ("amd64",)), machines=BOTH))


def test_two_architectures_of_one_package_need_multi_arch_same_and_one_version() -> None:
    both = "a 1 | Depends: libx, libx:i386"
    same = [
        f"libx {version} {arch} | Multi-Arch: same" for version, arch in (("2", "amd64"), ("1", "amd64"), ("1", "i386"))
    ]
    pin = DebPin("a", "*", "", ("amd64",))
    assert chosen(resolve(index(both, *same), pin, machines=BOTH)) == ["a 1 amd64", "libx 1 amd64", "libx 1 i386"]
    (finding,) = findings(resolve(index(both, "libx 1", "libx 1 i386"), pin, machines=BOTH))
    assert "libx 1 is also needed, in place of libx 1" in finding


def test_an_exclusion_means_all_architectures_or_the_one_it_names() -> None:
    machine = Machine("amd64", ("i386",))
    by, other = (Package(name, "1", arch, "x", None, {}) for name, arch in (("a", "amd64"), ("b", "i386")))  # type: ignore[arg-type]
    offers = [Relation("b", "=", "1")]
    hits = {text: machine.hits(other, offers, Relation("b", architecture=text), by) for text in ("", "i386", "native")}
    assert hits == {"": True, "i386": True, "native": False}


# several indexes


def test_of_several_indexes_the_first_counts_and_other_bytes_are_known() -> None:
    first, second = index("a 1", "b 1"), index("a 1", "b 1")
    second = PackageIndex(
        b"\n\n".join([stanza("a 1").encode(), stanza("b 1").replace("0" * 64, "1" * 64).encode()]), "y"
    )
    offers = Offers([first, second], ["one", "two"])
    found = {one.name: one for name in ("a", "b") for one in offers.named(name)}
    assert offers.twin(found["a"]) is None
    assert offers.twin(found["b"]) == ("one", "two")
    assert offers.order(found["b"]) == (0, 1)


def test_a_relation_that_cannot_be_read_names_its_package() -> None:
    with pytest.raises(FormatError, match="a 1: not a dependency"):
        resolve(index("a 1 | Breaks: b (= 1"), "a")


def test_a_bound_that_is_no_version_is_named_with_its_package_where_it_counts() -> None:
    with pytest.raises(FormatError, match="a 1: not a Debian version: '1_q'"):
        resolve(index("a 1 | Depends: b (>= 1_q)", "b 1"), "a")
    assert findings(resolve(index("a 1 | Breaks: a (<< 1_q) | Provides: v (= 1_q)"), "a")) == []


def test_locked_packages_stay_together_as_their_pins_did() -> None:
    debs = [*index("a 1", "b 1", "c 1").named("a"), *index("b 1").named("b"), *index("c 1").named("c")]
    pins = (Pin("u", ("a", "b=1")), Pin("u", ("c*",)))
    entries = [one.entry for one in exact_pins(pins, debs, files=False)]
    assert entries[0] == entries[1] == 0
    assert entries[2] not in (0, 1), "a glob says of none that it goes with others"
    assert len({one.entry for one in exact_pins(pins, debs, files=True)}) == 3


# cost


@pytest.mark.parametrize("relation", ["b (= {})", "b (>= {})", "b (<= {})", "v (= {})"])
def test_thousands_of_versions_of_one_name_are_not_compared_with_each_other(
    monkeypatch: pytest.MonkeyPatch, relation: str
) -> None:
    count, asked = 600, 0
    reaches = Machine.reaches

    def counted(self: Machine, *args: object) -> bool:
        nonlocal asked
        asked += 1
        return reaches(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Machine, "reaches", counted)
    numbers = range(1, count + 1)
    packages = index(
        *(f"a {n} | Depends: {relation.format(n)}" for n in numbers), *(f"b {n} | Provides: v (= {n})" for n in numbers)
    )
    found = resolve(packages, *(DebPin("a", str(n)) for n in numbers))
    assert findings(found) == []
    assert asked < 10 * count
