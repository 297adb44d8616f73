"""How apt's Release leads to packages. Source: the DebianRepository/Format page."""

import re
from typing import Dict, Iterator, List, Set

from cudepot_far.promises import ENTRY, SIZE, SUM, Chunks, Kind, Promise, plain_text, refuse
from cudepot_far.values import plain, safe_name

_FIELD = re.compile(rb"([!-9;-~]+):[ \t]*(.*)")
_SECTIONS = {"sha256": ("sha256", 64), "sha512": ("sha512", 128)}
_WEAK = {"md5sum", "sha1", "sha512"}
_NEEDED = {"package", "version", "architecture", "filename", "size", "sha256"}


def _release(text: bytes, what: str, ours: bool = False) -> Dict[str, Promise]:
    """Return what a Release names. Of the same path the first counts, and sha256 before sha512."""
    stanza = text.split(b"\n\n", 1)[0] if not ours else text
    fields = _fields(stanza.rstrip(b"\n"), what, ours)
    if ours and (b"\n\n" in text.rstrip(b"\n") or _WEAK & set(fields)):
        raise refuse(what, "has more than one part, or checksums other than SHA256", ours)
    found: Dict[str, Promise] = {}
    for section in ("sha256", "sha512"):
        algorithm, digits = _SECTIONS[section]
        for value, size, path in _lines(fields.get(section, ""), what, ours):
            if len(value) == digits and SUM.fullmatch(value) and SIZE.fullmatch(size) and plain(path):
                found.setdefault(path, Promise(algorithm, value.lower(), int(size)))
    if ours and any(_base(path) != "Packages" for path in found):
        raise refuse(what, "lists something that is not a Packages file", ours)
    if not found:
        raise refuse(what, "lists nothing by SHA256 or SHA512", ours)
    return found


def _base(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _lines(section: str, what: str, ours: bool) -> Iterator[List[str]]:
    for line in section.split("\n"):
        parts = line.split()
        if parts and len(parts) != 3:
            raise refuse(what, f"bad line {line.strip()[:120]!r}", ours)
        if parts:
            yield parts


def _fields(stanza: bytes, what: str, ours: bool) -> Dict[str, str]:
    """Return the fields of a stanza by their names in small letters; strictly, every line has to be understood."""
    found: Dict[str, str] = {}
    name = ""
    for line in stanza.split(b"\n"):
        field = _FIELD.fullmatch(line) if not line.startswith((b" ", b"\t", b"#")) else None
        odd = b"\r" in line or not line.strip() or (field is None and (not name or not line.startswith((b" ", b"\t"))))
        if field is not None:
            name = field.group(1).decode().lower()
            odd = odd or name in found
            if not odd or name not in found:
                found[name] = field.group(2).decode("utf-8", "surrogateescape").strip()
            else:
                name = "of no use"
        elif name and not odd:
            found[name] = found.get(name, "") + "\n" + line.decode("utf-8", "surrogateescape").strip()
        if odd and ours:
            raise refuse(what, f"a line that can be read in two ways: {line[:80]!r}", ours)
    return found


def _release_lists(text: bytes, what: str) -> Set[str]:
    return {path for path in _release(text, what) if _base(path) == "Packages"}


def entries(chunks: Chunks, what: str) -> Iterator[Dict[str, str]]:
    """Give the fields of each entry of a Packages that the site made, read strictly; names in small letters."""
    for stanza in _stanzas(plain_text(chunks, what, True), what, True):
        yield _fields(stanza, what, True)


def _packages(chunks: Chunks, what: str, ours: bool = False) -> Iterator[Promise]:
    """Give what a Packages index promises of each package."""
    for stanza in _stanzas(plain_text(chunks, what, ours), what, ours):
        fields = _fields(stanza, what, ours)
        if ours and not all(fields.get(name) for name in _NEEDED):
            raise refuse(what, "a package without name, file, size or sha256", ours)
        value = fields.get("sha256", "") or fields.get("sha512", "")
        size, algorithm = fields.get("size", ""), "sha256" if fields.get("sha256") else "sha512"
        if SUM.fullmatch(value) and SIZE.fullmatch(size) and len(value) == _SECTIONS[algorithm][1]:
            if ours:
                safe_name(fields["filename"])
            yield Promise(algorithm, value.lower(), int(size))
        elif ours:
            raise refuse(what, "a package without usable size or sha256", ours)


def _stanzas(chunks: Chunks, what: str, ours: bool) -> Iterator[bytes]:
    left = b""
    for chunk in chunks:
        left = (left + chunk).lstrip(b"\n") if not left else left + chunk
        parts = left.split(b"\n\n")
        left = parts.pop().lstrip(b"\n") if len(parts) > 1 else parts.pop()
        for one in parts:
            if one.strip(b"\n"):
                yield one.strip(b"\n")
        if len(left) > ENTRY:
            raise refuse(what, "an entry of implausible size", ours)
    if left.strip(b"\n"):
        yield left.strip(b"\n")


APT = Kind("apt", "apt/", ".deb", ("InRelease", "Release"), _release, _release_lists, _packages)
