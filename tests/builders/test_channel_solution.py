"""The conda solver in its child process."""

from __future__ import annotations

from typing import Any

import pytest

from cudepot.builders.channel_solution import Question, solutions

pytestmark = pytest.mark.tools


def records(*packages: tuple[str, str, tuple[str, ...]]) -> dict[str, dict[str, Any]]:
    return {
        f"{name}-{version}-h0_0.conda": {
            "name": name, "version": version, "build": "h0_0", "build_number": 0, "depends": list(depends),
            "sha256": "0" * 64, "md5": "0" * 32, "size": 1, "subdir": "noarch",
        }
        for name, version, depends in packages
    }  # fmt: skip


def test_pip_stays_with_a_python_that_is_locked() -> None:
    there = records(("python", "3.12.1", ()), ("pip", "25.0", ("python >=3.9", "wheel")), ("wheel", "0.45", ()))
    channels = {"x": {"noarch": there}}
    asked = Question("linux-64", ["python"], {"__unix": ("0", "0")})
    (first,) = solutions(channels, [asked])
    assert [name for *_, name in first.found] == sorted(there)
    (again,) = solutions(channels, [asked._replace(locked=first.found)])
    assert again == first
