"""Where the bytes of an upstream with a URL come from."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from cudepot.kinds.kind import Remote
from cudepot.ports import Source


def opened(url: str, remote: Remote, accept: str = "*/*") -> Source:
    """Return a folder for ``file:``, else what ``remote`` opens."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return remote(url, accept)
    from cudepot.transport.folder.source import FolderSource  # noqa: PLC0415 - where there is a mount

    return FolderSource(Path(unquote(parts.path)))
