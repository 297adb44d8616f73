"""Whether what is locked of an environment still holds, so that nothing has to be resolved again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from cudepot.catalog.faults import GONE, Fault, GoneError
from cudepot.catalog.lock import BUILDS, Artifact, LockedEnvironment
from cudepot.depot.environment_memory import Read, remember, remembered
from cudepot.formats.simple import IndexFile
from cudepot.kinds.kind import Solved, Solving
from cudepot.kinds.wheels.index_reader import IndexReader

_NAMED = 5  # files in one message


def standing(asking: Solving, request: str, reader: IndexReader, upgrade: bool | frozenset[str]) -> Solved | None:
    """Return what is locked where the same is asked for and every file of it is still offered, else None.

    Newer versions are no reason to move: that is for ``--upgrade`` to ask. While no page has changed, none is parsed.

    Args:
        asking: what is asked.
        request: its hash.
        reader: reads the indexes.
        upgrade: what is to move: nothing, these projects, or all.

    Raises:
        GoneError: a file is no longer offered, and its project is not to move.
        CudepotError: a page cannot be read.
    """
    locked = _locked(asking)
    if locked is None or locked.environment.request != request or upgrade is True:
        return None
    before, artifacts, builders = locked
    known = remembered(asking.depot.store, before, artifacts)
    if known and reader.unchanged(known):
        return None if upgrade else Solved(before, (*artifacts, *builders))
    now = _looked_at(reader, artifacts, known)
    if gone := [one for one, file in now.items() if file is None and not (upgrade and one.name in upgrade)]:
        raise _gone(gone)
    if upgrade or any(file and _differs(one, file) for one, file in now.items()):
        return None
    lost = [one for one, file in _looked_at(reader, builders, known).items() if file is None or _differs(one, file)]
    reader.save()
    remember(asking.depot.store, before, artifacts, reader.asked)
    told = (_as_told(one, now.get(one)) for one in artifacts)
    return Solved(before, (*told, *builders), tuple(map(_without_builder, lost)))


class _Locked(NamedTuple):
    """An environment as it is locked: its files, and what some of them were built with."""

    environment: LockedEnvironment
    artifacts: tuple[Artifact, ...]
    builders: tuple[Artifact, ...]


def _locked(asking: Solving) -> _Locked | None:
    """Return what is locked of the environment; None where that is nothing, or not all there."""
    before = asking.before
    artifacts = asking.lock.files_of(before) if before else None
    builders = asking.lock.builders_of(artifacts or ())
    if before is None or artifacts is None or builders is None:
        return None
    return _Locked(before, artifacts, builders)


def _looked_at(reader: IndexReader, files: Iterable[Artifact], known: Read | None) -> dict[Artifact, IndexFile | None]:
    """Return files, each as its page has it now; left out are those whose pages are as they were known."""
    changed = (one for one in files if not known or reader.asked.get(_page(one)) != known.get(_page(one)))
    return {one: _offered(reader, one) for one in changed}


def _page(one: Artifact) -> tuple[str, str]:
    return one.upstream, f"{one.name}/"


def _offered(reader: IndexReader, one: Artifact) -> IndexFile | None:
    """Return the file on its page, or the sources it was built of; None where neither is there."""
    wanted = {one.filename, one.path.rpartition("/")[2]}
    files = reader.files(one.name) if reader.upstream_of(one.name) == one.upstream else None
    return next((file for file in files or () if file.filename in wanted), None)


def _differs(one: Artifact, file: IndexFile) -> bool:
    """Return whether a page promises other bytes now than are locked."""
    if one.built and file.filename == one.path.rpartition("/")[2]:
        return bool(file.sha256) and file.sha256 != one.built.digest.sha256
    return file.filename == one.filename and bool(file.sha256) and file.sha256 != one.digest.sha256


def _as_told(one: Artifact, file: IndexFile | None) -> Artifact:
    """Return an artifact with what its page says of it now."""
    if file is None or file.filename != one.filename:
        return one
    return replace(one, uploaded=file.uploaded, yanked=file.reason if file.yanked else None)


def _gone(gone: Sequence[Artifact]) -> GoneError:
    first = gone[0]
    names = ", ".join(one.filename for one in gone[:_NAMED]) + (" and others" if len(gone) > _NAMED else "")
    upgrades = " ".join(f"--upgrade {one}" for one in dict.fromkeys(one.name for one in gone[:_NAMED]))
    return GoneError(
        f"{first.upstream} no longer offers what is locked: {names}",
        hint=f"the locked files are kept, and the site has them; `cudepot lock {upgrades}` chooses other versions",
        fault=Fault(GONE, f"{first.upstream}/{first.name}/", {"files": len(gone)}),
    )


def _without_builder(one: Artifact) -> str:
    """Return the line about something that a file was built with, and that its upstream has no more."""
    return (
        f"{one.filename}, which {one.why.removeprefix(BUILDS)} was built with: {one.upstream} no longer offers it; "
        "if it is not in the store, the wheel cannot be rebuilt"
    )
