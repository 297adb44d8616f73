"""The upstreams and environments that ``cudepot init --stack`` writes into cudepot.toml, with comments. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from cudepot.catalog.config.presets import Presets
from cudepot.catalog.ecosystems import APT
from cudepot.catalog.stacks.chosen import Chosen, StackWishes
from cudepot.catalog.stacks.stacks import Stacks

_KEY = {APT.name: "deb"}
_PRIORITY = 600
"""What NVIDIA's own pin file gives its repositories, before 500 of the distribution."""


def stack_text(wishes: StackWishes, chosen: Sequence[Chosen], stacks: Stacks, presets: Presets) -> str:
    """Return the tables: every upstream once, then an environment for each distribution and architecture."""
    upstreams = dict.fromkeys(name for one in chosen for name in one.presets)
    lines = [*_heading(wishes, stacks)]
    for name in upstreams:
        lines += _upstream(name, wishes, presets)
    for one in chosen:
        lines += _environment(one, environment_name(wishes, one, chosen), presets)
    return "\n".join(("", *lines, ""))


def environment_name(wishes: StackWishes, one: Chosen, chosen: Sequence[Chosen]) -> str:
    """Return an environment's name: that of the stacks, and of the distribution and CUDA where there are several."""
    name, where = "-".join(wishes.stacks), one.target
    if len({other.target for other in chosen}) > 1:
        name += f"-{where.distribution.name}"
    if len({other.target for other in chosen if other.target.distribution == where.distribution}) > 1:
        name += f"-{where.architecture}"
    same = [other for other in chosen if other.target == where]
    return name + (f"-cuda{one.cuda}" if len(same) > 1 else "")


def _heading(wishes: StackWishes, stacks: Stacks) -> Iterator[str]:
    yield f"# --- stacks: {', '.join(wishes.stacks)} ".ljust(110, "-")
    for name in wishes.stacks:
        yield from _comment(f"{name}: {stacks.get(name).title}")


def _comment(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, 110, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)


def _upstream(name: str, wishes: StackWishes, presets: Presets) -> Iterator[str]:
    preset = presets.get(name)
    yield ""
    if preset.trust or not preset.vouchers:
        yield from _comment(
            preset.note or "its index is not signed: the lock trusts it by hash, its packages by their key"
        )
    yield "[[upstream]]"
    yield f'preset = "{name}"'
    if not preset.url:
        yield (
            '# url = "https://YOUR.MIRROR/..."  # otherwise it is read from where apt reads it on the machine '
            "that runs cudepot"
        )
    if not preset.vouchers:
        yield f"keys = {_list(wishes.keys)}"
    if preset.trust and preset.note:  # it cannot be read as it is
        yield '# url = "https://YOUR.MIRROR/..."'


def _environment(one: Chosen, name: str, presets: Presets) -> Iterator[str]:
    where, names = one.target, [presets.get(preset).upstream for preset in one.presets]
    yield ""
    yield f"# {where.distribution.title}, {where.architecture}"
    for note in one.notes:
        yield from _comment(note)
    yield "[[environment]]"
    yield f'name = "{name}"'
    yield f'distribution = "{where.distribution.name}"'
    yield f'architectures = ["{where.architecture}"]'
    yield (
        'base = "none"   # nothing counts as installed; "minbase" or "file:packages.txt" (a machine\'s list) needs less'
    )
    yield f"{_KEY.get(where.distribution.type, 'rpm')} = ["
    for stack, packages in one.packages.items():
        yield f"  # {stack}"
        yield from (f'  "{package}",' for package in dict.fromkeys(packages))
    yield "]"
    yield f"upstreams = {_list(names)}"
    if own := [presets.get(preset).upstream for preset in one.presets if preset.startswith("nvidia/")]:
        yield from _priorities(own, where.distribution.type)


def _priorities(names: Iterable[str], kind: str) -> Iterator[str]:
    """Give NVIDIA's repositories before the distribution's, as NVIDIA's own pin file has it for apt."""
    if kind == APT.name:
        pairs = ", ".join(f'"{name}" = {_PRIORITY}' for name in names)
        yield f"priorities = {{ {pairs} }}   # as in NVIDIA's own pin file: above the distribution's 500"


def _list(texts: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in texts) + "]"
