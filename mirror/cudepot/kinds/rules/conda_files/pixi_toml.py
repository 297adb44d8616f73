"""``pixi.toml``: what one of its environments asks for: features, each with targets of its own, as specs.

``[tool.pixi]`` of a ``pyproject.toml`` is the same; what the project says is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cudepot.errors import ConfigError
from cudepot.kinds.rules.conda_files.asked import FileAsked, Line, everywhere
from cudepot.kinds.rules.conda_files.pixi_lock import environment_of
from cudepot.kinds.rules.conda_files.pyproject import is_pyproject, manifest_of, project_wheels
from cudepot.kinds.rules.toml_file import Table, TomlFile

_CONDA = ("dependencies", "host-dependencies", "build-dependencies")
_WHEELS = "pypi-dependencies"
_OURS = "path"
_ELSEWHERE = ("git", "url")
_BRACKETS = {"version": "version", "build": "build", "build-number": "build_number", "md5": "md5", "sha256": "sha256"}
"""Keys of a dependency, and what match specs call them."""


def asked_by_pixi(name: str, data: bytes, chosen: Sequence[str], platforms: Sequence[str]) -> FileAsked:
    """Return what a pixi.toml asks for, or a pyproject.toml with ``[tool.pixi]``.

    Args:
        name: of the file, for messages.
        data: its bytes.
        chosen: the environment of pixi's that is asked for; the default one where none is.
        platforms: it is asked for.

    Raises:
        ConfigError: it is not as such files are, or has no such environment.
    """
    file = TomlFile(name, data)
    try:
        project = _as_pixis(file) if is_pyproject(name) else None
        features = _features(file, environment_of(name, chosen))
        specs = [_spec(file, *one) for one in _depends(features, platforms, _CONDA)]
        wheels = [_wheel(file, *one) for one in _depends(features, platforms, (_WHEELS,))]
        return FileAsked(
            specs=everywhere(specs, platforms),
            channels=tuple(_channels(file, features)),
            pip=everywhere(wheels, platforms) if project is None else project,
            notes=tuple(_notes(file, features, platforms, [] if project is None else wheels)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{name}: malformed ({why})", hint="make it a file that `pixi install` accepts") from error


def _as_pixis(file: TomlFile) -> tuple[Line, ...]:
    """Make a pyproject.toml what pixi takes it for; return what the project wants of wheels."""
    found = tuple(project_wheels(file))
    file.root = manifest_of(file)
    return found


def _features(file: TomlFile, environment: str) -> list[Table]:
    """Return the features of an environment, as pixi puts them together: named ones first, then what is for all."""
    told = file.root.get("environments", {})
    if environment not in told and environment != "default":
        hint = f"there are: {', '.join(['default', *(one for one in told if one != 'default')])}"
        raise ConfigError(f"{file.name}: no environment {environment!r}", hint=hint)
    one = told.get(environment, [])
    names, alone = (one, False) if isinstance(one, list) else (one.get("features", []), one.get("no-default-feature"))
    there = file.root.get("feature", {})
    for name in names:
        if name not in there:
            raise ConfigError(f"{file.at(name)}: no feature {name!r}", hint=f"there are: {', '.join(there) or 'none'}")
    return [*(there[name] for name in names), *([] if alone else [file.root])]


def _depends(
    features: Sequence[Table], platforms: Sequence[str], keys: Sequence[str]
) -> Iterator[tuple[str, Any, str]]:
    """Give name, value and platform of what is wanted; what a feature says of a platform goes before what it says."""
    for platform in platforms:
        for feature in features:
            found: Table = {}
            for part in _parts(feature, platform):
                for key in keys:
                    found |= part.get(key, {})
            yield from ((name, value, platform) for name, value in found.items() if not _is_ours(value))


def _is_ours(value: Any) -> bool:
    """Return whether a dependency is made of a folder of the project's own."""
    return isinstance(value, dict) and _OURS in value


def _parts(feature: Table, platform: str) -> list[Table]:
    """Return what a feature says for a platform: of all, its family, its system and of itself."""
    system = platform.partition("-")[0]
    family = "unix" if system in ("linux", "osx") else ""
    targets = feature.get("target", {})
    return [feature, *(targets[one] for one in (family, system, platform) if one in targets)]


def _spec(file: TomlFile, name: str, value: Any, platform: str) -> Line:
    where = file.at_key(name, value if isinstance(value, str) else "")
    if isinstance(value, str):
        return Line(name if value.strip() in ("", "*") else f"{name} {value}", where, platform)
    _check_place(where, name, value)
    terms = ", ".join(f'{_BRACKETS[key]}="{value[key]}"' for key in _BRACKETS if key in value)
    return Line(f"{name}[{terms}]" if terms else name, where, platform, str(value.get("channel", "")))


def _wheel(file: TomlFile, name: str, value: Any, platform: str) -> Line:
    where = file.at_key(name, value if isinstance(value, str) else "")
    if isinstance(value, str):
        return Line(name + _version(value), where, platform)
    _check_place(where, name, value)
    extras = f"[{','.join(value['extras'])}]" if value.get("extras") else ""
    condition = f" ; {value['env-markers']}" if value.get("env-markers") else ""
    return Line(name + extras + _version(value.get("version", "*")) + condition, where, platform)


def _version(text: str) -> str:
    return "" if text.strip() in ("", "*") else text if not text[:1].isdigit() else f"=={text}"


def _check_place(where: str, name: str, value: Mapping[str, Any]) -> None:
    if places := [key for key in _ELSEWHERE if key in value]:
        hint = "only packages from a channel or an index can be resolved: move it to a feature that is not requested"
        raise ConfigError(f"{where}: {name} is taken from a {places[0]}", hint=hint)


def _channels(file: TomlFile, features: Sequence[Table]) -> Iterator[Line]:
    """Give the channels of an environment; a feature that names none has the workspace's."""
    head = file.root.get("workspace") or file.root.get("project") or {}
    every = [one for feature in features for one in feature.get("channels", head.get("channels", ()))]
    ranked = [(0, one) if isinstance(one, str) else (one.get("priority", 0), one["channel"]) for one in every]
    for text in dict.fromkeys(text for _, text in sorted(ranked, key=lambda one: -one[0])):
        yield Line(text, file.at(text))


def _notes(
    file: TomlFile, features: Sequence[Table], platforms: Sequence[str], wheels: Sequence[Line]
) -> Iterator[str]:
    """Give a line for what is not followed; ``wheels`` are those that nobody reads there."""
    for where, text in dict.fromkeys((one.where, one.text) for one in wheels):
        yield f"{where}: not followed: {text} in [tool.pixi.pypi-dependencies]: list it in `wheels` of the environment"
    every = [part for one in features for platform in platforms for part in _parts(one, platform)]
    named = [(key, value) for one in every for table in (*_CONDA, _WHEELS) for key, value in one.get(table, {}).items()]
    for name in dict.fromkeys(key for key, value in named if _is_ours(value)):
        yield f"{file.at_key(name)}: not followed: {name} is part of the project itself; its dependencies are not read"
    if any("system-requirements" in one for one in features):
        where = file.at("system-requirements")
        yield f"{where}: not followed: the environment's `profiles` say what machines it is for"
