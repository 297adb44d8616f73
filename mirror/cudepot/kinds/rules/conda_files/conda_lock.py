"""conda-lock's ``conda-lock.yml``: packages of several platforms, each by URL and hash; some are wheels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import FileAsked, Line, Pinned
from cudepot.kinds.rules.conda_files.urls import pinned, wheel_line
from cudepot.kinds.rules.conda_files.yaml_tree import Node

_VERSION = "1"
_MAIN = "main"
_WHEELS = "pip"


def asked_by_conda_lock(root: Node, chosen: Sequence[str]) -> FileAsked:
    """Return what a conda-lock.yml asks for.

    Args:
        root: what it says.
        chosen: categories that are asked for beside ``main``.

    Raises:
        ConfigError: it is not as such files are, or has no such category.
    """
    version, about = root.get("version"), root.get("metadata")
    if version.text() != _VERSION:
        raise ConfigError(
            f"{version.where}: version {version.text()[:20]!r} of conda-lock.yml; {_VERSION} is read",
            hint="write it with another version of conda-lock, or give explicit files",
        )
    packages = root.get("package").each()
    there = {category for one in packages for category in _categories(one)}
    for category in chosen:
        if category not in there:
            raise ConfigError(f"{root.name}: no package in category {category!r}", hint=_listed(there))
    wanted = [one for one in packages if not _categories(one).isdisjoint({_MAIN, *chosen})]
    return FileAsked(
        pinned=tuple(_pinned(one) for one in wanted if not _is_wheel(one)),
        channels=tuple(_channels(about)),
        platforms=tuple(one.text() for one in about.get("platforms").each()),
        pip=tuple(_wheel(one) for one in wanted if _is_wheel(one)),
    )


def _listed(there: set[str]) -> str:
    return f"there are: {', '.join(sorted(there)) or 'none'}"


def _categories(package: Node) -> set[str]:
    """Return the categories of a package, which newer files have as a list."""
    several = package.get("categories").each()
    return {one.text() for one in several} or {package.get("category").text() or _MAIN}


def _is_wheel(package: Node) -> bool:
    return package.get("manager").text() == _WHEELS


def _pinned(package: Node) -> Pinned:
    found, hashes = pinned(package.get("url").text(), package.where), package.get("hash")
    return found._replace(
        platform=package.get("platform").text(),
        md5=hashes.get("md5").text().lower(),
        sha256=hashes.get("sha256").text().lower(),
    )


def _wheel(package: Node) -> Line:
    name, version = package.get("name").text(), package.get("version").text()
    line = wheel_line(name, version, package.get("hash").get("sha256").text())
    return Line(line, package.where, package.get("platform").text())


def _channels(about: Node) -> Iterator[Line]:
    for one in about.get("channels").each():
        named = one if isinstance(one.value, str) else one.get("url")
        yield Line(named.text(), named.where)
