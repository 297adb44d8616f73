"""A stack from ``init`` to machines that see the site alone: real apt, and the GPU Operator's ConfigMap."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from simulator.gpu_world import KERNEL, GpuWorld
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.server import Server
from tests.clients.apt import AptRoot
from tests.clients.http import serve

STACK = ("--stack", "gpu-node", "--distribution", "debian12", "--driver", "570", "--cuda", "12.6", "--kernel", KERNEL)
PAGE = Path(__file__).parents[2] / "docs/stacks.md"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, upstream_key: tuple[KeyHome, Key]) -> Iterator[GpuWorld]:
    folder = tmp_path_factory.mktemp("gpu")
    with Server(folder) as server:
        yield GpuWorld(folder, server.url, *upstream_key)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, world: GpuWorld) -> Project:
    """Return a project as `init --stack` makes it, locked and published out of the stand-in."""
    base = tmp_path_factory.mktemp("node")
    project = Project(base, key="0" * 40, gnupg=base / "gnupg")
    project.toml.unlink()
    project.run("init", *STACK, "--label", "acme")
    project.toml.write_text(world.stands_in(project.toml.read_text()))
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    return project


def written(node: Project, folder: Path, url: str, *options: str) -> dict[str, Any]:
    node.run("client", "gpu-operator", "--environment", "gpu-node", "--url", url, "--output", str(folder), *options)
    found = yaml.safe_load((folder / "gpu-node/repo-config.yaml").read_text())
    assert isinstance(found, dict)
    return found


def test_a_stack_is_locked_and_published_over_all_its_repositories(node: Project) -> None:
    told = node.run("why", "libnvidia-container1", "--json").json
    assert "1.17.8-1" in json.dumps(told), "the toolkit's own, not the older one beside the driver"
    for name, version in {"libnvidia-ml1": "570.86.15-1", "dkms": "3.0", f"linux-image-{KERNEL}": "6.1.1"}.items():
        assert version in json.dumps(node.run("why", name, "--json").json), name


def test_the_driver_container_installs_with_the_operators_config_map(node: Project, tmp_path: Path) -> None:
    with serve(node.site) as site:
        found = written(node, tmp_path / "clients", site.url, "--empty", "cuda.list")
        assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")
        assert found["metadata"] == {"name": "repo-config", "namespace": "gpu-operator"}
        assert set(found["data"]) == {"acme.sources", "acme.asc", "cuda.list"}
        assert "trusted" not in found["data"]["acme.sources"]
        root = AptRoot(tmp_path / "container")
        mounted = root.path / "etc/apt/sources.list.d"
        for name, text in found["data"].items():
            (mounted / name).write_text(text.replace("/etc/apt/", f"{root.path}/etc/apt/"))
        root.update()
        root.install(f"linux-headers-{KERNEL}", f"linux-image-{KERNEL}", "nvidia-open-570")
        assert root.version(f"linux-headers-{KERNEL}") == "6.1.1"
        assert root.version("libnvidia-ml1") == "570.86.15-1"


def test_kubernetes_reads_it_as_what_kubectl_would_have_made(node: Project, tmp_path: Path) -> None:
    if not (kubectl := shutil.which("kubectl")):
        pytest.skip("kubectl is not installed")
    found = written(node, tmp_path, "http://depot.example", "--namespace", "gpu", "--config-map", "repos")
    for name, text in found["data"].items():
        (tmp_path / name).write_text(text)
    files = [f"--from-file={tmp_path / name}" for name in found["data"]]
    base = [kubectl, "create", "configmap", "repos", "-n", "gpu", "--dry-run=client", "-o", "json", *files]
    theirs = json.loads(subprocess.run(base, capture_output=True, check=True, text=True).stdout)
    assert {key: theirs[key] for key in ("apiVersion", "kind", "data")} == {
        key: found[key] for key in ("apiVersion", "kind", "data")
    }
    assert theirs["metadata"]["name"] == found["metadata"]["name"]
    assert theirs["metadata"]["namespace"] == found["metadata"]["namespace"]
    values = yaml.safe_load((tmp_path / "gpu-node/values.yaml").read_text())
    assert values == {"driver": {"repoConfig": {"configMapName": "repos"}}}


def test_the_page_is_right_as_it_stands(node: Project) -> None:
    blocks = re.findall(r"(<!-- run -->\n)?```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (made,) = [text for marked, text in blocks if marked and "--stack" in text]
    assert shlex.split(made.replace("\\\n", ""))[4:] == list(STACK), "the project of these tests is that of the page"
    commands = "".join(text for marked, text in blocks if not marked)
    cudepot = f'cudepot() {{ {shlex.quote(sys.executable)} -m cudepot.cli.main "$@"; }}\n'
    done = subprocess.run(
        ["sh", "-ec", cudepot + commands], cwd=node.base, env=node.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = {path.name for path in (node.base / "clients/gpu-node").rglob("*") if path.is_file()}
    assert {"repo-config.yaml", "values.yaml", "acme.sources", "acme-environment.pref"} <= written


def test_names_that_are_none_are_refused(node: Project, tmp_path: Path) -> None:
    base = ("client", "gpu-operator", "--url", "http://x/", "--output", str(tmp_path), "--environment")
    assert "no environment 'gpu'" in node.fail(3, *base, "gpu").error
    assert "not a Kubernetes name" in node.fail(3, *base, "gpu-node", "--namespace", "GPU_Operator").error
    assert "not a file name" in node.fail(3, *base, "gpu-node", "--empty", "../x").error
    assert not list(tmp_path.iterdir())
