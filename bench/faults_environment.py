"""The states of a project with an environment of wheels: one is shown, and more is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from simulator.ml_team import TORCH
from simulator.project import Project
from simulator.sides import Far

from bench.faults_run import run, said

Keep = Callable[..., None]
"""Keeps a copy of a project as the state in which a verb has work to do: project, name, verb, and what follows it."""
REST = (("sync",), ("publish",))
"""What follows ``lock``."""


def states(folder: Path, urls: Mapping[str, str], key: str, gnupg: Path, keep: Keep) -> None:
    """Build the states before lock, sync, publish and export, one in which all is shown, and that of a far side.

    Args:
        folder: where ``site.asc`` is, the site's public key.
    """
    project = Project(folder / "ml", key=key, gnupg=gnupg).init()
    for name, url in urls.items():
        project.add("upstream", name=name, type="simple", url=url)
    _want(project, "numpy==2.3.4", "jinja2")
    do(project, "lock", "sync", "publish")
    project.sections.pop()
    _want(project, "numpy", "transformers[torch]", "torch", "tensorrt-cu13")
    keep(project.base, "ml-lock", "lock", after=REST)
    do(project, "lock")
    keep(project.base, "ml-sync", "sync", after=REST[1:])
    do(project, "sync")
    keep(project.base, "ml-publish", "publish")
    do(project, "publish")
    keep(project.base, "ml-rollback", "rollback", "1")
    keep(project.base, "ml-bundle", "bundle", "export", "OUT/all.tar", "--since", "0")
    bundle = folder / "ml.tar"
    project.run("bundle", "export", str(bundle), "--since", "0")
    far = Far(folder / "far-ml", folder / "site.asc").init()
    keep(far.base, "far-environment", "bundle", "import", str(bundle), after=REST[1:])


def _want(project: Project, *wheels: str) -> None:
    project.add(
        "environment", name="train", platforms=["linux-64", "linux-aarch64"], python=["3.11", "3.12"],
        wheels=list(wheels), indexes={"torch": TORCH},
    )  # fmt: skip


def do(project: Project, *verbs: str) -> None:
    """Run verbs in forked children, as the campaign does; raise AssertionError where one fails."""
    for verb in verbs:
        code, _ = run(project.base, verb)
        assert code == 0, said(project.base)
