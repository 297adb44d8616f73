"""The documentation is true: marked commands run, links lead somewhere, examples parse, exit codes are right."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
from simulator.process import clean_env, run
from tests.parsed import parse_config

import cudepot.errors
from cudepot.catalog.config.template import render_template
from cudepot.cli.main import EXIT_CODES, VERBS

TOP = Path(__file__).parent.parent.parent
PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md")])
_RUN = re.compile(r"<!-- run -->\n+```sh\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)


def _name(page: Path) -> str:
    return str(page.relative_to(TOP))


@pytest.mark.parametrize("page", [one for one in PAGES if _RUN.search(one.read_text())], ids=_name)
def test_marked_commands_run(page: Path, tmp_path: Path) -> None:
    command = tmp_path / "bin" / "cudepot"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cudepot.cli.main "$@"\n')
    command.chmod(0o755)
    env = clean_env(HOME=str(tmp_path), PYTHONPATH=str(Path(cudepot.__file__).parent.parent))
    env["PATH"] = f"{command.parent}:{env['PATH']}"
    for block in _RUN.findall(page.read_text()):
        run("sh", "-eu", "-c", block, env=env, cwd=tmp_path)


def test_there_are_commands_to_run() -> None:
    assert sum(len(_RUN.findall(page.read_text())) for page in PAGES) >= 3


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize("page", [one for one in PAGES if _TOML.search(one.read_text())], ids=_name)
def test_toml_examples_parse(page: Path) -> None:
    for block in _TOML.findall(page.read_text()):
        tomllib.loads(block)


def test_the_template_is_a_configuration_also_with_its_examples_switched_on() -> None:
    text = render_template(label="acme", key="A" * 40, gnupg="gnupg")
    parse_config(tomllib.loads(text))
    # `# [[pin]]` and `# key = value` are examples; other comments are prose
    switched = re.sub(r"^# (?=\[\[|[a-z-]+ = )", "", text, flags=re.MULTILINE)
    config = parse_config(tomllib.loads(switched))
    assert [one.type for one in config.upstreams] == ["apt", "simple", "folder"]
    assert len(config.pins) == 3
    assert [one.name for one in config.environments] == ["train"]


def test_readme_says_in_its_third_sentence_that_it_is_not_nvidias() -> None:
    text = (TOP / "README.md").read_text().split("\n", 1)[1]
    sentences = re.split(r"(?<=\.)\s+", text.strip())
    assert "not an NVIDIA product" in sentences[2]


def test_readme_names_every_verb() -> None:
    readme = (TOP / "README.md").read_text()
    assert [verb for verb in VERBS if f"| `{verb}` |" not in readme] == []


def test_every_error_is_documented_with_its_exit_code() -> None:
    page = (TOP / "docs" / "errors.md").read_text()
    errors = [
        one for one in vars(cudepot.errors).values() if isinstance(one, type) and one.__module__ == "cudepot.errors"
    ]
    assert len(errors) >= 10
    for one in errors:
        assert one.code in page, one
        assert re.search(rf"(^|\s){one.exit_code}  ", EXIT_CODES), one


@pytest.mark.slow
def test_the_docs_are_a_site_whose_links_lead_somewhere_and_that_asks_nobody(tmp_path: Path) -> None:
    argv = [
        sys.executable,
        "-m",
        "properdocs",
        "build",
        "--strict",
        "-f",
        TOP / "properdocs.yml",
        "-d",
        tmp_path / "site",
    ]
    run(*map(str, argv), env=clean_env())
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(https?:[^\"]*)\"", page.read_text())
        assert not [one for one in loaded if 'rel="canonical"' not in one], page
    start = (tmp_path / "site/index.html").read_text()
    tree = set(re.findall(r'href="([^"#]+)"', start.partition('<nav id="tree"')[2].partition("</nav>")[0]))
    written = {str(page.relative_to(tmp_path / "site")) for page in pages}
    assert written - {"404.html"} == tree, "each page is in the tree, by a name that also works in a folder"
    assert '<span class="' in (tmp_path / "site/quickstart.html").read_text(), "code has colours"
    assert ".codehilite .s" in (tmp_path / "site/code.css").read_text()
    assert (tmp_path / "site/search/index.js").read_text().startswith("window.DOCS = [{")
