"""``cudepot init`` with an idea of what is wanted: by options, by questions on a terminal, and what it refuses."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from simulator.process import clean_env
from simulator.site_key import SiteKey
from tests.parsed import parse_config

import cudepot
from cudepot.catalog.config.presets import expand
from cudepot.catalog.nvidia.first_pins import packages_for
from cudepot.catalog.nvidia.first_sizes import Expected
from cudepot.cli.init import sizes
from cudepot.cli.main import main
from cudepot.depot.shipped import load_presets


def pins(folder: Path) -> list[dict[str, Any]]:
    """Return the pins of a project, whose configuration is read as a whole."""
    data = tomllib.loads((folder / "cudepot.toml").read_text())
    parse_config(expand(data, load_presets, str))
    return list(data.get("pin", []))


def test_options_become_upstreams_and_pins(tmp_path: Path, site_key: SiteKey) -> None:
    key = ["--key", site_key.fingerprint, "--gnupg", str(site_key.home)]
    wishes = [
        "--distribution",
        "ubuntu2004",
        "--distribution",
        "ubuntu2204/sbsa",
        "--cudnn",
        "8.0.5.39",
        "--cuda",
        "11.1",
    ]
    assert main(["init", "-C", str(tmp_path), *key, *wishes, "--repackage"]) == 0
    first, second = pins(tmp_path)
    assert first["upstream"] == "ubuntu2004/x86_64"
    assert first["packages"] == ["libcudnn8=8.0.5.39-*", "libcudnn8-dev=8.0.5.39-*"]
    assert first["outputs"] == ["mirror", "conda", "wheel"]
    assert second["upstream"] == "ubuntu2204/sbsa"
    assert second["cuda"] == "11.1"


@pytest.mark.parametrize(
    ("name", "cudnn", "cuda", "packages"),
    [
        ("ubuntu2404/x86_64", "9.1", "12.4", ["libcudnn9-cuda-12=9.1.*-*", "libcudnn9-dev-cuda-12=9.1.*-*"]),
        ("rhel8/x86_64", "8.0.5.39", "11.1", ["libcudnn8-8.0.5.39-*", "libcudnn8-devel-8.0.5.39-*"]),
        ("rhel9/sbsa", "9.5.1.17", "12", ["libcudnn9-cuda-12-9.5.1.17-*", "libcudnn9-devel-cuda-12-9.5.1.17-*"]),
        (
            "ubuntu2404/x86_64",
            "9.14.0.64",
            "13.0",
            [f"libcudnn9{part}-cuda-13=9.14.0.64-*" for part in ("", "-dev", "-headers")],
        ),
        ("rhel9/x86_64", "9", "12", [f"libcudnn9{part}-cuda-12-9.*-*" for part in ("", "-devel", "-headers")]),
        ("rhel9/x86_64", "9.10", "11", [f"libcudnn9{part}-cuda-11-9.10.*-*" for part in ("", "-devel")]),
    ],
)
def test_packages_are_named_as_the_distribution_names_them(
    name: str, cudnn: str, cuda: str, packages: list[str]
) -> None:
    assert packages_for(name, cudnn, cuda) == packages
    ending = packages[0].partition("-cuda-" + cuda.split(".", maxsplit=1)[0] if cudnn[0] == "9" else "libcudnn8")[2]
    samples = [] if name.startswith("ubuntu") else [f"libcudnn{cudnn[0]}-samples{ending}"]
    assert packages_for(name, cudnn, cuda, repackage=True) == [*packages, *samples]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--distribution", "ubuntu2005", "--cudnn", "8.9", "--cuda", "12"], "near: "),
        (["--distribution", "ubuntu2004", "--cudnn", "eight", "--cuda", "12"], "is no cuDNN version"),
        (["--distribution", "ubuntu2004", "--cudnn", "8.9"], "is no CUDA version"),
        (["--cudnn", "8.9", "--cuda", "12"], "no distribution is named"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "-C", str(tmp_path), *options]) == 3
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_that_is_there_stays(tmp_path: Path, site_key: SiteKey) -> None:
    key = ["--key", site_key.fingerprint, "--gnupg", str(site_key.home)]
    assert main(["init", "-C", str(tmp_path), *key]) == 0
    before = (tmp_path / "cudepot.toml").read_bytes()
    wishes = ["--distribution", "ubuntu2004", "--cudnn", "8.9", "--cuda", "12"]
    assert main(["init", "-C", str(tmp_path), *wishes]) == 3
    assert main(["init", "-C", str(tmp_path)]) == 0
    assert (tmp_path / "cudepot.toml").read_bytes() == before
    assert pins(tmp_path) == []


@pytest.mark.parametrize(
    ("answers", "count"),
    [
        ("ubuntu2004, rhel8\n8.9\n11.8\nn\n\n", 2),
        ("ubuntu2004, rhel8\n8.9\n11.8\nn\nn\nubuntu2004\n8.9.7\n11.8\nn\ny\n", 1),
        ("\n", 0),
    ],
)
def test_questions_are_asked_on_a_terminal(answers: str, count: int, tmp_path: Path, site_key: SiteKey) -> None:
    master, terminal = pty.openpty()
    argv = [sys.executable, "-m", "cudepot.cli.main", "init", "-C", str(tmp_path), "--key", site_key.fingerprint,
            "--gnupg", str(site_key.home)]  # fmt: skip
    env = clean_env(PYTHONPATH=str(Path(cudepot.__file__).parent.parent))
    os.write(master, answers.encode())
    done = subprocess.run(
        argv, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, env=env, check=False, timeout=60
    )
    os.set_blocking(master, False)
    seen = os.read(master, 1 << 16).decode()
    os.close(terminal)
    os.close(master)
    assert done.returncode == 0
    assert ("8 releases, cuDNN 8.9.0.131 to 8.9.7.29: up to about 7.1 GB" in seen) == bool(count), seen
    assert len(pins(tmp_path)) == count


def test_sizes_are_told_before_anything_is_fetched(
    tmp_path: Path, site_key: SiteKey, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ["--key", site_key.fingerprint, "--gnupg", str(site_key.home)]
    one = ["--distribution", "ubuntu2004", "--cudnn", "8.0.5.39", "--cuda", "11.1"]
    assert main(["init", "-C", str(tmp_path / "a"), *key, *one, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "ubuntu2004/x86_64: cuDNN 8.0.5.39 for CUDA 11.1: up to about 1.5 GB" in told
    assert "cudepot lock says the exact ones" in told
    assert not (tmp_path / "a").exists()
    assert main(["init", "-C", str(tmp_path / "b"), *key, *one, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["expected"] == [
        {
            "repository": "ubuntu2004/x86_64", "version": "8.0.5.39", "cuda": "11.1", "bytes": 1548325637, "note": "",
            "archive": "cudnn-11.1-linux-x64-v8.0.5.39.tgz",
        }
    ]  # fmt: skip


def test_what_is_not_known_is_said(tmp_path: Path, site_key: SiteKey, capsys: pytest.CaptureFixture[str]) -> None:
    key = ["--key", site_key.fingerprint, "--gnupg", str(site_key.home)]
    cross = ["--distribution", "ubuntu2004/cross-linux-sbsa", "--distribution", "ubuntu2404"]
    assert main(["init", "-C", str(tmp_path), *key, *cross, "--cudnn", "8.0.5", "--cuda", "12.4"]) == 0
    told = capsys.readouterr().out
    assert "ubuntu2004/cross-linux-sbsa: size not known: nothing is known of packages for this platform" in told
    assert "ubuntu2404/x86_64: size not known: cuDNN 8.0.5.39 was not built for CUDA 12.4" in told
    assert main(["init", "-C", str(tmp_path / "c"), *key, *cross[2:], "--cudnn", "7.6.4", "--cuda", "10.1"]) == 0
    assert "cuDNN 7.6.4.38 for CUDA 10.1: size not known" in capsys.readouterr().out


def test_known_and_unknown_sizes_are_added_up_apart() -> None:
    lines = sizes([
        Expected("a/x86_64", "8.0.4.30", "11.1", "x.tgz", 0),
        Expected("a/x86_64", "8.0.5.39", "11.1", "y.tgz", 1_500_000_000),
        Expected("b/x86_64", "8.0.5.39", "11.1", "y.tgz", 1_500_000_000),
    ])  # fmt: skip
    assert lines[0] == "a/x86_64: 2 releases, cuDNN 8.0.4.30 to 8.0.5.39: up to about 1.5 GB, and 1 of unknown size"
    assert lines[2] == "in all: up to about 3.0 GB, and what is not known"
    assert sizes([]) == []
