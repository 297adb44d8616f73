"""What helps people at the terminal: explanations of errors, the log, terminals that are not UTF-8."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from simulator.project import Project
from simulator.site_key import SiteKey

import cudepot.errors
from cudepot.cli.main import VERBS, main


@pytest.fixture
def project(site_key: SiteKey, tmp_path: Path) -> Project:
    return Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["explain", *words]) == 0
    return capsys.readouterr().out


def test_every_code_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    listed = explained(capsys)
    for one in vars(cudepot.errors).values():
        if isinstance(one, type) and "code" in vars(one):
            assert one.code in explained(capsys, one.code.lower())
            assert one.code == "E000" or one.code in listed


def test_an_exit_code_leads_to_its_codes(capsys: pytest.CaptureFixture[str]) -> None:
    text = explained(capsys, "4")
    assert all(code in text for code in ("E200", "E210", "E220"))
    assert "E300" not in text
    assert "interrupted" in explained(capsys, "130")


def test_words_of_a_message_lead_to_their_row(capsys: pytest.CaptureFixture[str]) -> None:
    text = explained(capsys, "older", "than")
    assert "--allow-rollback" in text
    assert "unsafe path" not in text  # "folder … than": words are whole words


@pytest.mark.parametrize("what", ["nonsense xyz", "77", "E999"])
def test_what_is_not_known_is_an_error(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", what]) == 3
    assert "nothing is known" in capsys.readouterr().err


def test_the_log_tells_the_whole_story(project: Project, nvidia: Nvidia) -> None:
    project.init().add_apt(nvidia)
    project.run("lock")
    project.fail(3, "publish")
    log = (project.store / "cudepot.log").read_text()
    lines = [re.sub(r"^\S+Z \[\d+\] ", "", line) for line in log.splitlines()]
    assert any(line.startswith("cudepot ") and " lock " in line for line in lines)
    assert any("wrote cudepot.lock" in line for line in lines)
    assert "exit 0" in lines
    assert any(line.startswith("cudepot.errors.ConfigError: ") for line in lines)
    assert any(line.startswith("Traceback") for line in lines)


def test_a_run_that_changes_nothing_is_not_logged(project: Project, nvidia: Nvidia) -> None:
    project.init().add_apt(nvidia)
    project.run("status")
    project.run("lock", "--dry-run")
    assert not (project.store / "cudepot.log").exists()


def test_a_long_log_makes_room(project: Project, nvidia: Nvidia) -> None:
    project.init().add_apt(nvidia)
    log = project.store / "cudepot.log"
    log.write_bytes(b"x" * (5 << 20))
    project.run("lock")
    assert log.stat().st_size < 10_000
    assert (project.store / "cudepot.log.1").stat().st_size == 5 << 20


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_80_columns_and_any_charset(verb: str) -> None:
    env = {"PYTHONIOENCODING": "latin-1", "COLUMNS": "80", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "cudepot.cli.main", verb, "--help"], env=env, capture_output=True, check=True
    )
    options = [line for line in done.stdout.decode("latin-1").splitlines() if line.startswith("  -")]
    assert options
    assert max(map(len, options)) <= 80


SOURCE = Path(cudepot.__file__).parent


def test_every_page_a_hint_names_is_there_and_comes_with_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [one.read_text() for one in SOURCE.rglob("*.py")]
    named = {page for text in texts for page in re.findall(r"`?cudepot explain ([a-z]+)", text)}
    assert {"formats", "airgap", "sites", "trust"} <= named
    for page in named:
        assert len(explained(capsys, page)) > 1000
    assert explained(capsys, "docs/formats.md") == explained(capsys, "formats")
    lines = [line for text in texts for line in text.splitlines() if "docs/" in line]
    hints = [line for line in lines if "hint=" in line or "print(" in line]
    assert hints == [], "pip installs no docs/ folder: name `cudepot explain PAGE`"
    assert '"docs" = "cudepot/_data/docs"' in (SOURCE.parent.parent / "pyproject.toml").read_text()


def test_no_hint_tells_to_install_a_package_of_our_name_that_others_could_register(tmp_path: Path) -> None:
    """Nothing called cudepot is on PyPI."""
    for one in SOURCE.rglob("*.py"):
        assert not re.search(r"pip install [^`\n]*\bcudepot", one.read_text()), one


def test_the_hint_of_serve_installs_what_serve_lacks(project: Project) -> None:
    block = "import sys; sys.modules['starlette'] = None; from cudepot.cli.main import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", block], env=project.env, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    command = done.stderr.partition("hint: ")[2].strip()
    assert command.startswith(f"{sys.executable} -m pip install ")
    wanted = [one.strip("'") for one in command.partition("install ")[2].split()]
    serve = re.findall(r"^serve = \[(.*)\]", (SOURCE.parent.parent / "pyproject.toml").read_text(), re.MULTILINE)[0]
    assert wanted == [one.strip(' "') for one in serve.split(",")]
