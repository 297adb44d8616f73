"""``pixi.lock``: for each environment and platform URLs of conda packages and of wheels; hashes stand apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import FileAsked, Line, Pinned
from cudepot.kinds.rules.conda_files.urls import pinned, wheel_line
from cudepot.kinds.rules.conda_files.yaml_tree import Node

_VERSIONS = ("4", "5", "6", "7")
_DEFAULT = "default"
_WEB = "://"
_CONDA, _WHEEL = "conda", "pypi"


def asked_by_pixi_lock(root: Node, chosen: Sequence[str]) -> FileAsked:
    """Return what a pixi.lock asks for.

    Args:
        root: what it says.
        chosen: the environment that is asked for; ``default`` where none is.

    Raises:
        ConfigError: it is not as such files are, or has no such environment.
    """
    version, every = root.get("version"), root.get("environments").mapping()
    if version.text() not in _VERSIONS:
        raise ConfigError(
            f"{version.where}: version {version.text()[:20]!r} of pixi.lock; {', '.join(_VERSIONS)} are read",
            hint="write it with another version of pixi, or give the output of `pixi workspace export "
            "conda-explicit-spec`",
        )
    name = environment_of(root.name, chosen)
    if name not in every:
        raise ConfigError(f"{root.name}: no environment {name!r}", hint=f"there are: {', '.join(every) or 'none'}")
    packages, hashes = every[name].get("packages").mapping(), _described(root)
    return FileAsked(
        pinned=tuple(_conda(packages, hashes)),
        channels=tuple(_channels(every[name])),
        platforms=tuple(packages),
        pip=tuple(_wheels(packages, hashes)),
        notes=tuple(_notes(packages)),
    )


def environment_of(name: str, chosen: Sequence[str]) -> str:
    """Return the environment of pixi's that is meant; raise ConfigError for several."""
    if len(chosen) > 1:
        hint = "give each pixi environment an [[environment]] of its own"
        raise ConfigError(f"{name}[{','.join(chosen)}]: only one pixi environment can be given", hint=hint)
    return chosen[0] if chosen else _DEFAULT


def _described(root: Node) -> dict[str, Node]:
    """Return what is said of each package, by its URL; files before version 6 have the URL under a key of its own."""
    found: dict[str, Node] = {}
    for one in root.get("packages").each():
        urls = [one.get(key).text() for key in (_CONDA, _WHEEL, "url")]
        found |= {url: one for url in urls if url}
    return found


def _conda(packages: Mapping[str, Node], described: Mapping[str, Node]) -> Iterator[Pinned]:
    for platform, listed in packages.items():
        for one in listed.each():
            if url := one.get(_CONDA).text():
                about = described.get(url, one)
                hashes = {key: about.get(key).text().lower() for key in ("md5", "sha256")}
                yield pinned(url, one.where, platform)._replace(**hashes)


def _wheels(packages: Mapping[str, Node], described: Mapping[str, Node]) -> Iterator[Line]:
    for platform, listed in packages.items():
        for one in listed.each():
            if _WEB in (url := one.get(_WHEEL).text()):
                about = described.get(url, one)
                name, version = about.get("name").text(), about.get("version").text()
                if not name or not version:
                    hint = "only packages from an index can be resolved: lock it from one"
                    raise ConfigError(f"{one.where}: a wheel without a name or version: {url[:200]!r}", hint=hint)
                yield Line(wheel_line(name, version, about.get("sha256").text()), one.where, platform)


def _notes(packages: Mapping[str, Node]) -> Iterator[str]:
    for one in (one for listed in packages.values() for one in listed.each()):
        if (path := one.get(_WHEEL).text()) and _WEB not in path:
            yield f"{one.where}: not followed: {path[:100]} is part of the project itself"


def _channels(environment: Node) -> Iterator[Line]:
    for one in environment.get("channels").each():
        named = one if isinstance(one.value, str) else one.get("url")
        yield Line(named.text(), named.where)
