"""Every hint of every error: the commands it names parse, the keys and options it names exist, nothing else is named.

The hints are read out of the source (:mod:`tests.hints`), so that a new one is here by itself. Those that say what to
run are followed in ``test_hints_followed.py``.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema
import pytest
from tests.hint_words import commands, options, ticked
from tests.hints import FILLED, Hint, hints, places

from cudepot.cli.main import VERBS, parser
from cudepot.data import data_folder
from cudepot.errors import UsageError
from cudepot.workflows.schema import schema

pytestmark = pytest.mark.xdist_group("hints")  # reading the source takes seconds: one process does

PROGRAMS = {
    "apt-get", "aws", "conda", "dask", "date", "dnf", "dpkg", "dpkg-query", "gpg", "machine", "nvidia-smi", "pip",
    "pixi", "ps", "rattler-build", "rpm", "sha256sum", "timedatectl", "uname",
}  # fmt: skip
"""First words of what other programs take; ``machine`` begins a line of ~/.netrc."""
EXAMPLES = {
    "zlib", "numpy >=2,<3", "python=3.12", "gcc=4:12.*", "*", "?", "/t/TOKEN", "conda-forge", "TOKEN",
}  # fmt: skip
"""Values that hints give as examples."""
ELSEWHERE = {"needs", "sources"}
"""Keys of other files than cudepot.toml: payload rules, ``Sources`` of a Debian archive."""
FOREIGN = {"--export-secret-keys", "--homedir", "--installed", "--security-opt"}
"""Options of other programs that stand outside backticks."""


def test_the_source_is_full_of_hints() -> None:
    assert places() > 700
    assert len(hints()) > 800
    assert sum(len(commands(one)) for one in hints()) > 140


def _refused(own: argparse.ArgumentParser, words: Sequence[str]) -> str:
    """Return why a command line is refused; empty where it is not, or where a verb is only named."""
    try:
        own.parse_args(words)
    except UsageError as error:
        return "" if "required" in str(error) else str(error)
    except SystemExit as end:  # --help
        return str(end.code or "")
    return ""


def test_commands_that_hints_name_are_ones_the_parser_takes() -> None:
    of = functools.cache(parser)
    named = [(hint, one.words) for hint in hints() for one in commands(hint)]
    assert [hint for hint, words in named if words[0] not in VERBS] == []
    assert [(hint, why) for hint, words in named if (why := _refused(of(words[0]), words))] == []


def _options(one: argparse.ArgumentParser) -> Iterator[str]:
    for action in one._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _options(below)


def test_options_that_hints_name_exist() -> None:
    there = set(_options(parser()))
    strange = {f"{one.where}: {word}" for one in hints() for word in options(one) - there - FOREIGN}
    assert strange == set()


def _tables(node: Any) -> Iterator[dict[str, Any]]:
    """Give the properties of every table of a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield node["properties"]
        for value in node.values():
            yield from _tables(value)


def _strange(text: str) -> bool:
    """Return whether what stands in backticks is nothing that exists."""
    found = re.fullmatch(r"(?:([a-z]+|TABLE)\.)?([a-z][a-z0-9-]*)( = .*)?", text)
    if (
        text in EXAMPLES | ELSEWHERE | set(VERBS)
        or text.split(maxsplit=1)[0] in PROGRAMS | set(VERBS)
        or text.startswith("--")
    ):
        return False
    if not found:
        return True
    tables = list(_tables(schema()))
    if found[1] and found[1] != "TABLE":
        tables = list(_tables(schema()["properties"][found[1]]))
    known = [one[found[2]] for one in tables if found[2] in one]
    return not known or bool(found[3] and not _fits(text.partition(".")[2] if found[1] else text, known))


def _fits(line: str, kinds: list[Any]) -> bool:
    """Return whether a line of TOML is one that a key takes."""
    if FILLED in line or "..." in line:
        return True
    value = json.loads(json.dumps(next(iter(tomllib.loads(line).values()))))
    return any(jsonschema.Draft202012Validator(one).is_valid(value) for one in kinds)


def test_keys_that_hints_name_are_those_of_cudepot_toml() -> None:
    named = {text: one.where for one in hints() for text in ticked(one)}
    assert len(named) > 50
    assert {f"{where}: {text}" for text, where in named.items() if _strange(text)} == set()


@pytest.mark.parametrize("text", ["labl", "site.labl", 'public = "yes"', "frobnicate x", "whole = 1"])
def test_what_does_not_exist_would_be_found(text: str) -> None:
    assert _strange(text)
    assert not commands(Hint("x", f"run {text}"))


def test_a_misspelt_command_would_be_found() -> None:
    (one,) = commands(Hint("x", "run `cudepot lock --accept-chnged NAME`"))
    with pytest.raises(UsageError):
        parser("lock").parse_args(one.words)


def test_pages_that_hints_name_are_installed() -> None:
    pages = {word for one in hints() for each in commands(one) if each.words[0] == "explain" for word in each.words[1:]}
    assert len(pages) > 4
    assert [one for one in pages if not (data_folder("docs") / f"{one}.md").is_file()] == []
    assert [one for one in hints() if re.search(r"docs/|\.md\b", one.text)] == []


def test_backticks_come_in_pairs_and_no_hint_ends_in_a_blank() -> None:
    odd = [one for one in hints() if one.text.count("`") % 2 or "``" in one.text or one.text.strip() != one.text]
    whole = [one for one in odd if not one.text.startswith((" ", ";")) and not one.text.endswith(" ")]
    assert [one for one in whole if one.text.count("`") % 2] == []
    assert [one for one in odd if "``" in one.text] == []
