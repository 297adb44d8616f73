"""Which package an entry of a pin or an environment names, in anybody's spelling. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CHANNEL = re.compile(r"^[\w./-]+::")
_VERSION = re.compile(r"-(?:\d+:)?\d+\.")
"""Where the version of an rpm begins: `-12-9.12` of a name that ends in a CUDA variant is no version at first."""


def is_about(spec: str, word: str, joiner: str) -> bool:
    """Return whether an entry is the one that a word means: written alike, or a version of the package it names.

    Args:
        spec: entry of a pin or an environment.
        word: what somebody calls it: an entry, or a bare name.
        joiner: what is between name and version in its ecosystem; a dash also belongs to names.

    >>> is_about("libcudnn8=8.0.5.39-*", "libcudnn8", "="), is_about("libcudnn8-dev=8.9.*", "libcudnn8", "=")
    (True, False)
    >>> is_about("libcudnn8-8.9.7.29-*", "libcudnn8", "-"), is_about("libcudnn8-devel-8.9.7.29-*", "libcudnn8", "-")
    (True, False)
    """
    if spec.strip() == word.strip():
        return True
    return normal(name_in(word, joiner), joiner) == normal(name_in(spec, joiner), joiner) and is_bare(word, joiner)


def is_bare(word: str, joiner: str) -> bool:
    """Return whether a word names a package and no version."""
    return name_in(word, joiner) == word.strip()


def name_in(spec: str, joiner: str) -> str:
    """Return the name of the package in an entry, without extras, channel and version.

    >>> name_in("transformers[torch]>=4", "=="), name_in("conda-forge::cudnn=9.1", "="), name_in("gcc:arm64=12", "=")
    ('transformers', 'cudnn', 'gcc')
    """
    text = _CHANNEL.sub("", spec.strip())
    if joiner == "-":
        found = _VERSION.search(text, 1)
        return text[: found.start()] if found else text
    found = re.match(r"[\w.+*?-]+", text)
    return found[0] if found else text


def normal(name: str, joiner: str) -> str:
    """Return a name as its ecosystem compares it: of Python projects dashes, dots and underscores are one."""
    return re.sub(r"[-_.]+", "-", name).lower() if joiner == "==" else name


def replaced(specs: Iterable[str], added: Iterable[str], joiner: str) -> list[str]:
    """Return entries with others added, each in place of those about the same package."""
    new = list(dict.fromkeys(added))
    names = {normal(name_in(one, joiner), joiner) for one in new}
    return [one for one in specs if one in new or normal(name_in(one, joiner), joiner) not in names] + [
        one for one in new if one not in list(specs)
    ]
