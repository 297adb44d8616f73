"""The command itself: help, exit codes, JSON, progress, and what it says when something is not its user's fault."""

from __future__ import annotations

import fcntl
import importlib
import io
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
from simulator.nvidia import Nvidia
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.cli.parsers import parsers_of

from cudepot import __version__, errors
from cudepot.cli.main import EXIT_CODES, GROUPS, VERBS, main, parser, verb_of
from cudepot.cli.progress import Lines, Silent, size_text


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path) -> Project:
    return Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)


def test_every_verb_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        with pytest.raises(SystemExit) as caught:
            main([verb, "--help"])
        assert caught.value.code == 0
        text = capsys.readouterr().out
        assert "--json" in text
        assert "exit codes" in text.splitlines()[-1]
        reports = (
            "verify",
            "snapshots",
            "channels",
            "diff",
            "why",
            "tree",
            "status",
            "upstreams",
            "catalog",
            "client",
            "samples",
            "serve",
            "doctor",
            "explain",
            "schema",
            "completion",
            "help",
        )
        changes = verb not in reports
        assert ("--dry-run" in text) == changes


def test_help_fits_80_columns_and_explains_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = list(parsers_of(parser()))
    assert len(found) > len(VERBS)
    long = [line for one in found for line in one.format_help().splitlines() if len(line) > 80]
    assert long == []
    dumb = [
        (one.prog, action.dest) for one in found for action in one._actions if not action.help and not action.choices
    ]
    assert dumb == []


def test_every_error_has_an_exit_code_that_help_explains() -> None:
    found = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.CudepotError)}
    documented = {int(word) for word in EXIT_CODES.split() if word.isdecimal()}
    assert {one.exit_code for one in found} <= documented
    codes = [one.code for one in found if "code" in vars(one)]  # others are told as their base
    assert len(set(codes)) == len(codes)


def test_exit_codes_stand_in_the_help_of_all_verbs_alone() -> None:
    top, *others = parsers_of(parser())
    assert "exit codes:\n" in top.format_help()
    assert [one.prog for one in others if "exit codes:\n" in one.format_help()] == []


def test_help_and_readme_group_the_verbs_alike() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    rows = re.findall(r"^\| (?:\*\*(.+)\*\*|`([a-z]+)`) \|", readme, re.MULTILINE)
    told: dict[str, list[str]] = {}
    for title, verb in rows:
        if title:
            told[title.lower()] = []
        elif told:
            told[list(told)[-1]].append(verb)
    assert told == {title: list(verbs) for title, verbs in GROUPS.items()}
    lines = parser().format_help().splitlines()
    shown = [line.split()[0].rstrip(":") if line[:1] == " " else line.rstrip(":") for line in lines]
    places = [shown.index(word) for title, verbs in GROUPS.items() for word in (title, *verbs)]
    assert places == sorted(places)


def test_the_bare_command_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    bare = capsys.readouterr()
    assert main(["help"]) == 0
    assert (bare.out, bare.err) == ("", capsys.readouterr().out)


@pytest.mark.parametrize("words", [["lock"], ["bundle"], ["bundle", "export"]])
def test_help_of_a_verb_is_what_the_verb_says_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", *words]) == 0
    helped = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    assert helped == capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "error", "hint"),
    [
        (["lokc"], "unknown verb 'lokc'", "did you mean lock?"),
        (["frobnicate"], "unknown verb 'frobnicate'", "`cudepot --help` lists them"),
        (["lock", "--dry-rnu"], "unknown option --dry-rnu", "did you mean --dry-run?"),
        (["--jsn", "lock"], "unknown option --jsn", "did you mean --json?"),
        (["bundle", "exprot"], "unknown action 'exprot'", "did you mean export?"),
        (["completion", "csh"], "shell cannot be 'csh'", "it is one of bash, zsh, fish"),
        (["sync", "extra"], "unexpected argument 'extra'", "`cudepot sync --help` shows the usage"),
        (["help", "lokc"], "VERB cannot be 'lokc'", "did you mean lock?"),
        (["status", "--", "--json"], "unexpected argument '--json'", "`cudepot status --help` shows the usage"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest(
    argv: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    *usage, told, hinted = capsys.readouterr().err.splitlines()
    assert usage[0].startswith("usage: cudepot")
    assert (told, hinted) == (f"error E010: {error}", f"hint: {hint}")


def test_words_may_be_anywhere_and_two_dashes_end_the_options() -> None:
    found = parser("add").parse_args(["add", "u", "--no-lock", "a", "--cuda", "12", "--", "--foo", "-n", "--"])
    assert found.words == ["u", "a", "--foo", "-n", "--"]
    assert (found.no_lock, found.cuda, found.dry_run) == (True, "12", False)
    assert parser("status").parse_args(["status", "--check", "--"]).check


@pytest.mark.parametrize("argv", [["nonsense"], ["lock", "--nonsense"], ["sync", "extra"]])
def test_wrong_usage_ends_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert "usage: cudepot" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"cudepot {__version__}\n"


def test_an_error_as_json_says_the_same_as_the_line(project: Project) -> None:
    done = project.fail(3, "lock", "--json")
    told = done.json
    assert done.error == f"error {told['code']}: {told['error']}"
    assert done.hint == f"hint: {told['hint']}"
    assert told["exit"] == 3


def test_options_may_stand_before_the_verb(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.init()
    for argv in (["-C", str(project.base), "--json", "status"], ["status", "--json", "-C", str(project.base)]):
        assert main(argv) == 0
        assert json.loads(capsys.readouterr().out)["shown"] is None


@pytest.mark.parametrize(
    ("name", "text"), [("CUDEPOT_TRIES", "0"), ("CUDEPOT_TRIES", "x"), ("SOURCE_DATE_EPOCH", "now")]
)
def test_a_bad_environment_is_named(project: Project, nvidia: Nvidia, name: str, text: str) -> None:
    project.init().add_apt(nvidia)
    project.env[name] = text
    assert f"{name} is '{text}'" in project.fail(3, "lock").error


def test_a_fault_of_cudepot_itself_is_one_line_too(project: Project) -> None:
    project.init()
    broken = "import sys; from cudepot.workflows import status; status.status = lambda depot: 1 / 0"
    run = "from cudepot.cli.main import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", f"{broken}; {run}", "status", "-C", str(project.base)]
    done = subprocess.run(argv, env=project.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error E000: ZeroDivisionError: division by zero")
    assert "Traceback" not in done.stderr
    debug = subprocess.run(argv, env=project.env | {"CUDEPOT_DEBUG": "1"}, capture_output=True, text=True, check=False)
    assert "Traceback" in debug.stderr


def test_a_reader_that_goes_away_is_no_error(project: Project) -> None:
    project.init()
    receive, send = os.pipe()
    os.close(receive)
    argv = [sys.executable, "-m", "cudepot.cli.main", "status", "--json", "-C", str(project.base)]
    done = subprocess.run(argv, env=project.env, stdout=send, stderr=subprocess.PIPE, text=True, check=False)
    os.close(send)
    assert "Traceback" not in done.stderr
    assert "E000" not in done.stderr


def test_progress_is_plain_lines_in_a_pipe_and_nothing_when_quiet(project: Project, nvidia: Nvidia) -> None:
    project.init().add_apt(nvidia)
    project.run("lock")
    err = project.run("sync").err
    assert "fetching 2 files: " in err
    assert "\x1b" not in err
    for path in (project.store / "objects").glob("*/*"):
        path.unlink()
    assert project.run("sync", "--quiet").err == ""


def on_a_terminal(project: Project, *argv: str, columns: int = 80, **env: str) -> bytes:
    """Run a verb whose standard error is a terminal; return what that shows."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "cudepot.cli.main", *argv, "-C", str(project.base)]
    environment = project.env | {"TERM": "xterm"} | env
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=terminal) as child:
        os.close(terminal)
        shown = bytearray()
        while True:
            try:
                shown += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
        assert child.wait() == 0
    os.close(master)
    return bytes(shown)


def test_progress_is_a_bar_on_a_terminal(project: Project, nvidia: Nvidia) -> None:
    project.init().add_apt(nvidia)
    project.run("lock")
    shown = on_a_terminal(project, "sync")
    assert b"\x1b[" in shown
    assert b"fetching 2 files" in shown


_COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-9][0-9;]*m")


def test_no_colour_where_none_is_wanted_and_no_line_too_long(project: Project, nvidia: Nvidia) -> None:
    project.init().add_apt(nvidia)
    project.run("lock")
    assert _COLOUR.search(on_a_terminal(project, "sync"))
    for path in (project.store / "objects").glob("*/*"):
        path.unlink()
    plain = on_a_terminal(project, "sync", NO_COLOR="1")
    assert b"fetching 2 files" in plain
    assert not _COLOUR.search(plain)
    lines = re.split(r"[\r\n]+", re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", plain).decode())
    assert 40 < max(map(len, lines)) <= 80


@pytest.mark.parametrize("charset", ["ascii", "latin-1"])
def test_a_terminal_that_is_not_utf_8_gets_question_marks(project: Project, charset: str) -> None:
    project.init()
    folder = project.base.parent / "Bücher → 本"
    for argv, code in ((["explain", "E300"], 0), (["status", "-C", str(folder)], 3)):
        command = [sys.executable, "-m", "cudepot.cli.main", *argv]
        env = project.env | {"PYTHONIOENCODING": charset}
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        assert done.returncode == code
        told = (done.stdout + done.stderr).decode(charset)
        assert "?" in told
        assert "Traceback" not in told
        assert "E000" not in told


def test_lines_are_written_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("cudepot.cli.progress.time.monotonic", lambda: now[0])
    out = io.StringIO()
    lines = Lines(out)
    lines.begin("work", 4_000_000)
    lines.advance(1_000_000)
    now[0] += 10
    lines.advance(1_000_000)
    lines.advance(1_000_000)
    lines.end()
    lines.advance(5)
    assert out.getvalue().splitlines() == [
        "work: 2.0 MB of 4.0 MB, 200 kB/s, 10 s left", "work: 3.0 MB in 10.0 s",
    ]  # fmt: skip


def test_quiet_progress_takes_everything() -> None:
    silent = Silent()
    silent.begin("x", 1)
    silent.advance(1)
    silent.say("x")
    silent.end()


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "2 kB"), (1_500_000, "1.5 MB"), (314_000_000, "314 MB"), (5e12, "5000 GB")],
)
def test_sizes_are_told_in_decimal_units(count: float, text: str) -> None:
    assert size_text(count) == text


def test_init_makes_a_project_with_a_key_of_its_own(tmp_path: Path) -> None:
    project = Project(tmp_path / "new", key="", gnupg=tmp_path)
    project.toml.unlink()
    (project.base / ".gitignore").write_bytes(b"caf\xe9/")
    done = project.run("init", "--json", "--label", "acme")
    assert set(done.json["made"]) == {"cudepot.toml", ".gitignore", "store", "gnupg"}
    text = project.toml.read_text()
    assert len(done.json["key"]) == 40
    assert f'key = "{done.json["key"]}"' in text
    assert (project.base / ".gitignore").read_bytes() == b"caf\xe9/\n/store/\n/site/\n/gnupg/\n"
    before = project.everything()
    assert project.run("init", "--json").json["made"] == []
    assert project.toml.read_text() == text
    assert project.everything().keys() >= before.keys()
    assert project.fail(3, "lock").error.endswith("cudepot.toml pins nothing")


def test_init_refuses_a_label_no_wheel_can_have(tmp_path: Path) -> None:
    project = Project(tmp_path / "new", key="", gnupg=tmp_path)
    project.toml.unlink()
    assert "'site.label'" in project.fail(3, "init", "--label", "Not Good").error
    assert not project.toml.exists()


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (["lock"], "lock"), (["-C", "sync", "lock"], "lock"), (["--json", "-q", "status"], "status"),
        (["-Cx", "gc"], "gc"), (["--directory", "sync", "gc"], "gc"), (["--dir", "sync", "gc"], "gc"),
        (["--directory=sync", "gc"], "gc"),
        ([], ""), (["--help"], ""), (["nonsense"], ""), (["-C"], ""), (["nonsense", "lock"], ""),
    ],
)  # fmt: skip
def test_only_the_verb_that_is_named_is_loaded(words: list[str], verb: str) -> None:
    assert verb_of(words) == verb


def test_every_verb_bears_its_modules_name() -> None:
    assert [importlib.import_module(f"cudepot.cli.{verb}").NAME for verb in VERBS] == list(VERBS)
