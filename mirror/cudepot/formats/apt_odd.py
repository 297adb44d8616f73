"""What is odd about a Packages index that is mirrored as it is: what apt refuses in it, skips, or requests oddly.

Source: what apt-get makes of odd indexes (``tests/judge``), and its ``debListParser``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from cudepot.digest import Digest
from cudepot.errors import FormatError
from cudepot.formats.apt_listing import quick_fields
from cudepot.formats.deb822 import Fields, split_stream
from cudepot.paths import safe_name

SUMS = {"MD5sum": "md5", "SHA1": "sha1", "SHA512": "sha512"}
"""Fields of a stanza that apt compares beside SHA256, by the names hashlib has for them."""
_LENGTHS = {"MD5sum": 32, "SHA1": 40, "SHA256": 64, "SHA512": 128}
_RELATIONS = (
    "Pre-Depends", "Depends", "Provides", "Conflicts", "Breaks", "Replaces", "Recommends", "Suggests", "Enhances",
)  # fmt: skip
_FIELD = re.compile(
    rf"^(Package|Version|Architecture|Filename|Size|{'|'.join((*_LENGTHS, *_RELATIONS))}):"
    r"([^\n]*(?:\n[ \t\v\f][^\n]*)*)".encode(),
    re.MULTILINE,
)
_ONE = r"[^\s()\[\],|<>]+\s*(?:\(\s*(?><<|<=|=|>=|>>|<|>|(?![<>=]))\s*[^\s)][^)]*\)\s*)?"
_READABLE = re.compile(rf"\s*(?:{_ONE}(?:[,|]\s*{_ONE})*(?:[,|]\s*)?)?")
_PACKAGE = re.compile(rb"^package[ \t]*:", re.MULTILINE | re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]+")
_MOST = 8  # of one kind are told
_HINT = "this index cannot be mirrored as it is: report it to the upstream, or pin just the packages you need"


@dataclass(slots=True)
class Oddities:
    """What was found in one index.

    Attributes:
        notes: in words, a line each; of one kind some at most.
        spelled: names of files that apt asks for as they are, and that are another place to a server that takes no
            path apart: ``pool//x.deb``. One with nothing but ``./`` before it is not among them.
        packages: how many there are.
    """

    notes: list[str] = field(default_factory=list)
    spelled: list[str] = field(default_factory=list)
    packages: int = 0
    _told: Counter[str] = field(default_factory=Counter)
    _seen: dict[tuple[str, ...], str] = field(default_factory=dict)

    def tell(self, kind: str, note: str) -> None:
        """Note something of a stanza, unless there are many of its kind already."""
        self._told[kind] += 1
        if self._told[kind] <= _MOST:
            self.notes.append(note)

    def add(self, what: str, raw: bytes) -> None:
        """Look at one stanza; raise FormatError where apt refuses the whole index because of it."""
        fields = quick_fields(raw, _FIELD)
        _check_relations(fields, what)
        name, version = fields.get("Package", ""), fields.get("Version", "")
        if b"\npackage" in raw.lower() and len(_PACKAGE.findall(raw)) > 1:
            self.tell("Package", f"{what} has several Package fields, of which apt uses the last, {name}")
        if not version:
            self.tell("Version", f"{what}, {name}, has no Version, so apt ignores it")
        elif not fields.get("Filename"):
            self.tell("Filename", f"{name} {version} has no Filename, so apt cannot fetch it")
        else:
            self.packages += 1
            self._add_name(f"{name} {version}", fields["Filename"])
            self._add_sums(f"{name} {version}", fields)

    def _add_name(self, label: str, name: str) -> None:
        if is_cut_short(name):
            self.tell("?", f"{label} has ? or # in its Filename, {name}, which apt truncates there")
        if name.removeprefix("./") != safe_name(name):
            self.spelled.append(name)

    def _add_sums(self, label: str, fields: Fields) -> None:
        strong = fields.get("SHA256") or fields.get("SHA512", "")
        if not strong:
            self.tell("sum", f"{label} has no SHA256 or SHA512, so apt does not fetch it; it is not mirrored")
            return
        for kind, length in _LENGTHS.items():
            if kind in fields and not (len(fields[kind]) == length and _HEX.fullmatch(fields[kind])):
                self.tell(kind, f"{label} has a {kind} that is none, {fields[kind][:40]!r}, so apt refuses it")
        key = tuple(fields.get(one, "") for one in ("Package", "Version", "Architecture"))
        if all(key) and (before := self._seen.setdefault(key, strong)) != strong:
            text = (
                f"{' '.join(key)} appears twice in the index with different content: {before[:12]}… and {strong[:12]}…"
            )
            self.tell("twice", f"{text}; apt uses the first: ask the upstream why")


def is_cut_short(name: str) -> bool:
    """Return whether apt asks for a file's name as if it ended in the middle: it does not quote what ends a path."""
    return "?" in name or "#" in name


def oddities(stream: BinaryIO, what: str) -> Oddities:
    """Read an index, and return what is odd about it; memory grows with what is odd and with the packages' names.

    Raises:
        FormatError: apt refuses the whole index, because of a relation that it cannot read.
    """
    found = Oddities()
    for number, raw in enumerate(split_stream(stream, what), 1):
        found.add(f"{what}, stanza {number}", raw)
    return found


def _check_relations(fields: Fields, what: str) -> None:
    for said in _RELATIONS:
        if said in fields and not _READABLE.fullmatch(fields[said]):
            text = f"{what}: {said} cannot be read, so apt refuses the whole index: {fields[said][:120]!r}"
            raise FormatError(text, hint=_HINT)


def other_sums(stream: BinaryIO, what: str) -> Iterator[tuple[str, Digest, dict[str, str]]]:
    """Give each package that has a sha256 and other sums: where it is, its digest, hashlib name → sum."""
    for raw in split_stream(stream, what):
        fields = quick_fields(raw, _FIELD)
        sums = {kind: fields[name] for name, kind in SUMS.items() if name in fields}
        if sums and all(fields.get(one) for one in ("Filename", "Size", "SHA256")):
            yield safe_name(fields["Filename"]), Digest(fields["SHA256"], int(fields["Size"])), sums
