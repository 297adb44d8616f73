"""What `client dnf` writes for rhel7, whose yum 3 knows neither dnf's folders nor its spelling."""

from __future__ import annotations

import configparser
import gzip
from pathlib import Path

from simulator.project import Project
from simulator.yum import Rhel
from tests.kinds.yum.world import add_yum


def test_yum_gets_its_own_folders_words_and_metadata(project: Project, rhel: Rhel) -> None:
    add_yum(project, rhel, "libcudnn8-8.0.5.39-1.cuda11.1")
    config = project.base / "cudepot.toml"
    config.write_text(config.read_text().replace('"rhel8"', '"rhel7/x86_64"'))
    project.publish()
    options = ("client", "dnf", "rhel7/x86_64", "--url", "https://packages.example/", "--json")
    done = project.run(*options).json
    folder = Path(done["folder"])
    assert done["install"] == "yum install libcudnn8-8.0.5.39-1.cuda11.1"
    assert (folder / "etc/yum/pluginconf.d/versionlock.list").read_text() == "0:libcudnn8-8.0.5.39-1.cuda11.1.*\n"
    assert not any("dnf" in one for one in done["files"])
    repo = configparser.ConfigParser(interpolation=None)
    repo.read(folder / "etc/yum.repos.d/acme.repo")
    section = repo["acme-rhel7-x86_64"]
    assert (section["gpgcheck"], section["repo_gpgcheck"]) == ("1", "1")
    assert "priority" not in section
    primary = next((project.site / "yum/rhel7/x86_64/repodata").glob("*-primary.xml.gz"))
    assert gzip.decompress(primary.read_bytes()).startswith(b"<?xml")
    held = project.run(*options, "--hold", "excludes", "--output", "other").json
    assert held["merge"] == "cat /etc/yum/acme-excludes.conf >> /etc/yum.conf"
    conf = configparser.ConfigParser(interpolation=None)
    conf.read_string("[main]\nkeepcache=0\n" + "exclude=" + _excludes(Path(held["folder"])))
    assert "libcudnn8-0:8.0.5.39-1.cuda11.x86_64" in conf["main"]["exclude"].split()


def _excludes(folder: Path) -> str:
    head, _, line = (folder / "etc/yum/acme-excludes.conf").read_text().partition("\n")
    assert head == "[main]"
    return line.removeprefix("exclude=")
