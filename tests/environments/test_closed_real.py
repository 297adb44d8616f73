"""Bare machines from the site alone, on the real archive that this machine's apt is configured for.

A third party's repository stands beside it, NVIDIA's in small, whose meta package crosses into the distribution.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.cuda_debs import Component, write_component_debs
from simulator.debs import simple_deb, write_deb
from simulator.keys import Key, KeyHome
from simulator.process import clean_env, run
from tests.clients import chroot
from tests.clients.alone import Alone
from tests.clients.alone import why_not as no_network_namespace
from tests.clients.apt import AptRoot, host_debian_suites
from tests.environments.test_closed_guide import Guide, blocks, upstream_text

pytestmark = pytest.mark.lengthy
WANTED = ("cuda-toolkit-12-6", "linux-headers-amd64", "build-essential")


def why_not() -> str:
    """Return what keeps this machine from the whole of it; empty when nothing does."""
    if missing := chroot.why_not() or no_network_namespace():
        return missing
    if shutil.which("mmdebstrap") is None:
        return "mmdebstrap is not installed"
    there = {"bookworm", "bookworm-updates", "bookworm-security"}
    return "" if there <= host_debian_suites().keys() else "apt on this machine is not configured for Debian 12"


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory, upstream_key: tuple[KeyHome, Key]) -> Guide:
    """The page followed until the site shows the real thing."""
    if missing := why_not():
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("real")
    said = {f"debian/{suite}": _of_host(suite, url) for suite, url in host_debian_suites().items()}
    found = Guide(_made(folder / "acme"), {**said, "nvidia/debian12/x86_64": _vendor(folder, *upstream_key)})
    for title in ("1. Name the repositories", "2. Say what the machines install", "3. Fetch and publish"):
        found.follow(title)
    return found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _of_host(suite: str, url: str) -> str:
    machines = 'architectures = ["amd64", "arm64"]\ncomponents = ["main"]\n'
    return f'[[upstream]]\npreset = "debian/{suite}"\nurl = "{url}"\n{machines}'


def _vendor(folder: Path, home: KeyHome, key: Key) -> str:
    """Publish NVIDIA's repository in small, and return the upstream."""
    debs = _made(folder / "debs")
    repo = FlatRepo(folder / "cuda", home, key)
    for stem, version in (("libcublas", "12.6.4.1"), ("cuda-nvrtc", "12.6.85")):
        repo.add(*write_component_debs(Component(stem, version, "12.6"), debs))
    needs = "libcublas-12-6, libcublas-dev-12-6, cuda-nvrtc-12-6, g++ (>= 4:12), libtinfo6, perl"
    repo.add(write_deb(simple_deb("cuda-toolkit-12-6", "12.6.3-1", Depends=needs), debs))
    repo.publish()
    (folder / "cuda.asc").write_bytes(key.armored)
    keys = {"keys": [key.fingerprint], "keyrings": [str(folder / "cuda.asc")]}
    return upstream_text("debian12/x86_64", url=f"{(folder / 'cuda').as_uri()}/", **keys)


@pytest.fixture
def alone(guide: Guide) -> Iterator[Alone]:
    with Alone(guide.folder) as one:
        guide.site = one.url
        yield one


def _machine(guide: Guide, alone: Alone, block: int, folder: Path) -> Path:
    """Make a bare machine by a block of the page, on a network that has the site and nothing else."""
    texts = blocks()["4. A bare machine"]
    key, make = texts[0].splitlines(keepends=True)
    guide.run(key, alone.prefix)
    text = make if block == 0 else texts[block]
    guide.run(text.replace(" machine ", f" {folder} "), ("unshare", "--mount", *alone.prefix))
    return folder


def _inside(alone: Alone, root: Path, *argv: str) -> str:
    enter = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
    alone_in = (*alone.prefix, "unshare", "--mount", "--propagation", "private", "sh", "-c", enter, root)
    env = clean_env(HOME="/root", PATH="/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND="noninteractive")
    return run(*alone_in, *argv, env=env, timeout=1800).stdout


def _installed(alone: Alone, root: Path) -> set[str]:
    return set(_inside(alone, root, "dpkg-query", "-W", "-f", "${Package}=${Version}\n").split())


@pytest.mark.parametrize("block", [0, 1], ids=["mmdebstrap", "debootstrap"])
def test_a_bare_machine_is_made_and_installs_it_from_the_site_alone(
    guide: Guide, alone: Alone, block: int, tmp_path: Path
) -> None:
    root = _machine(guide, alone, block, tmp_path / "machine")
    for path in (root / "etc/apt").glob("sources.list*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    guide.run(blocks()["5. A machine that runs"][0])
    for part in ("etc", "usr"):
        shutil.copytree(guide.folder / "clients/gpu" / part, root / part, dirs_exist_ok=True)
    _inside(alone, root, "apt-get", "update", "-o", "APT::Update::Error-Mode=any")
    _inside(alone, root, "apt-get", "install", "-y", "--no-install-recommends", *WANTED)
    listed = guide.folder / "site/current/environments/gpu/apt/gpu-debian12-amd64.list"
    there = _installed(alone, root)
    assert there <= set(listed.read_text().split())
    assert {one.partition("=")[0] for one in there} >= {*WANTED, "libcublas-12-6", "g++"}
    assert " 0 newly installed" in _inside(alone, root, "apt-get", "-s", "dist-upgrade")


def test_another_architecture_is_solved_and_proved(guide: Guide, alone: Alone, tmp_path: Path) -> None:
    text = (guide.folder / "cudepot.toml").read_text()
    arm = '\n[[environment]]\nname = "arm"\ndistribution = "debian12"\narchitectures = ["arm64"]\nbootstrap = true\n'
    own = 'upstreams = ["debian/bookworm", "debian/bookworm-updates", "debian/bookworm-security"]\n'
    more = f'{arm}{own}deb = ["linux-headers-arm64", "build-essential"]\n'
    (guide.folder / "cudepot.toml").write_text(text + more)
    guide.follow("3. Fetch and publish") if guide.run("cudepot lock") else None
    root = AptRoot(tmp_path / "root", arch="arm64")
    root.add_source(f"{alone.url}/apt/", guide.folder / "site/current/keys/site.gpg", "arm", components="main")
    run(*alone.prefix, "apt-get", "update", env=root.env)
    asked = ("-s", "--no-install-recommends", "install", "linux-headers-arm64", "build-essential")
    done = run(*alone.prefix, "apt-get", *asked, env=root.env)
    chosen = {tuple(found) for found in re.findall(r"^Inst (\S+) \((\S+)", done.stdout, re.MULTILINE)}
    listed = (guide.folder / "site/current/environments/arm/apt/arm-debian12-arm64.list").read_text().split()
    assert chosen
    assert {f"{name.removesuffix(':arm64')}={version}" for name, version in chosen} <= set(listed)
