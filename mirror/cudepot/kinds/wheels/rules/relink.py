"""Locks made with another index, with the site's URLs in them: ``uv.lock`` and ``pylock.toml``. Pure.

Both name files by URL, and installers go there whatever index they are given. A file is known by its sha256, which
stays: what is installed is what was locked. Formats: uv's lock (version 1), PEP 751.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from cudepot.errors import FormatError

Table = dict[str, Any]
_SITE, _LACKING, _NOWHERE, _LOCAL = "site", "lacking", "nowhere", "local"
_GROUPED = ("optional-dependencies", "dev-dependencies")


class Relinked(NamedTuple):
    """What became of a lock.

    Attributes:
        document: the lock, with all that could be linked.
        linked: packages whose files lead to the site now, as ``NAME VERSION``.
        lacking: those of which the site has no file; they are left as they were.
        nowhere: those that come from no index (git, URLs), likewise.
    """

    document: Table
    linked: tuple[str, ...]
    lacking: tuple[str, ...]
    nowhere: tuple[str, ...]


def relinked(document: Table, paths: Mapping[str, str], url: str) -> Relinked:
    """Return a lock with the site's URLs for the files the site has; other files of the same packages are left out.

    Args:
        document: the lock, parsed.
        paths: sha256 of the site's wheels → path below ``url``, quoted.
        url: where clients see the site, without a slash at the end.

    Raises:
        FormatError: it is neither of the two.
    """
    form = _UV if "package" in document else _PYLOCK
    try:
        made = [(_called(one), *_package(form, one, paths, url)) for one in document[form.packages]]
        moved = {(new["name"], new.get("version")) for _, how, new in made if how == _SITE}
        packages = [_with_sources(new, moved, url) if form is _UV else new for _, _, new in made]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError("neither a uv.lock nor a pylock.toml", hint="`cudepot explain python` has others") from error
    named = {how: tuple(name for name, each, _ in made if each == how) for how in (_SITE, _LACKING, _NOWHERE)}
    return Relinked({**document, form.packages: packages}, named[_SITE], named[_LACKING], named[_NOWHERE])


class _Form(NamedTuple):
    """What tells the two locks apart: where packages stand, whence one comes, a file's sha256, the mark of an index."""

    packages: str
    origin: Callable[[Table], str]
    sha256: Callable[[Table], str]
    mark: Callable[[str], Table]


def _package(form: _Form, package: Table, paths: Mapping[str, str], url: str) -> tuple[str, Table]:
    """Return what becomes of a package, and how it is written then."""
    origin = form.origin(package)
    if origin != _SITE:
        return origin, package
    files: Table = {}
    for key in ("sdist", "wheels"):
        listed = package.get(key, [])
        there = [
            {**one, "url": f"{url}/{paths[form.sha256(one)]}"}
            for one in ([listed] if key == "sdist" and listed else listed)
            if form.sha256(one) in paths
        ]
        files |= {key: there[0] if key == "sdist" else there} if there else {}
    rest = {key: value for key, value in package.items() if key not in ("sdist", "wheels")}
    return (_SITE, rest | form.mark(f"{url}/simple/") | files) if files else (_LACKING, package)


def _uv_origin(package: Table) -> str:
    source = package["source"]
    if "registry" in source:
        return _SITE
    return _NOWHERE if "git" in source or "url" in source else _LOCAL


def _pylock_origin(package: Table) -> str:
    if "wheels" in package or "sdist" in package:
        return _SITE
    return _NOWHERE if "vcs" in package or "archive" in package else _LOCAL


_UV = _Form(
    "package", _uv_origin, lambda file: file.get("hash", "").removeprefix("sha256:"),
    lambda index: {"source": {"registry": index}},
)  # fmt: skip
_PYLOCK = _Form(
    "packages", _pylock_origin, lambda file: file.get("hashes", {}).get("sha256", ""), lambda index: {"index": index}
)


def _called(package: Table) -> str:
    return f"{package['name']} {package.get('version', '')}".rstrip()


def _with_sources(package: Table, moved: Collection[tuple[str, str | None]], url: str) -> Table:
    """Return a package of uv's whose dependencies, where they name a source, name the one these packages have now."""

    def edges(listed: list[Table]) -> list[Table]:
        return [
            {**one, "source": {"registry": f"{url}/simple/"}}
            if "registry" in one.get("source", {}) and (one["name"], one.get("version")) in moved
            else one
            for one in listed
        ]

    found = dict(package)
    if "dependencies" in found:
        found["dependencies"] = edges(found["dependencies"])
    for key in (key for key in _GROUPED if key in found):
        found[key] = {name: edges(listed) for name, listed in found[key].items()}
    return found
