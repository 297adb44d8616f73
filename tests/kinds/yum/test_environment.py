"""Environments of rpms: locked over several repositories as dnf itself would choose, published, proved, installed."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from simulator.el import NAMES, El, ElArtifacts
from simulator.process import clean_env
from simulator.project import Project
from tests.clients.dnf import DnfRoot
from tests.isolation import isolated

_ASK = Path(__file__).parents[2] / "clients/dnf_ask.py"
Chosen = set[str]
"""``UPSTREAM NEVRA`` of packages."""


@pytest.fixture(scope="session")
def el_artifacts(tmp_path_factory: pytest.TempPathFactory) -> ElArtifacts:
    return ElArtifacts(tmp_path_factory.mktemp("el"))


@pytest.fixture
def el(el_artifacts: ElArtifacts, tmp_path: Path) -> Iterator[El]:
    with El(el_artifacts, _made(tmp_path / "upstream")) as one:
        yield one


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def add_el(project: Project, el: El) -> None:
    """Add its repositories as upstreams."""
    for name in NAMES:
        project.add(
            "upstream", name=name, type="yum", url=el.url(name), keys=[el.key.fingerprint], keyrings=[str(el.key_file)]
        )


def add_environment(project: Project, *rpms: str, name: str = "node", **more: object) -> None:
    """Add an environment of its packages."""
    project.add("environment", name=name, distribution="rocky9", rpm=list(rpms), **more)


def locked(project: Project, name: str = "node") -> Chosen:
    """Return what the targets of an environment have."""
    lock = tomllib.loads(project.lock.read_text())
    files = {(one["upstream"], one["filename"]): one for one in lock["artifact"]}
    targets = [target for one in lock["environment"] if one["name"] == name for target in one["target"]]
    return {_called(files, each) for one in targets for each in one["members"]}


def _called(files: Mapping[tuple[str, str], Mapping[str, str]], member: str) -> str:
    upstream, _, filename = member.rpartition("/")
    one = files[upstream, filename]
    return f"{upstream} {one['name']}-{one['version']}.{one['architecture']}"


def asks_dnf(el: El, folder: Path, asked: Sequence[Mapping[str, Any]]) -> list[Chosen | str]:
    """Return what dnf would install with all repositories there, or why it would not, for each question."""
    questions = []
    for one in asked:
        known = one.get("repositories", {})
        repositories = [{"name": _id(name), "url": el.url(name), **known.get(name, {})} for name in NAMES]
        questions.append({**one, "repositories": repositories})
    done = subprocess.run(
        ["/usr/bin/python3", "-I", str(_ASK)], input=json.dumps([str(folder / "dnf"), questions]),
        capture_output=True, text=True, check=False, env=clean_env(HOME=str(folder)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    by_id = {_id(name): name for name in NAMES}
    return [_read(one, by_id) for one in json.loads(done.stdout)]


def _id(name: str) -> str:
    return name.replace("/", "-")


def _read(found: Mapping[str, Any], by_id: Mapping[str, str]) -> Chosen | str:
    if "error" in found:
        return str(found["error"])
    parts = (text.split(" ", 1) for text in found["packages"])
    return {f"{by_id[repo]} {nevra}" for repo, nevra in parts}


ASKED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "rich": (["plugin", "viewer"], {}),
    "rich-alone": (["plugin"], {}),
    "meta": (["cuda-toolkit-12-6"], {}),
    "rich-over-three": (["cuda-toolkit-12-6", "editor"], {}),
    "weak": (["editor", "viewer", "plugin"], {"recommends": True}),
    "providers": (["cron"], {}),
    "replaced": (["oldtool", "reports"], {}),
    "default-stream": (["node"], {}),
    "stream": (["@node:20"], {}),
    "profile": (["@node:20/minimal"], {}),
    "epochs": (["coreutils"], {}),
    "files": (["spelling", "reports"], {}),
    "path": (["/usr/share/dict/words", "/usr/bin/awk"], {}),
    "capability": (["mta", "libc.so.6()(64bit)"], {}),
    "version": (["exim-4*", "libcuda-1.0"], {}),
    "second": (["wine"], {}),
    "second-asked": (["glibc.i686", "bash"], {}),
}


def test_a_lock_is_what_dnf_would_install(el: El, project: Project, tmp_path: Path) -> None:
    add_el(project, el)
    for name, (rpms, more) in ASKED.items():
        add_environment(project, *rpms, name=name, **more)
    project.run("lock")
    asked = [{"names": rpms, "weak": more.get("recommends", False)} for rpms, more in ASKED.values()]
    for name, chosen in zip(ASKED, asks_dnf(el, tmp_path, asked), strict=True):
        assert locked(project, name) == chosen, name


_ALONE = """\
set -e
ip link set lo up
site=$1; shift
python3 -m http.server --bind 127.0.0.1 --directory "$site" 8000 >/dev/null 2>&1 &
server=$!
trap 'kill $server' EXIT
for try in $(seq 600); do
  python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8000))' 2>/dev/null && break
  sleep 0.1
done
"$@"
"""
"""Runs a command in a network of its own, in which there is nothing but the site, on port 8000."""


@isolated
def test_dnf_installs_it_where_nothing_but_the_site_is_there(el: El, project: Project, tmp_path: Path) -> None:
    add_el(project, el)
    rpms = ("cuda-toolkit-12-6", "editor", "@node:20", "mta", "plugin")
    add_environment(project, *rpms, recommends=True, bootstrap=True)
    project.publish()
    project.run(
        "client", "dnf", "--environment", "node", "--url", "http://127.0.0.1:8000/", "--output", str(tmp_path / "files")
    )
    root = DnfRoot(tmp_path / "dnf", release="9")
    for path in (tmp_path / "files/node/etc/yum.repos.d").iterdir():
        text = path.read_text().replace("file:///etc", f"file://{tmp_path}/files/node/etc")
        (root.path / "etc/yum.repos.d" / path.name).write_text(text)
    alone = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--fork", "sh", "-c", _ALONE, "sh")
    more = ("--setopt=module_platform_id=platform:el9", "--setopt=install_weak_deps=1")
    roots = tomllib.loads(project.lock.read_text())["environment"][0]["target"][0]["roots"]
    root.dnf("install", *more, *rpms, *roots, prefix=(*alone, str(project.site)))
    listed = root.dnf("repoquery", "--quiet", "--installed", "--qf", "%{name}-%{evr}.%{arch}").stdout.split()
    assert sorted(listed) == sorted(one.split(" ")[1] for one in locked(project))
