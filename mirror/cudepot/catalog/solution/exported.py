"""What an export of an environment is about, as a value for the kinds that write it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cudepot.catalog.lock import Artifact


class Exported(NamedTuple):
    """What a site shows, as far as the text of an environment goes.

    Attributes:
        label: who the site is.
        number: of the snapshot.
        url: where clients reach the site, without a slash at the end.
        artifacts: of the snapshot, by upstream and file name.
    """

    label: str
    number: int
    url: str
    artifacts: Mapping[tuple[str, str], Artifact]
