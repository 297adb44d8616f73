"""Manual pages: every verb has one, it says what ``--help`` says, and ``man`` reads it without a warning."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.cli.parsers import parsers_of

from cudepot.cli.main import EXIT_CODES, VERBS, parser
from cudepot.cli.manual import pages
from cudepot.cli.shared_files import shared_files

PAGES = pages(parser(), EXIT_CODES)


def test_cudepot_and_every_verb_has_a_page() -> None:
    assert list(PAGES) == ["cudepot.1", *(f"cudepot-{verb}.1" for verb in VERBS)]
    assert set(shared_files()) > {f"man/man1/{name}" for name in PAGES}


def test_every_option_of_every_verb_is_on_its_page() -> None:
    top = parser()
    verbs = next(one for one in top._actions if isinstance(one, argparse._SubParsersAction)).choices
    shared = dict.fromkeys(top._option_string_actions, "cudepot")
    missing = [
        (verb, option)
        for verb, one in verbs.items()
        for inner in parsers_of(one)
        for action in inner._actions
        for option in action.option_strings
        if action.help != argparse.SUPPRESS
        and not re.search(rf"\\fB{re.escape(option)}\\fR", text(shared.get(option, f"cudepot-{verb}")))
    ]
    assert missing == []
    assert "exit codes" in text("cudepot-lock").lower()


def text(name: str) -> str:
    """Return the page of a name, with the dashes that roff escapes."""
    return PAGES[f"{name}.1"].decode().replace("\\-", "-")


def shown(name: str, folder: Path) -> str:
    """Return a page as ``man`` shows it; fail where it warns."""
    page = folder / name
    page.write_bytes(PAGES[name])
    man = ["man", "--warnings=w", "-l", page]
    env = {"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""}
    done = subprocess.run(man, capture_output=True, text=True, check=True, env=env)
    assert done.stderr == ""
    return " ".join(done.stdout.split())


needs_man = pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")


@needs_man
def test_man_shows_the_overview(tmp_path: Path) -> None:
    text = shown("cudepot.1", tmp_path)
    assert "cudepot - bring NVIDIA's cuDNN to machines" in text
    assert "Get and make cudepot-build(1) make conda packages" in text
    assert "130 interrupted" in text


@needs_man
def test_man_shows_a_verb_with_actions_examples_and_odd_signs(tmp_path: Path) -> None:
    trust = shown("cudepot-trust.1", tmp_path)
    assert "trust expire stop accepting a key UPSTREAM name of the upstream in cudepot.toml FINGERPRINT" in trust
    assert "--yes change cudepot.toml without asking" in trust
    assert "fish ~/.config/fish/completions/cudepot.fish" in shown("cudepot-completion.1", tmp_path)


@needs_man
@pytest.mark.parametrize("verb", VERBS)
def test_man_warns_of_none(verb: str, tmp_path: Path) -> None:
    assert f"cudepot-{verb} - " in shown(f"cudepot-{verb}.1", tmp_path)
