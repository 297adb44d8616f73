"""``cudepot init --stack``: a whole cudepot.toml, the list of stacks, and what is refused before anything is made."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from simulator.site_key import SiteKey

from cudepot.cli.main import main
from cudepot.depot.shipped import load_presets
from cudepot.workflows.configuration import parse_text

RHEL10 = "AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80"


def init(folder: Path, key: SiteKey, *options: str) -> int:
    return main(["init", "-C", str(folder), "--key", key.fingerprint, "--gnupg", str(key.home), *options])


def environments(folder: Path) -> list[dict[str, Any]]:
    return list(tomllib.loads((folder / "cudepot.toml").read_text())["environment"])


def test_one_line_makes_a_project_that_is_read_as_it_is(tmp_path: Path, site_key: SiteKey) -> None:
    said = (
        "--stack",
        "hgx-node",
        "--stack",
        "cudnn",
        "--distribution",
        "ubuntu2204",
        "--cuda",
        "12.6",
        "--driver",
        "570",
    )
    assert init(tmp_path, site_key, *said) == 0
    (found,) = environments(tmp_path)
    assert (found["name"], found["distribution"], found["architectures"]) == ("hgx-node-cudnn", "ubuntu2204", ["amd64"])
    assert {"nvidia-open-570", "nvidia-fabricmanager-570", "libnccl2=*+cuda12.6", "libcudnn9-cuda-12"} < set(
        found["deb"]
    )
    config = parse_text((tmp_path / "cudepot.toml").read_text(), lambda *_: "https://mirror.example/")
    assert [one.name for one in config.upstreams] == found["upstreams"]
    assert set(found["priorities"].values()) == {600}
    assert set(found["priorities"]) == {"ubuntu2204/x86_64", "container-toolkit/deb/amd64"}
    (read,) = config.environments
    assert [one.name for one in read.wants[0][1].owners(config.upstreams)] == found["upstreams"]


def test_several_distributions_are_an_environment_each_and_share_upstreams(tmp_path: Path, site_key: SiteKey) -> None:
    said = [option for one in ("ubuntu2404", "ubuntu2404/arm64", "debian12") for option in ("--distribution", one)]
    assert init(tmp_path, site_key, "--stack", "container-toolkit", *said) == 0
    assert [one["name"] for one in environments(tmp_path)] == [
        "container-toolkit-ubuntu2404-amd64",
        "container-toolkit-ubuntu2404-arm64",
        "container-toolkit-debian12",
    ]
    names = [
        one.name
        for one in parse_text((tmp_path / "cudepot.toml").read_text(), lambda *_: "https://mirror.example/").upstreams
    ]
    assert len(names) == len(set(names))
    assert names.count("container-toolkit/deb/amd64") == 1


def test_rhel_says_that_its_cdn_wants_an_entitlement(tmp_path: Path, site_key: SiteKey) -> None:
    assert init(tmp_path, site_key, "--stack", "gpu-node", "--distribution", "rhel9") == 0
    text = (tmp_path / "cudepot.toml").read_text()
    assert "needs an entitlement" in text
    assert "rpm = [" in text
    assert "epel/9/x86_64" in environments(tmp_path)[0]["upstreams"]


def test_a_preset_without_a_key_wants_one_from_the_user(
    tmp_path: Path, site_key: SiteKey, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ("--stack", "cuda-toolkit", "--distribution", "rocky10", "--cuda", "13.0")
    assert init(tmp_path / "a", site_key, *said) != 0
    assert "CDF6BA43" in capsys.readouterr().err
    assert not (tmp_path / "a" / "cudepot.toml").exists()
    assert init(tmp_path / "b", site_key, *said, "--upstream-key", RHEL10) == 0
    found = parse_text((tmp_path / "b" / "cudepot.toml").read_text(), lambda *_: "https://mirror.example/").upstream(
        "rhel10/x86_64"
    )
    assert found.keys == (RHEL10,)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["--stack", "gpu-node", "--distribution", "ubuntu22.04"], "ubuntu2204"),
        (["--stack", "gpunode", "--distribution", "ubuntu2204"], "gpu-node"),
        (["--stack", "cudnn", "--distribution", "ubuntu2204"], "--cuda"),
        (["--stack", "cudnn", "--distribution", "ubuntu2204", "--cudnn", "9.1"], "exclude each other"),
    ],
)
def test_slips_make_nothing(
    tmp_path: Path, site_key: SiteKey, said: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path / "new", site_key, *said) != 0
    assert told in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_list_names_stacks_and_distributions_and_needs_no_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "-C", str(tmp_path / "none"), "--list-stacks", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    told = told.get("result", told)
    assert {"gpu-node", "hgx-node", "gpu-operator"} <= {one["name"] for one in told["stacks"]}
    assert {one["name"] for one in told["distributions"]} == set(load_presets().distributions)
    assert not (tmp_path / "none").exists()
