"""What a client in mid-update needs stays: three generations of indexes by hash. And Releases that wear out."""

from __future__ import annotations

import argparse
import datetime
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

from simulator.debs import simple_deb, write_deb
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.clients.apt import AptRoot
from tests.clients.http import Site, serve

from cudepot.cli.context import opened
from cudepot.formats.apt_release import parse_release
from cudepot.workflows.publish.publish import publish


def want(project: Project, folder: Path, **upstream: object) -> None:
    """Pin every deb of a folder, of which there is none yet."""
    folder.mkdir()
    project.add("upstream", name="u", type="folder", path=str(folder), **upstream)
    project.add("pin", upstream="u", packages=["*.deb"])


def grow(project: Project, folder: Path, version: int) -> bytes:
    """Publish one version more, and return the new InRelease."""
    write_deb(simple_deb("hello", str(version)), folder)
    for verb in ("lock", "sync", "publish"):
        project.run(verb)
    return (project.site / "apt/u/InRelease").read_bytes()


def update_with(site: Site, old: bytes, client: AptRoot) -> str:
    """Let apt-get update with a Release it has fetched before, and return the newest version it then knows."""
    site.heal()
    site.replace("/apt/u/InRelease", old)
    done = client.update(check=False)
    return client.policy("hello").split("Candidate: ")[1].split()[0] if done.returncode == 0 else done.stderr


def test_a_client_with_an_old_release_finds_its_indexes_for_three_generations(
    project: Project, site_key: SiteKey, tmp_path: Path
) -> None:
    want(project, tmp_path / "debs")
    releases = [grow(project, tmp_path / "debs", 1)]
    with serve(project.site) as site:
        for version in (2, 3, 4):
            releases.append(grow(project, tmp_path / "debs", version))
            for past, release in enumerate(releases[-3:], max(version - 2, 1)):
                client = AptRoot(tmp_path / f"root-{version}-{past}")
                client.add_source(f"{site.url}/apt/u/", site_key.keyring)
                assert update_with(site, release, client) == str(past), f"Release {past} at snapshot {version}"
                client.install(f"hello={past}")
        assert len(list((project.site / "apt/u/by-hash/SHA256").iterdir())) == 9
        late = AptRoot(tmp_path / "late")
        late.add_source(f"{site.url}/apt/u/", site_key.keyring)
        assert "Failed to fetch" in update_with(site, releases[0], late), "the fourth is gone: the test can fail"


def release(project: Project) -> tuple[datetime.datetime, datetime.datetime | None]:
    """Return Date and Valid-Until of what is shown."""
    found = parse_release((project.site / "apt/u/Release").read_bytes(), "Release")
    return parsedate_to_datetime(found.fields["Date"]), found.valid_until()


def publish_at(project: Project, now: datetime.datetime) -> bool:
    """Publish as if it were ``now``; tell whether that made a snapshot."""
    with opened(argparse.Namespace(directory=str(project.base), quiet=True)) as depot:
        return publish(replace(depot, clock=lambda: now)).fresh


def test_a_release_is_signed_again_when_half_its_time_has_passed(project: Project, tmp_path: Path) -> None:
    want(project, tmp_path / "debs", valid_for="30d")
    grow(project, tmp_path / "debs", 1)
    born, until = release(project)
    assert until == born + datetime.timedelta(days=30)
    assert not publish_at(project, born + datetime.timedelta(days=14))
    assert release(project) == (born, until)
    assert publish_at(project, born + datetime.timedelta(days=15))
    assert release(project) == (born + datetime.timedelta(days=15), born + datetime.timedelta(days=45))
    (clock,) = project.run("verify", "--json", check=False).json["faults"]
    assert "snapshot 2 was made on" in clock, "today is before that day, and nothing else is wrong"


def test_another_time_of_validity_is_signed_at_once_and_apt_heeds_it(
    project: Project, site_key: SiteKey, tmp_path: Path
) -> None:
    want(project, tmp_path / "debs")
    write_deb(simple_deb("hello", "1"), tmp_path / "debs")
    project.run("lock")
    project.run("sync")
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    publish_at(project, past)
    client = AptRoot(tmp_path / "root")
    with serve(project.site) as site:
        client.add_source(f"{site.url}/apt/u/", site_key.keyring)
        client.update()
        project.sections[0] += 'valid-for = "1d"\n'
        project.write()
        project.run("lock")
        assert publish_at(project, past), "nothing but the time of validity is another"
        assert "expired" in client.update(check=False).stderr
        assert project.run("status", "--json").json["next"] == "publish"
        project.run("publish")
        assert project.run("status", "--json").json["next"] == ""
        client.update()
