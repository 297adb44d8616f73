"""YAML as text with lines, bounded: no tags, no aliases, no types, so that ``3.10`` is no number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from cudepot.errors import ConfigError

_LIMIT = 64 << 20
"""Bytes of a file; locks of hundreds of packages for several platforms have a few million."""
_DEEPEST = 50
_HINT = "conda's environment files, conda-lock.yml and pixi.lock are read as their programs write them"
_NOTHING = ("", "~", "null", "Null", "NULL")
Value: TypeAlias = "str | list[Node] | dict[str, Node]"


@dataclass(slots=True)
class Node:
    """Something in a YAML file.

    Attributes:
        value: text, a list or a mapping; nothing at all is the empty text.
        name: of the file.
        line: it begins in.
    """

    value: Value
    name: str
    line: int

    @property
    def where(self) -> str:
        """``FILE:LINE``."""
        return f"{self.name}:{self.line}"

    def get(self, key: str) -> Node:
        """Return what a mapping has under a key, nothing where it has not; raise ConfigError if it is none."""
        return self.mapping().get(key) or Node("", self.name, self.line)

    def mapping(self) -> dict[str, Node]:
        """Return a mapping; raise ConfigError if it is none."""
        if not self.value:
            return {}
        if not isinstance(self.value, dict):
            raise ConfigError(f"{self.where}: expected a mapping", hint=_HINT)
        return self.value

    def each(self) -> list[Node]:
        """Return what is in a list; raise ConfigError if it is none."""
        if not self.value:
            return []
        if not isinstance(self.value, list):
            raise ConfigError(f"{self.where}: expected a list", hint=_HINT)
        return self.value

    def text(self) -> str:
        """Return a text of one line; raise ConfigError if it is none."""
        if not isinstance(self.value, str) or not self.value.isprintable():
            raise ConfigError(f"{self.where}: expected a string", hint=_HINT)
        return self.value.strip()


def read_yaml(name: str, data: bytes) -> Node:
    """Return what a YAML file says.

    Args:
        name: of the file, for messages.
        data: its bytes.

    Raises:
        ConfigError: it is none, too large or too deep, or has aliases or tags.
    """
    import yaml  # noqa: PLC0415 - where there is one

    if len(data) > _LIMIT:
        raise ConfigError(f"{name}: {len(data):,} bytes; at most {_LIMIT:,} are read", hint=_HINT)
    try:
        events = yaml.parse(data.decode("utf-8-sig"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return _built(name, events, yaml)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ConfigError(f"{name}{f':{mark.line + 1}' if mark else ''}: not YAML: {why}", hint=_HINT) from error


class _Builder:
    """Puts nodes together; what is open stands in a list, so that no file is too deep for Python itself."""

    def __init__(self, name: str) -> None:
        self._name, self._open = name, list[tuple[Node, list[str]]]()
        self.root: Node | None = None

    def put(self, value: Value, line: int) -> Node:
        """Put a node where it belongs."""
        node = Node(value, self._name, line)
        if not self._open:
            self.root = node
            return node
        above, key = self._open[-1]
        if isinstance(above.value, list):
            above.value.append(node)
        elif isinstance(above.value, dict) and key:
            above.value[key.pop()] = node
        elif isinstance(above.value, dict):
            key.append(_key(node, above.value))
        return node

    def begin(self, value: Value, line: int) -> None:
        """Put an empty list or mapping there, and what follows into it."""
        if len(self._open) == _DEEPEST:
            raise ConfigError(f"{self._name}:{line}: nested more than {_DEEPEST} levels deep", hint=_HINT)
        self._open.append((self.put(value, line), []))

    def end(self) -> None:
        """Close what was begun last."""
        self._open.pop()


def _key(node: Node, there: dict[str, Node]) -> str:
    if not isinstance(node.value, str):
        raise ConfigError(f"{node.where}: expected a string as a key", hint=_HINT)
    if node.value in there:
        raise ConfigError(f"{node.where}: {node.value[:100]!r} appears twice here", hint=_HINT)
    return node.value


def _built(name: str, events: Iterable[Any], yaml: Any) -> Node:
    builder = _Builder(name)
    for event in _checked(name, events, yaml):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            builder.put("" if event.implicit[0] and event.value in _NOTHING else event.value, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            builder.begin([], line)
        elif isinstance(event, yaml.MappingStartEvent):
            builder.begin({}, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            builder.end()
    return builder.root or Node("", name, 1)


def _checked(name: str, events: Iterable[Any], yaml: Any) -> Iterator[Any]:
    """Give the events of one document; raise ConfigError for what is not read."""
    documents = 0
    for event in events:
        documents += isinstance(event, yaml.DocumentStartEvent)
        if isinstance(event, yaml.AliasEvent):
            why = "aliases are not supported: write out the value"
        elif getattr(event, "tag", None) not in (None, "!"):
            why = "tags are not supported"
        elif documents > 1:
            why = "a second document is not supported"
        else:
            yield event
            continue
        raise ConfigError(f"{name}:{event.start_mark.line + 1}: {why}", hint=_HINT)
