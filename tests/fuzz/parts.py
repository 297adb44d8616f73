"""What fuzz targets share: how much they unpack, and how several checks of the same bytes count."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cudepot.errors import CudepotError
from cudepot.formats.members import Members

LIMIT = 1 << 20
"""Bytes an archive may unpack to: a fuzzer finds bombs within seconds."""


def read_members(members: Members) -> None:
    """Read all of an archive."""
    for _, content in members:
        while content is not None and content.read(1 << 16):
            pass


def each(*checks: Callable[[], object]) -> None:
    """Do all of them: the refusal of one does not keep bytes from another; raise the last when all of them refuse."""
    refused: list[CudepotError] = []
    for check in checks:
        try:
            found = check()
            if isinstance(found, Iterable):
                list(found)
        except CudepotError as error:
            refused.append(error)
    if len(refused) == len(checks) > 0:
        raise refused[-1]
