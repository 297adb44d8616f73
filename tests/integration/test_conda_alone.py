"""An environment of conda packages on a machine that reaches the site and nothing else: real code, installed, run."""

from __future__ import annotations

import base64
import json
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
from simulator.sides import Far
from tests.clients import conda_env
from tests.clients.alone import Alone, why_not
from tests.clients.conda_real import Conda
from tests.kinds.conda import real

from cudepot.kinds.conda.rules.client_text import Seen, conda_files

NAME, TOKEN = "conda-forge", "tk-5f1e7c0a"
ALIAS = "https://conda.anaconda.org/"
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
    for number, channels in enumerate(([f"{ALIAS}{NAME}"], [upstream(shown)], [])):
        prefix = tmp_path / f"env{number}"
        found = conda_env.create(channels, real.SPECS, prefix, within=machine.prefix, config=text)
        check(found, prefix, machine)


def upstream(project: Project) -> str:
    """Return the URL of the channel that was mirrored."""
    (found,) = tomllib.loads(project.lock.read_text())["upstream"]
    return str(found["url"])


@pytest.fixture
def conda(real_conda: Conda, tmp_path: Path) -> Conda:
    """conda itself, on a machine whose installer has set conda-forge."""
    conda = real_conda.of(tmp_path / "home")
    conda.condarc("channels: [conda-forge]\ncustom_channels: {conda-forge: 'http://127.0.0.1:9'}\n")
    return conda


@pytest.fixture
def configured(shown: Project, machine: Alone, conda: Conda, tmp_path: Path) -> Iterator[Conda]:
    """The same with what `client conda` writes where ``/etc/conda/.condarc`` would be."""
    shown.run("client", "conda", "--environment", "dl", "--url", machine.url, "--output", str(tmp_path / "clients"))
    place = conda.folder / ".condarc"
    place.write_bytes((tmp_path / "clients/etc/conda/.condarc").read_bytes())
    yield conda
    place.unlink()


def check_conda(conda: Conda, machine: Alone, name: str, *urls: str) -> None:
    """Hold that just what is locked is there, that it came from one of these places, and that it runs."""
    found = conda.installed(name)
    assert found.keys() == real.NAMES
    assert found["python"].startswith("3.12.8=")
    listed = conda.run("list", "-n", name, "--explicit").stdout.splitlines()
    assert all(line.startswith(urls) for line in listed if "://" in line), listed
    assert run(*machine.prefix, *real.script(conda.home / "envs" / name)).stdout.split()[1] == "True"


@pytest.mark.lengthy
def test_conda_itself_installs_an_environment_from_its_own_channel(
    shown: Project, machine: Alone, conda: Conda
) -> None:
    """From a server and from a disk: the packages lie beside the index, since conda follows no relative base_url."""
    for name, url in (("dl", machine.url), ("disk", shown.site.as_uri())):
        channel = f"{url}/environments/dl/conda"
        conda.run("create", "-n", name, "--override-channels", "-c", channel, *real.SPECS, within=machine.prefix)
        check_conda(conda, machine, name, channel)


@pytest.mark.lengthy
def test_conda_itself_installs_from_the_far_side_of_an_air_gap(shown: Project, conda: Conda, tmp_path: Path) -> None:
    """Which has another address, and never saw the channel."""
    bundle = tmp_path / "one.tar"
    shown.run("bundle", "export", str(bundle), "--since", "0")
    far = Far(tmp_path / "far", shown.site / "keys/site.asc").init()
    assert far.take(bundle)["imported"]
    far.run("publish")
    with Alone(far.base) as there:
        channel = f"{there.url}/environments/dl/conda"
        conda.run("create", "-n", "dl", "--override-channels", "-c", channel, *real.SPECS, within=there.prefix)
        check_conda(conda, there, "dl", channel)


@pytest.mark.lengthy
def test_conda_itself_finds_mirrored_channels_by_name_and_by_url(
    shown: Project, machine: Alone, configured: Conda
) -> None:
    """The names and URLs that people and their files have; what an installer had set is overruled."""
    for number, channel in enumerate(((), ("-c", NAME), ("-c", f"{ALIAS}{NAME}"), ("-c", "defaults"))):
        configured.run("create", "-n", f"dl{number}", *channel, *real.SPECS, within=machine.prefix)
        check_conda(configured, machine, f"dl{number}", f"{machine.url}/")
    only = ("--override-channels", "-c", upstream(shown))
    configured.run("create", "-n", "old", *only, *real.SPECS, within=machine.prefix)
    check_conda(configured, machine, "old", f"{machine.url}/conda/{NAME}/")


@pytest.mark.lengthy
def test_conda_itself_finds_a_channel_that_the_site_calls_otherwise(machine: Alone, conda: Conda) -> None:
    """An upstream that is not called as its channel."""
    alias = f"{machine.url}/conda"
    seen = Seen("acme", machine.url, alias, (f"{alias}/main",), {"https://vendor.example/pub/forge": NAME})
    (text,) = conda_files(seen).values()
    (place := conda.folder / ".condarc").write_bytes(text)
    try:
        conda.run("create", "-n", "dl", "--override-channels", "-c", "pub/forge", *real.SPECS, within=machine.prefix)
    finally:
        place.unlink()
    check_conda(conda, machine, "dl", f"{alias}/{NAME}/")


@pytest.mark.lengthy
def test_conda_itself_takes_lock_files_that_exist(
    shown: Project, machine: Alone, configured: Conda, tmp_path: Path
) -> None:
    """Made of conda-forge elsewhere: explicit files and conda-lock.yml name URLs, which conda takes as they are."""
    files = {one.name: one for one in (shown.site / f"conda/{NAME}").rglob("*.conda")}
    assert len(files) >= len(real.NAMES)
    lines = [
        f"https://conda.anaconda.org/{NAME}/{one.parent.name}/{name}"
        for name, one in files.items()
        if "3.13" not in name
    ]
    (old := tmp_path / "old.txt").write_text("\n".join(["@EXPLICIT", *lines, ""]))
    with pytest.raises(ToolError, match=r"conda\.anaconda\.org"):
        configured.run("create", "-n", "no", "--file", old, within=machine.prefix)
    run("sed", "-i", f"s,{ALIAS},{machine.url}/conda/,", old)
    configured.run("create", "-n", "dl", "--file", old, within=machine.prefix)
    check_conda(configured, machine, "dl", f"{machine.url}/conda/{NAME}/")


@pytest.mark.lengthy
def test_conda_lock_itself_takes_a_lock_that_exists(machine: Alone, configured: Conda, tmp_path: Path) -> None:
    """The URLs of the site in place of conda-forge's; ``conda-lock install`` takes them as they are, too."""
    (wanted := tmp_path / "environment.yml").write_text(
        f"channels: [{NAME}]\ndependencies: {json.dumps([*real.SPECS, 'pip'])}\nplatforms: [linux-64]\n"
    )
    configured.lock(wanted, within=machine.prefix)
    made = (tmp_path / "conda-lock.yml").read_text()
    (old := tmp_path / "conda-lock.yml").write_text(made.replace(f"{machine.url}/conda/", ALIAS))
    assert old.read_text().count(f"url: {ALIAS}{NAME}/") == len(real.NAMES)
    run("sed", "-i", f"s,{ALIAS},{machine.url}/conda/,", old)
    configured.install(old, "dl", within=machine.prefix)
    check_conda(configured, machine, "dl", f"{machine.url}/conda/{NAME}/")


def test_places_that_have_the_same_channel_lead_to_the_site(shown: Project, tmp_path: Path) -> None:
    """Those that `mirrors` of the upstream names: lock files that were made of them install as well."""
    before = shown.toml.read_text()
    (line,) = (one for one in before.splitlines() if one.startswith("url = "))
    shown.toml.write_text(before.replace(line, f'{line}\nmirrors = ["https://prefix.example/{NAME}/"]'))
    try:
        for tool in ("conda", "pixi"):
            shown.run("client", tool, "--url", "https://packages.example/", "--output", str(tmp_path))
    finally:
        shown.toml.write_text(before)
    text = (tmp_path / "etc/conda/.condarc").read_text()
    assert "https://prefix.example" in yaml.safe_load(text)["migrated_channel_aliases"]
    mirrors = tomllib.loads((tmp_path / "etc/pixi/config.toml").read_text())["mirrors"]
    assert mirrors[f"https://prefix.example/{NAME}"] == [f"https://packages.example/conda/{NAME}"]


def test_mambas_configuration_is_the_only_one_it_reads(shown: Project, tmp_path: Path) -> None:
    """mamba and micromamba are on no package index: what is written is read as YAML and by a shell."""
    shown.run("client", "mamba", "--url", "https://packages.example/", "--output", str(tmp_path))
    found = yaml.safe_load((tmp_path / "etc/conda/.mambarc").read_text())
    channels = ["https://packages.example/conda/main"]
    assert found["channels"] == found["default_channels"] == channels
    assert (found["channel_alias"], found["channel_priority"]) == ("https://packages.example/conda", "strict")
    assert found["mirrored_channels"] == {NAME: [f"https://packages.example/conda/{NAME}"]}
    (profile,) = (tmp_path / "etc/profile.d").iterdir()
    assert run("sh", "-c", f". {profile}; echo $MAMBARC").stdout == "/etc/conda/.mambarc\n"


def test_an_environment_that_is_not_there(shown: Project, tmp_path: Path) -> None:
    argv = ("client", "pixi", "--environment", "gone", "--url", "https://packages.example/", "--output", str(tmp_path))
    done = shown.fail(3, *argv)
    assert "has no environment 'gone'" in done.error
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
