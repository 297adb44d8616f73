"""The channels of a site in a bucket: a prefix each, filled by copies on the server (ADR 0057)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from cudepot.digest import Digest
from cudepot.sites.s3.site import Family, S3Site
from cudepot.transport.s3.send import Origin
from cudepot.transport.s3.where import Where

_P = TypeVar("_P", bound=Where)
Make = Callable[[_P, Origin, Family | None], S3Site]
"""Opens a site at a place; what is given besides says what its server has elsewhere, and opens the other channels."""


class Channels(Generic[_P]):
    """Opens the channels of a bucket, each once.

    Args:
        place: the bucket, with the prefix that all channels are below.
        names: of the channels.
        make: opens one.
        store: tells what the server has in the store's bucket.
    """

    def __init__(self, place: _P, names: tuple[str, ...], make: Make[_P], store: Origin) -> None:
        self._place, self._names, self._make, self._store = place, names, make, store
        self._opened: dict[str, S3Site] = {}

    def __call__(self, name: str) -> S3Site:
        """Return the site that a channel is."""
        if name not in self._opened:
            self._opened[name] = self._make(below(self._place, name), lambda one: self._elsewhere(name, one), self)
        return self._opened[name]

    def top(self) -> S3Site:
        """Return the prefix that all channels are below, as a site of its own."""
        if "" not in self._opened:
            self._opened[""] = self._make(self._place, self._store, None)
        return self._opened[""]

    def _elsewhere(self, name: str, digest: Digest) -> tuple[str, str] | None:
        """Return where the server has the bytes already: in the store's bucket, or in another channel."""
        return self._store(digest) or next(filter(None, self._in_others(name, digest)), None)

    def _in_others(self, name: str, digest: Digest) -> Iterator[tuple[str, str] | None]:
        for other in self._names:
            if other != name:
                yield self(other).lasting(digest)


def below(place: _P, name: str) -> _P:
    """Return the place of a channel."""
    url = f"{place.public_url}{name}/" if place.public_url else ""
    return replace(place, prefix=f"{place.prefix}{name}/", public_url=url)
