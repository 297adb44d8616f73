"""Whether the wheels of each chosen version require the same: uv reads one of them and takes it for all.

An index that gives the hash of each METADATA tells so without any being read. Where it does not, the proof before
publishing finds out, which reads the wheels themselves, target by target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cudepot.formats.simple import IndexFile
from cudepot.kinds.wheels.rules.core_metadata import resolver_fields
from cudepot.kinds.wheels.rules.question import Chosen
from cudepot.kinds.wheels.rules.target import Target
from cudepot.kinds.wheels.uv_index import Reader


def require_alike(answer: Mapping[Target, Sequence[Chosen]], reader: Reader) -> bool:
    """Return whether no two wheels of a chosen version require different things, as far as their index tells.

    Raises:
        CudepotError: what the reader raises.
    """
    return not any(_differ(files, reader) for files in _unlike(answer))


def _unlike(answer: Mapping[Target, Sequence[Chosen]]) -> Iterator[list[IndexFile]]:
    """Give, of each version whose wheels have several METADATA, a wheel with each."""
    found: dict[tuple[str, str], dict[str, IndexFile]] = {}
    for one in (one for chosen in answer.values() for one in chosen):
        if one.file.core_metadata:
            found.setdefault((one.project, one.version), {}).setdefault(one.file.core_metadata, one.file)
    return (list(files.values()) for files in found.values() if len(files) > 1)


def _differ(files: Sequence[IndexFile], reader: Reader) -> bool:
    return len({resolver_fields(reader.metadata(one)) for one in files}) > 1
