"""Errata, groups and modules trimmed to the packages that are there. Pure.

A module's list of artifacts decides what modular filtering hides: a package that stands in no list would be offered
to everybody, and a list that is gone lets dnf refuse packages of the module. So a stream stays while one of its
packages is there, or a stream that stays needs it, and lists exactly those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from cudepot.catalog.lock import Artifact
from cudepot.errors import FormatError
from cudepot.formats.rpm_version import split_evr
from cudepot.formats.xml_text import parse_xml

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class Present:
    """The packages that are there."""

    rpms: Sequence[Artifact]

    def names(self) -> set[str]:
        """Return their names."""
        return {one.name for one in self.rpms}

    def parts(self) -> set[tuple[str, str, str, str, str]]:
        """Return name, epoch, version, release and architecture of each."""
        return {(one.name, *split_evr(one.version), one.architecture) for one in self.rpms}

    def nevras(self) -> set[str]:
        """Return them as modules name them: ``NAME-EPOCH:VERSION-RELEASE.ARCH``."""
        return {f"{name}-{epoch}:{version}-{release}.{arch}" for name, epoch, version, release, arch in self.parts()}


def trimmed(kind: str, text: bytes, rpms: Sequence[Artifact], what: str) -> bytes:
    """Return metadata of that type for these packages; empty when none of it concerns them."""
    return {"updateinfo": _updateinfo, "group": _groups, "modules": _modules}[kind](text, Present(rpms), what)


def _updateinfo(text: bytes, present: Present, what: str) -> bytes:
    root, there = parse_xml(text, what), present.parts()
    for update in list(root):
        lists = [one for one in update.iter() if one.find("package") is not None]
        for packages in lists:
            for package in packages.findall("package"):
                if _parts(package) not in there:
                    packages.remove(package)
        if update.tag != "update" or next(update.iter("package"), None) is None:
            root.remove(update)
    return _document(root) if len(root) else b""


def _parts(package: ElementTree.Element) -> tuple[str, ...]:
    get = package.get
    return (get("name", ""), get("epoch") or "0", get("version", ""), get("release", ""), get("arch", ""))


def _groups(text: bytes, present: Present, what: str) -> bytes:
    root, names = parse_xml(text, what), present.names()
    _keep(root, "group", "packagereq", names)
    kept = {(one.findtext("id") or "").strip() for one in root.findall("group")}
    for kind in ("category", "environment"):
        _keep(root, kind, "groupid", kept)
    return _document(root) if kept else b""


def _keep(root: ElementTree.Element, kind: str, member: str, names: set[str]) -> None:
    """Keep of every ``kind`` the members that are among the names, and drop those that are left with none."""
    for place in root.findall(kind):
        for several in [one for one in place if one.find(member) is not None]:
            for one in several.findall(member):
                if (one.text or "").strip() not in names:
                    several.remove(one)
        if next(place.iter(member), None) is None:
            root.remove(place)


def _document(root: ElementTree.Element) -> bytes:
    return _DECLARATION + bytes(ElementTree.tostring(root, "utf-8")) + b"\n"


def _modules(text: bytes, present: Present, what: str) -> bytes:
    import yaml  # noqa: PLC0415 - few repositories have modules

    try:
        # Every scalar stays text: a stream called 1.10 is no number.
        documents = list(yaml.load_all(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader)))
    except (yaml.YAMLError, RecursionError) as error:
        raise FormatError(f"{what}: not YAML: {' '.join(str(error).split())}") from error
    kept = _kept([one for one in documents if isinstance(one, dict)], present)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    frame: dict[str, Any] = {"explicit_start": True, "explicit_end": True, "sort_keys": False, "allow_unicode": True}
    return bytes(yaml.dump_all(kept, Dumper=dumper, encoding="utf-8", **frame)) if kept else b""


def _kept(documents: Sequence[dict[str, Any]], present: Present) -> list[dict[str, Any]]:
    nevras, names_there = present.nevras(), present.names()
    streams = [_trimmed_stream(one, nevras, names_there) for one in documents if one.get("document") == "modulemd"]
    used = _used(streams)
    names = {name for name, _ in used}
    defaults = [one for one in documents if one.get("document") == "modulemd-defaults"]
    return [
        *(one for one in streams if _stream(one) in used),
        *(one for one in defaults if _text(_data(one), "module") in names and _is_default_there(one, used)),
    ]


def _is_default_there(defaults: dict[str, Any], used: Iterable[tuple[str, str]]) -> bool:
    data = _data(defaults)
    return not data.get("stream") or (_text(data, "module"), _text(data, "stream")) in used


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
