"""Every command block of README and docs is run by some test: marked ones by test_docs, the others here, where NVIDIA
is on loopback, ``https://packages.example/`` is the site just published, and what would change this machine is
a stand-in that notes its arguments. What needs more than that names the test that does it for real.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator.nvidia import Artifacts, Nvidia
from simulator.process import clean_env, run
from simulator.yum import Rhel, RhelArtifacts
from tests.clients import http
from tests.integration.showcase import publish
from tests.integration.world import Project

import cudepot

TOP = Path(__file__).parent.parent.parent
_BLOCK = re.compile(r"(<!-- run -->\n+)?```sh\n(.*?)```", re.DOTALL)
_ELSEWHERE = {
    ("README.md", "scripts/demo"): "tests/integration/test_main_job.py",
    ("README.md", "python3 -m venv"): "tests/cli/test_command.py",
    ("README.md", "cudepot init --label acme --distribution"): "tests/integration/test_few_commands.py",
    ("README.md", "cudepot add"): "tests/workflows/test_add.py",
    ("README.md", "cudepot build"): "tests/workflows/test_build_files.py",
    ("CONTRIBUTING.md", "scripts/test"): ".ci/run",
    ("docs/channels.md", ""): "tests/workflows/test_channels.py",
    ("docs/closed-machines.md", ""): "tests/environments/test_closed_guide.py",
    ("docs/airgap.md", "mkdir -p medium\n"): "tests/integration/test_conda_guide.py",
    ("docs/airgap.md", "cudepot init -C far"): "tests/integration/test_conda_guide.py",
    ("docs/airgap.md", "cudepot client conda"): "tests/integration/test_conda_guide.py",
    ("docs/airgap.md", "cudepot kit requirements"): "tests/workflows/test_kit.py",
    ("docs/conda-offline.md", ""): "tests/integration/test_conda_guide.py",
    ("docs/cross.md", "cudepot samples build"): "tests/workflows/test_samples.py",
    ("docs/doctor.md", "cudepot doctor"): "tests/workflows/test_doctor_run.py",
    ("docs/edges.md", ""): "tests/workflows/test_edges.py",
    ("docs/performance.md", "scripts/bench"): "tests/bench/test_programs.py",
    ("docs/export.md", "cudepot export --environment"): "tests/kinds/wheels/test_environment_published.py",
    ("docs/inputs.md", "cudepot build"): "tests/workflows/test_build_files.py",
    ("docs/nvidia-guide.md", ""): "tests/integration/test_nvidia_guide.py",
    ("docs/operate.md", "cudepot backup"): "tests/workflows/test_backup.py",
    ("docs/operate.md", "cudepot restore"): "tests/workflows/test_backup.py",
    ("docs/packages.md", "mkdir -p in && cp"): "tests/builders/test_by_command.py",
    ("docs/pytorch.md", ""): "tests/integration/test_pytorch_guide.py",
    ("docs/python.md", ""): "tests/integration/test_python_tools.py",
    ("docs/quickstart.md", "pip install '.[serve]'"): "tests/integration/test_site_servers.py",
    ("docs/stacks.md", ""): "tests/workflows/test_stack_world.py",
    ("docs/yum.md", "cat /etc/dnf/acme-excludes.conf"): "tests/integration/test_yum_site.py",
    ("docs/sites.md", "pip install '.[serve]'"): "tests/integration/test_site_servers.py",
}
"""Page and how the block begins → the file that does the same for real."""
_STAND_INS = (
    "conda", "pip", "uv", "apt-get", "apt-cache", "dpkg", "dnf", "update-alternatives", "rattler-build",
)  # fmt: skip
_CURL = """\
#!/bin/sh
# the site is where this test serves it; of other hosts only keys are asked for
for one do
    shift
    case $one in
        https://packages.example/*) one={url}/${{one#https://packages.example/}} ;;
        https://*) one=file://{key} ;;
        /etc/*) one=etc/${{one#/etc/}} ;;
    esac
    set -- "$@" "$one"
done
exec {curl} "$@"
"""


@dataclass(frozen=True)
class Block:
    """A block that is not marked: its page, its place on the page, its text."""

    page: str
    number: int
    text: str

    @property
    def elsewhere(self) -> str:
        """The file that does the same for real; empty when the block is run here."""
        own = ((begin, test) for (page, begin), test in _ELSEWHERE.items() if page == self.page)
        return next((test for begin, test in own if self.text.startswith(begin)), "")


def blocks() -> list[Block]:
    """Return the unmarked blocks of all pages."""
    pages = sorted([*TOP.glob("*.md"), *TOP.glob("docs/*.md")])
    return [
        Block(str(page.relative_to(TOP)), number, text)
        for page in pages
        for number, (marked, text) in enumerate(_BLOCK.findall(page.read_text()))
        if not marked
    ]


HERE = [one for one in blocks() if not one.elsewhere]


def test_what_is_run_elsewhere_is_there() -> None:
    found = {one.elsewhere for one in blocks()} - {""}
    assert found == set(_ELSEWHERE.values()), "no entry is left of a block that is gone"
    assert all((TOP / one).exists() for one in found)
    assert len(HERE) > 25


@dataclass(frozen=True)
class World:
    """The project of all blocks, its environment, and what the stand-ins noted."""

    project: Project
    env: dict[str, str]
    noted: Path

    def run(self, one: Block) -> int:
        """Run a block, in the project folder or where its page says; return its exit status."""
        folder = self.project.folder / "copy" if one.page == "docs/formats.md" else self.project.folder
        text = adapted(one.text, self.project)
        return run("sh", "-eu", "-c", text, env=self.env, cwd=folder, check=False).returncode


@pytest.fixture(scope="module")
def world(
    nvidia_artifacts: Artifacts, rhel_artifacts: RhelArtifacts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    base = tmp_path_factory.mktemp("blocks")
    project = Project(base / "project")
    with Nvidia(nvidia_artifacts, base / "upstream") as nvidia, Rhel(rhel_artifacts, base / "yum") as rhel:
        publish(project, nvidia, rhel)
        project.append('\n[[pin]]\nupstream = "wheels"\npackages = ["nvidia-cublas-cu10"]\n')
        for verb in ("lock", "sync", "publish"):  # the second snapshot
            project.cudepot(verb)
        _lay_out(project, nvidia)
        with http.serve(project.folder / "site/current") as site:
            yield World(project, _environment(base, site.url, nvidia), base / "noted")


def _lay_out(project: Project, nvidia: Nvidia) -> None:
    """Put files where blocks take them to be: in the folder one works in."""
    for one in (*nvidia.built().debs, *nvidia.downloads.glob("*.tgz")):
        shutil.copy(one, project.folder)
    for one in (project.site / "conda/main").iterdir():
        (shutil.copytree if one.is_dir() else shutil.copy)(one, project.folder / one.name)
    shutil.copytree(project.site, project.folder / "copy")
    shutil.copy(project.key, project.folder / "copy/acme.gpg")
    for one in ("etc/apt/keyrings", "etc/apt/sources.list.d", "etc/apt/preferences.d", "Downloads"):
        (project.folder / one).mkdir(parents=True)
    shutil.copy(nvidia.built().archive, project.folder / "Downloads")


def _environment(base: Path, url: str, nvidia: Nvidia) -> dict[str, str]:
    folder = base / "bin"
    folder.mkdir()
    scripts = {one: f'#!/bin/sh\nprintf "%s\\n" "{one} $*" >> {base}/noted\n' for one in _STAND_INS}
    scripts["cudepot"] = f'#!/bin/sh\nexec {sys.executable} -m cudepot.cli.main "$@"\n'
    scripts["curl"] = _CURL.format(url=url, key=nvidia.key_file, curl=shutil.which("curl"))
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    env = clean_env(HOME=str(base / "project"), PYTHONPATH=str(Path(cudepot.__file__).parent.parent))
    return env | {"PATH": f"{folder}:{env['PATH']}"}


def adapted(text: str, project: Project) -> str:
    """Return a block with the names of this world: its snapshots, its package, its /etc."""
    package = next((project.site / "conda/main/linux-64").glob("cudnn-8.0.5.39-cuda11.1*.conda"))
    text = re.sub(r"(?<=verify )cudnn-\S+\.conda", str(package), text)
    return re.sub(r"(?<![\w/])/etc/", "etc/", text).replace(" 41", " 1").replace(" 42", " 2")


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({one.page for one in HERE}))
def test_blocks_run(page: str, world: World) -> None:
    for one in HERE:
        if one.page == page:
            # `identify`: the stand-ins' names are NVIDIA's, not the bytes
            expected = {"docs/inputs.md": 5}.get(page, 0)
            assert world.run(one) == expected, one


@pytest.mark.slow
def test_what_blocks_install_is_on_the_site(world: World) -> None:
    """The versions in README and quickstart are those of the pins in them."""
    for one in HERE:
        if one.page in ("README.md", "docs/quickstart.md") and one.text.startswith(("conda", "pip")):
            assert world.run(one) == 0
    noted = world.noted.read_text()
    channels = "--override-channels -c https://packages.example/conda/main -c conda-forge"
    assert f"conda create -n dl {channels} cudnn=8.0.5.39\n" in noted
    assert list((world.project.site / "conda/main/linux-64").glob("cudnn-8.0.5.39-*.conda"))
    assert "pip install --index-url https://packages.example/simple/ nvidia-cudnn-cu11==8.0.5.39\n" in noted
    assert list((world.project.site / "wheels").glob("nvidia_cudnn_cu11-8.0.5.39+acme.1-*.whl"))
    said = "".join(one.text for one in HERE if one.page == "docs/quickstart.md")
    specs = re.findall(r"(?<=[ \n])(libcudnn8[a-z-]*)=8\.0\.5\.39-1\+cuda11\.1", said)
    assert specs
    for spec in specs:
        assert (world.project.site / f"apt/ubuntu2004/x86_64/{spec}_8.0.5.39-1+cuda11.1_amd64.deb").exists()
