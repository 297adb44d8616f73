"""An upstream some of whose pins cannot be locked: the others are locked, and one error names all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from cudepot.catalog.faults import PINS, Fault, fault_of
from cudepot.catalog.lock import Artifact, LockedUpstream, Resolved
from cudepot.errors import CudepotError, MissingError, PinError, TransientError

_NAMED = 20  # failures in one message


class UnmetError(CudepotError):
    """Pins that cannot be locked; code and exit status are those of the first fault.

    Attributes:
        pins: entries of ``packages`` that the upstream has nothing for, as cudepot.toml has them.
        fault: what it is of the upstream: the first that may be over in a moment, so that all is tried again.
    """

    def __init__(self, errors: Mapping[str, CudepotError], url: str, behind: str = "") -> None:
        first = next(iter(errors.values()))
        super().__init__(_summary(list(errors.values())) + behind, hint=_hint(list(errors.values())))
        passing = next((one for one in errors.values() if isinstance(one, TransientError)), None)
        self.code, self.exit_code, self.fault = first.code, first.exit_code, fault_of(passing or first, url)
        self.pins = tuple(spec for spec, one in errors.items() if isinstance(one, (PinError, MissingError)))


class PartlyLockedError(UnmetError):
    """Some pins of an upstream cannot be locked, the others are.

    Attributes:
        resolved: what the other pins resolved to, with what was locked before of those that fail now.
        projects: names of the packages that fail.
    """

    def __init__(self, errors: Mapping[str, CudepotError], resolved: Resolved) -> None:
        super().__init__(errors, resolved[0].url, f"; the other pins of {resolved[0].name} are locked")
        self.resolved, self.projects = resolved, frozenset(map(_project, errors))
        if not any(isinstance(one, TransientError) for one in errors.values()):
            self.fault = Fault(PINS, resolved[0].url)


def partly(
    locked: LockedUpstream,
    artifacts: Sequence[Artifact],
    errors: Mapping[str, CudepotError],
    before: Sequence[Artifact],
    is_of: Callable[[str, Artifact], bool] | None = None,
) -> Resolved:
    """Return what was resolved where nothing failed.

    Args:
        locked: what is noted of the upstream.
        artifacts: what could be resolved.
        errors: what could not, by entry of ``packages``.
        before: what was locked of the upstream: of packages that fail now it stays.
        is_of: tells whether an artifact was locked for an entry; by the name of its project where nothing is given.

    Raises:
        PartlyLockedError: some failed.
        UnmetError: all failed.
    """
    if not errors:
        return locked, tuple(artifacts)
    there, was_for = {one.filename for one in artifacts}, is_of or (lambda spec, one: one.name == _project(spec))
    kept = [one for one in before if one.filename not in there and any(was_for(spec, one) for spec in errors)]
    if not artifacts and not kept:
        raise UnmetError(errors, locked.url)
    raise PartlyLockedError(errors, (locked, (*artifacts, *kept)))


def _project(spec: str) -> str:
    """Return the package that an entry is of."""
    from cudepot.formats.simple import project_name  # noqa: PLC0415 - only where something failed

    return project_name(re.split(r"[^A-Za-z0-9._-]", spec.strip(), maxsplit=1)[0])


def _summary(errors: Sequence[CudepotError]) -> str:
    texts = list(dict.fromkeys(map(str, errors)))
    more = f"; and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    shown = "; ".join(texts[:_NAMED]) + more
    return shown if len(errors) == 1 else f"{len(errors)} pins cannot be locked: {shown}"


def _hint(errors: Sequence[CudepotError]) -> str:
    """Return the hints, each once, in the order of their errors."""
    found = dict.fromkeys(error.hint for error in errors[:_NAMED] if error.hint)
    return " | ".join(found) if len(found) > 1 else next(iter(found), "")
