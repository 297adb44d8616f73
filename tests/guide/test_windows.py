"""The guide's chapter for Windows: its lines are PowerShell, and NVIDIA's zip has the files they name."""

from __future__ import annotations

import re
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import tree_sitter_powershell
from simulator.windows import write_zip, zip_name
from tests.guide.sections import ON_PAGE
from tests.guide.shelf import OF_8
from tree_sitter import Language, Parser

CHAPTER = ("3.2 Downloading", "3.3 Installing on Windows", "3.4 Upgrading on Windows")


@pytest.mark.parametrize("title", CHAPTER)
def test_its_lines_are_powershell(title: str) -> None:
    parser = Parser(Language(tree_sitter_powershell.language()))
    assert ON_PAGE[title]
    for block in ON_PAGE[title]:
        assert not parser.parse(block.encode()).root_node.has_error, block


def test_the_zip_has_what_is_copied_and_all_of_it_is_copied(tmp_path: Path) -> None:
    (copied,) = ON_PAGE["3.3 Installing on Windows"]
    patterns = [one.replace("\\", "/") for one in re.findall(r"^Copy-Item (\S+) ", copied, re.MULTILINE)]
    with zipfile.ZipFile(write_zip(OF_8[-1], tmp_path)) as archive:
        names = [one for one in archive.namelist() if "LICENSE" not in one and "NVIDIA_SLA" not in one]
    assert all(any(fnmatchcase(name, pattern) for pattern in patterns) for name in names), names
    assert all(any(fnmatchcase(name, pattern) for name in names) for pattern in patterns), patterns
    assert zip_name(OF_8[-1]) in ON_PAGE["3.2 Downloading"][0]


def test_what_is_copied_is_what_an_upgrade_takes_away() -> None:
    (copied,), (removed,) = ON_PAGE["3.3 Installing on Windows"], ON_PAGE["3.4 Upgrading on Windows"]
    into = [
        f"{folder}\\{source.rpartition(chr(92))[2]}" for source, folder in re.findall(r"Copy-Item (\S+) '(.+)'", copied)
    ]
    assert re.findall(r"Remove-Item '(.+)'", removed) == into
