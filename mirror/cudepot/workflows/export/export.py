"""``cudepot export``: what the site shows, as pins in the format of the tool that installs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cudepot.catalog.ecosystems import APT, HeldKind
from cudepot.catalog.site.choice import Choice, is_any, selected
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of, shown_snapshot
from cudepot.kinds.conda.export import conda_set
from cudepot.kinds.conda.rules import export_text as export_conda
from cudepot.kinds.wheels.export import wheel_set
from cudepot.kinds.wheels.rules import export_text as export_python
from cudepot.store.local import LocalStore
from cudepot.workflows.export import container_text as export_container
from cudepot.workflows.export import system_text as export_system
from cudepot.workflows.export.system import system_set
from cudepot.workflows.publish.page import site_facts

Write = Callable[[SiteFacts, str, str], str]
_CONDA, _WHEEL, _DEB, _RPM = (HeldKind.CONDA,), (HeldKind.WHEEL,), (HeldKind.DEB,), (HeldKind.RPM,)
FORMATS: dict[str, tuple[tuple[str, ...], str, Write]] = {
    "conda-explicit": (_CONDA, "conda 24.9, mamba, micromamba: create --file", export_conda.explicit),
    "conda-explicit-md5": (_CONDA, "the same for conda before 24.9", export_conda.explicit_md5),
    "environment.yml": (_CONDA, "conda env create --file", export_conda.environment),
    "pixi.toml": (_CONDA, "a fragment for pixi's manifest", export_conda.pixi),
    "pylock.toml": (_WHEEL, "PEP 751: pip and uv", lambda site, url, _: export_python.pylock(site, url)),
    "requirements.txt": (_WHEEL, "pip install -r", lambda site, url, _: export_python.requirements(site, url)),
    "uv": (_WHEEL, "a fragment of pyproject.toml", lambda site, url, _: export_python.uv(site, url)),
    APT.name: (_DEB, "apt preferences, apt-get's command", lambda site, *_: export_system.apt_preferences(site)),
    "dnf": (_RPM, "versionlock.list, dnf's command", lambda site, *_: export_system.dnf_versionlock(site)),
    "dockerfile-ubuntu": (_DEB, "RUN lines", lambda site, url, _: export_container.dockerfile_ubuntu(site, url)),
    "dockerfile-rhel": (_RPM, "RUN lines", lambda site, url, _: export_container.dockerfile_rhel(site, url)),
    "ansible": (
        (*_CONDA, *_WHEEL, *_DEB, *_RPM), "variables", lambda site, url, _: export_container.ansible(site, url)
    ),
}  # fmt: skip
"""By name: the kinds of packages it is about, what it is for, what writes it."""


def export(depot: Depot, form: str, url: str, choice: Choice) -> tuple[str, SiteFacts]:
    """Return the text, and what of the site it is about: what was chosen, and what that needs on the site.

    Raises:
        ConfigError: nothing is published yet.
        PinError: the site holds nothing of that kind, or it is not clear which, or what it needs is not there.
    """
    snapshot = shown_snapshot(depot.history, depot.site())
    site = facts_of(depot, snapshot)
    kinds, _, write = FORMATS[form]
    chosen = replace(site, held=())
    for kind, mine in _by_kind(site, kinds, choice):
        held, elsewhere = _complete(depot.store, snapshot, site, kind, mine, strict=form != "uv")
        chosen = replace(chosen, held=(*chosen.held, *held), elsewhere=(*chosen.elsewhere, *elsewhere))
    return write(chosen, url.rstrip("/"), choice.platform), chosen


def _by_kind(site: SiteFacts, kinds: Sequence[str], choice: Choice) -> list[tuple[str, Choice]]:
    """Return the kinds that a choice leaves anything of, each with what of the choice is about it."""
    selected(site.held, kinds, choice)
    found = []
    for kind in kinds:
        only = [text for text in choice.only if is_any(site.held, kind, replace(choice, only=(text,)))]
        mine = replace(choice, only=tuple(only))
        if bool(only) == bool(choice.only) and is_any(site.held, kind, mine):
            found.append((kind, mine))
    return found


def _complete(
    store: LocalStore, snapshot: Snapshot, site: SiteFacts, kind: str, choice: Choice, *, strict: bool
) -> tuple[tuple[Held, ...], list[str]]:
    """Return the chosen packages of a kind with what they need, and the conda packages that are to be had elsewhere."""
    if kind == HeldKind.CONDA:
        return conda_set(store, snapshot, site, choice)
    if kind == HeldKind.WHEEL:
        return wheel_set(store, snapshot, site, choice, complete=strict), []
    return system_set(store, site, kind, choice), []


def facts_of(depot: Depot, snapshot: Snapshot) -> SiteFacts:
    """Return what a snapshot holds for clients."""
    return site_facts(
        depot, lock_of(depot.store, snapshot), snapshot.tree, snapshot.number, snapshot.created, snapshot.signer
    )
