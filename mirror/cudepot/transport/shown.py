"""What ``cudepot serve`` shows, as a port: where the bytes of a path come from is a matter of the site's kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from starlette.responses import Response


class File(Protocol):
    """A file at one moment.

    Attributes:
        etag: of just these bytes, in its quotes.
        modified: its Last-Modified; empty for none.
    """

    @property
    def etag(self) -> str: ...  # noqa: D102 - see above

    @property
    def modified(self) -> str: ...  # noqa: D102

    def answer(self, headers: Mapping[str, str], media_type: str) -> Response:
        """Return the answer with all of it, or the range that is asked for."""


class View(Protocol):
    """What a channel shows at one moment; paths are relative and plain, the empty one is the top."""

    def is_folder(self, path: str) -> bool:
        """Return whether there is a folder."""

    def file(self, path: str) -> File | None:
        """Return a file; None where there is none."""


class Shown(Protocol):
    """What is shown under a name; it may be switched at any moment."""

    async def view(self) -> View | None:
        """Return what is shown now; None where that is nothing.

        Raises:
            CudepotError: nobody can say now: the server that has it does not respond.
        """


class Offer(NamedTuple):
    """A site for a server to show.

    Attributes:
        where: what people call it.
        shown: name of a channel → what it shows; a site without channels has one, with an empty name.
        ready: says, in a line, why clients find no site just now; nothing where they do.
    """

    where: str
    shown: Mapping[str, Shown]
    ready: Callable[[], str]


NOTHING_YET = "the site shows nothing yet"
BESIDE = "."
"""Not a channel: what is next to the channels, and what it has to be asked for by its path."""
CURRENT = "current"
"""A second name of the last channel."""
