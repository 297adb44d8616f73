"""Which indexes of a whole yum mirror name its packages, and how large the metadata of a repository may be."""

from __future__ import annotations

from cudepot.catalog.lock import FileRole, LockedFile, LockedUpstream
from cudepot.errors import ConfigError

METADATA_LIMIT = 2 << 30  # bytes metadata may unpack to, whatever repomd.xml says; they are read as a stream
DOCUMENT_LIMIT = 256 << 20  # the same of errata, groups and modules, which are read whole; Fedora's errata have 40 MB


def main_indexes(upstream: LockedUpstream) -> list[LockedFile]:
    """Return the index to read packages from, which is locked as the first; raise ConfigError where there is none."""
    listed = [one for one in upstream.files if one.role == FileRole.INDEX][:1]
    if not listed:
        raise ConfigError(f"cudepot.lock: upstream {upstream.name!r} has no package index", hint="run `cudepot lock`")
    return listed
