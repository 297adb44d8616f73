"""Which of the files a signed Release names belong to a whole mirror. Pure.

A whole mirror has what clients of its components and architectures ask for by the signed Release: packages,
translations, lists of contents, descriptions for software centres and for command-not-found; sources where they are
wanted. It has no installers (``debian-installer/``, ``installer-*/``): these lists name files that no index covers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from cudepot.catalog.config.upstream import Upstream
from cudepot.formats.apt_release import ROOT_NAMES
from cudepot.kinds.apt.rules.settings import apt_settings

_KINDS = (
    re.compile(r"binary-(?P<machine>[^/]+)/[^/]+"),
    re.compile(r"Contents-(?P<machine>[^/.]+)(\.[a-z0-9]+)?"),
    re.compile(r"dep11/(Components|CID-Index)-(?P<machine>[^/.]+)\.[^/]+"),
    re.compile(r"cnf/Commands-(?P<machine>[^/.]+)(\.[a-z0-9]+)?"),
    re.compile(r"dep11/icons-[^/]+"),
    re.compile(r"i18n/[^/]+"),
)
_SOURCES = re.compile(r"(source/)?(Sources|Contents-source|Release)(\.[a-z0-9]+)?")
"""Lists of sources; a flat repository has them beside its packages."""
_KEPT = re.compile(r"(.*/)?(Packages|Sources)(\.[a-z0-9]+)?")


def wanted_indexes(upstream: Upstream, named: Iterable[str]) -> list[str]:
    """Return the paths that a whole mirror of ``upstream`` has, of those its Release names."""
    found = [path for path in named if path not in ROOT_NAMES and _belongs(upstream, path)]
    return [path for path in found if _KEPT.fullmatch(path) or not _skipped(upstream, path)]


def _skipped(upstream: Upstream, path: str) -> bool:
    return any(fnmatchcase(path, one) for one in apt_settings(upstream).skip_indexes)


def _belongs(upstream: Upstream, path: str) -> bool:
    if not apt_settings(upstream).components:
        return apt_settings(upstream).sources or not _SOURCES.fullmatch(path)
    rests = [path[len(one) + 1 :] for one in apt_settings(upstream).components if path.startswith(f"{one}/")]
    # Ubuntu's lists of contents are beside the components, all others in one
    beside = path.startswith("Contents-") and _is_for(upstream, path)
    return beside or any(_is_in_component(upstream, one) for one in rests)


def _is_in_component(upstream: Upstream, rest: str) -> bool:
    return apt_settings(upstream).sources if _SOURCES.fullmatch(rest) else _is_for(upstream, rest)


def _is_for(upstream: Upstream, rest: str) -> bool:
    """Return whether a file of a component is one that clients of the mirrored architectures ask for."""
    for kind in _KINDS:
        if found := kind.fullmatch(rest):
            machine = found.groupdict().get("machine", "all")
            return machine in (*upstream.architectures, "all")
    return False


def same_index(path: str) -> str:
    """Return what an index is called without the ending of its compression."""
    return re.sub(r"\.(xz|zst|gz|bz2|lzma|lz4)$", "", path)
