"""Turns what uv says where there is no solution into words of cudepot.toml; both sides of a conflict stay named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cudepot.errors import PinError
from cudepot.kinds.wheels.rules.names import called_now
from cudepot.kinds.wheels.rules.question import Question
from cudepot.kinds.wheels.rules.target import Target, machine
from cudepot.kinds.wheels.rules.uv_project import PROJECT

IndexOf = Callable[[str], str]
_SPLIT = re.compile(r"resolving dependencies for split \((?:markers: )?(.*)\)\s*$", re.MULTILINE)
_NAMED = 3  # files that could not be read
_MOST = 2000  # characters of uv's reasons
_WORDS = (
    (re.compile(r"has no `[^`]*`-compatible wheels"), "has no wheel for it"),
    (re.compile(r"\{[^{}]*\}"), ""),  # the marker of a requirement, which the split says already
    (re.compile(r"your project's requirements are unsatisfiable"), "there is no solution"),
    (re.compile(rf"your project|{PROJECT}"), "the environment"),
    (re.compile(r"the environment depends on"), "the environment asks for"),
    (re.compile(r"we can conclude that there is"), "there is"),
    (re.compile(r"http://127\.0\.0\.1:\d+/\S*"), "the index"),
)
_PYTHON = re.compile(r"the requested Python version \([^()]*\) does not satisfy")
_YANKED = re.compile(r"([A-Za-z0-9._-]+==\S+) was yanked")
_EMPTY = re.compile(r"there are no versions of ([A-Za-z0-9._-]+)")
_NO_PROJECT = re.compile(r"([A-Za-z0-9._-]+) was not found in the package registry")
_HINT = re.compile(r"^hint: (.*)$", re.MULTILINE)


def refusal(said: str, question: Question, index_of: IndexOf, unreadable: Sequence[str] = ()) -> PinError:
    """Return the error for what uv said on stderr when it found no solution.

    Args:
        said: by uv.
        question: what was asked.
        index_of: gives the name of the one index that a project is looked for on.
        unreadable: what was wrong with files that could not be read, whose versions were no choice for that.
    """
    targets = _targets(said, question.targets) or question.targets
    reasons = _reasons(said, targets, index_of)
    where = ", ".join(one.name for one in targets)
    passed = [f"passed over: {'; '.join(unreadable[:_NAMED])}"] if unreadable else []
    return PinError(
        f"no solution for {where}: {reasons[:1].lower()}{reasons[1:]}",
        hint="; ".join([*passed, *_hints(reasons, said, question, index_of)]),
    )


def _reasons(said: str, targets: Sequence[Target], index_of: IndexOf) -> str:
    """Return why, in one line."""
    _, found, text = said.partition("cause:")
    lines = (text if found else said).partition("\nhint:")[0].splitlines()
    text = " ".join(word for line in lines if not line.startswith("Using ") for word in line.split())
    pythons = ", ".join(dict.fromkeys(one.python for one in targets))
    text = _PYTHON.sub(f"Python {pythons} does not satisfy", text)
    text = _NO_PROJECT.sub(lambda found: f"{found[1]} is not on {index_of(found[1])}", text)
    for pattern, instead in _WORDS:
        text = pattern.sub(instead, text)
    return text[:_MOST] + ("…" if len(text) > _MOST else "")


def _targets(said: str, targets: Sequence[Target]) -> list[Target]:
    """Return the targets that a failed split is about."""
    found = _SPLIT.search(said)
    try:
        marker = Marker(found[1]) if found else None
    except InvalidMarker:
        marker = None  # all of them, then
    return [one for one in targets if marker is None or marker.evaluate(dict(machine(one)))]


def _hints(reasons: str, said: str, question: Question, index_of: IndexOf) -> Iterator[str]:
    """Give what may help: how a name is spelt, which key of cudepot.toml binds, pre-releases."""
    for one in dict.fromkeys(_NO_PROJECT.findall(" ".join(said.split()))):
        now = called_now(str(canonicalize_name(one)))
        yield now if now else _elsewhere(one, index_of(one))
    for one in dict.fromkeys(_EMPTY.findall(reasons)):
        yield f"{index_of(one)} lists no file of {one}, or none uploaded before `exclude-newer`"
    for one in dict.fromkeys(_YANKED.findall(reasons)):
        yield f"`{one}` pins it anyway"
    for key, texts in (("constraints", question.constraints), ("overrides", question.overrides)):
        if bound := [
            one for one in texts if re.search(rf"(?<![\w.-]){re.escape(Requirement(one).name)}(?![\w-])", reasons)
        ]:
            yield f"`{key}` says {', '.join(bound)}"
    if any("re-release" in one for one in _HINT.findall(said)):
        yield "there are pre-releases: `prereleases = [...]` allows them"
    yield "ask for other versions, or leave out one side"


def _elsewhere(project: str, index: str) -> str:
    """Return what may help where the one index that a project is looked for on has none of that name."""
    return (
        f"check the spelling of {project}; it is looked up on {index} only: if another upstream has it, "
        f'`indexes = {{ {project} = "UPSTREAM" }}` says so'
    )
