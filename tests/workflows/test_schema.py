"""The JSON schema of cudepot.toml takes what cudepot takes, and marks what it refuses."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from simulator.project import Project

from cudepot.cli.main import main
from cudepot.errors import ConfigError
from cudepot.workflows.configuration import parse_text
from cudepot.workflows.schema import schema


@functools.cache
def _validator() -> Any:
    found = schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def _examples() -> list[str]:
    """Return the blocks of the docs that are a cudepot.toml, or whole tables of one."""
    pages = sorted((Path(__file__).parents[2] / "docs").glob("*.md"))
    blocks = [one for page in pages for one in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)]
    return [one for one in blocks if re.match(r"(#.*\n)*\[(site|build|\[(upstream|pin|environment|hook)\])\]", one)]


def test_what_cudepot_takes_of_the_docs_the_schema_takes_too() -> None:
    taken = 0
    for text in _examples():
        try:
            parse_text(text, lambda *_: "https://mirror.example/simple/")
        except (ConfigError, ValueError):
            continue  # a fragment
        problems = [f"{one.json_path}: {one.message}" for one in _validator().iter_errors(_json(text))]
        assert problems == [], text
        taken += 1
    assert taken > 20


def _json(text: str) -> Any:
    return json.loads(json.dumps(tomllib.loads(text), default=str))


def test_every_key_that_is_documented_is_in_the_schema() -> None:
    text = (Path(__file__).parents[2] / "docs/formats.md").read_text()
    part = text.partition("\n## cudepot.toml")[2].partition("\n## cudepot.lock")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", part, re.MULTILINE)
    documented = {key for row in rows for key in re.findall(r"`([a-z0-9-]+)`", row)}
    top = schema()["properties"]
    lists = [top[name]["items"]["properties"] for name in ("upstream", "pin", "environment", "hook")]
    lists.append(top["store"]["anyOf"][1]["properties"])
    assert len(documented) > 60
    assert documented <= set(top).union(
        top["site"]["properties"], *(top[name]["properties"] for name in ("build", "fetch", "keep")), *lists
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("colour = 1", "$"),
        ("[site]\nkeep = 0", "$.site.keep"),
        ("[site]\nlable = 'x'", "$.site"),
        ("[[pin]]\nupstream = 'x'", "$.pin[0]"),
        ("[[pin]]\nupstream = 'x'\npackages = ['x']\noutputs = ['rpm']", "$.pin[0].outputs[0]"),
        ("[[upstream]]\nname = 'x'\ntype = 'ftp'", "$.upstream[0].type"),
        ("[[upstream]]\nname = 'x'\ntype = 'simple'\nurl = 'https://h/'\nsuites = ['/']", "$.upstream[0]"),
        ("[[environment]]\nname = 'x'\nplatforms = ['linux-65']", "$.environment[0].platforms[0]"),
    ],
)
def test_what_cudepot_refuses_is_marked(text: str, where: str) -> None:
    with pytest.raises(ConfigError):
        parse_text(text)
    assert where in {one.json_path for one in _validator().iter_errors(_json(text))}


def test_a_real_project_is_valid(shown: Project) -> None:
    assert list(_validator().iter_errors(_json(shown.toml.read_text()))) == []


def test_the_verb_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
