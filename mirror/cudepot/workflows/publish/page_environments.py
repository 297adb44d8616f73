"""The environments, channels and repositories on the site's page: what installs all of one, or sets a client up."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from cudepot.catalog.ecosystems import ENVIRONMENTS, ArtifactKind
from cudepot.catalog.lock import Lock, LockedEnvironment
from cudepot.catalog.site.clients import SITE, ClientFiles
from cudepot.catalog.solution.graph import by_place
from cudepot.digest import Digest
from cudepot.kinds.registry import solves_of
from cudepot.workflows.publish.page_targets import ANY, installs, targets

PRODUCT, WHOLE = "Environment", "Everything in"
_NO_SCRIPT = "SITE"


def environment_offers(lock: Lock, clients: Sequence[ClientFiles]) -> Iterator[dict[str, Any]]:
    """Give an offer for each way to install an environment; its targets are told apart where commands differ."""
    folders = {one.environment: one.folder for one in clients if one.environment}
    for one in lock.environments:
        for program, lines in _ways(one, SITE).items():
            for line, names in lines.items():
                offer = _offer(PRODUCT, one.name, program, names if len(lines) > 1 else [ANY])
                tool = installs(program, "") if program in (ArtifactKind.DEB, ArtifactKind.RPM) else ""
                yield offer | {"lines": line, "client": folders.get(one.name, ""), "tool": tool}


def _ways(one: LockedEnvironment, url: str) -> dict[str, dict[str, list[str]]]:
    """Return program → commands → names of the targets these are for."""
    solves, found = solves_of(one), dict[str, dict[str, list[str]]]()
    for target in one.targets:
        for program, line in solves.commands(one, target, url).items():
            found.setdefault(program, {}).setdefault(line, []).append(target.name)
    return found


def whole_offers(clients: Sequence[ClientFiles]) -> Iterator[dict[str, Any]]:
    """Give an offer for each way to set a client up for all of a repository, channel or index."""
    for one in clients:
        if one.program:
            yield _offer(WHOLE, one.repositories[0], one.program, [ANY]) | {"client": one.folder}
    repositories = {(one.artifact, name) for one in clients if not one.program for name in one.repositories}
    for artifact, name in sorted(repositories):
        for target in targets(artifact, name, clients):
            if target.client:
                offer = _offer(WHOLE, name, artifact, [target.distribution])
                place = {"os": [target.system], "arch": [target.machine]}
                yield offer | place | {"client": target.client, "tool": target.tool}


def _offer(product: str, name: str, program: str, distro: list[str]) -> dict[str, Any]:
    place = {"os": [ANY], "arch": [ANY], "distro": distro}
    return {"product": product, "version": [f"{product} {name}"], "type": [program], "specs": [], **place}


def environments(lock: Lock, size: Callable[[Iterable[Digest]], str]) -> Iterator[str]:
    """Give a section for each environment of a lock; ``size`` tells how much some files are."""
    artifacts = by_place(lock.artifacts)
    for one in lock.environments:
        files = [artifacts[each].digest for each in one.places if each in artifacts]
        yield _section(one, f"environment, {len(files)} files, {size(files)}")


def _section(one: LockedEnvironment, told: str) -> str:
    lines = dict.fromkeys(line for lines in _ways(one, _NO_SCRIPT).values() for line in lines)
    shown = ", ".join(target.name for target in one.targets)
    folder, index = html.escape(f"{ENVIRONMENTS}/{one.name}/"), html.escape(solves_of(one).index(one.name))
    return (
        f"<details><summary>{folder}<small>{html.escape(told)}</small></summary>"
        f"<p>For {html.escape(shown)}. <code>{_NO_SCRIPT}</code> is the address of this page:</p>"
        f"<pre><code>{html.escape(chr(10).join(lines))}</code></pre>"
        f'<p><a href="{index}">{index}</a></p></details>'
    )
