"""Whether the wheels of a target meet each other's requirements, by the METADATA of just these wheels."""

from __future__ import annotations

from cudepot.catalog.lock import LockedTarget, Member
from cudepot.kinds.wheels.rules.unmet import unmet


def metadata(*requires: str) -> bytes:
    lines = ["Metadata-Version: 2.1", "Name: x", "Version: 1", *(f"Requires-Dist: {one}" for one in requires)]
    return "\n".join(lines).encode()


def target(*files: str, python: str = "3.12", platform: str = "linux-64") -> LockedTarget:
    members = tuple(Member("pypi", *one.partition("; ")[::2]) for one in files)
    return LockedTarget("t", (("platform", platform), ("python", python), ("glibc", "2.28")), members)


APP, LIB, SHIM = "app-1.0-py3-none-any.whl", "lib-1.5-py3-none-any.whl", "shim-1-py3-none-any.whl"


def told(one: LockedTarget, app: bytes, *replaced: str) -> list[str]:
    return list(unmet(one, dict.fromkeys((LIB, SHIM), metadata()) | {APP: app}, replaced))


def test_a_version_that_does_not_fit_and_a_project_that_is_not_there_are_told() -> None:
    assert told(target(APP, LIB), metadata("lib<2", "Lib>=1")) == []
    assert told(target(APP, LIB), metadata("lib>=2", "other")) == [
        f"t: {APP} requires lib>=2, but there is 1.5",
        f"t: {APP} requires other, but there is none",
    ]


def test_only_what_holds_on_its_machines_counts() -> None:
    assert told(target(APP), metadata('other; sys_platform == "win32"', 'more; extra == "all"')) == []
    assert told(target(APP, platform="win-64"), metadata('other; sys_platform == "win32"'))


def test_what_an_override_replaces_is_not_asked_for() -> None:
    assert told(target(APP, LIB), metadata("lib>=2"), "lib") == []


def test_every_patch_level_is_looked_at() -> None:
    asked = metadata('shim; python_full_version < "3.12.4"')
    assert told(target(APP, f"{SHIM}; python_full_version < '3.12.4'"), asked) == []
    assert told(target(APP, f"{SHIM}; python_full_version < '3.12.3'"), asked)
    assert told(target(APP, python="3.12.4"), asked) == []
    assert told(target(APP, python="3.12.3"), asked)


def test_a_requirement_that_is_none_is_the_installers_to_refuse() -> None:
    assert told(target(APP), metadata("not a requirement")) == []
