"""The small Enterprise Linux of :mod:`simulator.el` as upstreams of a project, and dnf's own answers beside it."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulator.el import NAMES, El
from simulator.process import clean_env
from simulator.project import Project

ASK = Path(__file__).parents[2] / "clients/dnf_ask.py"
Chosen = set[str]
"""``UPSTREAM NEVRA`` of packages."""


def add_el(project: Project, el: El) -> None:
    """Add its repositories as upstreams."""
    for name in NAMES:
        add_upstream(project, el, name)


def add_upstream(project: Project, el: El, name: str, **more: object) -> None:
    """Add one repository as an upstream."""
    keys: dict[str, object] = {"keys": [el.key.fingerprint], "keyrings": [str(el.key_file)]}
    project.add("upstream", name=name, type="yum", url=el.url(name), **keys, **more)


def forge(el: El, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change primary.xml of a repository as the holder of its key could, with checksums and signature that hold."""
    repo = el.repository(name)
    path = repo.metadata("primary")
    before = path.read_bytes()
    opened = change(gzip.decompress(before))
    data = gzip.compress(opened, mtime=0)
    path.write_bytes(data)
    text = repo.repomd.read_text()
    for old, new in ((before, data), (gzip.decompress(before), opened)):
        text = text.replace(hashlib.sha256(old).hexdigest() + "<", hashlib.sha256(new).hexdigest() + "<")
        text = text.replace(f"size>{len(old)}<", f"size>{len(new)}<")
    repo.repomd.write_text(text)
    repo.sign()


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
        ["/usr/bin/python3", "-I", str(ASK)], input=json.dumps([str(folder / "dnf"), questions]),
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
