"""``cudepot export``: what the site shows, as pins in the format of the tool that installs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from cudepot.catalog import export_conda, export_container, export_python, export_system
from cudepot.catalog.holdings import Held, SiteFacts, is_for_cuda
from cudepot.catalog.snapshot import Snapshot
from cudepot.errors import PinError
from cudepot.workflows.client import shown_snapshot
from cudepot.workflows.depot import Depot
from cudepot.workflows.publish_page import site_facts
from cudepot.workflows.snapshots import lock_of

Write = Callable[[SiteFacts, str, str], str]
FORMATS: dict[str, tuple[tuple[str, ...], str, Write]] = {
    "conda-explicit": (("conda",), "conda, mamba, micromamba: create --file", export_conda.explicit),
    "environment.yml": (("conda",), "conda env create --file", export_conda.environment),
    "pixi.toml": (("conda",), "a fragment for pixi's manifest", export_conda.pixi),
    "pylock.toml": (("wheel",), "PEP 751: pip and uv", lambda site, url, _: export_python.pylock(site, url)),
    "requirements.txt": (("wheel",), "pip install -r", lambda site, url, _: export_python.requirements(site, url)),
    "uv": (("wheel",), "a fragment of pyproject.toml", lambda site, url, _: export_python.uv(site, url)),
    "apt": (("deb",), "apt preferences, apt-get's command", lambda site, *_: export_system.apt_preferences(site)),
    "dnf": (("rpm",), "versionlock.list, dnf's command", lambda site, *_: export_system.dnf_versionlock(site)),
    "dockerfile-ubuntu": (("deb",), "RUN lines", lambda site, url, _: export_container.dockerfile_ubuntu(site, url)),
    "dockerfile-rhel": (("rpm",), "RUN lines", lambda site, url, _: export_container.dockerfile_rhel(site, url)),
    "ansible": (
        ("conda", "wheel", "deb", "rpm"), "variables", lambda site, url, _: export_container.ansible(site, url)
    ),
}  # fmt: skip
"""By name: the kinds of packages it is about, what it is for, what writes it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the site an export is about.

    Attributes:
        platform: conda's name of it.
        cuda: begin of the CUDA version packages are for; empty for any.
        repository: of an apt or yum repository; empty for the only one.
        only: ``NAME`` or ``NAME=VERSION``; empty for all.
    """

    platform: str
    cuda: str = ""
    repository: str = ""
    only: tuple[str, ...] = ()


def export(depot: Depot, form: str, url: str, choice: Choice) -> tuple[str, SiteFacts]:
    """Return the text, and what of the site it is about.

    Raises:
        ConfigError: nothing is published yet.
        PinError: the site holds nothing of that kind, or it is not clear which.
    """
    site = facts_of(depot, shown_snapshot(depot))
    kinds, _, write = FORMATS[form]
    held = tuple(one for one in site.held if one.kind in kinds and _chosen(one, choice))
    if not held:
        raise PinError(
            f"snapshot {site.number} holds nothing that {form} could name",
            hint="it is about "
            + ", ".join(f"{kind} packages" for kind in kinds)
            + "; `cudepot diff` lists what is there",
        )
    chosen = replace(site, held=held)
    return write(chosen, url.rstrip("/"), choice.platform), chosen


def facts_of(depot: Depot, snapshot: Snapshot) -> SiteFacts:
    """Return what a snapshot holds for clients."""
    return site_facts(
        depot, lock_of(depot, snapshot), snapshot.tree, snapshot.number, snapshot.created, snapshot.signer
    )


def _chosen(one: Held, choice: Choice) -> bool:
    named = {spec.partition("=")[0]: spec.partition("=")[2].lstrip("=") for spec in choice.only}
    if choice.only and (one.name not in named or not one.version.startswith(named[one.name])):
        return False
    if choice.repository and one.kind in ("deb", "rpm") and not one.repository.endswith(f"/{choice.repository}"):
        return False
    return not choice.cuda or is_for_cuda(one, choice.cuda)
