"""An environment of debs where its members are all there is: what is lacking, and what apt would leave out."""

from __future__ import annotations

import pytest
from tests.kinds.apt.rules.small import Deb

from cudepot.catalog.lock import LockedEnvironment, LockedTarget
from cudepot.errors import PinError
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.kinds.apt.rules.closed import closed, unrepeated
from cudepot.kinds.apt.rules.machine import Machine
from cudepot.kinds.apt.rules.marking import Present
from cudepot.kinds.apt.rules.resolve_debs import Resolution, Root
from cudepot.kinds.apt.rules.union import Choice, Offering, Union

APP = Deb("app", "1", fields=(("Depends", "lib (>= 1), awk | mawk"),))
LIB, MAWK = Deb("lib", "1"), Deb("mawk", "1", fields=(("Provides", "awk"),))


def lacking(*debs: Deb, external: tuple[str, ...] = (), root: str = "app") -> list[str]:
    fields = (("architecture", "amd64"),)
    target = LockedTarget("debian12-amd64", fields, (), external=external)
    environment = LockedEnvironment("node", "apt", "", (root,), (target,))
    return closed(environment, target, {"main": "\n".join(one.stanza for one in debs).encode()})


def test_nothing_is_lacking_where_all_is_there() -> None:
    assert lacking(APP, LIB, MAWK) == []


def test_what_is_lacking_is_named_with_who_needs_it() -> None:
    with pytest.raises(PinError, match=r"app 1 Depends: lib \(>= 1\): no upstream has lib"):
        lacking(APP, MAWK)
    with pytest.raises(PinError, match="no upstream has tool"):
        lacking(APP, LIB, MAWK, root="tool")


def test_what_the_machine_has_is_what_the_lock_says_and_no_more() -> None:
    assert lacking(APP, external=("lib (>= 1)", "awk | mawk")) == []
    assert lacking(APP, LIB, external=("awk | mawk",)) == []
    single = Deb("app", "1", fields=(("Depends", "awk"),))
    assert lacking(single, external=("awk | mawk",)) == ["awk is not met by any of its packages"]


def test_what_apt_would_leave_out_of_it_is_told() -> None:
    debs = (Deb("app", "1"), Deb("extra", "1"))
    index = ScannedIndex("\n".join(one.stanza for one in debs).encode(), "main")
    union = Union([Offering("main", [index])], Machine("amd64", ()), Choice(lambda _: "", {}, {}))
    app, extra = union.named("app")[0], union.named("extra")[0]
    assert unrepeated(union, [Root("app")], Present(), Resolution([app])) == []
    told = unrepeated(union, [Root("app")], Present(), Resolution([app, extra]))
    assert told == ["apt leaves out extra when it sees only these packages"]
