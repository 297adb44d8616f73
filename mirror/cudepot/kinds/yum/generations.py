"""Metadata of several generations of one repository as one: packages hang from more than one of its roots.

That is so where an environment stays as it was, while pins or another environment moved on to a newer root. The
newest generation comes first, and counts where both speak of the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import BinaryIO, NamedTuple

from cudepot.errors import FormatError
from cudepot.kinds.yum.rules.mirror import DOCUMENT_LIMIT
from cudepot.kinds.yum.rules.plan import DESCRIBING, joined_entries


class Source(NamedTuple):
    """A file that metadata are made from: its type, how it is called, and how it is opened, uncompressed."""

    role: str
    path: str
    open: Callable[..., AbstractContextManager[BinaryIO]]


@contextmanager
def joined(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Give the sources with one of each type; what is made of several is gone afterwards."""
    kinds: dict[str, list[Source]] = {}
    for one in sources:
        kinds.setdefault("group" if one.role.startswith("group") else one.role, []).append(one)
    with ExitStack() as stack:
        yield [_one(kind, several, stack) for kind, several in kinds.items()]


def _one(kind: str, several: Sequence[Source], stack: ExitStack) -> Source:
    first = several[0]
    if len(several) == 1 or kind not in (*DESCRIBING, "updateinfo", "modules"):
        return first
    with ExitStack() as opened:
        limit = {} if kind in DESCRIBING else {"open_size": DOCUMENT_LIMIT}
        streams = [opened.enter_context(one.open(one.path, **limit)) for one in several]
        if kind in DESCRIBING:
            return _kept(first, joined_entries(kind, streams, first.path), stack)
        try:
            return _kept(first, [_small(kind, [one.read() for one in streams], first.path)], stack)
        except FormatError as error:
            return Source(first.role, first.path, partial(_refuse, error))


def _refuse(error: FormatError, *_: object, **__: object) -> AbstractContextManager[BinaryIO]:
    """Raise what is wrong where the source is opened: some that are broken are done without there."""
    raise error


def _small(kind: str, texts: Sequence[bytes], what: str) -> bytes:
    if kind == "updateinfo":
        from cudepot.kinds.yum.rules.trim import joined_updateinfo  # noqa: PLC0415 - seldom

        return joined_updateinfo(texts, what)
    from cudepot.kinds.yum.rules.modules import joined_modules  # noqa: PLC0415

    return joined_modules(texts, what)


def _kept(first: Source, pieces: Iterable[bytes], stack: ExitStack) -> Source:
    """Return a source that reads what was put together, as often as it is opened."""
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    for piece in pieces:
        file.write(piece)

    @contextmanager
    def open_again(*_: object, **__: object) -> Iterator[BinaryIO]:
        file.seek(0)
        yield file

    return Source(first.role, first.path, open_again)
