"""Each export, read by the tool it is for: the tool then has exactly what the site shows."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dockerfile_parse
import pytest
import yaml
from packaging.pylock import Pylock
from rattler import MatchSpec
from rattler.explicit_environment.environment import ExplicitEnvironmentSpec
from simulator.process import ToolError, clean_env, run
from tests.clients import conda_env, http
from tests.clients.apt import AptRoot
from tests.clients.dnf import DnfRoot
from tests.clients.python_env import PythonEnv, uv
from tests.integration.showcase import APT, YUM, exported, showcase  # noqa: F401 - a fixture
from tests.integration.world import Project

from cudepot.workflows.export.export import FORMATS

VERSION = "8.0.5.39-1+cuda11.1"
CUDA = ("--cuda", "11.1")


@pytest.fixture(scope="module")
def url(showcase: Project) -> Iterator[str]:  # noqa: F811
    with http.serve(showcase.site) as site:
        yield site.url


@pytest.fixture
def write(showcase: Project, url: str, tmp_path: Path):  # noqa: F811
    def exports(form: str, *options: str) -> Path:
        return exported(showcase, form, url, tmp_path, *(options or CUDA))

    return exports


def test_every_format_is_listed(showcase: Project) -> None:  # noqa: F811
    listed = json.loads(showcase.cudepot("export", "--json").stdout)
    assert listed.keys() == FORMATS.keys()


def test_conda_reads_the_explicit_file_and_gets_the_bytes_it_names(write, url: str) -> None:
    spec = ExplicitEnvironmentSpec.from_path(write("conda-explicit"))
    assert str(spec.platform) == "linux-64"
    assert len(spec.packages) == 1
    for one in spec.packages:
        address, _, digest = one.url.partition("#sha256:")
        with urllib.request.urlopen(address) as answer:
            assert hashlib.sha256(answer.read()).hexdigest() == digest


def test_conda_solves_the_environment_file(write, url: str, tmp_path: Path) -> None:
    said = yaml.safe_load(write("environment.yml").read_text())
    assert said["channels"] == [f"{url}/conda/main"]
    standin = conda_env.standin_channel(tmp_path / "forge")
    channels = [said["channels"][0], standin.as_uri()]
    found = conda_env.create(channels, said["dependencies"], tmp_path / "env", cuda="11.1")
    assert "=".join(("cudnn", found["cudnn"].version, found["cudnn"].build)) == said["dependencies"][0]


def test_pixi_has_exact_packages_from_this_channel(write, url: str, tmp_path: Path) -> None:
    said = tomllib.loads(write("pixi.toml").read_text())["dependencies"]["cudnn"]
    assert said["channel"] == f"{url}/conda/main"
    spec = f"cudnn {said['version']} {said['build']}"
    MatchSpec(spec)
    channels = [said["channel"], conda_env.standin_channel(tmp_path / "forge").as_uri()]
    assert conda_env.solve(channels, [spec], tmp_path / "cache", cuda="11.1")["cudnn"].build == said["build"]


def _installed(env: PythonEnv) -> dict[str, str]:
    listed = json.loads(env.pip("list", "--format", "json").stdout)
    return {one["name"]: one["version"] for one in listed if one["name"].startswith("nvidia")}


WHEELS = {"nvidia-cudnn-cu11": "8.0.5.39+acme.1", "nvidia-cublas-cu11": "11.3.0.106"}


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_pip_and_uv_install_from_pylock(write, tmp_path: Path, tool: str) -> None:
    path = write("pylock.toml")
    Pylock.from_dict(tomllib.loads(path.read_text())).validate()
    env = PythonEnv(tmp_path / "venv")
    if tool == "uv":
        run(uv(), "pip", "install", "--no-config", "--no-cache", "--python", env.python, "-r", path, env=clean_env())
    else:
        ours = [sys.executable, "-m", "pip", "--isolated", "--python", env.python, "install", "--no-cache-dir"]
        run(*ours, "-r", path, env=clean_env())
    assert _installed(env) == WHEELS


def test_pip_installs_hashed_requirements_and_refuses_other_bytes(write, tmp_path: Path) -> None:
    path = write("requirements.txt")
    env = PythonEnv(tmp_path / "venv")
    text = path.read_text()
    path.write_text(text.replace("--hash=sha256:", "--hash=sha256:00")[: len(text)].replace("00", "0", 1))
    with pytest.raises(ToolError):
        env.pip("install", "--no-cache-dir", "-r", str(path))
    path.write_text(text)
    env.pip("install", "--no-cache-dir", "-r", str(path))
    assert _installed(env) == WHEELS


def test_uv_takes_them_from_the_explicit_index(write, url: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    head = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n'
    (project / "pyproject.toml").write_text(f"{head}\n{write('uv').read_text()}")
    env = clean_env(UV_PYTHON_DOWNLOADS="never", HOME=str(tmp_path))
    run(uv(), "lock", "--no-cache", "--python", sys.executable, "--project", project, env=env)
    locked = tomllib.loads((project / "uv.lock").read_text())["package"]
    found = {one["name"]: one["version"] for one in locked if one["name"] != "app"}
    assert found == WHEELS
    assert all(one["source"] == {"registry": f"{url}/simple/"} for one in locked if one["name"] != "app")


def test_apt_get_takes_preferences_and_command(showcase: Project, write, url: str, tmp_path: Path) -> None:  # noqa: F811
    path = write("apt")
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{url}/apt/{APT}/", showcase.key, suite="./")
    root.update()
    root.add_file(path.rename(tmp_path / "acme.pref"), "etc/apt/preferences.d")
    assert "1001" in root.policy("libcudnn8")
    command = (tmp_path / "acme.pref").read_text().splitlines()[0].partition("; ")[2]
    assert command.startswith("apt-get install ")
    root.install(*shlex.split(command)[2:])
    assert root.version("libcudnn8-dev") == VERSION


@pytest.mark.parametrize("spelt", [APT, f"apt/{APT}", f"apt/{APT}/"])
def test_a_chosen_deb_brings_what_it_needs_and_apt_installs(
    showcase: Project,  # noqa: F811
    write,
    url: str,
    spelt: str,
    tmp_path: Path,
) -> None:
    path = write("apt", "--only", f"libcudnn8-dev={VERSION}", "--repository", spelt)
    root = AptRoot(tmp_path / "root")
    root.add_source(f"{url}/apt/{APT}/", showcase.key, suite="./")
    root.update()
    command = path.read_text().splitlines()[0].partition("; ")[2]
    assert shlex.split(command)[2:] == [f"libcudnn8={VERSION}", f"libcudnn8-dev={VERSION}"]
    root.add_file(path.rename(tmp_path / "acme.pref"), "etc/apt/preferences.d")
    root.install(*shlex.split(command)[2:])
    assert root.version("libcudnn8") == root.version("libcudnn8-dev") == VERSION


def test_dnf_takes_versionlock_and_command(showcase: Project, write, url: str, tmp_path: Path) -> None:  # noqa: F811
    text = write("dnf").read_text()
    root = DnfRoot(tmp_path / "root")
    root.add_repo("site", f"{url}/yum/{YUM}/", None)
    root.provide("libc.so.6()(64bit)")
    command = text.splitlines()[0].partition("; ")[2]
    assert command == "dnf install libcudnn8-8.0.5.39-1.cuda11.1"
    root.lock_versions().write_text(text.replace("8.0.5.39-1.cuda11.1.*", "8.0.5.38-1.cuda11.1.*"))
    with pytest.raises(ToolError):
        root.install(*shlex.split(command)[2:])
    root.lock_versions().write_text(text)
    root.install(*shlex.split(command)[2:])
    assert root.installed()["libcudnn8"] == "8.0.5.39-1.cuda11.1"


def _dockerfile(path: Path) -> list[tuple[str, str]]:
    with path.open("r+b") as handle:
        parser = dockerfile_parse.DockerfileParser(fileobj=handle)
        return [(one["instruction"], one["value"]) for one in parser.structure]


def test_the_ubuntu_dockerfile_trusts_this_key_only_and_apt_reads_what_it_writes(
    showcase: Project,  # noqa: F811
    write,
    tmp_path: Path,
) -> None:
    (_, _), (add, added), (kind, command) = _dockerfile(write("dockerfile-ubuntu"))
    assert (add, kind) == ("ADD", "RUN")
    assert added.split()[0].endswith("/keys/site.gpg"), "binary: apt before 1.4 reads no text"
    root = AptRoot(tmp_path / "root")
    key = Path(f"{root.path}{added.split()[1]}")
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_bytes((showcase.site / "keys/site.gpg").read_bytes())
    before = command.partition(" && apt-get update")[0].replace("/etc/apt", f"{root.path}/etc/apt")
    before = before.replace("/usr/share/keyrings", f"{root.path}/usr/share/keyrings")
    subprocess.run(["sh", "-ec", before], check=True, stdout=subprocess.DEVNULL)
    root.update()
    install = command.partition("--no-install-recommends ")[2].partition(" &&")[0]
    root.install(*shlex.split(install))
    assert root.version("libcudnn8") == VERSION
    key.write_bytes(b"another key")
    done = subprocess.run(["sh", "-ec", before], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "FAILED" in done.stdout


def test_the_rhel_dockerfile_writes_what_dnf_reads(showcase: Project, write, tmp_path: Path) -> None:  # noqa: F811
    (_, _), (add, added), (kind, command) = _dockerfile(write("dockerfile-rhel"))
    assert (add, kind) == ("ADD", "RUN")
    root = DnfRoot(tmp_path / "root")
    key = Path(f"{root.path}{added.split()[1]}")
    key.parent.mkdir(parents=True)
    key.write_bytes((showcase.site / "keys/site.asc").read_bytes())
    root.lock_versions()
    subprocess.run(["sh", "-ec", command.partition(" && dnf")[0].replace("/etc/", f"{root.path}/etc/")], check=True)
    assert root.query("--repo", "acme", "libcudnn8") == ["libcudnn8-0:8.0.5.39-1.cuda11.1.x86_64"]


def test_ansible_has_the_variables(write, tmp_path: Path) -> None:
    path = write("ansible")
    said = yaml.safe_load(path.read_text())
    assert said["cudepot_apt_packages"] == [f"libcudnn8={VERSION}", f"libcudnn8-dev={VERSION}"]
    assert sorted(said["cudepot_pip_packages"]) == sorted(f"{name}=={version}" for name, version in WHEELS.items())
    ansible = Path(sys.executable).with_name("ansible")
    argv = [ansible, "localhost", "-c", "local", "-i", "localhost,", "-m", "debug", "-e", f"@{path}"]
    env = clean_env(HOME=str(tmp_path), ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"), LC_ALL="C.UTF-8")
    done = run(*argv, "-a", "var=cudepot_dnf_packages", env=env)
    assert "libcudnn8-8.0.5.39-1.cuda11.1" in done.stdout


def test_two_variants_of_one_wheel_are_not_put_into_one_environment(showcase: Project) -> None:  # noqa: F811
    done = showcase.cudepot("export", "pylock.toml", "--url", "http://x.example", check=False)
    assert done.returncode == 6
    assert "nvidia-cudnn-cu10 and nvidia-cudnn-cu11 contain the same files" in done.stderr


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (("conda-explicit", "--url", "http://x.example"), 6, "several of cudnn"),
        (("conda-explicit", "--url", "http://x.example", "--platform", "win-64"), 6, "--platform is one of linux-64"),
        (("ansible", "--url", "http://x.example"), 6, "several of cudnn"),
        (("apt", "--url", "x.example"), 3, "is not a URL"),
        (("zypper", "--url", "http://x.example"), 3, "no format 'zypper'"),
        (("dnf", "--url", "http://x.example", "--only", "libcudnn9"), 6, "it has libcudnn8"),
        (("apt", "--url", "http://x.example", "--repository", "apt/other"), 6, f"--repository is one of apt/{APT}"),
    ],
)
def test_what_cannot_be_exported_is_said(
    showcase: Project,  # noqa: F811
    argv: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    done = showcase.cudepot("export", *argv, check=False)
    assert done.returncode == code
    assert told in done.stdout + done.stderr
