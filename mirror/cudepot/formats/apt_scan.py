"""A large Packages index of which little is looked at: where its stanzas are is found in one pass, and no more.

Debian's main has 63,000 stanzas in 50 MB; an environment looks at some thousand of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cudepot.formats.apt import Package, PackageIndex

_USUAL = re.compile(
    rb"\n(?:\nPackage: (?P<head>[^\n]*)|(?P<more>[Pp][Aa][Cc][Kk][Aa][Gg][Ee][ \t]*:)|"
    rb"[Pp][Rr][Oo][Vv][Ii][Dd][Ee][Ss][ \t]*:(?P<provides>[^\n]*(?:\n[ \t\v\f][^\n]*)*))"
)
_BLANKS = (b" ", b"\t", b"\v", b"\f")
_NAME = re.compile(rb"[a-z0-9][a-z0-9+.-]*")
_PROVIDED = re.compile(rb"(?:^|,)\s*([a-z0-9][a-z0-9+.-]*)")
_MENTIONS = frozenset(
    (b"Package", b"Pre-Depends", b"Depends", b"Conflicts", b"Breaks", b"Recommends", b"Suggests", b"Replaces",
     b"Enhances", b"Provides")
)  # fmt: skip
"""Fields whose names apt has heard of once it has read a stanza."""


class ScannedIndex(PackageIndex):
    """The same as :class:`~cudepot.formats.apt.PackageIndex`, in a third of its time and memory.

    Args:
        text: the uncompressed index.
        what: its name, for errors.
    """

    def __init__(self, text: bytes, what: str) -> None:
        self._text = text
        self._heads: dict[bytes, list[int]] = {}
        self._offering: dict[bytes, list[int]] = {}
        usual = self._scan()
        super().__init__(b"" if usual else text, what)
        if not usual:
            self._heads, self._offering = {}, {}

    def _scan(self) -> bool:
        """Note where stanzas begin, by their names and what they provide; return whether that finds all of them."""
        text, at, count = self._text, 0, 1
        end = text.find(b"\n")
        first = text[9:end] if text[end + 1 : end + 2] not in _BLANKS else b""
        if not text.startswith(b"Package: ") or b"\n" not in text or b"\r" in text or not _NAME.fullmatch(first):
            return False
        self._heads[first] = [0]
        provider = -1
        for found in _USUAL.finditer(text):
            name, provides = found["head"], found["provides"]
            if name is not None and _NAME.fullmatch(name) and text[found.end() + 1 : found.end() + 2] not in _BLANKS:
                at, count = found.start() + 2, count + 1
                self._heads.setdefault(name, []).append(at)
            elif provides is not None and provider != at:
                provider = at
                for provided in _PROVIDED.findall(provides):
                    self._offering.setdefault(provided, []).append(at)
            else:
                return False
        return text.rstrip(b"\n").count(b"\n\n") + 1 == count

    @property
    def size(self) -> int:
        """Bytes of the index."""
        return len(self._text)

    def __len__(self) -> int:
        return sum(map(len, self._heads.values())) or super().__len__()

    def __contains__(self, name: str) -> bool:
        at = name.encode(errors="surrogateescape")
        return at in self._heads or at in self._offering or super().__contains__(name)

    def names(self) -> Iterable[str]:
        """Return the names of all real packages."""
        return [one.decode() for one in self._heads] or super().names()

    def having(self, field: str, value: str) -> list[Package]:
        """Return all packages one of whose fields has just that value, in the order of the index."""
        line = re.compile(rb"\n" + re.escape(field.encode()) + rb":[ \t]*" + re.escape(value.encode()) + rb"[ \t]*\n")
        if not self._heads:
            return [one for name in self.names() for one in self.named(name) if one.fields.get(field, "") == value]
        starts = (self._start(found.start()) for found in line.finditer(self._text))
        names = dict.fromkeys(self._text[at + 9 : self._text.find(b"\n", at)].decode() for at in starts)
        return [one for name in names for one in self.named(name) if one.fields.get(field, "") == value]

    def first_mention(self, name: str) -> int:
        """Return where apt hears of a name first: in bytes from the start; the length of the index for never."""
        word = re.compile(re.escape(name.encode(errors="surrogateescape")))
        for found in word.finditer(self._text):
            around = self._text[max(found.start() - 1, 0) : found.end() + 1]
            if _NAME.fullmatch(around.strip(b" \n\t,|:()")) and self._field_at(found.start()) in _MENTIONS:
                return found.start()
        return len(self._text)

    def raw(self, names: Iterable[str]) -> list[bytes]:
        """Return the stanzas of some names as they are, in the order of the index."""
        return [raw for _, raw in sorted(found for name in names for found in self._stanzas(name))]

    def _field_at(self, at: int) -> bytes:
        """Return the name of the field that a place of the text is in."""
        start = self._text.rfind(b"\n", 0, at) + 1
        while start and self._text[start : start + 1] in (b" ", b"\t"):
            start = self._text.rfind(b"\n", 0, start - 1) + 1
        return self._text[start : start + 16].partition(b":")[0]

    def _place(self, order: int) -> str:
        return f"{self._what}, byte {order}" if self._heads else super()._place(order)

    def _stanzas(self, name: str) -> Sequence[tuple[int, bytes]]:
        return (
            self._cut(self._heads.get(name.encode(errors="surrogateescape"), ()))
            if self._heads
            else super()._stanzas(name)
        )

    def _provided(self, name: str) -> Sequence[tuple[int, bytes]]:
        return (
            self._cut(self._offering.get(name.encode(errors="surrogateescape"), ()))
            if self._heads
            else super()._provided(name)
        )

    def _cut(self, starts: Iterable[int]) -> list[tuple[int, bytes]]:
        return [(at, self._text[at : self._end(at)]) for at in dict.fromkeys(starts)]

    def _start(self, at: int) -> int:
        before = self._text.rfind(b"\n\n", 0, at)
        return before + 2 if before >= 0 else 0

    def _end(self, at: int) -> int:
        end = self._text.find(b"\n\n", at)
        return len(self._text) if end < 0 else end
