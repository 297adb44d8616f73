"""What Debian and rpm call the same machines, so that the other's word is answered with one's own."""

from __future__ import annotations

from collections.abc import Collection

_SAME = (
    ("amd64", "x86_64", "x64"),
    ("arm64", "aarch64", "sbsa"),
    ("ppc64el", "ppc64le"),
    ("armhf", "armv7hl"),
    ("i386", "i686"),
)


def own_word(word: str, known: Collection[str]) -> str:
    """Return which of the known architectures is the machine that a word of others names; empty for none."""
    if word in known:
        return ""
    alike = next((one for one in _SAME if word in one), ())
    return next((one for one in alike if one in known), "")
