"""Errata and groups trimmed to the packages that are there; for module streams see :mod:`.modules`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from cudepot.catalog.lock import Artifact
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
    return {"updateinfo": _updateinfo, "group": _groups}[kind](text, Present(rpms), what)


def joined_updateinfo(texts: Sequence[bytes], what: str) -> bytes:
    """Return the errata of several generations of a repository as one document: of each id the first."""
    first, *others = (parse_xml(one, what) for one in texts)
    there = {one.findtext("id") for one in first}
    first.extend(one for other in others for one in other if one.findtext("id") not in there)
    return _document(first)


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
