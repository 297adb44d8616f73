"""A whole mirror that was complete: the next run looks for its objects again, reads no index, and loads little."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Nvidia
from simulator.project import APT, Done, Project

from cudepot.sealed import sealed

HEAVY = {
    "concurrent.futures", "createrepo_c", "difflib", "logging", "msgpack", "requests", "solv", "tarfile",
    "tomli_w", "xml.etree.ElementTree", "zipfile", "zstandard",
    "cudepot.kinds.apt.rules.closure", "cudepot.catalog.config.presets", "cudepot.catalog.nvidia.published",
    "cudepot.catalog.nvidia.release_names",
    "cudepot.formats.apt", "cudepot.formats.apt_listing", "cudepot.formats.compression", "cudepot.formats.payload",
    "cudepot.formats.primary", "cudepot.openpgp", "cudepot.signing.gpgv", "cudepot.kinds.apt.chain",
    "cudepot.kinds.apt.lock", "cudepot.kinds.wheels.resolve", "http.server", "uv",
}  # fmt: skip
"""What a run that finds nothing new has no use for; each took its milliseconds once."""


def loaded(done: Done) -> set[str]:
    """Return the modules a run has loaded, as Python itself says (``PYTHONPROFILEIMPORTTIME``)."""
    return set(re.findall(r"^import time:.*\| +(\S+)$", done.err, re.MULTILINE))


@pytest.fixture
def whole(project: Project, nvidia: Nvidia) -> Project:
    keys = {"keys": [nvidia.key.fingerprint], "keyrings": [str(nvidia.key_file)]}
    project.add("upstream", name=APT, type="apt", url=nvidia.apt_url, whole=True, **keys)
    project.run("sync", "--lock")
    return project


def test_a_run_that_finds_nothing_new_loads_nothing_for_work(whole: Project, nvidia: Nvidia) -> None:
    whole.env["PYTHONPROFILEIMPORTTIME"] = "1"
    assert not loaded(whole.run("sync", "--lock")) & HEAVY
    nvidia.repo.publish()
    assert {"cudepot.formats.apt", "cudepot.signing.gpgv", "tomli_w"} <= loaded(whole.run("sync", "--lock"))


def test_pins_that_stand_load_no_more(project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    project.run("sync", "--lock")
    project.env["PYTHONPROFILEIMPORTTIME"] = "1"
    assert not loaded(project.run("sync", "--lock")) & HEAVY


def test_what_went_missing_since_is_fetched_again(whole: Project, nvidia: Nvidia) -> None:
    before = whole.run("sync", "--json").json
    assert before["fetched_files"] == 0
    for name in ("Packages.gz", next(nvidia.repo.folder.glob("*.deb")).name):
        data = (nvidia.repo.folder / name).read_bytes()
        for damage in ("gone", "shorter"):
            file = whole.object(data)
            if damage == "gone":
                file.unlink()
            else:
                file.chmod(0o644)
                file.write_bytes(data[:-1])
            again = whole.run("sync", "--json").json
            assert again["files"] == before["files"], damage
            assert file.read_bytes() == data


def test_a_memory_that_is_damaged_or_of_another_lock_is_not_believed(whole: Project, nvidia: Nvidia) -> None:
    memory = whole.store / "complete.json"
    kept = memory.read_bytes()
    fewer = json.loads(kept)
    fewer["objects"][APT] = ""
    data = next(nvidia.repo.folder.glob("*.deb")).read_bytes()
    for text in (b"", b"{", b"[]", kept[:-9], json.dumps(fewer).encode(), kept.replace(b'"lock": "', b'"lock": "0')):
        memory.write_bytes(text)
        whole.object(data).unlink()
        assert whole.run("sync", "--json").json["fetched_files"] == 1, text[:40]
        assert memory.read_bytes() == kept
    memory.write_text(json.dumps(fewer))
    assert "complete.json: was changed" in whole.run("verify", check=False).out


def test_a_mirror_that_is_shown_as_its_index_names_it_is_not_read_to_be_published_again(
    whole: Project, nvidia: Nvidia
) -> None:
    whole.run("publish")
    assert "No packages yet" not in (whole.site / "index.html").read_text()
    for index in nvidia.repo.folder.glob("Packages*"):
        _rot(whole.object(index.read_bytes()))
    assert "unchanged: snapshot 1" in whole.run("publish").out
    memory = whole.store / "complete.json"
    noted = json.loads(memory.read_bytes())
    del noted["check"]
    noted["shown"][0][-1] = "0" * 64
    memory.write_text(json.dumps(sealed(noted)))
    assert "Packages" in whole.fail(5, "publish").error, "the snapshot shows something else than sync found"


def _rot(file: Path) -> None:
    """Change bytes of an object as a disk does: its mark stays."""
    about = file.stat()
    file.chmod(0o644)
    file.write_bytes(bytes(about.st_size))
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))


def test_a_new_index_is_read(whole: Project, nvidia: Nvidia) -> None:
    old = (whole.store / "complete.json").read_bytes()
    nvidia.repo.add(write_deb(simple_deb("libcudnn9", "9.0.0-1"), whole.base))
    nvidia.repo.publish()
    assert whole.run("sync", "--lock", "--json").json["fetched_files"] == 1
    assert (whole.store / "complete.json").read_bytes() != old


def test_a_dry_run_remembers_nothing(whole: Project) -> None:
    (whole.store / "complete.json").unlink()
    assert whole.run("sync", "--dry-run", "--json").json["fetched_files"] == 0
    assert not (whole.store / "complete.json").exists()
