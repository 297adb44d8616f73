"""The Dockerfile fragments, built by the real buildah: an image has cuDNN at the pinned version, or is not made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients import buildah, chroot, http
from tests.clients.buildah import Buildah
from tests.clients.dnf import DnfRoot
from tests.integration.showcase import exported, showcase  # noqa: F401 - a fixture
from tests.integration.world import Project

_WHY_NOT = chroot.why_not() or buildah.why_not()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("debian"),
    pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT),
]


@pytest.fixture(scope="module")
def url(showcase: Project) -> Iterator[str]:  # noqa: F811
    with http.serve(showcase.site) as site:
        yield site.url


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Buildah]:
    with Buildah(tmp_path / "buildah") as one:
        yield one


def fragment(project: Project, form: str, url: str, folder: Path) -> str:
    return exported(project, form, url, folder, "--cuda", "11.1").read_text()


@pytest.mark.lengthy
def test_an_image_of_debian_gets_cudnn_at_the_pinned_version(
    showcase: Project,  # noqa: F811
    url: str,
    base: Path,
    builder: Buildah,
    tmp_path: Path,
) -> None:
    text = fragment(showcase, "dockerfile-ubuntu", url, tmp_path)
    debian = builder.image(base, "debian")
    builder.build(f"FROM {debian}\n{text}", "with-cudnn")
    installed = builder.inside("with-cudnn", "dpkg-query", "-W", "-f", "${Package} ${Version} ${Status}\n", "libcudnn*")
    assert installed.splitlines() == [
        f"{name} 8.0.5.39-1+cuda11.1 install ok installed" for name in ("libcudnn8", "libcudnn8-dev")
    ]
    assert "libcudnn.so.8 " in builder.inside("with-cudnn", "ldconfig", "-p")
    assert "1001" in builder.inside("with-cudnn", "cat", "/etc/apt/preferences.d/acme-locked.pref")
    other_key = re.sub(r"(?<=echo )[0-9a-f]{64}", "0" * 64, text)
    done = builder.build(f"FROM {debian}\n{other_key}", "refused", check=False)
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr


@pytest.mark.lengthy
def test_an_image_with_dnf_gets_cudnn_at_the_pinned_version(
    showcase: Project,  # noqa: F811
    url: str,
    builder: Buildah,
    tmp_path: Path,
) -> None:
    """The image is Debian with dnf and its versionlock plugin: no RHEL can be made here, but it is the same dnf."""
    try:
        tar = chroot.make_base(tmp_path, "dnf", "dnf-plugins-core")
    except chroot.NoBaseError as error:
        pytest.skip(str(error))
    text = fragment(showcase, "dockerfile-rhel", url, tmp_path)
    distribution = DnfRoot(tmp_path / "dnf")
    distribution.provide("libc.so.6()(64bit)")
    (distribution.path / "distribution").rename(builder.folder / "context" / "distribution")
    repo = "[distribution]\\nname=distribution\\nbaseurl=file:///distribution\\ngpgcheck=0\\n"
    image = builder.image(tar, "with-dnf")
    prepared = f"FROM {image}\nADD distribution /distribution\nRUN mkdir -p /etc/yum.repos.d /etc/pki/rpm-gpg && "
    prepared += f"printf '{repo}' > /etc/yum.repos.d/distribution.repo && "
    prepared += "printf '[main]\\nenabled=0\\n' > /etc/dnf/plugins/local.conf\n"  # a plugin RHEL does not switch on
    builder.build(prepared + text, "with-cudnn")
    asked = ("repoquery", "--installed", "--qf", "%{name} %{version}-%{release}", "libcudnn8")
    there = builder.inside("with-cudnn", "dnf", "-q", "--disablerepo=*", *asked)
    assert there.split() == ["libcudnn8", "8.0.5.39-1.cuda11.1"]
    locked = builder.inside("with-cudnn", "dnf", "-q", "--disablerepo=*", "versionlock", "list")
    assert "libcudnn8-0:8.0.5.39-1.cuda11.1" in locked
