"""What ``cudepot init`` says of how large a project will be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from cudepot.cli.progress import size_text

if TYPE_CHECKING:
    from cudepot.catalog.nvidia.first_sizes import Expected


def oversized(expected: Sequence[Expected], limit: int) -> list[str]:
    """Return the warning about what is larger than a limit in bytes; empty where it is not."""
    sizes = [one.bytes for one in expected if one.bytes]
    likely = sum(sizes) // len(sizes) * len(expected) if sizes else 0  # those that are not known are as the others
    return [f"warning: that is about {size_text(likely)}, more than {size_text(limit)}"] if likely > limit else []


def sizes(expected: Sequence[Expected]) -> list[str]:
    """Return what is to be fetched, a line for each repository, what is not known included."""
    lines = [_size(name, list(group)) for name, group in groupby(expected, key=lambda one: one.repository)]
    known, unknown = sum(one.bytes for one in expected), sum(not one.bytes for one in expected)
    if known and len(lines) > 1:
        lines.append(f"in all: up to about {size_text(known)}" + (", plus what is not known" if unknown else ""))
    if lines:
        lines.append("these are the sizes of NVIDIA's archives of the same releases; cudepot lock shows the exact ones")
    return lines


def _size(name: str, releases: Sequence[Expected]) -> str:
    first, last = releases[0], releases[-1]
    if not first.version:
        return f"{name}: size not known: {first.note}"
    told = f"cuDNN {first.version} for CUDA {first.cuda}"
    if len(releases) > 1 and first.version == last.version:
        told = f"cuDNN {first.version} for CUDA {', '.join(one.cuda for one in releases)}"
    elif len(releases) > 1:
        told = f"{len(releases)} releases, cuDNN {first.version} to {last.version}"
    known, unknown = sum(one.bytes for one in releases), sum(not one.bytes for one in releases)
    if not known:
        return f"{name}: {told}: size not known"
    return f"{name}: {told}: up to about {size_text(known)}" + (f", and {unknown} of unknown size" if unknown else "")
