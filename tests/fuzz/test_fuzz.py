"""Every parser of outside bytes reads its corpus, and what a few seeded changes make of it, or raises CudepotError."""

from __future__ import annotations

import random

import pytest
from tests.fuzz.corpus import corpus
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

from cudepot.errors import CudepotError

ROUNDS = {"keys": 10, "rpm_heads": 60, "libraries": 30, "debs": 150, "wheel": 150, "tar": 150}
"""Changes of a target's corpus where one takes long: gpg is a process, an archive is unpacked."""
LONGEST = 20_000  # bytes of what is changed; the rest of the corpus is read as it is


@pytest.mark.parametrize("name", TARGETS)
def test_outside_bytes_are_read_or_refused(name: str) -> None:
    for number, data in enumerate(corpus(name)):
        _try(name, data, f"corpus {number}")
    chance = random.Random(name)  # the same changes each time
    seeds = [one for one in corpus(name) if len(one) <= LONGEST]
    for number in range(ROUNDS.get(name, 300)):
        data = mutated(seeds[number % len(seeds)], chance)
        _try(name, data, f"change {number}: {data[:300]!r}")


def _try(name: str, data: bytes, what: str) -> None:
    try:
        TARGETS[name](data)
    except CudepotError:
        pass  # refused
    except Exception as error:
        raise AssertionError(f"{name}: {type(error).__name__} from {what}") from error


@pytest.mark.parametrize("name", TARGETS)
def test_the_first_of_each_corpus_is_taken(name: str) -> None:
    """Else every change is refused for the same reason, and finds nothing."""
    TARGETS[name](corpus(name)[0])
