"""A TOML file that somebody wrote, and where something stands in it."""

from __future__ import annotations

from typing import Any

import tomli

from cudepot.errors import ConfigError

Table = dict[str, Any]


class TomlFile:
    """A TOML file.

    Args:
        name: of the file, for messages.
        data: its bytes.

    Raises:
        ConfigError: it is none.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        try:
            self._text = data.decode("utf-8-sig")
            self.root: Table = tomli.loads(self._text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name}: not TOML: {error}", hint="fix it there") from error

    def at(self, text: str) -> str:
        """Return ``FILE:LINE`` of the first line that has a text, best in quotes; the file alone where none has."""
        for form in (f'"{text}"', f"'{text}'", text):
            for number, line in enumerate(self._text.splitlines(), 1):
                if text and form in line:
                    return f"{self.name}:{number}"
        return self.name

    def at_key(self, key: str, value: str = "") -> str:
        """Return ``FILE:LINE`` of the first line that gives a key a value; else as :meth:`at` does."""
        for number, line in enumerate(self._text.splitlines(), 1):
            name, equals, rest = line.partition("=")
            if equals and name.strip().strip("\"'") == key and value in rest:
                return f"{self.name}:{number}"
        return self.at(key)

    def tables(self, key: str) -> list[Table]:
        """Return an array of tables."""
        found = self.root.get(key)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise ConfigError(f"{self.name}: expected [[{key}]]", hint="it must have the form its own program writes")
        return found
