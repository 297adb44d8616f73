"""Small repositories of debs, of which nothing is there but the index: for properties held against the real apt-get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

VERSIONS = "123"
OUTSIDE = "ext"
"""A name that no repository has."""


@dataclass(frozen=True)
class Deb:
    """A package of a small repository."""

    name: str
    version: str
    architecture: str = "amd64"
    fields: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.architecture}"

    @property
    def stanza(self) -> str:
        head = f"Package: {self.name}\nVersion: {self.version}\nArchitecture: {self.architecture}\n"
        body = "".join(f"{name}: {text}\n" for name, text in self.fields if text)
        place = f"Filename: ./{self.name}_{self.version}_{self.architecture}.deb\nSize: 1\nSHA256: {'0' * 64}\n"
        return head + body + place + "Maintainer: x <x@x>\nDescription: x\n"


def relations(names: Sequence[str], marks: Sequence[str] = ("",), alternatives: int = 1) -> st.SearchStrategy[str]:
    """Return fields of relations among the packages of a repository."""
    bound = st.tuples(st.sampled_from(["", "<<", "<=", "=", ">=", ">>"]), st.sampled_from(VERSIONS))
    one = st.tuples(st.sampled_from(names), st.sampled_from(marks), bound).map(
        lambda parts: (
            f"{parts[0]}{parts[1]}" + (f" ({parts[2][0]} {parts[2][1]})" if parts[2][0] and parts[0] != OUTSIDE else "")
        )
    )
    group = st.lists(one, min_size=1, max_size=alternatives, unique=True).map(" | ".join)
    return st.lists(group, max_size=2, unique=True).map(", ".join)
