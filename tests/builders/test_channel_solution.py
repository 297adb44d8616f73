"""The conda solver in its child process: asked several times, shown more each time, and ended in between."""

from __future__ import annotations

from typing import Any

from cudepot.builders.channel_solution import ChannelSolver, Question, solutions


def records(*packages: tuple[str, str, tuple[str, ...]]) -> dict[str, dict[str, Any]]:
    return {
        f"{name}-{version}-h0_0.conda": {
            "name": name, "version": version, "build": "h0_0", "build_number": 0, "depends": list(depends),
            "sha256": "0" * 64, "md5": "0" * 32, "size": 1, "subdir": "noarch",
        }
        for name, version, depends in packages
    }  # fmt: skip


A = records(("a", "1", ("b",)))
B = records(("b", "1", ()), ("b", "2", ()))
C = records(("c", "1", ("a", "b <2")))


def question(*specs: str) -> Question:
    return Question("linux-64", specs, {"__unix": ("0", "0")})


def names(solver: ChannelSolver, there: dict[str, dict[str, Any]], *specs: str) -> list[str]:
    (found,) = solver.solutions({"x": {"noarch": there}}, [question(*specs)])
    assert not found.refused
    return [filename for _, _, filename in found.found]


def test_one_solver_is_asked_several_times() -> None:
    with ChannelSolver() as solver:
        child = solver.start()
        assert names(solver, A | B, "a") == ["a-1-h0_0.conda", "b-2-h0_0.conda"]
        assert names(solver, A | B | C, "c") == ["a-1-h0_0.conda", "b-1-h0_0.conda", "c-1-h0_0.conda"]
        assert names(solver, B, "b") == ["b-2-h0_0.conda"]
        assert solver.start() is child
    assert child.poll() == 0


def test_channels_keep_their_order_and_their_own_packages() -> None:
    other = {"y": {"noarch": records(("b", "3", ()))}}
    with ChannelSolver() as solver:
        for channels, version in (({"x": {"noarch": B}, **other}, "2"), ({**other, "x": {"noarch": B}}, "3")):
            (found,) = solver.solutions(channels, [question("b")])
            assert [place[2] for place in found.found] == [f"b-{version}-h0_0.conda"]


def test_a_solver_that_died_is_started_again() -> None:
    with ChannelSolver() as solver:
        child = solver.start()
        child.kill()
        child.wait()
        assert names(solver, B, "b") == ["b-2-h0_0.conda"]


def test_what_it_refuses_stops_no_later_question() -> None:
    with ChannelSolver() as solver:
        odd = Question("linux-64", ["b"], {"__unix": ("not a version!", "0")})
        assert all(one.refused for one in solver.solutions({"x": {"noarch": B}}, [odd, question("zlib")]))
        assert names(solver, B, "b") == ["b-2-h0_0.conda"]


def test_no_solution_says_why() -> None:
    (found,) = solutions({"x": {"noarch": C}}, [question("c")])
    assert "no viable options" in found.refused or "cannot be installed" in found.refused


def test_pip_stays_with_a_python_that_is_locked() -> None:
    there = records(("python", "3.12.1", ()), ("pip", "25.0", ("python >=3.9", "wheel")), ("wheel", "0.45", ()))
    channels = {"x": {"noarch": there}}
    asked = Question("linux-64", ["python"], {"__unix": ("0", "0")})
    with ChannelSolver() as solver:
        (first,) = solver.solutions(channels, [asked])
        assert [name for *_, name in first.found] == sorted(there)
        (again,) = solver.solutions(channels, [asked._replace(locked=first.found)])
        assert again == first
