"""An upstream of which some pins cannot be locked: the others are, and what is wrong is said of all at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cudepot.catalog.faults import fault_of
from cudepot.catalog.lock import Artifact, LockedUpstream
from cudepot.errors import CudepotError
from cudepot.formats.simple import project_name

Resolved = tuple[LockedUpstream, tuple[Artifact, ...]]
_NAMED = 20  # failures in one message


class PartlyLockedError(CudepotError):
    """Some pins of an upstream cannot be locked; code and exit status are those of the first fault.

    Attributes:
        resolved: what the other pins resolved to, with what was locked before of those that fail now.
        projects: names of the projects that fail.
    """

    def __init__(
        self, message: str, *, hint: str, first: CudepotError, resolved: Resolved, projects: frozenset[str]
    ) -> None:
        super().__init__(message, hint=hint)
        self.projects = projects
        self.code, self.exit_code, self.resolved = first.code, first.exit_code, resolved
        self.fault = fault_of(first, resolved[0].url)


def partly(
    locked: LockedUpstream,
    artifacts: Sequence[Artifact],
    errors: Mapping[str, CudepotError],
    before: Sequence[Artifact],
) -> Resolved:
    """Return what was resolved where nothing failed.

    Args:
        locked: what is noted of the upstream.
        artifacts: what could be resolved.
        errors: what could not, by project, requirement or file name.
        before: what was locked of the upstream: of projects that fail now it stays.

    Raises:
        PartlyLockedError: some failed.
        CudepotError: all failed.
    """
    if not errors:
        return locked, tuple(artifacts)
    first, there = next(iter(errors.values())), {one.filename for one in artifacts}
    projects = frozenset(map(_project, errors))
    kept = [one for one in before if one.filename not in there and one.name in projects]
    found = together(list(errors.values()))
    if not artifacts and not kept:
        raise found
    said = f"{found}; the other pins of {locked.name} are locked"
    resolved = locked, (*artifacts, *kept)
    raise PartlyLockedError(said, hint=found.hint, first=first, resolved=resolved, projects=projects)


def together(errors: Sequence[CudepotError]) -> CudepotError:
    """Return one error that says what all of them say; it is of the kind of the first."""
    found = errors[0].retold(_told(errors))
    found.hint = _hint(errors)
    return found


def _project(key: str) -> str:
    """Return the project that a requirement or the file name of a wheel is of."""
    name = key.partition("-")[0] if key.endswith(".whl") else re.split(r"[^A-Za-z0-9._-]", key.strip(), maxsplit=1)[0]
    return project_name(name)


def _told(errors: Sequence[CudepotError]) -> str:
    if len(errors) == 1:
        return str(errors[0])
    shown = "; ".join(map(str, errors[:_NAMED]))
    more = f"; and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
    return f"{len(errors)} pins cannot be locked: {shown}{more}"


def _hint(errors: Sequence[CudepotError]) -> str:
    """Return the hints, each once, in the order of their errors."""
    found = dict.fromkeys(error.hint for error in errors[:_NAMED] if error.hint)
    return " | ".join(found) if len(found) > 1 else next(iter(found), "")
