"""Files with a project's own names: nothing of the defaults is left, and nothing else is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cudepot.catalog.units import KINDS, Place, filled
from cudepot.errors import ConfigError

OPERATE = Path(__file__).parents[2] / "channel-config/operate"
OWN = Place("/data/mirror", "/opt/bin/cudepot", "mirror", 23, 5, "reg.example.org/tools/cudepot:2", "/data/m.prom")


def shipped(kind: str) -> dict[str, str]:
    return {one.name: one.read_text() for one in (OPERATE / kind).iterdir()}


def test_there_is_a_folder_for_each_kind() -> None:
    assert {one.name for one in OPERATE.iterdir()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_are_what_is_shipped(kind: str) -> None:
    assert filled(kind, shipped(kind), Place()) == shipped(kind)


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_a_project_gets_its_own_names(kind: str) -> None:
    text = "\n".join(filled(kind, shipped(kind), OWN).values())
    assert "/opt/bin/cudepot -q run -C /data/mirror --wait 1500 --metrics /data/m.prom" in text
    for left in ("/srv/cudepot", "/usr/bin", "17 3 ", "03:17:00", "User=cudepot\n", "* cudepot "):
        assert left not in text
    assert {"systemd": "OnCalendar=*-*-* 23:05:00", "cron": "5 23 * * * mirror said=$(/opt"}[kind] in text


def test_kubernetes_gets_its_image_and_time() -> None:
    text = "\n".join(filled("kubernetes", shipped("kubernetes"), OWN).values())
    assert text.count("image: reg.example.org/tools/cudepot:2") == 2
    assert 'schedule: "5 23 * * *"' in text
    assert "/data/mirror" not in text, "the folder is the volume's"


@pytest.mark.parametrize("name", ["/srv/my mirror", "/srv/50%", '/srv/"x"', "/srv/a;b", "/srv/$HOME"])
def test_names_that_would_be_read_as_something_else_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot stand in a unit"):
        filled("systemd", shipped("systemd"), Place(folder=name))
    assert filled("kubernetes", shipped("kubernetes"), Place(folder=name))
