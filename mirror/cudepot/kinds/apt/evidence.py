"""What an apt repository says, unsigned, of a file that is not what it promised."""

from __future__ import annotations

from cudepot.catalog.faults import Served
from cudepot.errors import FormatError, UpstreamError
from cudepot.formats.apt_release import parse_release
from cudepot.ports import Source

_RELEASE_LIMIT = 10 << 20


def release_beside(source: Source, folder: str, index: str, served: Served) -> dict[str, str | int]:
    """Return what the unsigned ``Release`` says of the index served: NVIDIA uploads it before its signatures.

    Evidence only: nothing of it is trusted or used.
    """
    try:
        page = source.fresh().read(f"{folder}Release", limit=_RELEASE_LIMIT)
        release = parse_release(page.body if page else b"", "Release")
    except (UpstreamError, FormatError):
        return {}
    listed = release.files.get(index)
    found: dict[str, str | int] = {"release_date": release.fields.get("Date", "")}
    if listed is not None and (listed.sha256, listed.size) == (served.sha256, served.size):
        found["release_names_served"] = 1
    return found
