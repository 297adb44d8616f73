"""``cudepot add`` and ``remove``: cudepot.toml changes where it has to, is locked at once, or stays as it was."""

from __future__ import annotations

import re
import shlex
import signal
import tomllib
from pathlib import Path
from typing import Any

import pytest
from simulator.nvidia import Nvidia
from simulator.project import DEB, Project

from cudepot.cli.main import main
from cudepot.depot.key_files import is_shipped, key_file
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError, UpstreamError
from cudepot.signing.keys import read_keys
from cudepot.workflows.change import apply
from cudepot.workflows.change.add import add
from cudepot.workflows.change.draft import Wanted, drafted
from cudepot.workflows.configuration import parse_text
from cudepot.workflows.init.keys import key_files

NAME = "ubuntu2004/x86_64"


def said(project: Project) -> dict[str, Any]:
    return tomllib.loads(project.toml.read_text())


def from_nvidia(nvidia: Nvidia) -> tuple[str, ...]:
    """Return the options with which a preset is read from the stand-in."""
    return ("--url", nvidia.apt_url, "--key", nvidia.key.fingerprint, "--keyring", str(nvidia.key_file))


def test_one_command_adds_upstream_and_pin_and_locks_them(project: Project, nvidia: Nvidia) -> None:
    project.toml.write_text("# ours\n" + project.toml.read_text() + "\n# the end\n")
    before = project.toml.read_text()
    done = project.run("add", "ubuntu2004", f"libcudnn8-dev={DEB}", *from_nvidia(nvidia))
    assert project.toml.read_text().startswith(before.rstrip())
    assert said(project)["upstream"][0]["preset"] == f"nvidia/{NAME}"
    assert said(project)["pin"] == [{"upstream": NAME, "packages": [f"libcudnn8-dev={DEB}"]}]
    assert f"{NAME}: more: 1 packages asked for, 1 that they need" in done.out
    assert "to be fetched" in done.out
    assert "libcudnn8-dev" in project.lock.read_text()
    assert project.run("lock", "--check", "--offline").rc == 0


def test_more_of_the_same_goes_into_the_pin_that_is_there(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    text = project.toml.read_text().replace(f'"libcudnn8-dev={DEB}"]', f'\n  "libcudnn8-dev={DEB}",  # headers\n]')
    project.toml.write_text(text)
    project.run("add", NAME, f"libcudnn8={DEB}")
    assert f'  "libcudnn8-dev={DEB}",  # headers\n' in project.toml.read_text()
    assert said(project)["pin"][0]["packages"] == [f"libcudnn8-dev={DEB}", f"libcudnn8={DEB}"]
    project.run("add", NAME, "libcudnn8", "--cuda", "10.2")
    assert said(project)["pin"][1] == {"upstream": NAME, "packages": ["libcudnn8"], "cuda": "10.2"}
    again = project.toml.read_bytes()
    assert "nothing to change" in project.run("add", NAME, "libcudnn8", "--cuda", "10.2").out
    assert project.toml.read_bytes() == again


def test_what_cannot_be_locked_changes_nothing(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.run("lock")
    before = {path: path.read_bytes() for path in (project.toml, project.lock)}
    done = project.fail(6, "add", NAME, "libcudnn8=8.0.5.39")
    assert "write libcudnn8=8.0.5.39-*" in done.hint
    assert "cudepot.toml and cudepot.lock are unchanged" in done.hint
    project.fail(6, "add", NAME, "no-such-package", "--cuda", "11")
    assert {path: path.read_bytes() for path in before} == before


def test_a_lock_that_was_not_there_is_not_there_after_a_failure(project: Project, nvidia: Nvidia) -> None:
    before = project.toml.read_bytes()
    project.fail(6, "add", "ubuntu2004", "no-such-package", *from_nvidia(nvidia))
    assert project.toml.read_bytes() == before
    assert not project.lock.exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_killed_while_it_locks_nothing_has_changed(project: Project, nvidia: Nvidia, how: signal.Signals) -> None:
    project.add_apt(nvidia)
    before = project.toml.read_bytes()
    stalled = nvidia.server.stall("*Packages*", 10)
    child = project.start("add", NAME, f"libcudnn8={DEB}")
    assert stalled.reached.wait(60)
    child.send_signal(how)
    child.communicate()
    nvidia.server.heal()
    assert (project.toml.read_bytes(), project.lock.exists()) == (before, False)


def test_a_dry_run_shows_the_change_and_makes_none(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    before = project.everything()
    done = project.run("add", NAME, f"libcudnn8={DEB}", "-n", "--json").json
    assert any(line.startswith("+packages") for line in done["diff"])
    assert done["lock"]["added"]
    assert project.everything() == before


def test_without_locking_no_upstream_is_asked(project: Project) -> None:
    project.run("add", "ubuntu2204", "libcudnn9-cuda-12", "libnccl2", "--cuda", "12", "--no-lock")
    assert said(project)["pin"] == [
        {"upstream": "ubuntu2204/x86_64", "packages": ["libcudnn9-cuda-12", "libnccl2"], "cuda": "12"}
    ]
    project.run("add", "conda-forge", "--no-lock")
    assert [one["preset"] for one in said(project)["upstream"]] == ["nvidia/ubuntu2204/x86_64", "conda/conda-forge"]
    assert not project.lock.exists()


def test_the_readme_says_what_is_written(project: Project) -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text()
    command = re.search(r"```sh\n(cudepot add .*)\n```", page)
    tables = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert command is not None
    assert tables is not None
    project.run(*shlex.split(command[1])[1:], "--no-lock")
    written, shown = said(project), tomllib.loads(tables[1])
    assert (written["upstream"], written["pin"]) == (shown["upstream"], shown["pin"])


def test_a_folder_of_downloads_is_an_upstream(project: Project, nvidia: Nvidia) -> None:
    archive = "cudnn-11.1-linux-x64-v8.0.5.39.tgz"
    project.run("add", str(nvidia.downloads), archive, "--recipe", "cudnn")
    assert said(project)["upstream"] == [{"name": "downloads", "type": "folder", "path": str(nvidia.downloads)}]
    assert archive in project.lock.read_text()


def test_a_preset_without_a_key_says_what_it_asks(project: Project, tmp_path: Path) -> None:
    done = project.fail(3, "add", "rhel10", "libcudnn9-cuda-13")
    assert "CDF6BA43.pub" in done.hint
    assert "--key FINGERPRINT --keyring FILE" in done.hint
    ring = tmp_path / "rhel10.pub"
    ring.write_text("key")
    project.run("add", "rhel10", "libcudnn9-cuda-13", "--key", "A" * 40, "--keyring", str(ring), "--no-lock")
    assert said(project)["upstream"][0]["keys"] == ["A" * 40]


def test_each_preset_comes_with_its_key_or_says_what_it_asks(tmp_path: Path) -> None:
    empty = parse_text("version = 1")
    presets, seen = load_presets().repositories, dict[str, set[str]]()
    for name, preset in presets.items():
        draft = drafted("version = 1\n", empty, lambda *_: "https://machine.example/")
        if preset.is_signed and not preset.vouchers:
            with pytest.raises(ConfigError) as caught:
                add(draft, Wanted((name,)), tmp_path)
            assert "--key FINGERPRINT --keyring FILE" in caught.value.hint
            continue
        (found,) = add(draft, Wanted((name,)), tmp_path).config.upstreams
        lacking = key_files(tmp_path, [found], ()).lacking
        for file in (key_file(tmp_path, one) for one in found.keyrings if is_shipped(one)):
            if str(file) not in seen:
                seen[str(file)] = {key.fingerprint for key in read_keys(file)}
        there = set().union(*(seen[str(key_file(tmp_path, one))] for one in found.keyrings if is_shipped(one)))
        wanted = {*found.keys, *found.package_keys}
        assert (wanted <= there) == (not lacking), name
        assert all(any(one in line for line in lacking) for one in wanted - there), name


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("libnccl2",), "not clear which one has it"),
        (("ubuntu2204", "x", "--python", "3.12"), "--python without --environment"),
        (("x", "--environment", "e", "--repackage"), "--repackage with --environment"),
        (("x", "--environment", "e", "--from", "nowhere"), "--from nowhere"),
        (("gcc", "--environment", "e", "--deb"), "no distribution was given"),
        (("gcc", "--environment", "e", "--distribution", "ubuntu2203"), "there is no distribution"),
    ],
)
def test_what_is_not_clear_is_refused(argv: tuple[str, ...], said: str, project: Project) -> None:
    before = project.toml.read_bytes()
    done = project.fail(3, "add", *argv, "--no-lock")
    assert said in done.err
    assert project.toml.read_bytes() == before


def test_environments_are_made_and_grow(project: Project) -> None:
    index = ("--url", "https://index.example/simple/")
    project.run("add", "torch==2.9.1", "--environment", "train", "--python", "3.12", *index, "--no-lock")
    made = said(project)["environment"][0]
    assert made == {"name": "train", "platforms": ["linux-64"], "python": ["3.12"], "wheels": ["torch==2.9.1"]}
    assert said(project)["upstream"][0]["preset"] == "pypi"
    project.run("add", "torch==2.9.2", "numpy", "-e", "train", "--python", "3.13", "--no-lock")
    project.run("add", "torchvision", "-e", "train", "--from", "pytorch/cu130", "--no-lock")
    grown = said(project)["environment"][0]
    assert grown["wheels"] == ["torch==2.9.2", "numpy", "torchvision"]
    assert grown["python"] == ["3.12", "3.13"]
    assert grown["indexes"] == {"torchvision": "torch-cu130"}
    project.run("remove", "torchvision", "numpy", "-e", "train", "--no-lock")
    left = said(project)["environment"][0]
    assert left["wheels"] == ["torch==2.9.2"]
    assert "indexes" not in left
    assert "remove --environment train" in project.fail(3, "remove", "torch", "-e", "train", "--no-lock").hint
    assert "environment" not in said(project) or project.run("remove", "-e", "train", "--no-lock")
    assert "environment" not in said(project)


def test_an_environment_is_locked_at_once_or_not_made(project: Project, nvidia: Nvidia) -> None:
    index = ("--url", nvidia.simple_url, "--python", "3.11")
    before = project.toml.read_bytes()
    project.fail(6, "add", "no-such-project", "-e", "train", *index)
    assert project.toml.read_bytes() == before
    assert not project.lock.exists()
    done = project.run("add", "nvidia-cudnn-cu11==8.0.5.39", "-e", "train", *index)
    assert "environment train: 2 projects" in done.out
    assert "to be fetched" in done.out
    done = project.run("remove", "--environment", "train")
    assert "environment" not in said(project)


def test_of_several_pins_those_that_are_added_decide(project: Project, nvidia: Nvidia) -> None:
    project.add_wheels(nvidia, "nvidia-cublas-cu10==99")
    project.fail(6, "lock")
    done = project.run("add", "wheels", "nvidia-cublas-cu11", check=False)
    assert done.rc == 6, "what was wrong before is still told"
    assert "nvidia-cublas-cu11" in project.lock.read_text()
    assert said(project)["pin"][0]["packages"] == ["nvidia-cublas-cu10==99", "nvidia-cublas-cu11"]
    before = project.toml.read_bytes()
    assert "cudepot.lock are unchanged" in project.fail(6, "add", "wheels", "nvidia-cudnn-cu11==99").hint
    assert project.toml.read_bytes() == before


def test_specs_say_which_packages_they_are(project: Project) -> None:
    project.run("add", "python=3.12", "cudnn", "-e", "notebook", "--no-lock")
    project.run("add", "gcc", "-e", "node", "--distribution", "rocky9", "--architecture", "aarch64", "--no-lock")
    notebook, node = said(project)["environment"]
    assert notebook["conda"] == ["python=3.12", "cudnn"]
    assert (node["rpm"], node["architectures"], node["base"]) == (["gcc"], ["aarch64"], "none")
    presets = [one["preset"] for one in said(project)["upstream"]]
    assert presets[0] == "conda/conda-forge"
    assert {"rocky/9/baseos/aarch64", "rocky/9/appstream/aarch64", "nvidia/rhel9/sbsa"} <= set(presets)


def test_removing_says_what_is_no_longer_needed(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia, f"libcudnn8-dev={DEB}", f"libcudnn8={DEB}", "libcudnn8=*+cuda10.2")
    project.run("lock")
    project.run("sync")
    done = project.run("remove", "libcudnn8=*+cuda10.2")
    assert "no longer needed: 1 packages" in done.out
    assert "`cudepot gc`" in done.out
    done = project.run("remove", NAME, "libcudnn8", "libcudnn8-dev")
    assert said(project).get("pin") is None
    assert f"`cudepot remove {NAME}`" in done.out
    assert "pins nothing" in done.out
    project.run("remove", NAME)
    assert "upstream" not in said(project)
    assert "is not pinned" in project.fail(3, "remove", "libcudnn8").error


def test_an_upstream_that_an_environment_needs_stays(project: Project) -> None:
    project.run("add", "cudnn=9.1", "-e", "notebook", "--no-lock")
    before = project.toml.read_bytes()
    done = project.fail(3, "remove", "conda-forge", "--no-lock")
    assert "environment 'notebook' needs upstream 'conda-forge'" in done.error
    assert project.toml.read_bytes() == before


def test_the_file_keeps_its_line_ends_its_mode_and_its_link(project: Project, tmp_path: Path) -> None:
    real = tmp_path / "kept.toml"
    real.write_bytes(project.toml.read_bytes().replace(b"\n", b"\r\n"))
    real.chmod(0o640)
    project.toml.unlink()
    project.toml.symlink_to(real)
    project.run("add", "ubuntu2204", "libcudnn8", "--no-lock")
    assert project.toml.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert said(project)["pin"][0]["packages"] == ["libcudnn8"]
    assert real.read_bytes().count(b"\n") == real.read_bytes().count(b"\r\n") > 0


def test_what_somebody_writes_meanwhile_is_not_undone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object, **__: object) -> None:
        project.toml.write_text(project.toml.read_text() + "# mine\n")
        raise UpstreamError("the line was cut")

    monkeypatch.setattr(apply, "make_lock", cut)
    assert main(["add", "-C", str(project.base), "ubuntu2204", "libcudnn8"]) == 4
    assert project.toml.read_text().endswith("# mine\n")


def test_what_somebody_writes_while_it_locks_is_not_written_over(
    project: Project, nvidia: Nvidia, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add_apt(nvidia)
    lock = apply.make_lock

    def slow(*args: object, **options: object) -> object:
        project.toml.write_text(project.toml.read_text() + "# mine\n")
        return lock(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(apply, "make_lock", slow)
    assert main(["add", "-C", str(project.base), NAME, f"libcudnn8={DEB}"]) == 3
    assert project.toml.read_text().endswith("# mine\n")
    assert not project.lock.exists()
