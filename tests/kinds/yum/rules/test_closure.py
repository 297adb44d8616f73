"""Which rpms pins mean and need: forms of pins, closure by libsolv, what is left to the distribution."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cudepot.catalog.config.config import Pin
from cudepot.errors import PinError
from cudepot.formats.primary import Relation, Rpm
from cudepot.kinds.yum.rules.closure import Machine, select_rpms
from cudepot.kinds.yum.rules.closure import machines as machines_of
from cudepot.kinds.yum.rules.pins import RpmPin, Rpms, meant, rpm_pins
from cudepot.kinds.yum.rules.selection import RpmSelection


def relations(*texts: str) -> tuple[Relation, ...]:
    return tuple(Relation(text) if text.startswith("(") else Relation(*text.split(" ")) for text in texts)


def rpm(
    name: str, evr: str = "1-1", *needs: str, arch: str = "x86_64", provides: tuple[str, ...] = (),
    files: tuple[str, ...] = (), time: int = 0, conflicts: tuple[str, ...] = (), obsoletes: tuple[str, ...] = (),
) -> Rpm:  # fmt: skip
    own = Relation(name, "=", evr)
    nvra = f"{name}-{evr.rpartition(':')[2]}.{arch}"
    digest = f"{abs(hash((nvra, time))):064x}"[:64]
    return Rpm(name, evr, arch, f"{nvra}.rpm", "", ("sha256", digest), 1, time, relations(*needs),
               (own, *relations(*provides)), relations(*conflicts), relations(*obsoletes), files)  # fmt: skip


def choose(rpms: list[Rpm], *texts: str, machines: tuple[str, ...] = ("x86_64",), boundary: tuple[str, ...] = (),
           cuda: str = "") -> RpmSelection:  # fmt: skip
    pins = rpm_pins(Pin("u", texts, cuda=cuda), machines, Rpms(rpms))
    return select_rpms(machines_of(machines, rpms, pins, boundary))


def refusal(rpms: list[Rpm], *texts: str) -> str:
    """Return why the first package cannot be installed."""
    return choose(rpms, *texts).faults[0].because


def chosen(selection: RpmSelection) -> set[str]:
    return set(selection.chosen)


WORLD = [
    rpm("libcudnn8", "8.0.5.39-1.cuda11.1"),
    rpm("libcudnn8", "8.0.5.39-1.cuda10.2"),
    rpm("libcudnn8", "8.2.4.15-1.cuda11.4"),
    rpm("libcudnn8-devel", "8.0.5.39-1.cuda11.1", "libcudnn8 = 8.0.5.39-1.cuda11.1"),
    rpm("libcudnn8-devel", "8.2.4.15-1.cuda11.4", "libcudnn8 = 8.2.4.15-1.cuda11.4"),
    rpm("libcudnn8", "8.0.5.39-1.cuda11.1", arch="aarch64"),
    rpm("driver", "3:455-1"),
    rpm("driver", "3:460-1"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("driver", {"3:460-1"}),
        ("driver.x86_64", {"3:460-1"}),
        ("driver-455", {"3:455-1"}),
        ("driver-3:455", {"3:455-1"}),
        ("driver-455-1", {"3:455-1"}),
        ("driver-3:455-1", {"3:455-1"}),
        ("driver-455-1.x86_64", {"3:455-1"}),
        ("driver-3:4*-1.x86_64", {"3:455-1", "3:460-1"}),
        ("driver-4*", {"3:455-1", "3:460-1"}),
        ("d*r", {"3:460-1"}),
    ],
)
def test_a_pin_is_read_in_dnfs_forms(text: str, expected: set[str]) -> None:
    (pin,) = rpm_pins(Pin("u", (text,)), ["x86_64"], Rpms(WORLD))
    assert {one.evr for one in meant(pin, Rpms(WORLD))} == expected


def test_a_name_with_a_version_is_not_taken_for_a_longer_name() -> None:
    (pin,) = rpm_pins(Pin("u", ("libcudnn8-devel-8.0.5*",)), ["x86_64"], Rpms(WORLD))
    assert [one.nevra for one in meant(pin, Rpms(WORLD))] == ["libcudnn8-devel-8.0.5.39-1.cuda11.1.x86_64"]


@pytest.mark.parametrize("text", ["driver-2:455", "libcudnn9", "driver-470", "driver.aarch64"])
def test_a_pin_that_matches_nothing_says_what_there_is(text: str) -> None:
    with pytest.raises(PinError, match="matches nothing"):
        rpm_pins(Pin("u", (text,)), ["x86_64"], Rpms(WORLD))


@pytest.mark.parametrize(
    ("text", "right", "evrs"),
    [
        ("libcudnn8=8.0.5.39-1.cuda11.1", "libcudnn8-8.0.5.39-1.cuda11.1", {"8.0.5.39-1.cuda11.1"}),
        ("libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-8.0.5.39-1.cuda11.1", {"8.0.5.39-1.cuda11.1"}),
        ("libcudnn8 == 8.0.5.39", "libcudnn8-8.0.5.39", {"8.0.5.39-1.cuda11.1", "8.0.5.39-1.cuda10.2"}),
        ("libcudnn8=8.0.5.39-*", "libcudnn8-8.0.5.39-*", {"8.0.5.39-1.cuda11.1", "8.0.5.39-1.cuda10.2"}),
        ("libcudnn8-8.2.4.15-1+cuda11.4", "libcudnn8-8.2.4.15-1.cuda11.4", {"8.2.4.15-1.cuda11.4"}),
        ("libcudnn8-8.2", "libcudnn8-8.2.*", {"8.2.4.15-1.cuda11.4"}),
        ("driver=455-1", "driver-455-1", {"3:455-1"}),
    ],
)
def test_a_version_spelt_as_apt_does_gets_a_hint_that_helps(text: str, right: str, evrs: set[str]) -> None:
    with pytest.raises(PinError) as caught:
        rpm_pins(Pin("u", (text,)), ["x86_64"], Rpms(WORLD))
    assert caught.value.hint == f"write {right}"
    (pin,) = rpm_pins(Pin("u", (right,)), ["x86_64"], Rpms(WORLD))
    assert {one.evr for one in meant(pin, Rpms(WORLD))} == evrs


def test_cuda_variant_and_machine_narrow_a_pin() -> None:
    (pin,) = rpm_pins(
        Pin("u", ("libcudnn8-8.0*",), cuda="11.1", architectures=("aarch64",)), ["x86_64", "aarch64"], Rpms(WORLD)
    )
    assert isinstance(pin, RpmPin)
    assert [one.nevra for one in meant(pin, Rpms(WORLD))] == ["libcudnn8-8.0.5.39-1.cuda11.1.aarch64"]


def test_a_dependency_on_a_pinned_package_is_met_by_what_its_pins_mean() -> None:
    found = choose(WORLD, "libcudnn8-devel-8.0.5*")
    assert chosen(found) == {"libcudnn8-8.0.5.39-1.cuda11.1.x86_64", "libcudnn8-devel-8.0.5.39-1.cuda11.1.x86_64"}
    assert "nothing provides libcudnn8 = 8" in refusal(WORLD, "libcudnn8-devel-8.0.5*", "libcudnn8-8.2*")


def test_versions_that_exclude_each_other_are_chosen_side_by_side() -> None:
    found = choose(WORLD, "libcudnn8-devel-8*")
    assert len(chosen(found)) == 4
    assert {why for _, why in found.chosen.values()} == {"pin", "needed by libcudnn8-devel"}


@pytest.mark.parametrize(("texts", "provider"), [(("app", "zz"), "zz"), (("app", "aa"), "aa")])
def test_what_several_provide_comes_from_the_pinned_one(texts: tuple[str, ...], provider: str) -> None:
    rpms = [rpm("app", "1-1", "cap"), rpm("aa", provides=("cap",)), rpm("zz", provides=("cap",))]
    assert chosen(choose(rpms, *texts)) == {"app-1-1.x86_64", f"{provider}-1-1.x86_64"}


def test_what_nobody_offers_is_the_distributions() -> None:
    rpms = [rpm("app", "1-1", "libc.so.6(GLIBC_2.17)(64bit)", "glibc >= 2.17", "/usr/bin/env", "rpmlib(X) <= 1", "lib")]
    found = choose([*rpms, rpm("lib", "1-1", "bash")], "app")
    assert chosen(found) == {"app-1-1.x86_64", "lib-1-1.x86_64"}
    assert found.external == {"libc.so.6(GLIBC_2.17)(64bit)", "glibc >= 2.17", "/usr/bin/env", "bash"}


def test_a_version_that_is_not_offered_is_no_matter_of_the_distribution() -> None:
    assert "nothing provides lib >= 2 needed by app" in refusal(
        [rpm("app", "1-1", "lib >= 2"), rpm("lib", "1-1")], "app"
    )


def test_the_boundary_stops_at_names_that_are_offered() -> None:
    rpms = [rpm("app", "1-1", "lib", "cap"), rpm("lib"), rpm("prov", "1-1", provides=("cap",))]
    assert chosen(choose(rpms, "app")) == {"app-1-1.x86_64", "lib-1-1.x86_64", "prov-1-1.x86_64"}
    found = choose(rpms, "app", boundary=("lib", "prov"))
    assert chosen(found) == {"app-1-1.x86_64"}
    assert found.external == {"lib", "cap"}
    assert chosen(choose(rpms, "app", "lib", boundary=("l*", "prov"))) == {"app-1-1.x86_64", "lib-1-1.x86_64"}


def test_rich_dependencies_are_solved() -> None:
    rpms = [rpm("app", "1-1", "(a or absent)", "(b if c)", "(d if absent)"), rpm("a"), rpm("b"), rpm("d")]
    found = choose(rpms, "app")
    assert chosen(found) == {f"{one}-1-1.x86_64" for one in ("app", "a", "b", "d")}
    assert found.external == set()
    assert choose([rpm("app", "1-1", "(b >= 2 or c)")], "app").external == {"(b >= 2 or c)"}
    assert chosen(choose([rpm("app", "1-1", "(b or", "b"), rpm("b")], "app")) == {"app-1-1.x86_64", "b-1-1.x86_64"}


def test_a_capability_with_blanks_is_one_all_the_same() -> None:
    odd = replace(rpm("app"), requires=(Relation("a b c d"), Relation("(a if b c d)")))
    assert choose([odd], "app").external == {"a b c d", "(a if b c d)"}


MULTILIB = [
    rpm("app", "1-1", "libb(x86-32)"),
    rpm("libb", "1-1", "libc(x86-32)", arch="i686", provides=("libb(x86-32)",)),
    rpm("libb", "1-1", "libc(x86-64)", provides=("libb(x86-64)",)),
    rpm("libb", "1-1", arch="aarch64", provides=("libb(x86-32)",)),
]


def test_what_is_needed_for_i686_is_taken_where_that_was_asked_for() -> None:
    pins = rpm_pins(Pin("u", ("app",), architectures=("x86_64",)), ["x86_64", "i686"], Rpms(MULTILIB))
    found = select_rpms(machines_of(["x86_64", "i686"], MULTILIB, pins))
    assert chosen(found) == {"app-1-1.x86_64", "libb-1-1.i686"}
    assert (found.external, found.elsewhere) == ({"libc(x86-32)"}, {})


def test_where_it_was_not_asked_for_it_is_said_where_it_is() -> None:
    found = choose(MULTILIB, "app")
    assert (found.external, found.elsewhere) == ({"libb(x86-32)"}, {"libb(x86-32)": {"i686"}})


def test_an_i686_package_is_pinned_on_an_x86_64_machine() -> None:
    rpms = [*MULTILIB, rpm("tool", "1-1", "app", arch="i686")]
    found = choose(rpms, "tool", machines=("x86_64", "i686"))
    assert chosen(found) == {"tool-1-1.i686", "app-1-1.x86_64", "libb-1-1.i686"}


@pytest.mark.parametrize(("asked", "there"), [("sbsa", "aarch64"), ("amd64", "x86_64"), ("x86_64", "i686")])
def test_a_pin_of_another_architecture_says_which_one_is_there(asked: str, there: str) -> None:
    rpms = [rpm("app", arch=there), rpm("app", arch="src")]
    with pytest.raises(PinError) as caught:
        rpm_pins(Pin("u", ("app",)), [asked], Rpms(rpms))
    assert caught.value.hint == f"it exists for {there}: add that to `architectures`"
    assert chosen(choose(rpms, "app", machines=(asked, there))) == {f"app-1-1.{there}"}


def test_files_meet_dependencies_where_primary_or_file_lists_tell_of_them() -> None:
    rpms = [rpm("app", "1-1", "/usr/bin/tool", "/usr/share/x"), rpm("tool", files=("/usr/bin/tool",)), rpm("data")]
    pins = rpm_pins(Pin("u", ("app",)), ["x86_64"], Rpms(rpms))
    machine = Machine("x86_64", rpms, pins)
    assert machine.unknown_paths() == {"/usr/share/x"}
    machine.add_paths({rpms[2].checksum[1]: ["/usr/share/x"]})
    assert machine.unknown_paths() == set()
    assert chosen(select_rpms([machine])) == {f"{one}-1-1.x86_64" for one in ("app", "tool", "data")}


def test_each_machine_is_solved_for_itself_and_noarch_is_for_all() -> None:
    rpms = [rpm("app", arch="noarch"), rpm("lib"), rpm("lib", arch="aarch64"), rpm("lib", arch="ppc64le")]
    rpms[0] = rpm("app", "1-1", "lib", arch="noarch")
    assert chosen(choose(rpms, "app", machines=("x86_64", "aarch64"))) == {
        "app-1-1.noarch", "lib-1-1.x86_64", "lib-1-1.aarch64"
    }  # fmt: skip


def test_conflicts_among_offered_packages_count_and_others_do_not() -> None:
    apart = [rpm("app", "1-1", "a", "b"), rpm("a", conflicts=("b",)), rpm("b")]
    assert "conflicts with b" in refusal(apart, "app")
    beyond = [rpm("app", "1-1", "glibc >= 2", conflicts=("glibc < 9",))]
    assert chosen(choose(beyond, "app")) == {"app-1-1.x86_64"}


def test_of_one_nevra_with_two_files_the_later_counts() -> None:
    found = choose([rpm("app", time=1), rpm("app", time=3), rpm("app", time=2)], "app")
    ((one, _),) = found.chosen.values()
    assert one.time == 3
