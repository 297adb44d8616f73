"""One cuDNN for several CUDAs of one major: wheels and conda packages of all, side by side, to be chosen from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from simulator.cudnn import CudnnRelease, licence, parts, write_archive
from simulator.project import DOWNLOADS, Project
from simulator.sides import Far
from simulator.site_key import SiteKey
from tests.clients import conda_env, http
from tests.clients.conda_env import standin_channel
from tests.clients.python_env import PythonEnv, load_cudnn

URL = "https://packages.example"
RELEASES = {cuda: CudnnRelease("8.0.5.39", cuda) for cuda in ("10.1", "10.2", "11.1")}
NAME = "nvidia_cudnn_cu10-8.0.5.39+{}acme.1-py3-none-manylinux2014_x86_64.manylinux_2_14_x86_64.whl"
PLAIN, LABELLED = NAME.format(""), {cuda: NAME.format(f"cuda{cuda}.") for cuda in RELEASES}


def archive(cuda: str) -> str:
    return RELEASES[cuda].archive_name


def pin(project: Project, *cudas: str, **more: object) -> None:
    project.add("pin", upstream=DOWNLOADS, packages=[archive(cuda) for cuda in cudas], recipe="cudnn", **more)


def made(site_key_master: Any, base: Path) -> Project:
    """A project with a folder of the three archives, nothing pinned."""
    home, key = site_key_master
    (folder := base / "downloads").mkdir()
    for release in RELEASES.values():
        write_archive(release, folder)
    project = Project(base / "project", key=key.fingerprint, gnupg=home.path).init()
    project.add("upstream", name=DOWNLOADS, type="folder", path=str(folder))
    project.accept_eula(licence(RELEASES["10.1"]))
    return project


def wheels(project: Project) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in (project.site / "wheels").glob("*.whl")}


@pytest.fixture(scope="module")
def project(site_key_master: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """All three published; 10.1 under the name it would have alone, 10.2 with its CUDA in the version."""
    project = made(site_key_master, tmp_path_factory.mktemp("variants"))
    pin(project, "10.1", "11.1")
    pin(project, "10.2", outputs=["conda", "cuda-wheel"])
    project.publish()
    return project


def test_lock_knows_of_one_name_and_its_hint_keeps_what_was_published(site_key_master: Any, tmp_path: Path) -> None:
    project = made(site_key_master, tmp_path)
    pin(project, "10.1")
    project.publish()
    before = wheels(project)
    assert set(before) == {PLAIN}
    pin(project, "10.2", outputs=["conda", "wheel", "mirror"])
    locked = project.lock.read_bytes()
    failed = project.fail(6, "lock")
    assert "nvidia-cudnn-cu10 8.0.5.39 for CUDA 10.1 and for CUDA 10.2, on linux-64" in failed.error
    assert project.lock.read_bytes() == locked
    (outputs,) = re.findall(r"`outputs = (\[.*?\])`", failed.hint)
    assert json.loads(outputs) == ["mirror", "conda", "cuda-wheel"]
    project.sections[-1] = project.sections[-1].replace('["conda", "wheel", "mirror"]', outputs)
    project.write()
    project.publish()
    assert wheels(project).keys() == {PLAIN, LABELLED["10.2"]}
    assert wheels(project)[PLAIN] == before[PLAIN]
    project.sections[-2:] = []
    pin(project, "10.1", "10.2", outputs=["cuda-wheel"])
    project.publish()
    assert wheels(project).keys() == {LABELLED["10.1"], LABELLED["10.2"]}, "one pin for both names both so"


def test_a_lock_from_before_is_refused_by_publish_with_the_same_remedy(site_key_master: Any, tmp_path: Path) -> None:
    project = made(site_key_master, tmp_path)
    pin(project, "10.1", outputs=["wheel"])
    pin(project, "10.2", outputs=["cuda-wheel"])
    project.run("lock")
    project.lock.write_text(project.lock.read_text().replace("cuda-wheel", "wheel"))
    for verb in ("sync", "repackage"):
        project.run(verb)
    failed = project.fail(10, "publish")
    assert f"two wheels are called {PLAIN} and differ" in failed.error
    assert 'outputs = ["cuda-wheel"]' in failed.hint
    project.sections[-1] = project.sections[-1].replace('"cuda-wheel"', '"conda", "cuda-wheel"')
    project.write()
    project.publish()
    assert wheels(project).keys() == {PLAIN, LABELLED["10.2"]}


def test_one_release_said_in_two_ways_is_said_in_one(site_key_master: Any, tmp_path: Path) -> None:
    """A wheel's name says 11 where an archive's says 11.1: not two variants, so the hint is another."""
    from simulator.wheels import write_wheel

    project = made(site_key_master, tmp_path)
    wheel = write_wheel(RELEASES["11.1"], tmp_path / "downloads")
    pin(project, "11.1", outputs=["wheel"])
    project.add("pin", upstream=DOWNLOADS, packages=[wheel.name], recipe="cudnn", outputs=["wheel"])
    failed = project.fail(6, "lock")
    assert failed.hint == 'hint: if both are for CUDA 11.1: `cuda = "11.1"` in the pin of what says 11 only'
    project.sections[-1] += 'cuda = "11.1"\n'
    project.write()
    project.publish()
    assert len(wheels(project)) == 1


@pytest.mark.slow
def test_pip_and_uv_install_the_chosen_one(project: Project, tmp_path: Path) -> None:
    """By version, or by an export's requirements; the libraries are those of that CUDA."""
    env = PythonEnv(tmp_path / "venv")
    with http.serve(project.site) as site:
        index = f"{site.url}/simple/"
        for install, cuda, label in (
            (env.pip_install, "10.2", "cuda10.2.acme.1"),
            (env.uv_install, "10.1", "acme.1"),
            (env.uv_install, "10.2", "cuda10.2.acme.1"),
        ):
            install(index, f"nvidia-cudnn-cu10==8.0.5.39+{label}")
            installed = (env.lib / "libcudnn.so.8").read_bytes()
            assert installed == parts(RELEASES[cuda]).libraries["libcudnn.so.8.0.5"]
            assert load_cudnn(env.lib, "libcudnn.so.8") == 8005
        (tmp_path / "requirements.txt").write_text(
            project.run("export", "requirements.txt", "--url", site.url, "--cuda", "10.1").out
        )
        env.pip("install", "--no-cache-dir", "-r", str(tmp_path / "requirements.txt"))
    assert (env.lib / "libcudnn.so.8").read_bytes() == parts(RELEASES["10.1"]).libraries["libcudnn.so.8.0.5"]


@pytest.mark.parametrize("form", ["requirements.txt", "pylock.toml", "uv"])
def test_an_export_of_both_wheels_is_refused_and_its_hint_leads_to_one(project: Project, form: str) -> None:
    failed = project.fail(6, "export", form, "--url", URL, "--cuda", "10")
    assert "several versions of nvidia-cudnn-cu10: 8.0.5.39+acme.1, 8.0.5.39+cuda10.2.acme.1" in failed.error
    options = re.findall(r"(--cuda|--only) ([^\s,]+)", failed.hint)
    assert options == [("--cuda", "10.1"), ("--only", "nvidia-cudnn-cu10=8.0.5.39+acme.1")]
    for option in options:
        text = project.run("export", form, "--url", URL, *option).out
        assert "8.0.5.39+acme.1" in text
        assert "cuda10.2" not in text
    assert "8.0.5.39+cuda10.2.acme.1" in project.run("export", form, "--url", URL, "--cuda", "10.2").out


@pytest.mark.slow
def test_conda_packages_of_all_lie_side_by_side(project: Project, tmp_path: Path) -> None:
    forge = standin_channel(tmp_path / "forge")
    assert "--cuda VERSION" in project.fail(6, "export", "environment.yml", "--url", URL).hint
    for cuda in ("10.2", "11.1"):
        said = yaml.safe_load(project.run("export", "environment.yml", "--url", URL, "--cuda", cuda).out)
        specs = [one for one in said["dependencies"] if one.startswith("cudnn=")]
        channels = [project.site / "conda/main", forge]
        found = conda_env.create(channels, specs, tmp_path / f"env{cuda}", cuda=cuda)
        assert found["cudnn"].build.startswith(f"cuda{cuda}_")
        installed = (tmp_path / f"env{cuda}/lib/libcudnn.so.8.0.5").read_bytes()
        assert installed == parts(RELEASES[cuda]).libraries["libcudnn.so.8.0.5"]


def test_the_page_offers_each_wheel_for_its_own_cuda(project: Project) -> None:
    page = (project.site / "index.html").read_text()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    offered = {
        (version, spec) for one in json.loads(data)["offers"] if "pip" in one["type"]
        for version in one["version"] for spec in one["specs"]
    }  # fmt: skip
    assert offered == {
        ("cuDNN 8.0.5.39 for CUDA 10.1", "nvidia-cudnn-cu10==8.0.5.39+acme.1"),
        ("cuDNN 8.0.5.39 for CUDA 10.2", "nvidia-cudnn-cu10==8.0.5.39+cuda10.2.acme.1"),
        ("cuDNN 8.0.5.39 for CUDA 11.1", "nvidia-cudnn-cu11==8.0.5.39+acme.1"),
    }


def test_doctor_says_which_variant_a_wheel_is() -> None:
    from cudepot.catalog.doctor.records import wheel_package

    found = wheel_package("/site/nvidia_cudnn_cu10-8.0.5.39+cuda10.2.acme.1.dist-info", "")
    assert found is not None
    assert found.cuda == "10.2"


@pytest.mark.slow
def test_the_far_side_of_an_air_gap_chooses_likewise(project: Project, site_key: SiteKey, tmp_path: Path) -> None:
    """From what a bundle brings: nothing was built there, the statements of origin tell the CUDA."""
    (key_file := tmp_path / "site.asc").write_bytes(site_key.key_file.read_bytes())
    bundle = tmp_path / "all.tar"
    project.run("bundle", "export", str(bundle), "--since", "0")
    far = Far(tmp_path / "far", key_file).init()
    far.take(*sorted(tmp_path.glob("all*.tar")))
    far.run("publish")
    for cuda, version in (("10.1", "8.0.5.39+acme.1"), ("10.2", "8.0.5.39+cuda10.2.acme.1")):
        text = far.run("export", "requirements.txt", "--url", URL, "--cuda", cuda).out
        assert re.findall(r"^nvidia-cudnn-cu10==(\S+)", text, re.MULTILINE) == [version]
    assert "several versions" in far.fail(6, "export", "requirements.txt", "--url", URL, "--cuda", "10").error
