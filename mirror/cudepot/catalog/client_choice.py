"""Which of a site's debs or rpms a client is held to: those of one CUDA, or the ones somebody names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cudepot.catalog.export_choice import Choice, selected
from cudepot.catalog.holdings import Held, cuda_of, held_package
from cudepot.catalog.lock import Artifact
from cudepot.catalog.pin_entries import version_key
from cudepot.errors import PinError

EVERYTHING = Choice("")
_ANY = ("all", "noarch")


def chosen(published: Sequence[Artifact], choice: Choice) -> frozenset[Artifact]:
    """Return the packages a choice is about, without what they need: all pinned ones, unless it names others.

    Raises:
        PinError: there are none, or something was asked for that is not there; the hint names what is.
    """
    pinned = [one for one in published if one.why == "pin"]
    if not (choice.cuda or choice.only):
        return frozenset(pinned)
    if not published:
        raise PinError(
            "clients hold nothing of it: it is mirrored whole, so no version is locked",
            hint="leave --cuda and --only out, or pin packages instead of `whole = true`",
        )
    held = {held_package(one): one for one in (published if choice.only else pinned)}
    return frozenset(held[one] for one in selected(held, ("deb", "rpm"), choice))


def several(packages: Iterable[Held]) -> dict[str, list[str]]:
    """Return the packages of which one machine may have several versions, with these: name → versions, newest last."""
    found: dict[str, list[Held]] = {}
    for one in packages:
        found.setdefault(one.name, []).append(one)
    rivals = {name: _rivals(alike) for name, alike in sorted(found.items())}
    return {name: sorted(versions, key=_order(found[name])) for name, versions in rivals.items() if versions}


def _order(alike: Sequence[Held]) -> Callable[[str], Any]:
    return version_key("yum" if alike[0].kind == "rpm" else "apt")


def _rivals(alike: Iterable[Held]) -> set[str]:
    """Return the versions of one package that one machine could have; one for every architecture is for each."""
    by_machine: dict[str, set[str]] = {}
    for one in alike:
        by_machine.setdefault("" if one.platform in _ANY else one.platform, set()).add(one.version)
    each = [versions | by_machine.get("", set()) for versions in by_machine.values()]
    return {version for versions in each if len(versions) > 1 for version in versions}


def variants(rivals: Mapping[str, Sequence[str]], packages: Iterable[Held]) -> list[str]:
    """Return the CUDAs that versions of one package are for, where these are several: each is a choice of its own."""
    said = {cuda_of(one) for one in packages if one.version in rivals.get(one.name, ())}
    found = sorted(said - {""}, key=lambda cuda: [int(part) for part in cuda.split(".")])
    return found if len(found) > 1 else []


def warning(name: str, versions: Sequence[str], cudas: Sequence[str]) -> str:
    """Return what to tell of a package that is held in several versions."""
    return (
        f"{name} is held in {len(versions)} versions ({', '.join(versions)}), and an upgrade goes to the newest: "
        f"choose with {how(name, versions, cudas)}"
    )


def how(name: str, versions: Sequence[str], cudas: Sequence[str]) -> str:
    """Return the options that choose one of a package's versions."""
    only = f"--only {name}={versions[0]}"
    return f"--cuda {cudas[0]}, or {only}" if cudas else only
