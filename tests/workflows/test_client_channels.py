"""`client conda` and `client pip` on sites that have no channel or index, and the page of a closed channel."""

from __future__ import annotations

import json
import re

import pytest
from simulator.project import Project
from tests.kinds.conda.test_closed_channel import closed, downloads  # noqa: F401 - fixtures


@pytest.mark.parametrize(("kind", "told"), [("conda", "no conda channel"), ("pip", "no wheel index")])
def test_a_site_without_it_is_told(shown_template: Project, kind: str, told: str) -> None:
    failed = shown_template.fail(3, "client", kind, "--url", "https://packages.example/")
    assert told in failed.error
    assert not (shown_template.base / "clients").exists()


def test_the_page_and_the_script_know_a_closed_channel(closed: Project) -> None:  # noqa: F811
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', (closed.site / "index.html").read_text())
    assert found
    assert json.loads(found[1])["closed"] is True
