"""What `[[hook]]` may say, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cudepot.catalog.config.hooks import EVENTS, Hook, parse_hooks
from cudepot.catalog.event import FORMAT, Event, render_event
from cudepot.catalog.fields import Table
from cudepot.errors import ConfigError

GOOD = {"name": "chat", "on": ["shown"], "command": ["tell"]}
POST = {"name": "ci", "on": ["shown", "fault-begins"], "url": "https://ci.example.com/x?key=1"}


def parsed(*rows: object) -> tuple[Hook, ...]:
    return parse_hooks([Table(one, f"hook[{number}]") for number, one in enumerate(rows)])


def test_hooks_are_read() -> None:
    one, two = parsed(GOOD, {**POST, "timeout": 5, "token-env": "CI_TOKEN"})
    assert one == Hook("chat", ("shown",), ("tell",))
    assert two == Hook("ci", ("shown", "fault-begins"), (), "https://ci.example.com/x?key=1", 5, "CI_TOKEN")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9093/x", "http://localhost/x", "http://[::1]:8080/"])
def test_http_is_taken_for_this_machine(url: str) -> None:
    assert parsed({**POST, "url": url})[0].url == url


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"on": ["published"]}, "unknown event 'published' in 'hook[0].on'"),
        ({"command": []}, "needs a command or a url"),
        ({"url": "https://x.example/"}, "needs a command or a url"),
        ({"timeout": 0}, "hook[0].timeout"),
        ({"timeout": 601}, "hook[0].timeout"),
        ({"token-env": "X"}, "is for hooks with a url"),
        ({"shell": "x"}, "hook[0].shell"),
        ({"command": "tell"}, "a list of strings in 'hook[0].command'"),
        ({"command": [], "url": "http://chat.example.com/x"}, "is no https URL"),
        ({"command": [], "url": "ftp://chat.example.com/x"}, "is no https URL"),
        ({"command": [], "url": "https://me:secret@chat.example.com/"}, "user name or password"),
        ({"command": [], "url": "https:///x"}, "is no https URL"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)) as it:
        parsed({**GOOD, **changed})
    assert "secret" not in str(it.value)


def test_a_name_stands_for_one_hook() -> None:
    with pytest.raises(ConfigError, match="two hooks are called 'chat'"):
        parsed(GOOD, GOOD)


def test_an_event_says_where_and_when() -> None:
    body = render_event(
        Event("shown", {"snapshot": 7, "before": 6}), id_="1", at="2026-11-29T03:17:00Z", site={"label": "a"}
    )
    document = json.loads(body)
    assert document == {
        "format": FORMAT, "id": "1", "event": "shown", "at": "2026-11-29T03:17:00Z", "site": {"label": "a"},
        "snapshot": 7, "before": 6,
    }  # fmt: skip


def test_the_documentation_names_every_event() -> None:
    text = (Path(__file__).parents[2] / "docs/formats.md").read_text()
    for section in ("\n### `[[hook]]`\n", "\n## Events\n"):
        part = text.partition(section)[2].partition("\n## ")[0]
        assert [one for one in EVENTS if one not in part] == []
