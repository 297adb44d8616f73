"""Module streams trimmed to the packages that are there. Pure.

A module's list of artifacts decides what modular filtering hides: a package that is in no list would be offered
to everybody, and a list that is gone lets dnf refuse packages of the module. So a stream stays while one of its
packages is there, or a stream that stays needs it, and lists exactly those.

Source: libmodulemd, as dnf uses it: text that is not YAML stops dnf, a document that is no module it passes over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from cudepot.catalog.lock import Artifact
from cudepot.errors import FormatError
from cudepot.kinds.yum.rules.trim import Present

_NEVRA = re.compile(r".+-[0-9]+:[^:-]+-[^-]+\.[^.]+", re.DOTALL)
"""What libmodulemd takes as an artifact."""


def trimmed_modules(text: bytes, rpms: Sequence[Artifact], what: str, say: Callable[[str], None]) -> bytes:
    """Return modules.yaml for these packages; empty when none of it concerns them.

    ``say`` is called for each document that is left out because dnf cannot read it either.

    Raises:
        FormatError: not YAML.
    """
    import yaml  # noqa: PLC0415 - few repositories have modules

    documents = list[dict[str, Any]]()
    for number, one in enumerate(_documents(text, what), 1):
        fault = _fault(one)
        if fault:
            say(f"{what}: document {number} is left out, since dnf cannot read it: {fault}")
        elif isinstance(one, dict):
            documents.append(one)
    kept = _kept(documents, Present(rpms))
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    frame: dict[str, Any] = {"explicit_start": True, "explicit_end": True, "sort_keys": False, "allow_unicode": True}
    return bytes(yaml.dump_all(kept, Dumper=dumper, encoding="utf-8", **frame)) if kept else b""


def streams_of(text: bytes, what: str) -> dict[str, set[tuple[str, str]]]:
    """Return the modules and streams that packages are of, by ``NAME-EPOCH:VERSION-RELEASE.ARCH``."""
    found: dict[str, set[tuple[str, str]]] = {}
    for one in _documents(text, what):
        if isinstance(one, dict) and one.get("document") == "modulemd" and not _fault(one):
            for nevra in _artifacts(one):
                found.setdefault(nevra, set()).add(_stream(one))
    return found


def joined_modules(texts: Sequence[bytes], what: str) -> bytes:
    """Return the modules of several generations of a repository as one text, each document once."""
    parts = dict.fromkeys(part.strip() for text in texts for part in _split(text, what))
    return "".join(f"---\n{_bare(part)}\n...\n" for part in parts).encode()


def _bare(document: str) -> str:
    return document.removeprefix("---").removesuffix("...").strip("\n")


def documents_of(text: bytes, what: str) -> Iterator[Mapping[str, Any]]:
    """Give the documents that dnf can read; raise FormatError for what is not YAML."""
    yield from (one for one in _documents(text, what) if isinstance(one, dict) and not _fault(one))


def check_yaml(text: bytes, what: str) -> None:
    """Raise FormatError for what is not YAML: dnf ends there."""
    _split(text, what)


def _split(text: bytes, what: str) -> list[str]:
    """Return the text of each document."""
    import yaml  # noqa: PLC0415

    try:
        plain = text.decode("utf-8-sig")
        events = yaml.parse(plain, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        starts = [one.start_mark.index for one in events if isinstance(one, yaml.DocumentStartEvent)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FormatError(
            f"{what}: not YAML: {' '.join(str(error).split())}",
            hint="dnf refuses such a repository: report it upstream",
        ) from error
    return [plain[start:end] for start, end in pairwise([*starts, len(plain)])]


def _documents(text: bytes, what: str) -> Iterator[object]:
    """Give each document; an error where it cannot be put together. Scalars stay text: a stream 1.10 is no number."""
    import yaml  # noqa: PLC0415

    for one in _split(text, what):
        try:
            yield yaml.load(one, getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506 - makes text only
        except (yaml.YAMLError, RecursionError) as error:
            yield error


def _fault(document: object) -> str:
    """Return why dnf passes over a document as a whole; empty where no reason is known."""
    if isinstance(document, Exception):
        return " ".join(str(document).split())
    if not isinstance(document, dict) or document.get("document") != "modulemd":
        return ""
    odd = next((one for one in _artifacts(document) if not (isinstance(one, str) and _NEVRA.fullmatch(one))), None)
    if odd is not None:
        return f"{str(odd)[:80]!r} among its artifacts is not NAME-EPOCH:VERSION-RELEASE.ARCH"
    profiles = _data(document).get("profiles")
    every = [one for one in profiles.values() if isinstance(one, dict)] if isinstance(profiles, dict) else []
    lists = [_list(one.get("rpms")) for one in every]
    odd = next((one for names in lists for one in names if not isinstance(one, str)), None)
    return f"{str(odd)[:80]!r} in a profile is not a name" if odd is not None else ""


def _kept(documents: Sequence[dict[str, Any]], present: Present) -> list[dict[str, Any]]:
    nevras, names_there = present.nevras(), present.names()
    streams = [_trimmed_stream(one, nevras, names_there) for one in documents if one.get("document") == "modulemd"]
    used = _used(streams)
    names = {name for name, _ in used}
    defaults = [one for one in documents if one.get("document") == "modulemd-defaults"]
    mine = (_trimmed_defaults(one, used) for one in defaults if _text(_data(one), "module") in names)
    return [*(one for one in streams if _stream(one) in used), *(one for one in mine if one)]


def _trimmed_defaults(defaults: dict[str, Any], used: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return defaults as far as their streams are there; empty where nothing is left.

    Of a stream that is no default the default profiles stay: ``dnf install @nodejs:20`` asks for them.
    """
    data = dict(_data(defaults))
    there = {stream for name, stream in used if name == _text(data, "module")}
    is_default_there = not data.get("stream") or _text(data, "stream") in there
    profiles = data.get("profiles")
    if isinstance(profiles, dict):
        data["profiles"] = {stream: one for stream, one in profiles.items() if stream in there}
    if is_default_there:
        return {**defaults, "data": data}
    del data["stream"]
    return {**defaults, "data": data} if data.get("profiles") else {}


def _used(streams: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return the streams with a package that is there, and those that they require in turn."""
    used = {_stream(one) for one in streams if _artifacts(one)}
    while more := {need for one in streams if _stream(one) in used for need in _required(one, streams)} - used:
        used |= more
    return used


def _required(document: dict[str, Any], streams: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return the streams of this repository that a stream may need; an empty list of streams means any of them."""
    found: set[tuple[str, str]] = set()
    needs = [one.get("requires") for one in _list(_data(document).get("dependencies")) if isinstance(one, dict)]
    for name, wanted in (pair for one in needs if isinstance(one, dict) for pair in one.items()):
        found |= {one for one in map(_stream, streams) if one[0] == name and (not wanted or one[1] in _list(wanted))}
    return found


def _trimmed_stream(document: dict[str, Any], nevras: set[str], names: set[str]) -> dict[str, Any]:
    data = dict(_data(document))
    listed = _artifacts(document)
    there = [one for one in listed if one in nevras]
    gone = {_name(one) for one in listed} - names
    if "artifacts" in data:
        data["artifacts"] = {"rpms": there} if there else {}
    if isinstance(data.get("profiles"), dict):
        data["profiles"] = {name: _without(one, gone) for name, one in data["profiles"].items()}
    return {**document, "data": {key: value for key, value in data.items() if key != "artifacts" or value}}


def _without(profile: object, gone: set[str]) -> object:
    if not isinstance(profile, dict):
        return profile
    return {**profile, "rpms": [one for one in _list(profile.get("rpms")) if one not in gone]}


def _name(nevra: str) -> str:
    return nevra.rsplit("-", 2)[0]


def _artifacts(document: dict[str, Any]) -> list[str]:
    artifacts = _data(document).get("artifacts")
    return _list(artifacts.get("rpms")) if isinstance(artifacts, dict) else []


def _stream(document: dict[str, Any]) -> tuple[str, str]:
    return _text(_data(document), "name"), _text(_data(document), "stream")


def _data(document: dict[str, Any]) -> Mapping[str, Any]:
    data = document.get("data")
    return data if isinstance(data, dict) else {}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
