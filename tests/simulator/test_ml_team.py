"""The team's three indexes, as uv and pip see them without any help: each oddity is there and does harm."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from simulator.ml_team import MlTeam
from simulator.process import clean_env, run
from tests.clients.python_env import PythonEnv

UV = (Path(sys.executable).with_name("uv"), "pip", "compile", "--no-config", "--no-cache")
PLAIN = ("--no-header", "--no-annotate", "-p", sys.executable, "--no-python-downloads")
LINUX = ("--python-version", "3.12")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlTeam]:
    with MlTeam(tmp_path_factory.mktemp("team")) as team:
        yield team


def compiled(*options: str, wants: str, check: bool = True) -> tuple[str, str]:
    done = run(
        *UV,
        *PLAIN,
        *LINUX,
        "--python-platform",
        "x86_64-manylinux_2_28",
        *options,
        "-",
        stdin=wants,
        env=clean_env(),
        check=check,
    )
    return done.stdout, done.stderr


def test_uv_takes_the_wrong_torch_unless_it_is_told_whose_it_is(team: MlTeam) -> None:
    found, _ = compiled("--default-index", team.pypi.url, wants="transformers[torch]")
    assert "torch==2.10.0\n" in found
    assert "tokenizers==0.22.1\ntorch==2.10.0\n" in found
    assert "mpmath==1.3.0\n" in found
    both = ("--index", team.pytorch.url, "--default-index", team.pypi.url)
    found, _ = compiled(*both, wants="numpy")
    assert found == "numpy==99.0\n"
    _, said = compiled(*both, wants="nvidia-cublas", check=False)
    assert "403 Forbidden" in said


def test_an_index_as_pytorchs_has_what_harms(team: MlTeam) -> None:
    page = requests.get(f"{team.pytorch.url}torch/", timeout=9).text
    assert 'href="/whl/cu130/torch-2.9.1%2Bcu130-cp312-cp312-manylinux_2_28_x86_64.whl#sha256=' in page
    name = "torch-2.9.1+cu130-cp312-cp312-manylinux_2_28_aarch64.whl"
    listed = team.pytorch.listed(name)
    assert f'href="{team.pytorch.files.url}/whl/cu130/torch-2.9.1%2Bcu130' in page
    served = requests.get(f"{team.pytorch.files.url}{listed.path}.metadata", timeout=9).content
    assert hashlib.sha256(served).hexdigest() != listed.core_metadata
    assert "#sha256" not in requests.get(f"{team.pytorch.url}torchvision/", timeout=9).text
    for missing in ("transformers/", "simple/torch/"):
        assert requests.get(f"{team.pytorch.url}{missing}", timeout=9).status_code == 403


def test_uv_gives_up_at_metadata_that_are_not_the_wheels(team: MlTeam) -> None:
    _, said = compiled("--default-index", team.pytorch.url, wants="jinja2", check=False)
    assert "Hash mismatch" in said


def test_a_page_made_anew_has_other_bytes_and_the_same_files(team: MlTeam) -> None:
    before = requests.get(f"{team.pytorch.url}torch/", timeout=9).text
    team.pytorch.regenerate()
    after = requests.get(f"{team.pytorch.url}torch/", timeout=9).text
    assert before != after
    assert before.split("<!--TIMESTAMP")[0] == after.split("<!--TIMESTAMP")[0]


def test_a_stub_seems_to_require_nothing_and_its_build_asks_elsewhere(team: MlTeam, tmp_path: Path) -> None:
    found, _ = compiled("--default-index", team.pypi.url, wants="tensorrt-cu13")
    assert found == "tensorrt-cu13==10.14.1.48\n"
    done = PythonEnv(tmp_path / "env").pip_install(team.pypi.url, "tensorrt-cu13", check=False)
    assert "wheel-stub" in done.stderr
    found, _ = compiled("--default-index", team.nvidia.url, "--no-deps", wants="tensorrt-cu13-libs")
    assert found == "tensorrt-cu13-libs==10.14.1.48\n"
