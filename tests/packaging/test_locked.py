"""What cudepot runs, is tested and developed with is locked by hash, for all that pyproject.toml asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKED = ROOT / "scripts/locked"
PYPROJECT = tomli.loads((ROOT / "pyproject.toml").read_text())
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; [^\\\n]*)?(?P<hashes>(?: ?\\\n    \S+)*)", re.M)


def wanted(file: str) -> Iterator[Requirement]:
    """Give what pyproject.toml asks for, of what a file locks."""
    project = PYPROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    rows = {"run": [*project["dependencies"], *extras], **PYPROJECT["dependency-groups"]}
    return (Requirement(one) for one in rows[file] if isinstance(one, str))


@pytest.mark.parametrize("file", ["run", "demo", "dev"])
def test_what_is_asked_for_is_locked_by_hash(file: str) -> None:
    text = (LOCKED / f"{file}.txt").read_text()
    entries = [one.groupdict() for one in _ENTRY.finditer(text)]
    versions: dict[str, list[str]] = {}
    for one in entries:
        versions.setdefault(canonicalize_name(one["name"]), []).append(one["version"])
        hashes = one["hashes"].split("--hash=sha256:")[1:]
        assert hashes, f"{one['name']} has no hash"
        assert all(re.fullmatch("[0-9a-f]{64}", each.strip(" \\\n")) for each in hashes)
    lacking = [
        str(one)
        for one in wanted(file)
        if not any(one.specifier.contains(version) for version in versions.get(canonicalize_name(one.name), ()))
    ]
    assert lacking == [], "run scripts/relock"


@pytest.mark.parametrize("file", ["run", "demo", "dev"])
def test_no_host_is_named(file: str) -> None:
    assert "://" not in (LOCKED / f"{file}.txt").read_text()
