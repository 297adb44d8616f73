"""A site that is marked public is not published to."""

from __future__ import annotations

from simulator.project import Project


def test_a_public_site_gets_nothing(shown: Project) -> None:
    before = shown.published()
    shown.toml.write_text(shown.toml.read_text().replace("[site]", "[site]\npublic = true"))
    for verb in (("publish",), ("publish", "--dry-run")):
        done = shown.fail(8, *verb)
        assert "marked public" in done.error
        assert "licence does not allow" in done.hint
    assert shown.published() == before
    shown.toml.write_text(shown.toml.read_text().replace("public = true", "public = false"))
    shown.run("publish")
