"""Files that say which wheels an environment wants, read as what they ask for.

Requirements as pip reads them, with what they include; the dependencies of a ``pyproject.toml``; two kinds of lock,
``uv.lock`` and ``pylock.toml`` (PEP 751), whose versions bind; and what conda's and pixi's files leave to pip. Each
fault is told with file and line.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from cudepot.errors import ConfigError
from cudepot.formats.simple import project_name
from cudepot.kinds.rules.conda_files.names import is_named_so
from cudepot.kinds.wheels.rules.asked import Asked, together
from cudepot.kinds.wheels.rules.requirement import read_requirement

_MOST = 64  # files that include each other
_SPEC = re.compile(r"(?P<file>.+?\.(?:toml|lock|ya?ml))\[(?P<extras>[^\[\]]*)\]")
_INCLUDE = re.compile(r"(?:-r|-c|--requirements?|--constraints?)(?:\s*=\s*|\s+|(?=[^-\s]))(?P<file>\S.*)")
_HASH = re.compile(r"\s--hash[=\s]\s*(?P<name>[a-z0-9]+):(?P<hex>[0-9A-Fa-f]+)")
_PLACES = ("-i", "--index-url", "--extra-index-url", "--trusted-host", "--no-index", "--require-hashes",
           "--only-binary", "--prefer-binary", "--use-feature")  # fmt: skip
"""Options that say where packages come from and how they are checked: cudepot.toml does."""

_EXPLICIT = b"@EXPLICIT"
"""Stands in conda's explicit files, in which conda-lock puts wheels into comments."""

Read = Callable[[str], bytes]
"""Gives a file by its name."""
_Known = dict[tuple[str, tuple[str, ...]], Asked]
"""File, and what of it is asked for → what it asks for."""


class _Line(NamedTuple):
    """A line that is none of nothing, with those that continue it, and where it is."""

    text: str
    where: str


def file_of(spec: str) -> tuple[str, tuple[str, ...]]:
    """Return the file of ``pyproject.toml[extra,other]``, and its extras."""
    found = _SPEC.fullmatch(spec)
    if not found:
        return spec, ()
    return found["file"], tuple(one.strip() for one in found["extras"].split(",") if one.strip())


def with_included(specs: Sequence[str], read: Read) -> dict[str, bytes]:
    """Return files with all that they include, by name, as ``read`` gives them.

    Raises:
        ConfigError: too many include each other.
    """
    found: dict[str, bytes] = {}
    waiting = [file_of(one) for one in specs]
    while waiting:
        name, chosen = waiting.pop(0)
        if name in found:
            continue
        if len(found) == _MOST:
            raise ConfigError(f"{name}: more than {_MOST} requirements files include each other")
        found[name] = read(name)
        if not _is_whole(name):
            lines = _lines(name, found[name], chosen)
            waiting += [(_beside(name, one["file"]), ()) for line in lines if (one := _included(line))]
    return found


def asked_for(specs: Sequence[str], read: Read) -> Asked:
    """Return what files ask for together; raise ConfigError, which names file and line, for what cannot be read."""
    known: _Known = {}
    return together([_one(spec, read, known) for spec in specs])


def _one(spec: str, read: Read, known: _Known) -> Asked:
    name, extras = file_of(spec)
    if _is_whole(name):
        from cudepot.kinds.wheels.rules.project_files import asked_by_project  # noqa: PLC0415 - where there is one

        return asked_by_project(name, read(name), extras)
    return _of_file(name, read, (), known, extras)


def _of_file(name: str, read: Read, above: tuple[str, ...], known: _Known, chosen: tuple[str, ...] = ()) -> Asked:
    """Return what a file asks for; ``known`` has those that were read: however many include one, it is read once."""
    key = (name, chosen)
    if key not in known:
        known[key] = together(list(_of_lines(name, read, (*above, name), known, chosen)))
    return known[key]


def _is_whole(name: str) -> bool:
    """Return whether a file is a document, not lines as pip reads them, and not one that has such lines in it."""
    return name.endswith((".toml", ".lock")) and not is_named_so(name)


def _of_lines(name: str, read: Read, above: tuple[str, ...], known: _Known, chosen: tuple[str, ...]) -> Iterator[Asked]:
    """Give what each line of a file asks for, an included file in place of the line that includes it."""
    for line in _lines(name, read(name), chosen):
        if found := _included(line):
            inner = _beside(name, found["file"])
            if inner in above or len(above) == _MOST:
                what = f"{inner} includes itself" if inner in above else f"more than {_MOST} files include each other"
                raise ConfigError(f"{line.where}: {what}")
            asked = _of_file(inner, read, above, known)
            yield asked.as_constraints() if line.text.startswith(("-c", "--c")) else asked
        elif line.text.startswith("-"):
            yield _option(line)
        else:
            yield _requirement(line)


def _included(line: _Line) -> re.Match[str] | None:
    return _INCLUDE.fullmatch(line.text)


def _beside(name: str, other: str) -> str:
    """Return a file that another one names, which starts at its own folder."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), other.strip("'\"")))


def _lines(name: str, data: bytes, chosen: Sequence[str] = ()) -> Iterator[_Line]:
    """Give the lines that say something, without comments, continued ones as one; of conda's files those for pip."""
    if is_named_so(name) or _EXPLICIT in data:
        from cudepot.kinds.rules.conda_files.files import lines_for_pip  # noqa: PLC0415 - where there is one

        yield from (_Line(" ".join(one.text.split()), one.where) for one in lines_for_pip(name, data, chosen))
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8: {error}", hint="save it as UTF-8") from error
    begun, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw)
        begun, start = begun + line, start or number
        if begun.endswith("\\") and not raw.lstrip().startswith("#"):
            begun = begun[:-1] + " "
            continue
        if begun.strip():
            yield _Line(" ".join(begun.split()), f"{name}:{start}")
        begun, start = "", 0
    if begun.strip():
        yield _Line(" ".join(begun.split()), f"{name}:{start}")


def _option(line: _Line) -> Asked:
    option = re.split(r"[\s=]", line.text, maxsplit=1)[0]
    if option in _PLACES:
        return Asked(notes=(f"{line.where}: {option} is not followed: cudepot.toml decides where packages come from",))
    hint = {
        "--pre": "set it in cudepot.toml: `prereleases = true`",
        "-e": "only packages from an index can be resolved: remove the line",
        "--editable": "only packages from an index can be resolved: remove the line",
    }.get(option, "remove the line")
    raise ConfigError(f"{line.where}: {option} is not something an environment can contain", hint=hint)


def _requirement(line: _Line) -> Asked:
    text = _HASH.sub("", " " + line.text).strip()
    text = re.sub(r"\s--(config-settings?|global-option|build-option)\b.*$", "", text)
    found = read_requirement(text, line.where)
    given = [(one["name"], one["hex"].lower()) for one in _HASH.finditer(" " + line.text)]
    sha256 = frozenset(value for name, value in given if name == "sha256")
    if given and not sha256:
        raise ConfigError(
            f"{line.where}: its hashes are {given[0][0]} only, but files are identified by sha256",
            hint="regenerate the file with sha256, as `pip hash` and pip-compile do",
        )
    return Asked(requirements=(str(found),), hashes={project_name(found.name): sha256} if sha256 else {})
