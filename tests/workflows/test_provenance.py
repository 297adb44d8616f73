"""Where packages came from: the SBOM in them, the statement beside them, and ``cudepot verify PACKAGE``."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator.cudnn import licence
from simulator.nvidia import Artifacts, Nvidia
from simulator.project import APT, Project
from simulator.site_key import SiteKey

from cudepot.formats.conda_read import read_conda, read_info
from cudepot.formats.wheel_read import read_wheel

DEBS = ("libcudnn8=8.0.5.39-1+cuda11.1", "libcudnn8-dev=8.0.5.39-1+cuda11.1")


@pytest.fixture(scope="module")
def published(
    nvidia_artifacts: Artifacts, site_key_master: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, Nvidia]]:
    """A site with packages made of NVIDIA's signed debs; NVIDIA is still there."""
    home, key = site_key_master
    project = Project(tmp_path_factory.mktemp("made") / "project", key=key.fingerprint, gnupg=home.path).init()
    with Nvidia(nvidia_artifacts, tmp_path_factory.mktemp("nvidia")) as nvidia:
        project.add_apt(nvidia, *DEBS, recipe="cudnn")
        project.accept_eula(licence(nvidia.built().release))
        project.publish()
        yield project, nvidia


def packages(project: Project) -> dict[str, Path]:
    return {one.suffix: one for one in project.site.rglob("*") if one.suffix in (".conda", ".whl")}


def sbom_of(package: Path) -> dict[str, Any]:
    with package.open("rb") as stream:
        reader = read_conda(stream) if package.suffix == ".conda" else read_wheel(stream)
        found = [json.load(content) for member, content in reader if member.name.endswith(".cdx.json") and content]
    assert len(found) == 1
    document: dict[str, Any] = found[0]
    return document


@pytest.mark.parametrize("suffix", [".conda", ".whl"])
def test_the_sbom_lists_every_file_nvidia_made(published: tuple[Project, Nvidia], suffix: str) -> None:
    package = packages(published[0])[suffix]
    document = sbom_of(package)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    listed = {one["name"]: one["hashes"][0]["content"] for one in document["components"]}
    with package.open("rb") as stream:
        members = read_conda(stream) if suffix == ".conda" else read_wheel(stream)
        there = {m.name: hashlib.sha256(c.read()).hexdigest() for m, c in members if c is not None}
    ours = {name: found for name, found in there.items() if "info/" not in name or "licenses/" in name}
    assert listed == {name.replace("info/licenses/", ""): found for name, found in ours.items()} or listed == ours
    properties = {one["name"]: one["value"] for one in document["metadata"]["component"]["properties"]}
    assert properties["cudepot:release:version"] == "8.0.5.39"


def test_the_statement_beside_each_package_names_artifacts_and_signers(published: tuple[Project, Nvidia]) -> None:
    project, nvidia = published
    for package in packages(project).values():
        path = project.site / "provenance" / f"{package.relative_to(project.site)}.json"
        statement = json.loads(path.read_text())
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        assert statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(package.read_bytes()).hexdigest()
        made_of = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        assert [one["name"].split("_")[0] for one in made_of] == ["libcudnn8-dev", "libcudnn8"]
        for one in made_of:
            assert one["uri"].startswith(nvidia.apt_url)
            assert one["annotations"]["upstream"] == APT
            assert one["annotations"]["signers"] == [nvidia.key.fingerprint]
            assert project.object_of(one["digest"]["sha256"]).is_file()


def test_verify_follows_each_file_back(published: tuple[Project, Nvidia]) -> None:
    project, nvidia = published
    found = project.run("verify", "--json", *map(str, packages(project).values())).json
    assert len(found) == 2
    for one in found:
        assert one["faults"] == []
        assert one["built"] is True
        assert all(file["member"] for file in one["files"])
        assert {origin["upstream"] for origin in one["origins"]} == {APT}
        assert one["origins"][0]["signers"] == [nvidia.key.fingerprint]
    lib = next(file for file in found[0]["files"] if "libcudnn.so.8" in file["path"])
    assert lib["member"] == "usr/lib/x86_64-linux-gnu/libcudnn.so.8.0.5"
    said = project.run("verify", str(packages(project)[".conda"])).out
    assert f"signed by {nvidia.key.fingerprint}" in said


def tampered(wheel: Path, into: Path, name: str, data: bytes) -> Path:
    """A copy of a wheel with one member replaced or added, RECORD as it was."""
    out = io.BytesIO()
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(out, "w") as new:
        members = {info.filename: old.read(info) for info in old.infolist()}
        for path, content in (members | {name: data}).items():
            new.writestr(path, content)
    path = into / wheel.name
    path.write_bytes(out.getvalue())
    return path


@pytest.mark.parametrize(
    "name", ["nvidia/cudnn/lib/libcudnn.so.8", "nvidia/cudnn/lib/libmore.so.8", "sitecustomize.py"]
)
def test_a_changed_or_added_file_is_a_fault(published: tuple[Project, Nvidia], tmp_path: Path, name: str) -> None:
    project, _ = published
    bad = tampered(packages(project)[".whl"], tmp_path, name, b"not NVIDIA's")
    done = project.run("verify", str(bad), check=False)
    assert done.rc == 5
    assert f"FAULT {name}: no artifact of" in done.out
    assert "not built by this store" in done.out


def test_a_package_of_something_else_and_no_package(published: tuple[Project, Nvidia], tmp_path: Path) -> None:
    project, _ = published
    other = tampered(packages(project)[".whl"], tmp_path, "x", b"").rename(tmp_path / "other-1.0-py3-none-any.whl")
    done = project.run("verify", "--json", str(other), check=False)
    assert (done.rc, "cudepot.lock has no artifact" in done.json[0]["faults"][0]) == (5, True)
    (tmp_path / "cut.conda").write_bytes(packages(project)[".conda"].read_bytes()[:5000])
    project.fail(10, "verify", str(tmp_path / "cut.conda"))
    assert "not a conda package's" in project.fail(3, "verify", "README.md").error
    project.fail(3, "verify", str(tmp_path / "none.whl"))


def test_on_request_the_package_says_it_itself(
    nvidia: Nvidia, site_key: SiteKey, published: tuple[Project, Nvidia], tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home).init()
    project.add_apt(nvidia, *DEBS, recipe="cudnn")
    project.add("build")
    project.sections[-1] = '[build]\nprovenance = "inside"\n'
    project.accept_eula(licence(nvidia.built().release))
    project.publish()
    for suffix, package in packages(project).items():
        ancestors = sbom_of(package)["metadata"]["component"]["pedigree"]["ancestors"]
        assert [one["name"].split("_")[0] for one in ancestors] == ["libcudnn8-dev", "libcudnn8"]
        properties = {one["name"]: one["value"] for one in ancestors[0]["properties"]}
        assert properties == {"cudepot:upstream": APT, "cudepot:signer": nvidia.key.fingerprint}
        assert package.read_bytes() != packages(published[0])[suffix].read_bytes()
    with packages(project)[".conda"].open("rb") as stream:
        assert read_info(stream)["index.json"]["name"] == "cudnn"
