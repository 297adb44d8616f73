"""Typed access to parsed TOML and JSON whose errors say where: ``expected a string in 'pin[2].upstream'``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cudepot.digest import Digest
from cudepot.errors import ConfigError, CudepotError

_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(kB|MB|GB|TB)")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_SECONDS = {"h": 3600, "d": 86400, "w": 604800}
_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class Table:
    """One table of a document; every key must be asked for before :meth:`done`.

    Args:
        data: the parsed table.
        where: its path in the document, e.g. ``pin[2]``; empty for the root.
        tolerant: whether keys that nobody asks for are let be, as somebody newer may have written them.
    """

    def __init__(self, data: object, where: str = "", *, tolerant: bool = False) -> None:
        if not isinstance(data, Mapping):
            raise ConfigError(f"expected a table in {where!r}")
        self._data: Mapping[str, Any] = data
        self.where, self.tolerant = where, tolerant
        self._asked: set[str] = set()

    def path(self, key: str) -> str:
        """Return where ``key`` stands in the document."""
        return f"{self.where}.{key}" if self.where else key

    def has(self, key: str) -> bool:
        """Return whether ``key`` is given."""
        return key in self._data

    @property
    def asked(self) -> frozenset[str]:
        """The keys that were asked for, whether they are given or not."""
        return frozenset(self._asked)

    def names(self) -> list[str]:
        """Return all keys of the table."""
        return list(self._data)

    def value(self, key: str) -> object:
        """Return a value of any type; raise ConfigError when it is missing."""
        return self._get(key, None, "a value")

    def value_or(self, key: str, default: object) -> object:
        """Return a value of any type, or the default where it is missing."""
        self._asked.add(key)
        return self._data.get(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string; raise ConfigError when it is missing without default, or something else."""
        value = self._get(key, default, "a string")
        if not isinstance(value, str):
            raise ConfigError(f"expected a string in {self.path(key)!r}, found {value!r}")
        return value

    def version(self, key: str, default: str) -> str:
        """Return a version as a string; a whole number says the same. 12.10 and 12.1 are one number to TOML."""
        value = self._get(key, default, "a string")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float):
            hint = f'write it as {key} = "{value}": as a number it loses trailing zeros'
            raise ConfigError(f"expected a string in {self.path(key)!r}, found {value!r}", hint=hint)
        return self.text(key, default)

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return a string that is one of ``choices``."""
        value = self.text(key, default)
        if value not in choices:
            raise ConfigError(f"expected one of {', '.join(choices)} in {self.path(key)!r}, found {value!r}")
        return value

    def integer(self, key: str, default: int | None = None, *, low: int = 0, high: int = 1 << 62) -> int:
        """Return an integer between ``low`` and ``high``."""
        value = self._get(key, default, "an integer")
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ConfigError(f"expected an integer from {low} to {high} in {self.path(key)!r}, found {value!r}")
        return value

    def count(self, key: str, default: int = 1) -> int:
        """Return how many: an integer of at least 1; 0 for "all"."""
        value = self._get(key, default, 'a number or "all"')
        if value == "all":
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or (key in self._data and value < 1):
            raise ConfigError(f'expected a number from 1 on, or "all", in {self.path(key)!r}, found {value!r}')
        return value

    def size(self, key: str) -> int | None:
        """Return bytes for ``20 GB``; None where nothing is given."""
        if not self.has(key):
            self._asked.add(key)
            return None
        text = self.text(key)
        found = _SIZE.fullmatch(text)
        if not found:
            raise ConfigError(f"expected a size as '500 MB' or '20 GB' in {self.path(key)!r}, found {text!r}")
        from decimal import Decimal  # noqa: PLC0415 - of the few that give one

        return int(Decimal(found[1]) * _UNITS[found[2]])

    def duration(self, key: str, default: str = "") -> int:
        """Return seconds for ``30d``, ``12h`` or ``2w``; 0 when nothing is given."""
        text = self.text(key, default)
        found = _DURATION.fullmatch(text)
        if text and not found:
            raise ConfigError(f"expected a time as '30d', '12h' or '2w' in {self.path(key)!r}, found {text!r}")
        return int(found[1]) * _SECONDS[found[2]] if found else 0

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        value = self._get(key, default, "true or false")
        if not isinstance(value, bool):
            raise ConfigError(f"expected true or false in {self.path(key)!r}, found {value!r}")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Return a list of strings."""
        value = self._get(key, default, "a list of strings")
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise ConfigError(f"expected a list of strings in {self.path(key)!r}, found {value!r}")
        for number, one in enumerate(value):
            if not isinstance(one, str):
                raise ConfigError(f"expected a string in '{self.path(key)}[{number}]', found {one!r}")
        return tuple(value)

    def mapping(self, key: str) -> dict[str, str]:
        """Return a table of strings; empty when it is not given."""
        inner = self.table(key)
        return {name: inner.text(name) for name in inner._data}

    def table(self, key: str) -> Table:
        """Return a sub-table; an empty one when it is not given."""
        return type(self)(self._get(key, {}, "a table"), self.path(key), tolerant=self.tolerant)

    def tables(self, key: str) -> list[Table]:
        """Return an array of tables; empty when it is not given."""
        value = self._get(key, [], "an array of tables")
        if not isinstance(value, list):
            raise ConfigError(f"expected an array of tables in {self.path(key)!r}")
        paths = (f"{self.path(key)}[{number}]" for number in range(len(value)))
        return [type(self)(one, path, tolerant=self.tolerant) for one, path in zip(value, paths, strict=True)]

    def digest(self) -> Digest:
        """Return the digest that stands in this table as ``sha256`` and ``size``."""
        sha256, size = self.text("sha256"), self.integer("size")
        try:
            return Digest(sha256, size)
        except CudepotError as error:
            raise ConfigError(f"expected sha256 of 64 hex digits in {self.path('sha256')!r}") from error

    def done(self) -> None:
        """Refuse keys nobody asked for: most likely they are misspelt."""
        unknown = sorted(set(self._data) - self._asked)
        if unknown and not self.tolerant:
            import difflib  # noqa: PLC0415 - only a misspelt key needs it

            near = difflib.get_close_matches(unknown[0], sorted(self._asked), 1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(
                f"unknown key {self.path(unknown[0])!r}", hint=f"{meant}known here: {', '.join(sorted(self._asked))}"
            )

    def _get(self, key: str, default: object, wanted: str) -> object:
        self._asked.add(key)
        if key in self._data:
            return self._data[key]
        if default is None:
            import difflib  # noqa: PLC0415 - only a misspelt key needs it

            like = difflib.get_close_matches(key, sorted(set(self._data) - self._asked), 1)
            hint = f"{self.path(like[0])!r} is there: it is spelled {key!r}" if like else ""
            raise ConfigError(f"expected {wanted} in {self.path(key)!r}, found nothing", hint=hint)
        return default


def digest_table(digest: Digest) -> dict[str, Any]:
    """Return a digest as :meth:`Table.digest` reads it."""
    return {"sha256": digest.sha256, "size": digest.size}
