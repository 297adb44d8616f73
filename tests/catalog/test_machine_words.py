"""Debian's and rpm's words for machines: the other's is answered with one's own, at once and by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cudepot.catalog.config.machine_words import own_word
from cudepot.catalog.faults import fault_of
from cudepot.depot.fault_memory import note_faults
from cudepot.depot.locked import environment_fault_name
from cudepot.errors import ConfigError, PinError
from cudepot.kinds.known_distribution import unknown_distribution
from cudepot.store.local import LocalStore
from cudepot.workflows.configuration import parse_text

KEY = "A" * 40
UPSTREAM = f'[[upstream]]\nname = "x"\nurl = "https://packages.example/"\nkeys = ["{KEY}"]\nkeyrings = ["x.asc"]\n'


@pytest.mark.parametrize(
    ("word", "known", "own"),
    [
        ("amd64", ("x86_64", "aarch64"), "x86_64"),
        ("aarch64", ("amd64", "arm64"), "arm64"),
        ("sbsa", ("x86_64", "aarch64"), "aarch64"),
        ("x86_64", ("x86_64",), ""),
        ("riscv64", ("amd64",), ""),
    ],
)
def test_words_of_others_are_known(word: str, known: Sequence[str], own: str) -> None:
    assert own_word(word, known) == own


@pytest.mark.parametrize(
    ("type_", "architecture", "pin", "own", "hint"),
    [
        ("yum", "amd64", "", "x86_64", "packages there say x86_64"),
        ("apt", "aarch64", "", "arm64", "packages there say arm64"),
        (
            "yum",
            "x86_64",
            "amd64",
            "x86_64",
            'there that machine is called x86_64: say `architectures = ["x86_64"]` in the pin',
        ),
    ],
)
def test_the_hint_gives_the_word(type_: str, architecture: str, pin: str, own: str, hint: str) -> None:
    text = f'{UPSTREAM}type = "{type_}"\narchitectures = ["{architecture}"]\n'
    text += f'[[pin]]\nupstream = "x"\npackages = ["a"]\narchitectures = ["{pin or architecture}"]\n'
    with pytest.raises(ConfigError) as caught:
        parse_text(text)
    assert caught.value.hint == hint
    parse_text(
        text.replace(
            pin or architecture,
            hint.rsplit("say", maxsplit=1)[-1].split("`", maxsplit=1)[0].strip() if not pin else "x86_64",
        )
    )


def test_a_distribution_that_nothing_knows_is_told() -> None:
    assert list(unknown_distribution("ubuntu2204", [])) == []
    assert list(unknown_distribution("rhel9", [])) == []
    (told,) = unknown_distribution("ubunut2204", [])
    assert "did you mean ubuntu2204" in told
    assert len(list(unknown_distribution("our-linux", []))) == 1
    upstream = parse_text(f'{UPSTREAM}type = "apt"\ndistributions = ["our-linux"]\n').upstreams
    assert list(unknown_distribution("our-linux", upstream)) == []


def test_an_environment_has_no_pins(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, create=True)

    def noted(name: str) -> str:
        faults = [fault_of(PinError("x"), "")]
        return note_faults(store, lambda: datetime.now(UTC), name, "lock", faults)[0].fault.kind

    assert noted("ubuntu2204") == "pins cannot be met"
    assert noted(environment_fault_name("train")) == "cannot be solved"
