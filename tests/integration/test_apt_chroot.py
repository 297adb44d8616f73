"""cuDNN 7 and 8 on a real Debian: debootstrap's, with its own dpkg, shell, ldconfig and update-alternatives.

Clients are configured with the files of ``cudepot client apt`` as they are: nothing is adapted for the test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.nvidia import Artifacts, Nvidia
from simulator.project import APT, Project
from tests.both_majors import EIGHT, NEWER, SEVEN, both_majors
from tests.clients import http
from tests.clients.chroot import Chroot, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.lengthy,
    pytest.mark.xdist_group("debian"),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]
TRIPLET = "x86_64-linux-gnu"


@pytest.fixture(scope="module")
def nvidia(nvidia_artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nvidia]:
    with Nvidia(nvidia_artifacts, tmp_path_factory.mktemp("upstream")) as one:
        yield one


@pytest.fixture(scope="module")
def project(nvidia: Nvidia, site_key_master: tuple[KeyHome, Key], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A site with all the versions; the one test that changes what it pins changes it back."""
    home, key = site_key_master
    made = Project(tmp_path_factory.mktemp("chroot") / "project", key=key.fingerprint, gnupg=home.path).init()
    return both_majors(nvidia, made)


@pytest.fixture(scope="module")
def site(project: Project) -> Iterator[http.Site]:
    """The site as a web server shows it, whichever snapshot is current."""
    with http.serve(project.base / "site") as one:
        yield one


@pytest.fixture
def debian(base: Path, project: Project, site: http.Site, tmp_path: Path) -> Chroot:
    """A Debian with the site's keyring package; what is locked is not held yet."""
    root = Chroot(base, tmp_path / "root")
    root.configure(*written(project, site))
    (root.path / "etc/apt/preferences.d/acme-locked.pref").unlink()
    root.apt_get("update")
    return root


def written(project: Project, site: http.Site) -> tuple[Path, str]:
    """Return the folder of what `cudepot client apt` writes, and the name of the keyring package in it."""
    done = json.loads(project.run("client", "apt", APT, "--url", f"{site.url}/current", "--json").out)
    return Path(done["folder"]), done["package"]


def cached(root: Chroot) -> list[str]:
    """Return the cuDNN libraries that ld.so finds, by SONAME, after what the packages' triggers did."""
    return [line.split()[0] for line in root.run("ldconfig", "-p").stdout.splitlines() if "libcudnn.so" in line]


def linked(root: Chroot) -> tuple[str, str]:
    """Return where the developers' header and library lead, by the links in /usr that compilers follow."""
    return root.real("/usr/include/cudnn.h"), root.real(f"/usr/lib/{TRIPLET}/libcudnn.so")


def major(header: int, library: str) -> tuple[str, str]:
    return f"/usr/include/{TRIPLET}/cudnn_v{header}.h", f"/usr/lib/{TRIPLET}/libcudnn.so.{library}"


def test_8_beside_7_and_alternatives_switch(debian: Chroot) -> None:
    debian.apt_get("install", "libcudnn7-dev")
    assert linked(debian) == major(7, "7.6.5")
    assert "libcudnn.so.7" in cached(debian)
    debian.apt_get("install", f"libcudnn8-dev={EIGHT}", f"libcudnn8={EIGHT}")
    assert [debian.installed(f"libcudnn{one}-dev") for one in (7, 8)] == [SEVEN, EIGHT]
    assert {"libcudnn.so.7", "libcudnn.so.8"} <= set(cached(debian))
    assert linked(debian) == major(8, "8.0.5"), "the newer one has the higher priority"
    debian.run("update-alternatives", "--set", "libcudnn", major(7, "")[0])
    assert linked(debian) == major(7, "7.6.5")
    assert "#define CUDNN_MAJOR 7" in debian.reads("/usr/include/cudnn.h")
    assert "manual" in debian.run("update-alternatives", "--query", "libcudnn").stdout
    debian.run("update-alternatives", "--auto", "libcudnn")
    assert linked(debian) == major(8, "8.0.5")
    debian.apt_get("remove", "libcudnn8-dev")
    assert linked(debian) == major(7, "7.6.5"), "what is left takes over"


def test_8_in_place_of_7_and_upgraded(debian: Chroot) -> None:
    debian.apt_get("install", "libcudnn7-dev")
    debian.apt_get("install", f"libcudnn8-dev={EIGHT}", f"libcudnn8={EIGHT}", "libcudnn7-dev-", "libcudnn7-")
    assert [debian.installed(one) for one in ("libcudnn7", "libcudnn8")] == ["", EIGHT]
    assert linked(debian) == major(8, "8.0.5")
    debian.apt_get("upgrade")
    assert [debian.installed(one) for one in ("libcudnn8", "libcudnn8-dev")] == [NEWER, NEWER]
    assert linked(debian) == major(8, "8.9.7")


def test_ld_so_forgets_7_where_8_took_its_place(debian: Chroot) -> None:
    debian.apt_get("install", "libcudnn7-dev")
    debian.a_second_later()
    debian.apt_get("install", f"libcudnn8-dev={EIGHT}", f"libcudnn8={EIGHT}", "libcudnn7-dev-", "libcudnn7-")
    assert "libcudnn.so.7" not in cached(debian)
    assert not (debian.path / f"usr/lib/{TRIPLET}/libcudnn.so.7").is_symlink()


def test_down_to_what_is_locked(debian: Chroot, project: Project, site: http.Site) -> None:
    debian.apt_get("install", "libcudnn8-dev")
    assert debian.installed("libcudnn8") == NEWER
    everything = list(project.sections)
    project.sections = [one for one in everything if '"11.8"' not in one]
    project.write()
    project.publish()
    debian.configure(*written(project, site))
    debian.apt_get("update")
    policy = debian.run("apt-cache", "policy", "libcudnn8").stdout
    assert f"Candidate: {EIGHT}" in policy
    assert f"{EIGHT} 1001" in policy, "the priority of the pin"
    assert f" *** {NEWER} -1" in policy
    debian.apt_get("dist-upgrade", "--allow-downgrades")
    assert [debian.installed(one) for one in ("libcudnn8", "libcudnn8-dev")] == [EIGHT, EIGHT]
    assert linked(debian) == major(8, "8.0.5")
    project.sections = everything
    project.write()
    project.publish()
    debian.apt_get("update")
    debian.apt_get("dist-upgrade")
    assert debian.installed("libcudnn8") == EIGHT, "held, though the site has the newer one again"


def test_arm64_as_a_foreign_architecture(debian: Chroot) -> None:
    debian.run("dpkg", "--add-architecture", "arm64")
    debian.apt_get("update")
    debian.apt_get("install", f"libcudnn8-dev:arm64={EIGHT}", "libcudnn7")
    assert debian.installed("libcudnn8:arm64") == EIGHT
    assert debian.installed("libcudnn7") == SEVEN
    assert debian.real("/usr/include/cudnn.h") == "/usr/include/aarch64-linux-gnu/cudnn_v8.h"
    library = debian.path / debian.real("/usr/lib/aarch64-linux-gnu/libcudnn.so").lstrip("/")
    assert library.read_bytes()[18:20] == b"\xb7\x00", "EM_AARCH64"
    assert debian.run("dpkg", "--audit").stdout == ""
