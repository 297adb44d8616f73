"""The table of metrics: names as Prometheus wants them, and the same in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from cudepot.catalog.metrics import METRICS

TOP = Path(__file__).parents[2]
RULES = TOP / "channel-config/operate/prometheus/cudepot.rules.yml"


def test_names_follow_the_conventions() -> None:
    names = [one.name for one in METRICS]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"cudepot(_[a-z]+)+", name), name
        assert not name.endswith(("_total", "_count", "_sum", "_days", "_hours", "_mb")), name
    for one in METRICS:
        assert ("_timestamp_seconds" in one.name) == one.what.startswith(("When", "Since", "Date")), one
        assert "\n" not in one.what


def test_the_documentation_has_the_very_table() -> None:
    section = (TOP / "docs/operate.md").read_text().partition("\n### Prometheus\n")[2].partition("\n### ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `cudepot_")]
    found = [(name.strip(" `"), labels.strip(), what.strip()) for name, labels, what in rows]
    assert found == [(one.name, ", ".join(f"`{label}`" for label in one.labels), one.what) for one in METRICS]


def test_rules_name_metrics_that_are() -> None:
    text = RULES.read_text()
    named = set(re.findall(r"cudepot_[a-z_]+", text))
    assert named <= {one.name for one in METRICS}
    alerts = re.findall(r"- alert: (\w+)", text)
    tried = (RULES.parent / "cudepot.test.yml").read_text()
    assert [one for one in alerts if one not in tried] == [], "every rule is tried"
