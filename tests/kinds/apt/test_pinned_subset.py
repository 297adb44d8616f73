"""A pinned subset as a client meets it: meta packages, virtual packages, the boundary, names from several pins."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import APT, Project
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.clients.http import serve

NINE = "9.12.0.46-1"


@pytest.fixture
def nine(nvidia: Nvidia, tmp_path: Path) -> Nvidia:
    """NVIDIA with cuDNN 9 for CUDA 12 and 13: runtimes that provide one name, chains of meta packages, and libc6."""
    folder = tmp_path / "nine"
    folder.mkdir()
    debs = [simple_deb("libc6", "9.99"), simple_deb("libgcc-s1", "9.99")]
    for cuda in ("12", "13"):
        runtime, development = f"libcudnn9-cuda-{cuda}", f"libcudnn9-dev-cuda-{cuda}"
        debs += [
            simple_deb(f"cudnn9-cuda-{cuda}", "9.12.0-1", Depends=f"{development} (>= 9.12.0.46)"),
            simple_deb(development, NINE, Depends=f"{runtime} (= {NINE})"),
            simple_deb(runtime, NINE, Provides="libcudnn9", Depends="libc6 (>= 2.17), libgcc-s1 (>= 3.0), zlib1g"),
        ]
    debs += [simple_deb("app", "1.0", Depends="libcudnn9, libc6"), simple_deb("cudnn9", "9.12.0-1", "all")]
    nvidia.repo.add(*(write_deb(one, folder) for one in debs))
    nvidia.repo.publish()
    return nvidia


def want(project: Project, nvidia: Nvidia, *packages: str, **pin: object) -> None:
    project.add(
        "upstream", name=APT, type="apt", url=nvidia.apt_url, keys=[nvidia.key.fingerprint],
        keyrings=[str(nvidia.key_file)], boundary=["libc6", "lib*gcc*"],
    )  # fmt: skip
    project.add("pin", upstream=APT, packages=list(packages), **pin)


def locked_names(project: Project) -> list[str]:
    return sorted(one["name"] for one in tomllib.loads(project.lock.read_text())["artifact"])


def test_a_subset_with_a_boundary_installs_beside_the_distribution(
    project: Project, nine: Nvidia, site_key: SiteKey, tmp_path: Path
) -> None:
    want(project, nine, "app", "cudnn9-cuda-12")
    report = project.run("lock").out
    lacking = ["libc6", "libc6 (>= 2.17)", "libgcc-s1 (>= 3.0)", "zlib1g"]
    assert f"the distribution must provide: {', '.join(lacking)}" in report
    assert tomllib.loads(project.lock.read_text())["upstream"][0]["external"] == lacking
    assert locked_names(project) == ["app", "cudnn9-cuda-12", "libcudnn9-cuda-12", "libcudnn9-dev-cuda-12"]
    project.run("sync")
    project.run("publish")
    distribution = FlatRepo(tmp_path / "distribution", nine.keys, nine.key)
    (tmp_path / "own").mkdir()
    own = [simple_deb(name, "2.36") for name in ("libc6", "zlib1g")] + [simple_deb("libgcc-s1", "12")]
    distribution.add(*(write_deb(one, tmp_path / "own") for one in own))
    distribution.publish()
    root = AptRoot(tmp_path / "root")
    with serve(project.site) as site, serve(distribution.folder) as distro:
        root.add_source(f"{site.url}/apt/{APT}/", site_key.keyring)
        root.add_source(f"{distro.url}/", nine.keyring, name="distribution")
        root.update()
        root.install("app", "cudnn9-cuda-12")
    assert root.version("libcudnn9-cuda-12") == NINE
    assert root.version("libc6") == "2.36", "the site has none: the distribution's is taken"


def test_a_cuda_variant_with_globs_takes_a_whole_family(project: Project, nine: Nvidia) -> None:
    want(project, nine, "*cudnn9*", cuda="13")
    project.run("lock")
    assert locked_names(project) == ["cudnn9-cuda-13", "libcudnn9-cuda-13", "libcudnn9-dev-cuda-13"]


def test_a_cuda_variant_is_told_by_the_version_too(project: Project, nine: Nvidia) -> None:
    want(project, nine, "libcudnn8*", cuda="10.2")
    project.run("lock")
    artifacts = tomllib.loads(project.lock.read_text())["artifact"]
    assert {one["version"] for one in artifacts} == {"8.0.5.39-1+cuda10.2"}
    assert locked_names(project) == ["libcudnn8", "libcudnn8-dev", "libcudnn8-samples"]


def test_a_variant_that_is_not_there_is_said(project: Project, nine: Nvidia) -> None:
    want(project, nine, "libcudnn8", cuda="12.9")
    done = project.fail(6, "lock")
    assert "pin 'libcudnn8 (CUDA 12.9)' matches nothing" in done.error
    assert "8.0.5.39-1+cuda11.1" in done.hint


def test_the_virtual_name_is_answered_with_its_providers(project: Project, nine: Nvidia) -> None:
    want(project, nine, "libcudnn9")
    assert "libcudnn9-cuda-12, libcudnn9-cuda-13" in project.fail(6, "lock").hint


def test_published_stanzas_keep_the_order_of_the_upstream(project: Project, nine: Nvidia) -> None:
    want(project, nine, "app", "cudnn9-cuda-13", "libcudnn8")
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    text = (project.site / f"apt/{APT}/Packages").read_text()
    ours = [line for line in text.splitlines() if line.startswith("Package: ")]
    theirs = [one.splitlines()[0] for one in nine.repo.stanzas]
    assert ours == [one for one in dict.fromkeys(theirs) if one in ours]
    assert "Label: NVIDIA CUDA" in (project.site / f"apt/{APT}/Release").read_text()
    assert "Origin: NVIDIA" in (project.site / f"apt/{APT}/Release").read_text()
