"""The wheels an export is about: what was chosen, and what that requires of the same index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from cudepot.catalog.ecosystems import HeldKind
from cudepot.catalog.site.choice import Choice, is_for, selected
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.errors import PinError
from cudepot.kinds.wheels.rules.core_metadata import required
from cudepot.kinds.wheels.rules.export_text import one_version
from cudepot.store.local import LocalStore

_LINUX = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "extra": ""}
_WINDOWS = {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows", "extra": ""}


def wheel_set(
    store: LocalStore, snapshot: Snapshot, site: SiteFacts, choice: Choice, *, complete: bool
) -> tuple[Held, ...]:
    """Return the chosen wheels with all they require on the site, one version of each project.

    Args:
        store: has the metadata of the wheels.
        snapshot, site: what is shown.
        choice: what of it is meant.
        complete: whether a requirement that the site does not hold is an error.

    Raises:
        PinError: naming a requirement that is not on the site, or that the chosen versions do not meet.
    """
    chosen = one_version(selected(site.held, (HeldKind.WHEEL,), choice))
    there: dict[str, list[Held]] = {}
    for one in site.of(HeldKind.WHEEL):
        there.setdefault(canonicalize_name(one.name), []).append(one)
    waiting = list(chosen)
    while waiting:
        project = waiting.pop()
        for wheel in chosen[project]:
            for wanted in _requirements(store, snapshot, wheel):
                name = canonicalize_name(wanted.name)
                if name in chosen:
                    _check_met(wheel, wanted, chosen[name])
                elif found := _best(there.get(name, ()), wanted, choice.cuda):
                    chosen[name] = found
                    waiting.append(name)
                elif complete:
                    raise _absent(wheel, wanted, there.get(name, ()))
    return tuple(wheel for project in sorted(chosen) for wheel in chosen[project])


def _requirements(store: LocalStore, snapshot: Snapshot, wheel: Held) -> Iterator[Requirement]:
    """Give what a wheel requires on its platform, without extras."""
    digest = snapshot.tree[f"{wheel.path}.metadata"]
    machine = _WINDOWS if wheel.platform.startswith("win") else _LINUX
    for one in required(store.read(digest)):
        if one.marker is None or one.marker.evaluate(machine):
            yield one


def _best(held: Iterable[Held], wanted: Requirement, cuda: str) -> list[Held]:
    """Return the wheels of the newest version that meets a requirement, for that CUDA if there is one."""
    fitting = [one for one in held if _meets(one, wanted)]
    fitting = [one for one in fitting if cuda and is_for(one, cuda)] or fitting
    newest = max((Version(one.version) for one in fitting), default=None)
    return sorted((one for one in fitting if Version(one.version) == newest), key=lambda one: one.path)


def _meets(one: Held, wanted: Requirement) -> bool:
    return wanted.specifier.contains(one.version, prereleases=True)


def _check_met(wheel: Held, wanted: Requirement, there: Sequence[Held]) -> None:
    if not all(_meets(one, wanted) for one in there):
        raise PinError(
            f"{wheel.name} {wheel.version} requires {wanted}, but {there[0].version} was chosen",
            hint=f"choose another version: --only {wanted.name}=VERSION",
        )


def _absent(wheel: Held, wanted: Requirement, there: Iterable[Held]) -> PinError:
    versions = ", ".join(sorted({one.version for one in there}, key=Version))
    return PinError(
        f"{wheel.name} {wheel.version} requires {wanted}, but the site has {versions or 'none'}",
        hint=f'pin it in cudepot.toml (`packages = ["{wanted}"]` of a wheel index), then run lock, sync and '
        "publish; or use "
        "`export uv`, which leaves it to other indexes",
    )
