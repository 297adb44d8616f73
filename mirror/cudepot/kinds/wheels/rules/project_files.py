"""What a project's files ask for: the dependencies of ``pyproject.toml``, and the versions of a lock.

Sources: PEP 621 and 735 (pyproject.toml), 751 (pylock.toml), and uv's documentation of ``uv.lock``. Of a lock the
versions bind, and the files whose sha256 it names; where it takes them from is for cudepot.toml to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from packaging.requirements import InvalidRequirement, Requirement

from cudepot.errors import ConfigError
from cudepot.formats.simple import project_name
from cudepot.kinds.rules.toml_file import Table, TomlFile
from cudepot.kinds.wheels.rules.asked import Asked, together

_OURS = ("virtual", "editable", "directory")
"""Sources that uv.lock gives the project itself, and other members of its workspace."""


def asked_by_project(name: str, data: bytes, extras: Sequence[str]) -> Asked:
    """Return what a ``pyproject.toml``, ``uv.lock`` or ``pylock.toml`` asks for; raise ConfigError.

    Args:
        name: of the file, by which it is told which it is.
        data: its bytes.
        extras: extras and dependency groups that are asked for too.
    """
    file = TomlFile(name, data)
    try:
        if name.endswith(".lock"):
            return _uv_lock(file, extras)
        if "lock-version" in file.root:
            return _pylock(file, extras)
        return _pyproject(file, extras)
    except (AttributeError, KeyError, TypeError) as error:
        raise ConfigError(f"{name}: not as such files are ({type(error).__name__}: {error})") from error


def _pyproject(file: TomlFile, extras: Sequence[str]) -> Asked:
    project = file.root.get("project", {})
    dynamic = project.get("dynamic", ())
    for key in ("dependencies", *(("optional-dependencies",) if extras else ())):
        if key in dynamic:
            hint = "write them there, or give a file of requirements"
            raise ConfigError(f"{file.at('dynamic')}: {key} are made by a build", hint=hint)
    texts = list(project.get("dependencies", ()))
    for one in extras:
        texts += _extra(file, one)
    return Asked(tuple(dict.fromkeys(_requirement(file, text) for text in texts)))


def _extra(file: TomlFile, extra: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Give the requirements of an extra, or of a dependency group, those it includes as well."""
    wanted = project_name(extra)
    for table in (
        file.root.get("project", {}).get("optional-dependencies", {}),
        file.root.get("dependency-groups", {}),
    ):
        for name, entries in table.items():
            if project_name(name) != wanted or name in above:
                continue
            for entry in entries:
                if isinstance(entry, str):
                    yield entry
                else:
                    yield from _extra(file, entry["include-group"], (*above, name))
            return
    if wanted not in map(project_name, above):
        raise ConfigError(f"{file.name}: no extra and no dependency group is called {extra!r}")


def _requirement(file: TomlFile, text: str) -> str:
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise ConfigError(f"{file.at(text)}: not a requirement: {text[:200]!r}") from error
    if found.url:
        hint = f"only what an index has can be resolved: write {found.name}==VERSION, of an upstream that has it"
        raise ConfigError(f"{file.at(text)}: {found.name} is taken from a URL", hint=hint)
    return str(found)


def _uv_lock(file: TomlFile, extras: Sequence[str]) -> Asked:
    packages = file.tables("package")
    ours = [one for one in packages if any(key in one["source"] for key in _OURS)]
    locked = [one for one in packages if one not in ours]
    for one in locked:
        if "registry" not in one["source"]:
            raise ConfigError(
                f"{file.at(one['name'])}: {one['name']} is of no index",
                hint="only what an index has can be resolved: take it from one",
            )
    roots = [text for one in ours for text in _depends(file, one, extras, {each["name"] for each in ours})]
    bound = tuple(_bound(file, one) for one in locked)
    return Asked(tuple(dict.fromkeys(roots)), bound, together([_hashes(one) for one in locked]).hashes)


def _depends(file: TomlFile, package: Table, extras: Sequence[str], ours: set[str]) -> Iterator[str]:
    """Give what a project of ours needs, as requirements; the versions stand with the packages."""
    optional = package.get("optional-dependencies", {}) | package.get("dev-dependencies", {})
    wanted = [package.get("dependencies", []), *(optional[one] for one in extras if one in optional)]
    for one in (entry for entries in wanted for entry in entries):
        if one["name"] not in ours:
            extra = f"[{','.join(one['extra'])}]" if one.get("extra") else ""
            version = f"=={one['version']}" if "version" in one else ""
            yield _requirement(file, f"{one['name']}{extra}{version}" + _where(one.get("marker", "")))


def _bound(file: TomlFile, package: Table) -> str:
    """Return the version of a package as a constraint; with forks it holds where its fork does."""
    forks = package.get("resolution-markers", ())
    marker = " or ".join(f"({one})" for one in forks) if len(forks) > 1 else "".join(forks)
    return _requirement(file, f"{package['name']}=={package['version']}" + _where(marker))


def _where(marker: str) -> str:
    return f" ; {marker}" if marker else ""


def _hashes(package: Table) -> Asked:
    """Return the sha256 of a package's files, in either kind of lock."""
    files = [*package.get("wheels", ()), *([package["sdist"]] if package.get("sdist") else [])]
    texts = [
        str(one.get("hash", "")).removeprefix("sha256:") or one.get("hashes", {}).get("sha256", "") for one in files
    ]
    given = frozenset(one.lower() for one in texts if re.fullmatch("[0-9A-Fa-f]{64}", one))
    return Asked(hashes={project_name(package["name"]): given} if given else {})


def _pylock(file: TomlFile, extras: Sequence[str]) -> Asked:
    if extras:
        raise ConfigError(f"{file.name}: extras of a pylock.toml cannot be asked for", hint="export the lock with them")
    packages = file.tables("packages")
    texts = [_pinned(file, one) for one in packages]
    return Asked(tuple(dict.fromkeys(texts)), hashes=together(list(map(_hashes, packages))).hashes)


def _pinned(file: TomlFile, package: Table) -> str:
    name, marker = package["name"], package.get("marker", "")
    if "version" not in package or not ("wheels" in package or "sdist" in package):
        hint = "only what an index has can be resolved: take it from one"
        raise ConfigError(f"{file.at(name)}: {name} is of no index", hint=hint)
    if re.search(r"\b(extras|dependency_groups)\b", marker):
        hint = "export the lock with the extras and groups that are wanted, and no others"
        raise ConfigError(f"{file.at(marker)}: {name} depends on which extras are asked for", hint=hint)
    return _requirement(file, f"{name}=={package['version']}" + _where(marker))
