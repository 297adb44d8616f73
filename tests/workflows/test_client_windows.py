"""``client windows`` on a site with several cuDNNs: one is chosen, and what the script names installs."""

from __future__ import annotations

import hashlib
import re
import shlex
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from simulator.cudnn import CudnnRelease, licence
from simulator.project import DOWNLOADS, Project
from simulator.windows import dlls, write_zip, zip_name
from tests.clients import conda_env, http
from tests.clients.python_env import PythonEnv

URL = "https://packages.example"
ELEVEN, TWELVE, NINE = (CudnnRelease(*one) for one in (("8.9.7.29", "11"), ("8.9.7.29", "12"), ("9.12.0.46", "12")))


@pytest.fixture(scope="module")
def project(site_key_master: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """cuDNN 8.9.7 for CUDA 11 and 12 in every form, the zip of 12 only repackaged; 9.12 as a zip alone."""
    home, key = site_key_master
    base = tmp_path_factory.mktemp("windows")
    (folder := base / "downloads").mkdir()
    names = [write_zip(one, folder).name for one in (ELEVEN, TWELVE, NINE)]
    project = Project(base / "project", key=key.fingerprint, gnupg=home.path).init()
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(folder))
    outputs = ["mirror", "conda", "wheel"]
    project.add("pin", upstream=DOWNLOADS, packages=names[:1], recipe="cudnn", outputs=outputs)
    project.add("pin", upstream=DOWNLOADS, packages=names[1:2], recipe="cudnn")
    project.add("pin", upstream=DOWNLOADS, packages=names[2:])
    project.accept_eula(licence(ELEVEN))
    project.publish()
    return project


def written(project: Project, *options: str, url: str = URL) -> dict[str, Any]:
    """Run the verb; return its JSON, with the script as ``text``."""
    found: dict[str, Any] = project.run("client", "windows", "--url", url, "--json", *options).json
    return found | {"text": Path(found["file"]).read_text("utf-8-sig")}


def listed(text: str, name: str) -> list[str]:
    (found,) = re.findall(rf"^\${name} = @?\(?(.*?)\)?$", text, re.MULTILINE)
    return re.findall(r"'([^']*)'", found)


def test_several_are_refused_and_the_hints_lead_to_one(project: Project) -> None:
    failed = project.fail(6, "client", "windows", "--url", URL)
    assert "several of cudnn: 8.9.7.29=cuda11_" in failed.error
    assert "--cuda VERSION" in failed.hint
    failed = project.fail(6, "client", "windows", "--url", URL, "--cuda", "12")
    assert f"several zips of cuDNN: {zip_name(TWELVE)}, {zip_name(NINE)}" in failed.error
    (only,) = re.findall(r"with (--only \S+)", failed.hint)
    found = written(project, "--cuda", "12", *shlex.split(only))
    assert (found["cudnn"], found["cuda"], found["forms"]) == ("8.9.7.29", "12", ["conda", "wheel", "zip"])
    assert written(project, "--only", "cudnn=9.12.0.46")["forms"] == ["zip"]


@pytest.mark.slow
def test_what_the_script_names_installs_and_has_the_import_library(project: Project, tmp_path: Path) -> None:
    """By pip and rattler for Windows, and by fetching; cudnn.lib lies where docs/windows.md says."""
    forge = conda_env.standin_channel(tmp_path / "forge", "win-64")
    with http.serve(project.site) as site:
        text = written(project, "--cuda", "11", url=site.url)["text"]
        channels = [f"{site.url}/{listed(text, 'Channel')[0]}", forge.as_uri()]
        specs = [one.replace("=", " ==", 1).replace("=cuda", " cuda") for one in listed(text, "CondaPackages")]
        conda_env.create(channels, specs, tmp_path / "env", platform="win-64", cuda="11.8")
        env, target = PythonEnv(tmp_path / "venv"), tmp_path / "wheel"
        options = ("--target", str(target), "--platform", "win_amd64", "--only-binary=:all:", "--no-deps")
        env.pip_install(f"{site.url}/simple/", *listed(text, "Wheels"), options=options)
        with urllib.request.urlopen(listed(text, "ZipUrl")[0]) as answer:
            (tmp_path / "cudnn.zip").write_bytes(answer.read())
    assert listed(text, "Wheels") == ["nvidia-cudnn-cu11==8.9.7.29+acme.1"]
    assert hashlib.sha256((tmp_path / "cudnn.zip").read_bytes()).hexdigest() == listed(text, "ZipSha256")[0]
    library = dlls(ELEVEN)["cudnn"][1]
    assert (tmp_path / "env/Library/lib/cudnn.lib").read_bytes() == library
    assert (target / "nvidia/cudnn/lib/x64/cudnn.lib").read_bytes() == library
    with zipfile.ZipFile(tmp_path / "cudnn.zip") as archive:
        assert archive.read(f"{zip_name(ELEVEN).removesuffix('.zip')}/lib/x64/cudnn.lib") == library


def test_what_is_not_on_the_site_is_told(project: Project) -> None:
    found = written(project, "--cuda", "12", "--only", "cudnn=8.9.7.29")
    assert listed(found["text"], "ZipUrl") == [""]
    assert listed(found["text"], "ZipName") == [zip_name(TWELVE)]
    wheels, zips = found["notes"]
    assert "requires nvidia-cublas-cu12, but the site has none" in wheels
    assert f'{zip_name(TWELVE)} is not on the site, so users must bring it: add "mirror" to `outputs`' in zips
    told = project.run("client", "windows", "--url", URL, "--cuda", "11").err
    assert "not on the site, so users" not in told
    assert "requires nvidia-cublas-cu11" in told


def test_a_choice_of_nothing_is_told(project: Project) -> None:
    assert "it is for CUDA 11, 12" in project.fail(6, "client", "windows", "--url", URL, "--cuda", "13").hint
    assert "8.9.7.29" in project.fail(6, "client", "windows", "--url", URL, "--only", "cudnn=7").hint
