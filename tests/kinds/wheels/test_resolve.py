"""Environments resolved by the real uv, which is shown an index of values."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kinds.wheels.toy_index import ARM, LINUX, MAC, NEW_LINUX, WINDOWS, ToyIndex

from cudepot.errors import ConfigError, FormatError, MissingError, PinError, UpstreamError
from cudepot.kinds.wheels.resolve import resolve
from cudepot.kinds.wheels.rules.question import Preferred, Question
from cudepot.kinds.wheels.rules.target import Target

pytestmark = pytest.mark.tools
L312, W312, A312 = Target("linux-64", "3.12", "2.28"), Target("win-64", "3.12"), Target("linux-aarch64", "3.12", "2.28")
L311, L313 = Target("linux-64", "3.11", "2.28"), Target("linux-64", "3.13", "2.28")


@pytest.fixture
def index() -> ToyIndex:
    return ToyIndex()


class Asked:
    """Resolves, each time in a folder of its own; an answer is a list of ``project==version`` by target."""

    def __init__(self, index: ToyIndex, folder: Path) -> None:
        self.index, self.folder, self.times = index, folder, 0

    def __call__(self, *roots: str, targets: tuple[Target, ...] = (L312,), **more: object) -> dict[Target, list[str]]:
        self.times += 1
        scratch = self.folder / str(self.times)
        scratch.mkdir()
        self.found = resolve(Question(roots, targets, **more), self.index, scratch)  # type: ignore[arg-type]
        return {
            target: [f"{one.project}=={one.version}" + (f"; {one.marker}" if one.marker else "") for one in chosen]
            for target, chosen in self.found.items()
        }

    def one(self, *roots: str, **more: object) -> list[str]:
        """Return the answer for linux-64 and Python 3.12."""
        return self(*roots, **more)[L312]  # type: ignore[arg-type]

    def error(self, *roots: str, targets: tuple[Target, ...] = (L312,), **more: object) -> PinError:
        with pytest.raises(PinError) as caught:
            self(*roots, targets=targets, **more)
        return caught.value


@pytest.fixture
def ask(index: ToyIndex, tmp_path: Path) -> Asked:
    return Asked(index, tmp_path)


def torch(index: ToyIndex) -> None:
    index.add(
        "torch", "2.9.1", "typing-extensions", "nvidia-cudnn-cu12==9.10; platform_system == 'Linux'",
        "triton; platform_system == 'Linux' and platform_machine == 'x86_64'", tags=(LINUX, ARM, WINDOWS, MAC),
    )  # fmt: skip
    index.add("torch", "2.8.0", tags=(LINUX,))
    index.add("typing-extensions", "4.15")
    for version in ("9.10", "9.11"):
        index.add("nvidia-cudnn-cu12", version, tags=("py3-none-manylinux1_x86_64", "py3-none-manylinux2014_aarch64"))
    index.add("triton", "3.5", tags=(LINUX,))


def test_each_target_gets_what_it_needs_and_the_wheel_for_it(index: ToyIndex, ask: Asked) -> None:
    torch(index)
    found = ask("torch", targets=(L312, A312, W312))
    cudnn, text = "nvidia-cudnn-cu12==9.10", "typing-extensions==4.15"
    assert found[L312] == [cudnn, "torch==2.9.1", "triton==3.5", text]
    assert found[A312] == [cudnn, "torch==2.9.1", text]
    assert found[W312] == ["torch==2.9.1", text]
    files = {target.platform: chosen[-2].file.filename for target, chosen in ask.found.items() if target != L312}
    assert files == {"linux-aarch64": f"torch-2.9.1-{ARM}.whl", "win-64": f"torch-2.9.1-{WINDOWS}.whl"}
    linux = {one.project: one for one in ask.found[L312]}
    assert linux["torch"].requires == ("nvidia-cudnn-cu12", "triton", "typing-extensions")
    assert linux["torch"].file.sha256 == "0" * 64, "files are those that were read"


def test_a_set_that_holds_goes_back_to_old_releases(index: ToyIndex, ask: Asked) -> None:
    for number in range(1, 9):
        index.add("frame", f"{number}", f"core=={number}")
        index.add("core", f"{number}")
    index.add("plugin", "1", "core<4")
    assert ask.one("frame", "plugin") == ["core==3", "frame==3", "plugin==1"]


def test_each_python_gets_the_newest_release_for_it(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "2", python=">=3.12")
    index.add("a", "1", python=">=3.8")
    assert ask("a", targets=(L311, L312, L313)) == {L311: ["a==1"], L312: ["a==2"], L313: ["a==2"]}


def test_what_only_some_patch_levels_need_says_for_which(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1", "backport; python_full_version < '3.12.4'", "b")
    index.add("b", "1", "backport; python_full_version < '3.12.2'")
    index.add("backport", "1")
    exact = [Target("linux-64", f"3.12.{level}", "2.28") for level in (3, 4)]
    found = ask("a", targets=(L312, L313, *exact))
    assert found[L312] == ["a==1", "b==1", "backport==1; python_full_version < '3.12.4'"]
    assert found[L313] == ["a==1", "b==1"]
    assert found[exact[0]] == ["a==1", "b==1", "backport==1"]
    assert found[exact[1]] == ["a==1", "b==1"]
    assert ask.found[L312][1].requires == ("backport; python_full_version < '3.12.2'",)


def test_one_patch_level_alone_gets_what_is_for_it(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "2", python=">=3.12.5")
    index.add("a", "1")
    early, late = Target("linux-64", "3.12.4", "2.28"), Target("linux-64", "3.12.7", "2.28")
    assert ask("a", targets=(early, late)) == {early: ["a==1"], late: ["a==2"]}
    assert ask.one("a") == ["a==1; python_full_version < '3.12.5'", "a==2; python_full_version >= '3.12.5'"]


def test_extras_bring_what_they_name(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1", "b; extra == 'more'", "c; extra == 'all'", "a[more]; extra == 'all'", extras=("more", "all"))
    index.add("b", "1")
    index.add("c", "1")
    index.add("d", "1", "a[more]")
    assert ask.one("a") == ["a==1"]
    assert ask.one("a[all]") == ["a==1", "b==1", "c==1"]
    assert ask.one("d") == ["a==1", "b==1", "d==1"]
    assert [one.requires for one in ask.found[L312]] == [("b",), (), ("a[more]",)]


def test_constraints_bind_and_overrides_replace(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1", "b<2")
    for version in ("1", "2", "3"):
        index.add("b", version)
    assert ask.one("a", "b") == ["a==1", "b==1"]
    assert ask.one("a", constraints=("b!=1.5", "unused==7")) == ["a==1", "b==1"]
    assert ask.one("a", overrides=("b==3",)) == ["a==1", "b==3"]
    refused = ask.error("a", constraints=("b>=2",))
    assert "b" in str(refused)
    assert "`constraints` says b>=2" in refused.hint


def test_prereleases_come_where_they_are_let_in(index: ToyIndex, ask: Asked) -> None:
    for name in ("a", "b"):
        index.add(name, "1")
        index.add(name, "2rc1")
    index.add("only", "1.0b1")
    index.add("top", "1", "a", "b")
    assert ask.one("top", "only") == ["a==1", "b==1", "only==1.0b1", "top==1"]
    assert ask.one("top", prereleases=frozenset({"b"})) == ["a==1", "b==2rc1", "top==1"]
    assert ask.one("top", prereleases=True) == ["a==2rc1", "b==2rc1", "top==1"]
    assert ask.one("a>=2rc0", "b") == ["a==2rc1", "b==1"]


def test_withdrawn_versions_are_for_who_names_them(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1")
    index.add("a", "2", yanked=True)
    assert ask.one("a") == ["a==1"]
    assert ask.one("a==2") == ["a==2"]
    error = ask.error("a>1")
    assert "a==2 was yanked" in str(error)
    assert "`a==2` pins it anyway" in error.hint


def test_local_versions_meet_exact_requirements(index: ToyIndex, ask: Asked) -> None:
    index.add("torch", "2.9.1+cu130", "nvidia-cudnn==9.13.0.50", "nccl==2.0")
    index.add("nvidia-cudnn", "9.13.0.50+acme.1")
    index.add("nccl", "2.0")
    index.add("nccl", "2.0+acme.2")
    assert ask.one("torch==2.9.1") == ["nccl==2.0+acme.2", "nvidia-cudnn==9.13.0.50+acme.1", "torch==2.9.1+cu130"]
    assert ask.one("nccl==2.0+acme.2") == ["nccl==2.0+acme.2"]
    ask.error("torch==2.9.1+cu126")


def test_locked_versions_are_kept_but_those_to_upgrade(index: ToyIndex, ask: Asked) -> None:
    for name in ("a", "b"):
        index.add(name, "1")
        index.add(name, "2")
    kept = tuple(Preferred(name, "1", L312) for name in ("a", "b"))
    assert ask.one("a", "b", preferred=kept) == ["a==1", "b==1"]
    assert ask.one("a", "b", preferred=kept[:1]) == ["a==1", "b==2"]
    assert ask.one("a", "b>1", preferred=kept) == ["a==1", "b==2"], "what no longer fits is not kept"
    assert ask.one("a", "b", preferred=(Preferred("a", "0.5", L312), Preferred("gone", "1", L312))) == ["a==2", "b==2"]


def test_each_target_keeps_its_own_version(index: ToyIndex, ask: Asked) -> None:
    for version, python in (("1", ">=3.8"), ("2", ">=3.8"), ("3", ">=3.12"), ("4", ">=3.12")):
        index.add("a", version, python=python)
    targets = (L311, L312, W312)
    kept = (Preferred("a", "1", L311), Preferred("a", "3", L312), Preferred("a", "3", W312))
    assert ask("a", targets=targets, preferred=kept) == {L311: ["a==1"], L312: ["a==3"], W312: ["a==3"]}
    assert ask("a", targets=targets) == {L311: ["a==2"], L312: ["a==4"], W312: ["a==4"]}


def test_both_versions_of_a_target_are_kept(index: ToyIndex, ask: Asked) -> None:
    for version in ("1", "2"):
        index.add("a", version)
    for version in ("3", "4"):
        index.add("a", version, python=">=3.12.5")
    index.add("b", "1", "a")
    before, after = "python_full_version < '3.12.5'", "python_full_version >= '3.12.5'"
    assert ask.one("b") == [f"a==2; {before}", f"a==4; {after}", "b==1"]
    kept = (Preferred("a", "1", L312), Preferred("a", "3", L312), Preferred("a", "1", L311))
    assert ask("b", targets=(L312, L311), preferred=kept) == {
        L312: [f"a==1; {before}", f"a==3; {after}", "b==1"], L311: ["a==1", "b==1"]
    }  # fmt: skip


def test_all_that_lacks_a_wheel_is_named_at_once(index: ToyIndex, ask: Asked) -> None:
    old = Target("linux-64", "3.12", "2.17")
    index.add("app", "1", "new==2", "posix", "pure")
    index.add("new", "2", tags=(NEW_LINUX, WINDOWS))
    index.add("new", "1", tags=(LINUX, WINDOWS))
    index.add("posix", "1", tags=(LINUX,), source=True)
    index.add("pure", "1", source=True, tags=())
    error = ask.error("app", targets=(old, W312))
    lines = str(error).splitlines()
    assert lines[0] == "3 projects lack wheels for some targets:"
    assert lines[1] == (
        f"  new 2 (linux-64-py3.12 with glibc 2.17, wanted by app): there is {NEW_LINUX} and 1 for other machines"
    )
    assert lines[2] == f"  posix 1 (win-64-py3.12, wanted by app): there is {LINUX} (and a source package)"
    assert lines[3].startswith(
        "  pure 1 (linux-64-py3.12 with glibc 2.17, win-64-py3.12, wanted by app): only a source"
    )
    assert 'build = ["posix", "pure"]' in error.hint
    assert "older versions have wheels for all: new 1" in error.hint
    assert error.hint.startswith('with `glibc = "2.34"` there are wheels for new; ')
    assert ask("app", targets=(Target("linux-64", "3.12", "2.34"),), build=frozenset({"pure"}))


def test_a_release_for_other_pythons_says_for_which(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1", tags=(LINUX,), python=">=3.8,<3.12")
    index.add("a", "0.9")
    error = ask.error("a")
    assert str(error).splitlines()[1].endswith(f"): there is {LINUX} for Python >=3.8,<3.12")
    assert error.hint == "older versions have wheels for all: a 0.9"


def test_a_version_of_wheels_alone_that_lacks_one_is_no_choice(index: ToyIndex, ask: Asked) -> None:
    old = Target("linux-64", "3.12", "2.17")
    index.add("a", "2", tags=(NEW_LINUX,))
    index.add("a", "1", tags=(LINUX,))
    assert ask("a", targets=(old,)) == {old: ["a==1"]}
    index.add("b", "1", tags=(MAC,))
    assert str(ask.error("a>1", "b", targets=(old,))).splitlines() == [
        "2 projects lack wheels for some targets:",
        f"  a 2 (linux-64-py3.12 with glibc 2.17): there is {NEW_LINUX}",
        f"  b 1 (linux-64-py3.12 with glibc 2.17): there is {MAC}",
    ]
    assert ask.error("a>1", targets=(old,)).hint == (
        'with `glibc = "2.34"` there are wheels for all; older versions have wheels for all: a 1'
    )


def test_a_build_for_one_machine_leaves_the_others_the_plain_release(index: ToyIndex, ask: Asked) -> None:
    index.add("torch", "2.9.1+cu126", "nvidia-cudnn-cu12", tags=(LINUX,))
    index.add("torch", "2.9.1", tags=(ARM, LINUX))
    index.add("nvidia-cudnn-cu12", "9", tags=(LINUX,))
    found = ask("torch", targets=(L312, A312))
    assert found == {L312: ["nvidia-cudnn-cu12==9", "torch==2.9.1+cu126"], A312: ["torch==2.9.1"]}


def test_wheels_that_require_different_things_are_judged_target_by_target(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1", "b", "shared<2", tags=(LINUX,), hashed=True)
    index.add("a", "1", "c", "shared", tags=(WINDOWS,), hashed=True)
    for name in ("b", "c", "shared"):
        index.add(name, "1")
        index.add(name, "2")
    found = ask("a", targets=(L312, W312))
    assert found == {L312: ["a==1", "b==2", "shared==1"], W312: ["a==1", "c==2", "shared==1"]}
    ask.index = ToyIndex()
    ask.index.add("a", "1", "b", "c", tags=(LINUX,), hashed=True)
    ask.index.add("a", "1", "c", "b", tags=(WINDOWS,), hashed=True)
    ask.index.add("b", "1")
    ask.index.add("c", "1")
    assert ask("a", targets=(L312, W312))[W312] == ["a==1", "b==1", "c==1"]
    assert len(list((ask.folder / "2").glob("*/uv.lock"))) == 0, "in another order it is the same"


def test_what_is_built_comes_as_its_source(index: ToyIndex, ask: Asked) -> None:
    index.add("pure", "1", "a", source=True, tags=())
    index.add("a", "1")
    assert ask.one("pure", build=frozenset({"pure"})) == ["a==1", "pure==1"]
    assert [one.file.filename for one in ask.found[L312]] == ["a-1-py3-none-any.whl", "pure-1.tar.gz"]


def test_sources_of_no_use_are_no_version_to_fall_back_from(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "2", python=">=3.13", tags=(), source=True)
    index.add("a", "1")
    assert ask.one("a") == ["a==1"]


def test_a_conflict_names_both_sides(index: ToyIndex, ask: Asked) -> None:
    torch(index)
    error = ask.error("torch==2.9.1", "nvidia-cudnn-cu12==9.11", targets=(A312, L312))
    text = str(error)
    assert text.startswith("no solution for linux-aarch64-py3.12: ")
    assert "2.9.1 depends on nvidia-cudnn-cu12==9.10" in text
    assert "the environment asks for" in text
    assert "nvidia-cudnn-cu12==9.11" in text
    assert not any(word in text for word in ("127.0.0.1", "cudepot-environment", "your project", "Using CPython", "{"))


def test_what_no_index_has_is_named(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1", "gone>=2")
    error = ask.error("a")
    assert "gone is not on the index of g" in str(error)
    assert "check the spelling of gone; it is looked up on the index of g only" in error.hint
    assert '`indexes = { gone = "UPSTREAM" }`' in error.hint


def test_what_is_for_newer_pythons_says_so(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1", python=">=3.13")
    error = ask.error("a", targets=(L313, L312))
    assert str(error).startswith("no solution for linux-64-py3.12: because Python 3.12 does not satisfy Python>=3.13")


def test_urls_are_refused(index: ToyIndex, ask: Asked) -> None:
    url = "a @ https://files.example/a-1-py3-none-any.whl"
    for key in ("roots", "constraints", "overrides"):
        more = {} if key == "roots" else {key: (url,)}
        with pytest.raises(ConfigError, match="a is taken from a URL"):
            ask(url if key == "roots" else "a", **more)
    with pytest.raises(ConfigError, match="b is taken from a URL"):
        ask("b @ git+https://git.example/b")
    index.add("c", "1", url)
    assert "URL dependency" in str(ask.error("c"))


def test_a_version_that_cannot_be_read_is_no_choice(index: ToyIndex, ask: Asked) -> None:
    index.add("a", "1")
    index.add("a", "2")
    index.errors["a-2-py3-none-any.whl"] = FormatError("a-2-py3-none-any.whl: cut short")
    assert ask.one("a") == ["a==1"]
    assert ask.error("a==2").hint.startswith("passed over: a-2-py3-none-any.whl: cut short; ")


@pytest.mark.parametrize("where", ["a", "a-1-py3-none-any.whl"])
@pytest.mark.parametrize("error", [UpstreamError("no route to it"), MissingError("404")])
def test_what_went_wrong_in_the_reading_is_raised(
    index: ToyIndex, ask: Asked, where: str, error: UpstreamError
) -> None:
    index.add("a", "1")
    index.errors[where] = error
    with pytest.raises(UpstreamError) as caught:
        ask("a")
    assert caught.value is error
