"""An environment of conda packages on a machine that reaches the site and nothing else: real code, installed, run."""

from __future__ import annotations

import base64
import platform
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from rattler.config import Config
from simulator.keys import Key, KeyHome
from simulator.process import ToolError, run
from simulator.project import Project
from simulator.server import Server
from tests.clients import conda_env
from tests.clients.alone import Alone, why_not
from tests.clients.conda_real import Conda
from tests.kinds.conda import real

NAME, TOKEN = "conda-forge", "tk-5f1e7c0a"
CHANNELS = ("environments/dl/conda", "conda/main", f"conda/{NAME}")
pytestmark = [
    pytest.mark.xdist_group("conda alone"),
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="a library of x86_64 gets loaded"),
    pytest.mark.skipif(not real.ZLIB.exists(), reason=f"no {real.ZLIB}"),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]


@pytest.fixture(scope="module")
def shown(site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that shows the environment, from a channel that wants a login; the channel is gone by then."""
    folder, (home, key) = tmp_path_factory.mktemp("shown"), site_key_master
    project = Project(folder / "project", key=key.fingerprint, gnupg=home.path).init()
    real.make(folder / "channels" / NAME, folder / "work")
    with Server(folder / "channels") as server:
        server.authorization = "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()
        project.add("upstream", name=NAME, type="conda", url=f"{server.url}/{NAME}/")
        project.add("environment", name="dl", conda=list(real.SPECS))
        refused = project.fail(4, "lock")
        assert "HTTP 401" in refused.error
        assert "~/.netrc" in refused.hint
        (netrc := folder / "netrc").write_text(f"machine 127.0.0.1 login me password {TOKEN}\n")
        netrc.chmod(0o600)
        project.env["NETRC"] = str(netrc)
        said = [project.run(verb) for verb in ("lock", "sync", "publish")]
    assert not [one for one in said if TOKEN in one.out + one.err]
    return project


@pytest.fixture(scope="module")
def machine(shown: Project) -> Iterator[Alone]:
    with Alone(shown.base) as machine:
        yield machine


def check(found: dict[str, conda_env.Record], prefix: Path, machine: Alone) -> None:
    """Hold that just what is locked was installed, and that it runs."""
    assert found.keys() == real.NAMES - {"pip"}
    assert (found["python"].version, found["packaging"].subdir) == ("3.12.8", "noarch")
    lines = run(*machine.prefix, *real.script(prefix)).stdout.splitlines()
    assert lines[0] == f"{prefix}/lib/python3.12/site-packages/packaging/__init__.py True"
    assert int(lines[1]) & 0xFFFFFFFF == zlib.crc32(b"cudepot")


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_is_locked_is_installed_and_runs(machine: Alone, channel: str, tmp_path: Path) -> None:
    prefix = tmp_path / "env"
    found = conda_env.create([f"{machine.url}/{channel}"], real.SPECS, prefix, within=machine.prefix)
    assert all(one.url.startswith(machine.url) for one in found.values())
    check(found, prefix, machine)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_disk_will_do(shown: Project, machine: Alone, channel: str, tmp_path: Path) -> None:
    """A share or a stick in place of a server."""
    prefix = tmp_path / "env"
    found = conda_env.create([shown.site / channel], real.SPECS, prefix, within=machine.prefix)
    assert all(one.url.startswith("file://") for one in found.values())
    check(found, prefix, machine)


def test_pixis_configuration_leads_what_exists_to_the_site(shown: Project, machine: Alone, tmp_path: Path) -> None:
    """What manifests and lock files name is asked of the site; read by rattler, which pixi is made of."""
    shown.run("client", "pixi", "--environment", "dl", "--url", machine.url, "--output", str(tmp_path / "clients"))
    text = (tmp_path / "clients/etc/pixi/config.toml").read_text()
    config, unknown = Config.from_toml_with_unused_keys(text)
    assert not unknown
    assert config.default_channels == [f"{machine.url}/environments/dl/conda"]
    for number, channels in enumerate(([f"https://conda.anaconda.org/{NAME}"], [upstream(shown)], [])):
        prefix = tmp_path / f"env{number}"
        found = conda_env.create(channels, real.SPECS, prefix, within=machine.prefix, config=text)
        check(found, prefix, machine)


def upstream(project: Project) -> str:
    """Return the URL of the channel that was mirrored."""
    (found,) = tomllib.loads(project.lock.read_text())["upstream"]
    return str(found["url"])


@pytest.mark.lengthy
def test_conda_itself_installs_what_is_locked(
    shown: Project, machine: Alone, real_conda: Conda, tmp_path: Path
) -> None:
    """With what `client conda` writes where ``/etc/conda/.condarc`` would be."""
    conda = real_conda.of(tmp_path / "home")
    conda.condarc("channels: [conda-forge]\n")
    shown.run("client", "conda", "--url", machine.url, "--output", str(tmp_path / "clients"))
    place = conda.folder / ".condarc"
    place.write_bytes((tmp_path / "clients/etc/conda/.condarc").read_bytes())
    try:
        conda.run("create", "-n", "dl", *real.SPECS, within=machine.prefix)
    finally:
        place.unlink()
    found = conda.installed("dl")
    assert found.keys() == real.NAMES
    assert found["python"].startswith("3.12.8=")
    assert run(*machine.prefix, *real.script(conda.home / "envs/dl")).stdout.split()[1] == "True"


def test_mambas_configuration_is_the_only_one_it_reads(shown: Project, tmp_path: Path) -> None:
    """mamba and micromamba are on no package index: what is written is read as YAML and by a shell."""
    shown.run("client", "mamba", "--url", "https://packages.example/", "--output", str(tmp_path))
    found = yaml.safe_load((tmp_path / "etc/conda/.mambarc").read_text())
    channels = ["https://packages.example/conda/main"]
    assert found["channels"] == found["default_channels"] == channels
    assert (found["channel_alias"], found["channel_priority"]) == ("https://packages.example/conda", "strict")
    (profile,) = (tmp_path / "etc/profile.d").iterdir()
    assert run("sh", "-c", f". {profile}; echo $MAMBARC").stdout == "/etc/conda/.mambarc\n"


def test_an_environment_that_is_not_there(shown: Project, tmp_path: Path) -> None:
    argv = ("client", "pixi", "--environment", "gone", "--url", "https://packages.example/", "--output", str(tmp_path))
    done = shown.fail(3, *argv)
    assert "shows no environment 'gone'" in done.error
    assert "dl" in done.hint
    assert not list(tmp_path.iterdir())


def test_the_channel_itself_is_out_of_reach(machine: Alone, tmp_path: Path) -> None:
    """So the tests above show something."""
    with Server(tmp_path) as server, pytest.raises(ToolError, match="repodata"):
        conda_env.create([f"{server.url}/{NAME}"], real.SPECS, tmp_path / "env", within=machine.prefix)


def test_the_token_is_nowhere(shown: Project) -> None:
    """Neither plain nor as it goes over the wire, in no file of project, store and site."""
    words = (TOKEN.encode(), base64.b64encode(f"me:{TOKEN}".encode()))
    files = [one for one in shown.base.rglob("*") if one.is_file() and not one.is_symlink()]
    assert any(one.name == "cudepot.log" for one in files)
    assert not [one for one in files if any(word in one.read_bytes() for word in words)]
