"""Questions on a terminal: choices with numbers, a default, and an answer that is judged when it is given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from cudepot.cli.speech import SPEECH
from cudepot.errors import CudepotError
from cudepot.masked import masked

_Answer = TypeVar("_Answer")


class Choice(NamedTuple):
    """What may be answered, and what people are told of it."""

    value: str
    about: str = ""


def ask(
    question: str, judge: Callable[[str], _Answer], *, default: str = "", choices: Sequence[Choice] = ()
) -> _Answer:
    """Return an answer as ``judge`` makes it of one word; asked again until it raises no error."""
    return ask_all(question, judge, default=default, choices=choices, most=1)[0]


def ask_all(
    question: str,
    judge: Callable[[str], _Answer],
    *,
    default: str = "",
    choices: Sequence[Choice] = (),
    most: int = 0,
) -> list[_Answer]:
    """Return answers as ``judge`` makes them of words; asked again until none raises an error.

    Args:
        question: without what follows it.
        judge: makes an answer of a word; raises a CudepotError for what is none.
        default: what an empty line means.
        choices: shown with numbers, which stand for them.
        most: how many words there may be; 0 for any number.

    Raises:
        KeyboardInterrupt: the terminal is closed.
    """
    show(*_listed(choices))
    hint = f" [{default}]" if default else ""
    while True:
        words = _line(f"{question}{hint}: ").replace(",", " ").split() or [default]
        try:
            if most and len(words) > most:
                show(f"one answer is asked for, not {len(words)}")
                continue
            return [judge(_meant(one, choices)) for one in dict.fromkeys(words)]
        except CudepotError as error:
            show(masked(str(error)), *([f"hint: {masked(error.hint)}"] if error.hint else []))


def confirm(question: str, *, default: bool) -> bool:
    """Return whether somebody says yes."""
    while True:
        answer = _line(f"{question} [{'Y/n' if default else 'y/N'}]: ").lower()
        if answer in ("", "y", "yes", "n", "no"):
            return answer[:1] == "y" if answer else default
        show("answer y or n")


def _meant(word: str, choices: Sequence[Choice]) -> str:
    """Return the choice that a number stands for; other words as they are."""
    number = int(word) if word.isdecimal() and len(word) < 4 else 0
    return choices[number - 1].value if 0 < number <= len(choices) else word


def _listed(choices: Sequence[Choice]) -> Iterator[str]:
    wide = max((len(one.value) for one in choices), default=0)
    for number, one in enumerate(choices, 1):
        yield f"  {number:2}  {one.value:{wide}}  {one.about}".rstrip()


def show(*lines: str) -> None:
    """Tell lines that belong to a question."""
    for line in lines:
        SPEECH.tell(line)


def _line(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)  # noqa: T201 - a question is talk
    line = sys.stdin.readline()
    if not line:
        raise KeyboardInterrupt
    return line.strip()
