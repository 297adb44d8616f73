"""The real conda and conda-lock on a site: alone, as behind an air gap, and beside a stand-in for conda-forge."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.process import ToolError
from simulator.project import Project as Closed
from tests.clients import conda_env, http
from tests.clients.conda_real import Conda
from tests.integration.page import Browser, chosen, values
from tests.integration.showcase import showcase  # noqa: F401 - a fixture
from tests.integration.world import Project
from tests.kinds.conda.test_closed_channel import closed, downloads  # noqa: F401 - fixtures

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("conda")]


@pytest.fixture(scope="module")
def url(showcase: Project) -> Iterator[str]:  # noqa: F811
    with http.serve(showcase.site) as site:
        yield site.url


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with http.serve(conda_env.standin_channel(tmp_path_factory.mktemp("forge") / "c")) as channel:
        yield channel.url


@pytest.fixture
def conda(real_conda: Conda, tmp_path: Path) -> Conda:
    return real_conda.of(tmp_path / "home")


@pytest.mark.lengthy
def test_conda_installs_what_conda_lock_wrote(conda: Conda, url: str, forge: str, tmp_path: Path) -> None:
    """conda-lock knows packages by the MD5 of repodata: without one it writes what conda refuses."""
    environment = tmp_path / "environment.yml"
    environment.write_text(f'channels: ["{url}/conda/main", "{forge}"]\ndependencies: ["cudnn=8.0.5.39=cuda11.1_*"]\n')
    conda.lock(environment, "--kind", "explicit")
    locked = (tmp_path / "conda-linux-64.lock").read_text()
    conda.run("create", "-n", "locked", "--file", tmp_path / "conda-linux-64.lock")
    assert f"{url}/conda/main/linux-64/cudnn-8.0.5.39-cuda11.1_h" in locked
    assert conda.installed("locked")["cudnn"].startswith("8.0.5.39=cuda11.1_h")


@pytest.fixture
def miniforge(conda: Conda) -> Iterator[Conda]:
    """A conda whose installer has set conda-forge, which cannot be reached, and whose user has defaults."""
    root = conda.folder / "condarc"
    root.write_text("channels: [conda-forge]\nchannel_alias: http://127.0.0.1:9\n")
    conda.condarc("channels: [defaults]\ndefault_channels: ['http://127.0.0.1:9/main']\n")
    yield conda
    root.unlink()


@pytest.fixture
def configured(miniforge: Conda, closed: Closed, closed_url: str, tmp_path: Path) -> Iterator[Conda]:  # noqa: F811
    """The same with what `client conda` writes. It is read before the installer's file, as /etc/conda/.condarc is."""
    closed.run("client", "conda", "--url", closed_url, "--output", str(tmp_path / "clients"))
    file = miniforge.folder / ".condarc"
    file.write_bytes((tmp_path / "clients/etc/conda/.condarc").read_bytes())
    yield miniforge
    file.unlink()


@pytest.fixture(scope="module")
def closed_url(closed: Closed) -> Iterator[str]:  # noqa: F811
    with http.serve(closed.site) as site:
        yield site.url


def test_behind_an_air_gap_conda_sees_the_site_alone(configured: Conda, closed_url: str) -> None:
    configured.run("create", "-n", "dl", "cudnn", cuda="13.0")
    assert configured.installed("dl")["cudnn"].startswith("9.12.0.46=")
    configured.run("create", "-n", "named", "-c", "conda-forge", "cudnn=9.5", cuda="12.9")
    for name in ("dl", "named"):
        listed = configured.run("list", "-n", name, "--explicit").stdout
        urls = [line for line in listed.splitlines() if "://" in line]
        assert urls
        assert all(line.startswith(f"{closed_url}/conda/main/") for line in urls), urls


def test_without_a_condarc_the_documented_option_does(miniforge: Conda, closed_url: str) -> None:
    with pytest.raises(ToolError, match=r"127\.0\.0\.1:9"):
        miniforge.run("create", "-n", "no", "-c", f"{closed_url}/conda/main", "cudnn")
    miniforge.run("create", "-n", "dl", "--override-channels", "-c", f"{closed_url}/conda/main", "cudnn=9.5")
    assert miniforge.installed("dl")["cudnn"].startswith("9.5.1.17=")


def test_what_the_page_says_does_as_pasted(miniforge: Conda, closed_url: str, browser: Browser) -> None:
    """In spite of conda-forge and defaults, which are configured and out of reach."""
    chosen(browser, closed_url, {})
    version = next(one for one in values(browser, "version") if one.startswith("cuDNN 9.5"))
    command = chosen(browser, closed_url, {"version": version, "os": "Linux", "arch": "x86_64", "type": "conda"})
    assert "conda-forge" not in command
    miniforge.run(*shlex.split(command)[1:], cuda="12.9")
    assert miniforge.installed("cudnn")["cudnn"].startswith("9.5.1.17=")


def test_conda_env_create_and_conda_lock_take_the_environment_file(
    configured: Conda,
    closed: Closed,  # noqa: F811
    closed_url: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / "environment.yml"
    closed.run("export", "environment.yml", "--url", closed_url, "--only", "cudnn=9.5.1.17", "--output", str(path))
    configured.run("env", "create", "-f", path, cuda="12.9")
    assert set(configured.installed("acme")) == {"cudnn", "cuda-version", "libcublas", "cuda-nvrtc"}
    configured.lock(path, "--kind", "explicit")
    assert (tmp_path / "conda-linux-64.lock").read_text().count(f"{closed_url}/conda/main/") == 4


def test_an_older_conda_takes_the_explicit_file_with_md5(
    miniforge: Conda,
    closed: Closed,  # noqa: F811
    closed_url: str,
    tmp_path: Path,
) -> None:
    """24.7 knows no sha256 there; it asks no channel, so none of those that are set is missed."""
    path = tmp_path / "explicit.txt"
    closed.run("export", "conda-explicit-md5", "--url", closed_url, "--cuda", "13", "--output", str(path))
    miniforge.run("create", "-n", "dl", "--file", path)
    assert miniforge.installed("dl")["libcudnn"].startswith("9.12.0.46=")
