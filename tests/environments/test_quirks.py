"""Each way in which an index is odd or wrong, and what a lock makes of it: plain uv fails, or takes what is wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from simulator.ml_team import NVIDIA, PYPI, TORCH, MlTeam
from simulator.project import Project
from simulator.python_files import Dist, wheel
from simulator.python_index import PythonIndex
from simulator.vendor_indexes import PyTorchIndex
from tests.environments.locked import artifact, files, members, refused, versions, want

OWNED = {"torch": TORCH, "torchvision": TORCH}
ARM = "linux-aarch64-py3.12"


def test_a_team_gets_the_torch_it_owns_and_the_rest_of_the_public_index(ours: Project, team: MlTeam) -> None:
    """One name on two indexes, the wrong one newer; 403; links to R2 and from the root; no hash; wrong METADATA."""
    want(ours, "torch", "torchvision", "transformers[torch]", indexes=OWNED, platforms=["linux-64", "linux-aarch64"])
    ours.run("lock")
    for target, machine in (("linux-64-py3.12", "x86_64"), (ARM, "aarch64")):
        found = versions(ours, target)
        assert {one: found[one] for one in ("torch", "torchvision", "numpy", "mpmath", "transformers")} == {
            "torch": "2.9.1+cu130", "torchvision": "0.24.1+cu130", "numpy": "2.3.5", "mpmath": "1.3.0",
            "transformers": "4.57.3",
        }  # fmt: skip
        assert f"torch-2.9.1+cu130-cp312-cp312-manylinux_2_28_{machine}.whl" in files(ours, target)
        assert {"nvidia_cublas", "nvidia_cudnn_cu13", "triton", "accelerate"} <= found.keys()
        assert "colorama" not in found
    owners = {one.rpartition("/")[2].split("-")[0]: one.rpartition("/")[0] for one in members(ours, ARM)}
    assert (owners["torch"], owners["numpy"], owners["jinja2"]) == (TORCH, "pypi", "pypi")
    assert not team.pytorch.server.count("*/numpy/"), "what another index owns is not even asked for"
    ours.run("sync")
    data = team.pytorch.read("torchvision-0.24.1+cu130-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert ours.object(data).read_bytes() == data


def test_what_an_index_hides_with_403_is_not_there_and_an_older_version_does_without(
    project: Project, tmp_path: Path
) -> None:
    with PyTorchIndex(tmp_path / "torch") as index:
        project.add("upstream", name="torch", type="simple", url=index.url)
        index.add(Dist("cp-a", "2.0", ("cp-gone",)))
        index.add(Dist("cp-a", "1.0"))
        want(project, "cp-a")
        project.run("lock")
        assert versions(project) == {"cp_a": "1.0"}
        assert index.server.seen("*/cp-gone/", status=403)
        want(project, "cp-gone", name="other")
        assert "cp-gone" in project.fail(6, "lock").error


def test_a_name_says_more_than_a_pattern(ours: Project, team: MlTeam) -> None:
    kept = dict.fromkeys(("tqdm", "typing-extensions", "triton"), PYPI)
    want(ours, "torch", "tqdm", index=PYPI, indexes={"t*": TORCH, **kept})
    ours.run("lock")
    assert versions(ours)["torch"] == "2.9.1+cu130"
    assert any(one.startswith(f"{PYPI}/tqdm-") for one in members(ours))


def test_metadata_are_those_of_the_wheel_where_what_lies_beside_it_is_another(
    plain: Project, index: PythonIndex
) -> None:
    file = wheel(Dist("cp-a", "1.0", ("cp-b",)), size=300_000)
    index.offer(file, served=b"Metadata-Version: 2.1\nName: cp-a\nVersion: 1.0\nRequires-Dist: cp-evil\n")
    index.add(Dist("cp-b", "1.0"))
    index.add(Dist("cp-evil", "1.0"))
    want(plain, "cp-a")
    plain.run("lock")
    assert versions(plain) == {"cp_a": "1.0", "cp_b": "1.0"}
    assert all(one.status == 206 for one in index.files.seen("*/cp_a-1.0-py3-none-any.whl")), "a part is enough"


def test_metadata_without_a_hash_are_not_believed(plain: Project, index: PythonIndex) -> None:
    file = wheel(Dist("cp-a", "1.0", ("cp-b",)))
    lie = b"Metadata-Version: 2.1\nName: cp-a\nVersion: 1.0\n"
    index.offer(file, core_metadata="bare", served=lie)
    index.add(Dist("cp-b", "1.0"))
    want(plain, "cp-a")
    plain.run("lock")
    assert versions(plain) == {"cp_a": "1.0", "cp_b": "1.0"}
    assert not index.files.count("*/cp_a-*.metadata"), "nor asked for"


@pytest.mark.parametrize("ranges", [True, False])
def test_without_metadata_beside_it_a_part_of_a_wheel_is_read_or_all_of_it(
    plain: Project, index: PythonIndex, ranges: bool
) -> None:
    index.files.ranges = ranges
    index.offer(wheel(Dist("cp-a", "1.0", ("cp-b",)), size=500_000), core_metadata=None)
    index.add(Dist("cp-b", "1.0"))
    want(plain, "cp-a")
    plain.run("lock")
    assert versions(plain) == {"cp_a": "1.0", "cp_b": "1.0"}
    asked = index.files.seen("*/cp_a-1.0-py3-none-any.whl", method="GET")
    assert {one.status for one in asked} == ({206} if ranges else {200})
    plain.run("sync")
    whole = [one for one in index.files.seen("*/cp_a-*.whl") if "range" not in one.headers]
    assert len(whole) == 1, "what was read whole is kept"


def test_a_promised_metadata_file_that_is_not_there_is_read_from_the_wheel(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-a", "1.0", ("cp-b",)))
    index.add(Dist("cp-b", "1.0"))
    index.files.missing("*.metadata")
    want(plain, "cp-a")
    plain.run("lock")
    assert versions(plain) == {"cp_a": "1.0", "cp_b": "1.0"}


def test_what_is_yanked_is_taken_only_where_it_is_named_exactly(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-a", "1.0"))
    index.add(Dist("cp-a", "2.0"), yanked="broken")
    want(plain, "cp-a")
    want(plain, "cp-a==2.0", name="exact")
    plain.run("lock")
    assert versions(plain) == {"cp_a": "1.0"}
    assert versions(plain, name="exact") == {"cp_a": "2.0"}


def test_a_cut_off_date_holds_for_all_and_what_has_no_date_does_not_count(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-a", "1.0"), uploaded="2025-01-01T00:00:00Z")
    index.add(Dist("cp-a", "2.0"), uploaded="2026-06-01T00:00:00Z")
    index.add(Dist("cp-a", "3.0"), uploaded="")
    want(plain, "cp-a", exclude_newer="2026-01-01")
    assert "does not say when files were uploaded" in plain.run("lock").err
    assert versions(plain) == {"cp_a": "1.0"}


def test_every_file_is_held_to_the_python_it_is_for(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-a", "1.0", requires_python=">=3.9"))
    index.add(Dist("cp-a", "2.0", requires_python=">=3.13"))
    want(plain, "cp-a", python=["3.12", "3.13"])
    plain.run("lock")
    assert versions(plain) == {"cp_a": "1.0"}


def test_the_best_wheel_of_a_target_is_taken_and_no_other(plain: Project, index: PythonIndex) -> None:
    tags = (
        "cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_34_x86_64", "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-manylinux_2_17_aarch64", "cp311-cp311-manylinux_2_28_x86_64", "cp39-abi3-manylinux_2_17_x86_64",
        "cp313-cp313t-manylinux_2_28_x86_64", "cp312-cp312-win_amd64", "py3-none-any",
    )  # fmt: skip
    index.add(Dist("cp-a", "1.0"), *tags, source=True)
    want(plain, "cp-a")
    want(plain, "cp-a", name="old", glibc="2.17")
    want(plain, "cp-a", name="new", glibc="2.35")
    plain.run("lock")
    assert files(plain) == [f"cp_a-1.0-{tags[0]}.whl"]
    assert files(plain, name="old") == [f"cp_a-1.0-{tags[5]}.whl"]
    assert files(plain, name="new") == [f"cp_a-1.0-{tags[1]}.whl"]


def test_all_projects_without_a_wheel_are_named_at_once(ours: Project, team: MlTeam) -> None:
    want(ours, "xformers", "triton", "flash-attn", platforms=["linux-64", "linux-aarch64", "win-64"])
    said = refused(ours, 6, "lock").err
    for one in ("xformers", "linux-aarch64", "triton", "win-64"):
        assert one in said
    assert not any(one.endswith(".whl") for one in team.files_asked())


def test_sdists_alone_are_named_all_at_once_with_who_wants_them(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-app", "1.0", ("cp-mid",)))
    index.add(Dist("cp-mid", "1.0", ("cp-src", "cp-other")))
    index.add_source(Dist("cp-src", "1.0"))
    index.add_source(Dist("cp-other", "1.0"))
    want(plain, "cp-app")
    said = refused(plain, 6, "lock").err
    for one in ("cp-src", "cp-other", "cp-mid", "cp-app", "build"):
        assert one in said


def test_a_stub_is_replaced_by_the_wheel_of_the_index_it_names(ours: Project, team: MlTeam) -> None:
    want(ours, "tensorrt-cu13")
    ours.run("lock")
    found = files(ours)
    assert "tensorrt_cu13_libs-10.14.1.48-py3-none-manylinux_2_28_x86_64.whl" in found
    assert "tensorrt_cu13-10.14.1.48-py3-none-manylinux_2_28_x86_64.whl" in found
    assert any(one.startswith("nvidia_cuda_runtime-") for one in found), "what the stub seems not to require"
    assert artifact(ours, "tensorrt_cu13-10.14.1.48-py3-none-manylinux_2_28_x86_64.whl")["upstream"] == NVIDIA
    ours.run("sync")
    ours.run("publish")
    assert not list(ours.site.rglob("*.tar.gz"))


def test_a_stub_of_an_index_that_is_no_upstream_says_which(project: Project, team: MlTeam) -> None:
    project.add("upstream", name="pypi", type="simple", url=team.pypi.url)
    want(project, "tensorrt-cu13-libs")
    done = refused(project, 6, "lock")
    assert "tensorrt_cu13_libs-10.14.1.48.tar.gz" in done.error
    assert team.nvidia.url in done.hint


def test_a_page_that_says_two_hashes_of_a_file_is_refused(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-a", "1.0"))
    index.contradict("cp_a-1.0-py3-none-any.whl")
    want(plain, "cp-a")
    assert "cp_a-1.0-py3-none-any.whl" in refused(plain, 5, "lock").error


def test_bytes_that_are_not_what_the_page_says_are_refused(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-a", "1.0"))
    want(plain, "cp-a")
    plain.run("lock")
    index.alter("cp_a-1.0-py3-none-any.whl")
    assert "cp_a-1.0-py3-none-any.whl" in refused(plain, 5, "sync").error


def test_a_file_without_a_hash_is_read_whole_once_and_held_to_what_it_was(ours: Project, team: MlTeam) -> None:
    want(ours, "torchvision", indexes=OWNED)
    ours.run("lock")
    name = "torchvision-0.24.1+cu130-cp312-cp312-manylinux_2_28_x86_64.whl"
    good = team.pytorch.read(name)
    assert hashlib.sha256(good).hexdigest() in ours.lock.read_text()
    team.pytorch.alter(name)
    ours.run("sync")
    assert ours.object(good).read_bytes() == good
    ours.object(good).unlink()
    assert "torchvision" in refused(ours, 5, "sync").error


def test_two_sides_that_exclude_each_other_are_both_named(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-left", "1.0", ("cp-base<2",)))
    index.add(Dist("cp-right", "1.0", ("cp-base>=2",)))
    index.add(Dist("cp-base", "1.0"))
    index.add(Dist("cp-base", "2.0"))
    want(plain, "cp-left", "cp-right")
    said = refused(plain, 6, "lock").err
    assert "cp-left" in said
    assert "cp-right" in said


def test_what_only_an_old_release_allows_is_found_by_going_back(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-base", "2.0"))
    for minor in range(9):
        index.add(Dist("cp-tool", f"1.{minor}", ("cp-base<2",) if minor else ("cp-base",)))
    want(plain, "cp-tool", "cp-base==2.0")
    plain.run("lock")
    assert versions(plain) == {"cp_tool": "1.0", "cp_base": "2.0"}


def test_a_set_that_depends_on_the_patch_level_of_python(plain: Project, index: PythonIndex) -> None:
    index.add(Dist("cp-a", "1.0", ('cp-back; python_full_version < "3.12.4"',)))
    index.add(Dist("cp-back", "1.0"))
    want(plain, "cp-a", python=["3.12", "3.12.3", "3.12.7"])
    plain.run("lock")
    (back,) = [one for one in members(plain) if "cp_back" in one]
    assert "; python_full_version < " in back.replace("'", '"')
    assert versions(plain, "linux-64-py3.12.3") == {"cp_a": "1.0", "cp_back": "1.0"}
    assert versions(plain, "linux-64-py3.12.7") == {"cp_a": "1.0"}


def test_constraints_overrides_and_pre_releases(ours: Project, team: MlTeam) -> None:
    want(ours, "numpy", "transformers", constraints=["numpy<2.3.5"], prereleases=["transformers"])
    want(ours, "sympy", name="over", overrides=["mpmath==1.4.0"])
    ours.run("lock")
    assert versions(ours)["numpy"] == "2.3.4"
    assert versions(ours)["transformers"] == "5.0.0rc1"
    assert versions(ours, name="over") == {"sympy": "1.14.0", "mpmath": "1.4.0"}


def test_too_much_is_refused_before_anything_is_fetched(ours: Project, team: MlTeam) -> None:
    want(ours, "torch", indexes=OWNED, max_size="100 kB")
    done = refused(ours, 6, "lock")
    assert "100" in done.err
    assert not [one for one in team.files_asked() if "numpy" in one]


def test_nothing_is_asked_of_the_network_but_the_three_indexes(ours: Project, team: MlTeam, tmp_path: Path) -> None:
    """uv sees loopback alone: what this machine configures for it, or a proxy, is not asked."""
    ours.env |= {"UV_INDEX": "http://127.0.0.1:9/", "UV_EXTRA_INDEX_URL": "http://127.0.0.1:9/", "PIP_INDEX_URL": "x"}
    ours.env |= {"HTTP_PROXY": "http://127.0.0.1:9/", "NO_PROXY": "127.0.0.1", "UV_NO_BINARY": "1"}
    (tmp_path / "uv.toml").write_text("this is no toml")
    ours.env["UV_CONFIG_FILE"] = str(tmp_path / "uv.toml")
    want(ours, "numpy")
    ours.run("lock")
    assert versions(ours) == {"numpy": "2.3.5"}
