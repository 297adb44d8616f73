"""How lines look on a terminal: colours where they are wanted, breaks between words, and JSON for every failure."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from simulator.process import clean_env
from simulator.project import Project
from simulator.site_key import SiteKey

from cudepot.cli.main import main
from cudepot.cli.speech import WHEN, coloured, painted, wrapped

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("when", "environ", "is_terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),  # https://no-color.org: when present and not an empty string
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_what_decides_about_colours(when: str, environ: dict[str, str], is_terminal: bool, expected: bool) -> None:
    assert when in WHEN
    assert coloured(when, environ, is_terminal=is_terminal) is expected


def test_the_palette_is_small_and_changes_no_letter() -> None:
    text = "error E100: x\nhint: run `cudepot init`\nnote: old\nmade libcudnn8: 3 files\nFAULT: y"
    shown = painted(text)
    assert ESCAPE.sub("", shown) == text
    assert shown.startswith("\x1b[1;31merror E100:\x1b[0m x\n\x1b[36mhint:\x1b[0m run \x1b[1m`cudepot init`\x1b[0m\n")
    assert "\x1b[33mnote:\x1b[0m old\nmade libcudnn8: 3 files\n\x1b[1;31mFAULT:" in shown


def test_lines_are_broken_between_words_and_commands_stay_whole() -> None:
    command = "`cudepot lock --accept-changed x`"
    line = f"hint: {'word ' * 12}{command} and https://packages.example/{'long/' * 20} then the end"
    rows = wrapped(line, 72).split("\n")
    assert " ".join(row.strip() for row in rows) == " ".join(line.split())
    assert any(command in row for row in rows)
    assert all(len(row) <= 72 or "https://" in row for row in rows)
    assert [row[:2] for row in rows[1:]] == ["  "] * (len(rows) - 1)
    assert len(wrapped(f"hint: `{'word ' * 30}`", 40).split("\n")) > 3


@pytest.mark.parametrize("line", ["a table  of two columns " * 9, "  indented " * 20, "short"])
def test_tables_and_what_is_indented_stay(line: str) -> None:
    assert wrapped(line, 40) == line


def on_a_terminal(argv: list[str], columns: int, **env: str) -> str:
    """Return what a run shows whose output and errors go to a terminal."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "cudepot.cli.main", *argv]
    environment = {"TERM": "xterm", "PYTHONPATH": ":".join(sys.path), **clean_env(), **env}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal) as child:
        os.close(terminal)
        shown = bytearray()
        while True:
            try:
                shown += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
        child.wait(60)
    os.close(master)
    return shown.decode().replace("\r\n", "\n")


def test_a_narrow_terminal_gets_colours_and_whole_words(tmp_path: Path) -> None:
    (tmp_path / "cudepot.toml").write_text('version = 1\n[site]\nlabl = "x"\n')
    shown = on_a_terminal(["status", "-C", str(tmp_path)], 80)
    assert shown.startswith("\x1b[1;31merror E100:")
    plain = ESCAPE.sub("", shown)
    assert "did you mean 'label'?" in plain
    assert max(len(line) for line in plain.splitlines() if str(tmp_path) not in line) <= 80
    for words, env in ((["--color", "never"], {}), (["--json"], {"FORCE_COLOR": "1"}), ([], {"NO_COLOR": "1"})):
        assert "\x1b" not in on_a_terminal(["status", "-C", str(tmp_path), *words], 80, **env)


def test_colours_stay_out_of_pipes_unless_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cudepot.cli.main", "status", "-C", str(tmp_path)]
    env = {"PYTHONPATH": ":".join(sys.path), **clean_env()}
    for words, expected in (([], False), (["--color", "always"], True), (["--color=always", "--json"], False)):
        done = subprocess.run([*command, *words], env=env, capture_output=True, text=True, check=False)
        assert ("\x1b" in done.stdout + done.stderr) is expected


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (["lokc", "--json"], "unknown verb 'lokc'"),
        (["--json", "lock", "--dry-rnu"], "unknown option --dry-rnu"),
        (["bundle", "export", "--json"], "the following arguments are required"),
        (["sync", "--wait", "soon", "--json"], "argument --wait: 'soon' is not a number of seconds"),
        (["help", "lokc", "--json"], "VERB cannot be 'lokc'"),
        (["--json"], "the following arguments are required: VERB"),
    ],
)
def test_wrong_usage_is_answered_as_json(argv: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["code"], told["exit"], sorted(told)) == ("E010", 2, ["code", "error", "exit", "hint", "where"])
    assert told["error"].startswith(error)
    assert told["hint"]


def test_json_says_where_a_fault_is(site_key: SiteKey, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    path = project.base / "cudepot.toml"
    good = path.read_text()
    path.write_text(good + '[[pin]]\nupstream = "nowhere"\npackages = ["x"]\n')
    line = good.count("\n") + 2
    assert project.fail(3, "lock", "--json").json["where"] == f"{path}:{line}:12"
    path.unlink()
    assert project.fail(3, "lock", "--json").json["where"] == str(path)
