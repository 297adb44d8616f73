"""``cudepot init`` with an idea of what is wanted: by options, by questions on a terminal, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
from simulator.nvidia import Nvidia
from simulator.process import clean_env
from simulator.site_key import SiteKey
from tests.parsed import parse_config

import cudepot
from cudepot.catalog.config.presets import expand
from cudepot.catalog.nvidia.first_pins import packages_for
from cudepot.catalog.nvidia.first_releases import offered, versions
from cudepot.catalog.nvidia.first_sizes import Expected
from cudepot.cli.init_sizes import sizes
from cudepot.cli.main import main
from cudepot.depot.nvidia_catalog import load_catalog
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
        (["--distribution", "ubuntu2004", "--cudnn", "eight", "--cuda", "12"], "is not a cuDNN version"),
        (["--distribution", "ubuntu2004", "--cudnn", "8.9", "--cuda", "twelve"], "is not a CUDA version"),
        (["--distribution", "rhel10"], "CDF6BA43.pub"),
        (["--distribution", "ubuntu2004", "--cudnn", "9.*", "--max-size", "1 GB"], "more than 1.0 GB"),
        (["--distribution", "ubuntu2004", "--max-size", "much"], "expected a size"),
        (["--cudnn", "8.9", "--cuda", "12"], "no distribution was given"),
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


def test_the_newest_is_taken_unless_more_is_said(tmp_path: Path, site_key: SiteKey) -> None:
    key = ["--key", site_key.fingerprint, "--gnupg", str(site_key.home)]
    assert main(["init", "-C", str(tmp_path / "a"), *key, "--distribution", "ubuntu2404", "--cudnn", "9.1"]) == 0
    assert pins(tmp_path / "a")[0]["packages"] == ["libcudnn9-cuda-12=9.1.1.17-*", "libcudnn9-dev-cuda-12=9.1.1.17-*"]
    assert main(["init", "-C", str(tmp_path / "b"), *key, "--distribution", "ubuntu2404", "--cudnn", "9.1.*"]) == 0
    assert pins(tmp_path / "b")[0]["packages"] == ["libcudnn9-cuda-12=9.1.*-*", "libcudnn9-dev-cuda-12=9.1.*-*"]
    assert main(["init", "-C", str(tmp_path / "c"), *key, "--distribution", "ubuntu2404"]) == 0
    newest = offered(load_catalog())[0]
    assert pins(tmp_path / "c")[0]["packages"][0] == f"libcudnn9-cuda-13={newest}-*"


def test_several_cudas_and_versions_stand_beside_each_other(tmp_path: Path, site_key: SiteKey) -> None:
    key = ["--key", site_key.fingerprint, "--gnupg", str(site_key.home)]
    more = ["--cuda", "12", "--cuda", "13", "--cuda", "11.8", "--cudnn", "9.12", "--cudnn", "8.9.7.29"]
    assert main(["init", "-C", str(tmp_path), *key, "--distribution", "ubuntu2204", *more]) == 0
    nine, eight, older = pins(tmp_path)
    assert [one for one in nine["packages"] if "dev" not in one] == [
        "libcudnn9-cuda-12=9.12.0.46-*",
        "libcudnn9-cuda-13=9.12.0.46-*",
    ]
    assert [(one["cuda"], one["packages"][0]) for one in (eight, older)] == [
        ("12", "libcudnn8=8.9.7.29-*"),
        ("11.8", "libcudnn8=8.9.7.29-*"),
    ]


def test_a_key_file_that_somebody_brings_is_put_in_place(
    tmp_path: Path, site_key: SiteKey, nvidia: Nvidia, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--key", site_key.fingerprint, "--gnupg", str(site_key.home), "--distribution", "rhel9"]
    assert main(["init", "-C", str(tmp_path / "a"), *argv]) == 0
    assert "keys/D42D0685.pub: get https://" in capsys.readouterr().out.replace("d42d0685", "D42D0685")
    assert main(["init", "-C", str(tmp_path / "b"), *argv, "--keyring", str(nvidia.key_file)]) == 3
    assert "no upstream here is signed with it" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def dialogue(folder: Path, answers: str, *options: str) -> tuple[int, str]:
    """Run ``init`` on a terminal of its own, and return its exit status and what was seen there."""
    master, terminal = pty.openpty()
    argv = [sys.executable, "-m", "cudepot.cli.main", "init", "-C", str(folder), *options]
    env = clean_env(PYTHONPATH=str(Path(cudepot.__file__).parent.parent), COLUMNS="80")
    seen: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while data := os.read(master, 1 << 16):
                seen.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        os.write(master, answers.encode())
        done = subprocess.run(argv, stdin=terminal, stdout=terminal, stderr=terminal, env=env, check=False, timeout=120)
    finally:
        os.close(terminal)
        reader.join(60)
        os.close(master)
    return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", b"".join(seen).decode()).replace("\r", "")


def test_each_answer_is_judged_when_it_is_given_and_asked_for_again(tmp_path: Path, site_key: SiteKey) -> None:
    answers = ["Acme Inc", "Acme!", "acme", "gpu-nod", "cudnn-packages", "ubuntu2005", "rhel10", "ubuntu2004, debian12",
               "nine", "9", "10.2", "12,13", "maybe", "n", "y"]  # fmt: skip
    code, seen = dialogue(tmp_path, "".join(f"{one}\n" for one in answers), "--key", site_key.fingerprint,
                          "--gnupg", str(site_key.home))  # fmt: skip
    assert code == 0, seen
    assert seen.count("label: your name") == 3
    assert seen.count("distributions (") == 3
    assert seen.count("cuDNN (") == 2
    assert seen.count("CUDA (") == 2
    for said in ("did you mean gpu-node", "CDF6BA43.pub", "'nine' is not a cuDNN version", "not built for CUDA 10.2"):
        assert said in seen.replace("\n  ", " "), seen
    text = tomllib.loads((tmp_path / "cudepot.toml").read_text())
    assert text["site"]["label"] == "acme"
    newest = versions(load_catalog(), "linux-64", "13")[0]
    assert [pin["packages"][0] for pin in text["pin"]] == [f"libcudnn9-cuda-12={newest}-*"] * 2
    assert f"libcudnn9-cuda-13={newest}-*" in text["pin"][0]["packages"]


def test_numbers_choose_and_empty_lines_take_what_is_offered(tmp_path: Path, site_key: SiteKey) -> None:
    argv = ("--label", "acme", "--key", site_key.fingerprint, "--gnupg", str(site_key.home))
    code, seen = dialogue(tmp_path / "all", "\n" * 6, *argv)
    assert code == 0, seen
    assert "label: your" not in seen
    (pin,) = pins(tmp_path / "all")
    assert pin["upstream"] == "ubuntu2404/x86_64"
    assert pin["packages"][0] == f"libcudnn9-cuda-13={offered(load_catalog())[0]}-*"
    code, seen = dialogue(tmp_path / "none", "2\n", *argv)
    assert code == 0, seen
    assert pins(tmp_path / "none") == []


def test_what_is_large_is_not_the_usual_answer(tmp_path: Path, site_key: SiteKey) -> None:
    argv = ("--label", "acme", "--key", site_key.fingerprint, "--gnupg", str(site_key.home))
    code, seen = dialogue(tmp_path, "1\nubuntu2204\n9.*\n12\n\n\n2\n", *argv)
    assert code == 0, seen
    assert "more than 20.0 GB" in seen
    assert "write cudepot.toml with these pins? [y/N]" in seen
    assert pins(tmp_path) == []


def test_stacks_are_asked_for_what_they_need(tmp_path: Path, site_key: SiteKey) -> None:
    argv = ("--label", "acme", "--key", site_key.fingerprint, "--gnupg", str(site_key.home))
    answers = "hgx-node\nubuntu22\nubuntu2204\n12.6, 13.0\n570\n580\n\n"
    code, seen = dialogue(tmp_path, answers, *argv)
    assert code == 0, seen
    assert "CUDA 13.0 does not run with driver branch 570" in seen.replace("\n  ", " ")
    names = [one["name"] for one in tomllib.loads((tmp_path / "cudepot.toml").read_text())["environment"]]
    assert names == ["hgx-node-cuda12.6", "hgx-node-cuda13.0"]


def test_a_terminal_that_closes_makes_nothing(tmp_path: Path) -> None:
    code, seen = dialogue(tmp_path / "new", "\x04")
    assert code == 130, seen
    assert not (tmp_path / "new").exists()


def test_sizes_are_told_before_anything_is_fetched(
    tmp_path: Path, site_key: SiteKey, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ["--key", site_key.fingerprint, "--gnupg", str(site_key.home)]
    one = ["--distribution", "ubuntu2004", "--cudnn", "8.0.5.39", "--cuda", "11.1"]
    assert main(["init", "-C", str(tmp_path / "a"), *key, *one, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "ubuntu2004/x86_64: cuDNN 8.0.5.39 for CUDA 11.1: up to about 1.5 GB" in told
    assert "cudepot lock shows the exact ones" in told
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
    assert "ubuntu2004/cross-linux-sbsa: size not known: nothing is known about packages for this platform" in told
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
    assert lines[2] == "in all: up to about 3.0 GB, plus what is not known"
    assert sizes([]) == []
