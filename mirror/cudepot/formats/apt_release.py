"""Apt's Release files: what they say of a repository and of its indexes, read and written.

Sources: the DebianRepository/Format page, apt's ``Acquire`` behaviour on by-hash. NVIDIA's Release has ``Architecture``
(singular) and neither Suite, Codename nor Valid-Until.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cudepot.digest import Digest, Promise, hexdigest
from cudepot.errors import FormatError
from cudepot.formats.dates import is_utc, parse_date
from cudepot.formats.deb822 import parse_stanza, split
from cudepot.paths import plain_path

ROOT_NAMES = ("InRelease", "Release", "Release.gpg")
_SIZE = re.compile(r"\+?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Release:
    """A Release file: its fields, and what it says of each index.

    Attributes:
        files: path → digest, where it tells the sha256.
        others: path → promise, where it tells the sha512 only (nvidia.github.io).
    """

    fields: Mapping[str, str]
    files: Mapping[str, Digest]
    others: Mapping[str, Promise] = field(default_factory=dict)

    def promised(self) -> dict[str, Digest | Promise]:
        """Return what it says of every index, by the best hash for us."""
        return {**self.others, **self.files}

    @property
    def is_by_hash(self) -> bool:
        """Whether it offers its indexes under names that are their hashes; the words are those apt takes for yes."""
        return self.fields.get("Acquire-By-Hash", "").strip().lower() in ("yes", "true", "with", "on", "enable", "1")

    def date(self) -> datetime.datetime | None:
        """Return ``Date``; None when there is none."""
        return _date(self.fields, "Date")

    def valid_until(self) -> datetime.datetime | None:
        """Return ``Valid-Until``; None when there is none; raise FormatError where apt would not read it."""
        found, text = _date(self.fields, "Valid-Until"), self.fields.get("Valid-Until", "")
        if found and not is_utc(text):
            raise FormatError(
                f"Valid-Until is not in UTC: {text[:60]!r}", hint="apt refuses it too: report it to the upstream"
            )
        return found


def parse_release(text: bytes, what: str) -> Release:
    """Return a Release file, of which apt reads the first stanza.

    Raises:
        FormatError: it is malformed, or lists neither SHA256 nor SHA512.
    """
    fields = {name: _text(value) for name, value in parse_stanza(next(iter(split(text)), b""), what).items()}
    swallowed = next((value for name, value in fields.items() if name.endswith("\nDate")), None)
    if swallowed is not None:  # a line before it has no colon: apt does without the date then, we need not
        fields.setdefault("Date", swallowed)
    if "SHA256" not in fields and "SHA512" not in fields:
        raise FormatError(f"{what}: no SHA256 or SHA512 section", hint="weaker hashes are not used")
    files: dict[str, Digest] = {}
    for path, value, size in _listed(fields, "SHA256", what):
        files.setdefault(path, Digest(value, size))
    others: dict[str, Promise] = {}
    for path, value, size in _listed(fields, "SHA512", what):
        others.setdefault(path, Promise(value, size))
    return Release(fields, files, {path: one for path, one in others.items() if path not in files})


_HEX = {"SHA256": re.compile(r"[0-9a-fA-F]{64}"), "SHA512": re.compile(r"[0-9a-fA-F]{128}")}


def _listed(fields: Mapping[str, str], section: str, what: str) -> Iterator[tuple[str, str, int]]:
    """Give path, hash and size of each file a section of a Release lists, as apt finds them: the first of two counts.

    apt asks for the plain names of what it knows: other paths, and entries that say nothing, are left out.
    """
    for line in fields.get(section, "").split("\n"):
        parts = line.split()
        if parts and len(parts) != 3:
            raise FormatError(f"{what}: bad {section} line {line.strip()[:120]!r}", hint="apt refuses it too")
        if parts and _means_something(section, *parts):
            yield parts[2], parts[0].lower(), int(parts[1])


def _means_something(section: str, value: str, size: str, path: str) -> bool:
    return bool(plain_path(path) == path and _SIZE.fullmatch(size) and _HEX[section].fullmatch(value))


def _text(value: str) -> str:
    """Return a value of a Release as text that a lock can hold: what is no UTF-8 is taken for Latin-1."""
    raw = value.encode(errors="surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def render_release(fields: Mapping[str, str], files: Mapping[str, bytes], hashes: Mapping[str, str]) -> bytes:
    """Return a Release file.

    Args:
        fields: what comes before the hashes.
        files: index path → its bytes.
        hashes: Release section → ``hashlib`` name, e.g. ``{"SHA256": "sha256"}``.
    """
    for name, value in fields.items():
        if "\n" in value:
            raise FormatError(
                f"{name} of a Release has several lines", hint="the upstream's Release is made to mislead"
            )
    text = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    for section, algorithm in hashes.items():
        text += f"{section}:\n"
        text += "".join(f" {hexdigest(data, algorithm)} {len(data):>16} {path}\n" for path, data in files.items())
    return text.encode()


def _date(fields: Mapping[str, str], name: str) -> datetime.datetime | None:
    return parse_date(fields[name], name) if name in fields else None
