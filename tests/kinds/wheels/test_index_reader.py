"""cudepot's reading of three indexes on loopback: one owner a project, pages read once, and known again."""

from __future__ import annotations

import threading

import pytest
from simulator.ml_team import MlTeam
from simulator.python_files import Dist
from simulator.python_index import PythonIndex
from tests.kinds.wheels.desk import Desk, names, of

from cudepot.catalog.config.upstream import Upstream
from cudepot.errors import ConfigError, FormatError, TrustError, UpstreamError
from cudepot.kinds.wheels.environment import Wanted
from cudepot.kinds.wheels.index_reader import NO_PAGE
from cudepot.kinds.wheels.owners import owners
from cudepot.kinds.wheels.rules.fitting import fitting
from cudepot.kinds.wheels.rules.target import Target

TORCH = "torch-2.9.1+cu130-cp312-cp312-manylinux_2_28_x86_64.whl"


def test_a_project_belongs_to_one_index_and_no_other_is_asked(desk: Desk, team: MlTeam) -> None:
    reader = desk.reader(of(team), indexes=(("torch*", "torch-cu130"), ("tensorrt-*", "nvidia-pypi")))
    assert TORCH in (names(reader, "torch") or ())
    assert "numpy-99.0-py3-none-any.whl" not in (names(reader, "NumPy") or ())
    assert [reader.upstream_of(one) for one in ("torch", "numpy", "tensorrt-cu13")] == [
        "torch-cu130", "pypi", "nvidia-pypi"
    ]  # fmt: skip
    assert not team.pypi.server.count("*/torch/")
    assert not team.pytorch.server.count("*/numpy/")


def test_an_index_that_only_stubs_lead_to_is_told_once(desk: Desk, team: MlTeam) -> None:
    reader = desk.reader(of(team))
    for _ in range(2):
        assert names(reader, "tensorrt-cu13")
    said = "tensorrt-cu13: pypi has only stubs that point to nvidia-pypi: taken from there"
    assert desk.said.lines.count(said) == 1
    assert not any(line.startswith("numpy:") for line in desk.said.lines)


def test_what_is_missing_or_hidden_is_no_project(desk: Desk, team: MlTeam) -> None:
    reader = desk.reader(of(team), indexes=(("nvidia-*", "torch-cu130"),))
    assert reader.files("nvidia-cublas") is None, "PyTorch's says 403"
    assert reader.files("no-such-project") is None
    assert team.pytorch.server.count("*/nvidia-cublas/", status=403) == 1
    assert not team.pypi.server.count("*nvidia-cublas*"), "another index is no way out"
    assert dict(reader.asked) == {("torch-cu130", "nvidia-cublas/"): NO_PAGE, ("pypi", "no-such-project/"): NO_PAGE}


def test_an_index_that_cannot_be_reached_is_an_error_for_all_who_ask(desk: Desk, index: PythonIndex) -> None:
    index.add(Dist("a", "1.0"))
    index.server.unavailable("*/a/", times=None)
    reader = desk.reader({"pypi": index.url})
    for _ in range(2):
        with pytest.raises(UpstreamError, match="503"):
            reader.files("a")
    assert index.server.count("*/a/") == 1


def test_plain_http_that_is_not_this_machine_is_not_asked(desk: Desk) -> None:
    with pytest.raises(TrustError, match="plain http"):
        desk.reader({"pypi": "http://index.invalid/simple/"}).files("a")


def test_a_page_that_contradicts_itself_is_refused(desk: Desk, index: PythonIndex) -> None:
    (file,) = index.add(Dist("a", "1.0"))
    index.contradict(file.filename)
    with pytest.raises(TrustError, match="several hashes"):
        desk.reader({"pypi": index.url}).files("a")


def test_what_is_no_page_is_refused(desk: Desk, index: PythonIndex) -> None:
    index.add(Dist("a", "1.0"))
    index.server.extra["/simple/a/"] = b"%PDF"
    with pytest.raises(FormatError):
        desk.reader({"pypi": index.url}).files("a")


def test_a_cut_off_counts_and_files_without_a_time_are_left_out_and_named(desk: Desk, team: MlTeam) -> None:
    team.pypi.add(Dist("einops", "9.0"), uploaded="2026-02-01T00:00:00Z")
    reader = desk.reader(of(team), exclude_newer="2026-02-01T00:00:00Z", indexes=(("torch*", "torch-cu130"),))
    assert names(reader, "einops") == ["einops-0.8.1-py3-none-any.whl", "einops-0.8.1.tar.gz"]
    assert names(reader, "torch") == []
    assert names(reader, "torchvision") == []
    assert len([one for one in desk.said.lines if one.startswith("torch-cu130: does not say when")]) == 1


# pages are read once, and remembered


def test_threads_that_ask_for_one_project_read_its_page_once(desk: Desk, team: MlTeam) -> None:
    reader, found = desk.reader(of(team)), []
    team.pypi.server.delay = 0.05
    threads = [threading.Thread(target=lambda: found.append(names(reader, "numpy"))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 8
    assert all(found)
    assert team.pypi.server.count("*/numpy/") == 1


def test_pages_as_they_were_are_known_without_taking_them_apart(desk: Desk, team: MlTeam) -> None:
    team.pypi.server.validators = True
    reader = desk.reader(of(team), indexes=(("torch*", "torch-cu130"),))
    for one in ("numpy", "sympy", "torch", "nothing"):
        reader.files(one)
    before = dict(reader.asked)
    reader.save()
    team.forget()
    again = desk.reader(of(team), indexes=(("torch*", "torch-cu130"),))
    assert again.unchanged(before)
    assert dict(again.asked) == before
    assert team.pypi.server.count("*/numpy/", status=304) == 1
    assert names(again, "numpy") == names(reader, "numpy")
    assert team.pypi.server.count("*/numpy/") == 1


@pytest.mark.parametrize("change", ["new", "gone", "came"])
def test_a_page_that_changed_came_or_went_is_seen(desk: Desk, index: PythonIndex, change: str) -> None:
    index.add(Dist("a", "1.0"))
    reader = desk.reader({"pypi": index.url})
    assert reader.files("a")
    assert reader.files("b") is None
    reader.save()
    {
        "new": lambda: index.add(Dist("a", "1.1")),
        "gone": lambda: index.drop("a"),
        "came": lambda: index.add(Dist("b", "1")),
    }[change]()
    again = desk.reader({"pypi": index.url})
    assert not again.unchanged(reader.asked)


def test_pages_of_an_index_that_is_no_more_are_changed(desk: Desk, index: PythonIndex) -> None:
    index.add(Dist("a", "1.0"))
    reader = desk.reader({"old": index.url})
    reader.files("a")
    assert not desk.reader({"new": index.url}).unchanged(reader.asked)


SIMPLE = Upstream("pypi", "simple", "https://index.invalid/simple/")
OTHER = Upstream("torch", "simple", "https://torch.invalid/whl/")
DEBS = Upstream("debs", "apt", "https://debs.invalid/")


def test_the_first_index_has_all_that_is_given_to_no_other() -> None:
    found = owners((DEBS, SIMPLE, OTHER), Wanted(indexes=(("torch", "torch"), ("nvidia-*", "torch"))))
    assert [found.of(one) for one in ("torch", "nvidia-x", "numpy")] == [OTHER, OTHER, SIMPLE]
    assert owners((SIMPLE, OTHER), Wanted(index="torch")).default == OTHER
    assert (found.at(SIMPLE.url), found.at(DEBS.url)) == (SIMPLE, None)


def test_a_name_may_be_taken_back_from_a_glob() -> None:
    found = owners((SIMPLE, OTHER), Wanted(indexes=(("t*", "torch"), ("tqdm", "pypi"))))
    assert [found.of(one) for one in ("torch", "tqdm", "numpy")] == [OTHER, SIMPLE, SIMPLE]


def test_where_the_first_index_has_its_own_projects_the_usual_one_has_to_be_said() -> None:
    mine = (("torch", "torch"),)
    with pytest.raises(ConfigError, match="the first index: does it have all the others") as caught:
        owners((OTHER, SIMPLE), Wanted(indexes=mine))
    assert "torch, pypi" in caught.value.hint
    assert owners((OTHER, SIMPLE), Wanted(indexes=mine, index="pypi")).of("numpy") == SIMPLE
    assert owners((OTHER,), Wanted(indexes=mine)).of("numpy") == OTHER


@pytest.mark.parametrize("wanted", [Wanted(index="debs"), Wanted(indexes=(("torch", "nowhere"),))])
def test_an_index_that_is_none_is_refused(wanted: Wanted) -> None:
    with pytest.raises(ConfigError, match="no \\[\\[upstream\\]\\] of type 'simple' has that name") as caught:
        owners((SIMPLE, OTHER, DEBS), wanted)
    assert caught.value.hint == "there are: pypi, torch"


def test_without_an_index_there_is_nothing_to_take_wheels_from() -> None:
    with pytest.raises(ConfigError, match="no index to take them from"):
        owners((DEBS,), Wanted())


def test_wheels_for_other_machines_are_left_out_unless_all_are_asked_for(desk: Desk, index: PythonIndex) -> None:
    linux, mac, win = "cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-macosx_11_0_arm64", "cp312-cp312-win_amd64"
    index.add(Dist("a", "1.0"), linux, mac, win, source=True)
    index.add(Dist("a", "2.0"), mac)
    reader = desk.reader({"pypi": index.url})
    reader.only(fitting((Target("linux-64", "3.12", "2.28"),)).wants)
    assert names(reader, "a") == [f"a-1.0-{linux}.whl", f"a-1.0-{mac}.whl", f"a-2.0-{mac}.whl", "a-1.0.tar.gz"]
    found = reader.every("a")
    assert found is not None
    assert [one.filename for one in found] == [
        f"a-1.0-{linux}.whl", f"a-1.0-{mac}.whl", f"a-1.0-{win}.whl", f"a-2.0-{mac}.whl", "a-1.0.tar.gz"
    ]  # fmt: skip
    assert index.server.count("*/a/") == 1


def test_a_newest_version_with_wheels_for_others_is_no_stub(desk: Desk, index: PythonIndex) -> None:
    index.add(Dist("a", "1.0"), "cp312-cp312-macosx_11_0_arm64", source=True)
    reader = desk.reader({"pypi": index.url})
    reader.only(fitting((Target("linux-64", "3.12", "2.28"),)).wants)
    assert names(reader, "a") == ["a-1.0-cp312-cp312-macosx_11_0_arm64.whl", "a-1.0.tar.gz"]
    assert not index.files.count("*.tar.gz*"), "nobody looks into its sources"
