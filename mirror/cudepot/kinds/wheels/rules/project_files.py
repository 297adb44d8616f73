"""What a project's files ask for: the dependencies of ``pyproject.toml``, and the versions of a lock.

Sources: PEP 621 and 735 (pyproject.toml), 751 (pylock.toml), and uv's documentation of ``uv.lock``. Of a lock the
versions bind, and the files whose sha256 it names; where it takes them from is for cudepot.toml to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from packaging.requirements import Requirement

from cudepot.errors import ConfigError
from cudepot.formats.simple import project_name
from cudepot.kinds.rules.toml_file import Table, TomlFile
from cudepot.kinds.wheels.rules.asked import Asked, together
from cudepot.kinds.wheels.rules.requirement import read_requirement

_Chosen = dict[str, set[str]]
"""Variable of a marker of PEP 751 → what is asked for of it, normalised."""
_CHOICES = {"extras": "extras", "dependency_groups": "dependency-groups"}
"""Variable of a marker → key of a pylock.toml that names all there are."""
_AMONG = re.compile(
    r"""(?P<quote>['"])(?P<name>[^'"]*)(?P=quote)\s+(?P<no>not\s+)?in\s+(?P<variable>extras|dependency_groups)\b"""
)
_UNKNOWN = "{}: no extra or dependency group is called {!r}"
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
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"{name}: malformed ({type(error).__name__}: {error})") from error


def _pyproject(file: TomlFile, extras: Sequence[str]) -> Asked:
    project = file.root.get("project", {})
    dynamic = project.get("dynamic", ())
    for key in ("dependencies", *(("optional-dependencies",) if extras else ())):
        if key in dynamic:
            hint = "write them there, or give a requirements file"
            raise ConfigError(f"{file.at('dynamic')}: {key} come from a build", hint=hint)
    texts = list(_list(project.get("dependencies", [])))
    seen: set[str] = set()
    for one in extras:
        texts += _extra(file, one, seen)
    return Asked(tuple(dict.fromkeys(_requirement(file, text) for text in texts)))


def _extra(file: TomlFile, extra: str, seen: set[str]) -> Iterator[str]:
    """Give the requirements of an extra or a dependency group, and of those it includes; what was ``seen`` once."""
    wanted = project_name(extra)
    if wanted in seen:
        return
    seen.add(wanted)
    entries = _named(file.root.get("project", {}).get("optional-dependencies", {}), wanted)
    if entries is None:
        entries = _named(file.root.get("dependency-groups", {}), wanted)
    if entries is None:
        raise ConfigError(_UNKNOWN.format(file.name, extra))
    own = project_name(file.root.get("project", {}).get("name", ""))
    for entry in entries:
        if not isinstance(entry, str):
            yield from _extra(file, entry["include-group"], seen)
        elif project_name((asked := _read(file, entry)).name) == own:
            for one in sorted(asked.extras):  # ``all = ["project[one,other]"]``
                yield from _extra(file, one, seen)
        else:
            yield entry


def _named(table: Table, wanted: str) -> list[Any] | None:
    """Return the entries of an extra or group (normalised name); None where there is none of that name."""
    return next((_list(entries) for name, entries in table.items() if project_name(name) == wanted), None)


def _list(value: Any) -> list[Any]:
    """Return a list as it is; raise TypeError for anything else: a text would be as many projects as it has letters."""
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {value!r:.80}")
    return value


def _requirement(file: TomlFile, text: str) -> str:
    return str(_read(file, text))


def _read(file: TomlFile, text: str) -> Requirement:
    """Return a requirement; its line is looked for only where it has to be told."""
    try:
        return read_requirement(text, file.name)
    except ConfigError:
        return read_requirement(text, file.at(text))


def _uv_lock(file: TomlFile, extras: Sequence[str]) -> Asked:
    packages = file.tables("package")
    ours = [one for one in packages if any(key in one["source"] for key in _OURS)]
    locked = [one for one in packages if one not in ours]
    for one in locked:
        if "registry" not in one["source"]:
            raise ConfigError(
                f"{file.at(one['name'])}: {one['name']} does not come from an index",
                hint="only packages from an index can be resolved: take it from one",
            )
    wanted = set(map(project_name, extras))
    if unknown := wanted.difference(*map(_optional, ours)):
        raise ConfigError(_UNKNOWN.format(file.name, min(unknown)))
    roots = [text for one in ours for text in _depends(file, one, wanted, {each["name"] for each in ours})]
    bound = tuple(_bound(file, one) for one in locked)
    return Asked(tuple(dict.fromkeys(roots)), bound, together([_hashes(one) for one in locked]).hashes)


def _optional(package: Table) -> Table:
    """Return what a project of ours needs for its extras and groups, by name."""
    return {**package.get("optional-dependencies", {}), **package.get("dev-dependencies", {})}


def _depends(file: TomlFile, package: Table, extras: set[str], ours: set[str]) -> Iterator[str]:
    """Give what a project of ours needs, as requirements; the versions stand with the packages."""
    optional = _optional(package)
    wanted = [package.get("dependencies", []), *(optional[one] for one in sorted(extras) if one in optional)]
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
    packages, chosen = file.tables("packages"), _chosen(file, extras)
    texts = [_pinned(file, one, chosen) for one in packages]
    return Asked(tuple(dict.fromkeys(texts)), hashes=together(list(map(_hashes, packages))).hashes)


def _chosen(file: TomlFile, extras: Sequence[str]) -> _Chosen:
    """Return the extras and groups of a lock that are asked for, its default groups as well; refuse unknown ones."""
    there = {name: {project_name(one) for one in file.root.get(key, ())} for name, key in _CHOICES.items()}
    wanted = set(map(project_name, extras))
    if unknown := wanted - set().union(*there.values()):
        raise ConfigError(
            _UNKNOWN.format(file.name, min(unknown)),
            hint="a pylock.toml contains the ones it was exported with",
        )
    chosen = {name: wanted & names for name, names in there.items()}
    chosen["dependency_groups"] |= {project_name(one) for one in file.root.get("default-groups", ())}
    return chosen


def _pinned(file: TomlFile, package: Table, chosen: _Chosen) -> str:
    name, marker = package["name"], package.get("marker", "")
    if "version" not in package or not ("wheels" in package or "sdist" in package):
        hint = "only packages from an index can be resolved: take it from one"
        raise ConfigError(f"{file.at(name)}: {name} does not come from an index", hint=hint)
    return _requirement(file, f"{name}=={package['version']}" + _where(_settled(marker, chosen)))


def _settled(marker: str, chosen: _Chosen) -> str:
    """Return a marker in which what it asks of extras and groups (PEP 751) is answered: always, or never."""

    def answer(found: re.Match[str]) -> str:
        holds = (project_name(found["name"]) in chosen[found["variable"]]) != bool(found["no"])
        return f"python_version {'>=' if holds else '<'} '0'"

    return _AMONG.sub(answer, marker)
