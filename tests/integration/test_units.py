"""What `cudepot units` writes: judged by systemd, Kubernetes' own schema and Kustomize, and run as far as can be."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from simulator.debs import simple_deb, write_deb
from simulator.process import clean_env, run
from simulator.project import Project
from simulator.site_key import SiteKey
from tests.workflows.test_bad_disk import can_mount

import cudepot
from cudepot.cli.main import VERBS, parser


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command `cudepot` on the path, as pip installs one."""
    script = tmp_path / "bin/cudepot"
    script.parent.mkdir()
    modules = Path(cudepot.__file__).parent.parent
    script.write_text(f'#!/bin/sh\nPYTHONPATH={modules} exec {sys.executable} -m cudepot.cli.main "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return script


def written(project: Project, installed: Path, kind: str, *more: str) -> Path:
    folder = project.base / "units"
    project.env["PATH"] = f"{installed.parent}:{project.env['PATH']}"
    project.run("units", kind, "-o", str(folder), *more)
    return folder


def of_unit(text: str, key: str) -> str:
    return next(line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}="))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_takes_the_units_and_finds_them_hardened(project: Project, installed: Path) -> None:
    folder = written(project, installed, "systemd", "--user", "daemon", "--at", "4:05")
    service, timer = folder / "cudepot.service", folder / "cudepot.timer"
    done = run("systemd-analyze", "verify", "--man=no", service, timer)
    told = done.stdout + done.stderr
    assert "cudepot" not in told, told
    run("systemd-analyze", "security", "--offline=yes", "--threshold=35", service)
    run("systemd-analyze", "calendar", of_unit(timer.read_text(), "OnCalendar"))
    assert of_unit(timer.read_text(), "OnCalendar") == "*-*-* 04:05:00"
    service.write_text(service.read_text().replace("ExecStart=/", "ExecStart=/none/"))
    wrong = run("systemd-analyze", "verify", "--man=no", service, check=False)
    assert wrong.returncode, "it would see a command that is not there"


@pytest.fixture
def alone(project: Project, site_key: SiteKey) -> Project:
    """A project that has everything in its own folder, and would publish one deb."""
    shutil.copytree(site_key.home, project.base / "gnupg", ignore=shutil.ignore_patterns("S.*"))
    (project.base / "gnupg").chmod(0o700)
    (project.base / "local").mkdir()
    write_deb(simple_deb("hello", "1.0"), project.base / "local")
    project.add("upstream", name="local", type="folder", path="local")
    project.add("pin", upstream="local", packages=["*.deb"])
    project.toml.write_text(project.toml.read_text().replace(str(site_key.home), "gnupg"))
    return project


_LIKE_THE_UNIT = """\
set -e
mount -t tmpfs none /srv
mkdir /srv/cudepot
mount --bind "$1" /srv/cudepot
mount -t tmpfs none /var/tmp
mount -o remount,bind,ro /
shift
cd /srv/cudepot
if touch /etc/x 2>/dev/null; then exit 99; fi
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""


@pytest.mark.skipif(not can_mount() or not shutil.which("setpriv"), reason="needs the right to mount")
def test_what_the_service_starts_runs_where_only_its_folder_can_be_written(alone: Project, installed: Path) -> None:
    """systemd itself is not there in tests: mounts and rights are as the unit asks for."""
    folder = written(alone, installed, "systemd")
    text = (folder / "cudepot.service").read_text()
    assert of_unit(text, "ProtectSystem") == "strict"
    assert of_unit(text, "ReadWritePaths") == of_unit(text, "WorkingDirectory") == str(alone.base)
    command = shlex.split(of_unit(text, "ExecStart").replace(str(alone.base), "/srv/cudepot"))
    env = clean_env(CUDEPOT_TRIES="2", PYTHONDONTWRITEBYTECODE="1")
    argv = ["unshare", "-m", "sh", "-c", _LIKE_THE_UNIT, "sh", str(alone.base), *command]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done
    assert json.loads((alone.store / "last-run.json").read_bytes())["exit"] == 0
    assert "hello" in (alone.site / "apt/local/Packages").read_text()


def test_cron_is_silent_in_good_nights_and_tells_of_others(alone: Project, installed: Path) -> None:
    folder = written(alone, installed, "cron", "--user", "nobody")
    line = (folder / "cudepot").read_text().splitlines()[-1]
    minute, hour, *rest, user, command = line.split(None, 6)
    assert (minute, hour, rest, user) == ("17", "3", ["*"] * 3, "nobody")
    assert "%" not in command, "cron takes it for the end"
    like_cron = {"PATH": "/usr/bin:/bin", "HOME": str(alone.base), "SHELL": "/bin/sh", "CUDEPOT_WAIT": "0"}

    def ran() -> str:
        command_now = command.replace("--wait 1500", "--wait 0")
        return run("/bin/sh", "-c", command_now, env=like_cron, cwd=alone.base).stdout

    assert ran() == ""
    (alone.base / "local").rename(alone.base / "away")
    told = ran()
    assert "error E" in told
    assert "publish: " in told


def manifests(folder: Path) -> list[dict[str, Any]]:
    files = sorted(one for one in folder.glob("*.yaml") if one.name != "kustomization.yaml")
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


def pods(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    specs = [one["spec"] for one in found if one["kind"] in ("CronJob", "Deployment")]
    return [spec.get("jobTemplate", {}).get("spec", spec)["template"]["spec"] for spec in specs]


def containers(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for pod in pods(found) for one in pod["containers"]]


def seen(pod: dict[str, Any], path: str) -> str:
    """Return the name of the volume that the first container of a pod has at a path."""
    mounts = [one for one in pod["containers"][0]["volumeMounts"] if Path(path).is_relative_to(one["mountPath"])]
    return str(max(mounts, key=lambda one: len(one["mountPath"]))["name"])


def test_kubernetes_manifests_are_of_the_api_and_start_what_there_is(alone: Project, installed: Path) -> None:
    folder = written(alone, installed, "kubernetes", "--image", "reg.example.org/cudepot:2", "--at", "1:02")
    found = manifests(folder)
    assert sorted(one["kind"] for one in found) == ["CronJob", "Deployment", "PersistentVolumeClaim", "Service"]
    for one in found:
        kubernetes_validate.validate(one, "1.31", strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**found[0], "spec": {"schedul": 1}}, "1.31", strict=True)
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    named = {*kustomization["resources"], "kustomization.yaml"}
    assert named == {one.name for one in folder.iterdir()}
    for one in containers(found):
        assert one["image"] == "reg.example.org/cudepot:2"
        argv = [str(word) for word in one["args"]]
        args = parser(next(word for word in argv if word in VERBS)).parse_args(argv)
        assert args.directory == "/srv/cudepot"
    probes = [one for one in containers(found) if "readinessProbe" in one]
    assert probes[0]["readinessProbe"]["httpGet"]["path"] == "/readyz"
    (run_pod, serve_pod), key = pods(found), f"/srv/cudepot/{next(alone.base.rglob('*.key')).relative_to(alone.base)}"
    assert (seen(run_pod, key), seen(serve_pod, key)) == ("project", "no-private-key")
    assert {"name": "no-private-key", "emptyDir": {}} in serve_pod["volumes"]
    assert seen(serve_pod, "/srv/cudepot/gnupg/pubring.kbx") == "project"


@pytest.mark.parametrize(
    ("site", "hidden"), [("keys/own", "/srv/cudepot/keys/own/private-keys-v1.d"), ("/etc/key", "")]
)
def test_the_server_in_kubernetes_sees_no_private_key_wherever_it_is(
    alone: Project, installed: Path, site: str, hidden: str
) -> None:
    """A folder that is not on the volume cannot be hidden: the pod would not start."""
    alone.toml.write_text(alone.toml.read_text().replace('"gnupg"', f'"{site}"'))
    found = manifests(written(alone, installed, "kubernetes"))
    (serve,) = (one for one in containers(found) if "readinessProbe" in one)
    assert [one["mountPath"] for one in serve["volumeMounts"] if one["name"] == "no-private-key"] == [hidden][
        : bool(hidden)
    ]
    assert bool(hidden) == ("no-private-key" in str(found))
    for one in found:
        kubernetes_validate.validate(one, "1.31", strict=True)


def test_the_manifests_with_workers_are_of_the_api_and_start_what_there_is(project: Project, installed: Path) -> None:
    folder = written(project, installed, "kubernetes-workers", "--image", "reg.example.org/cudepot:2")
    found = manifests(folder)
    kinds = ["CronJob", "Deployment", "Deployment", "NetworkPolicy", "NetworkPolicy", "Service"]
    assert sorted(one["kind"] for one in found) == kinds
    policies = [one["spec"] for one in found if one["kind"] == "NetworkPolicy"]
    guarded = {one["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for one in policies}
    assert guarded == {"scheduler", "worker"}, "whoever reaches either runs code with the bucket's credentials"
    assert all(policy["ingress"][0]["from"] for policy in policies)
    for one in found:
        kubernetes_validate.validate(one, "1.31", strict=True)
    assert "PersistentVolumeClaim" not in str(found), "nothing is kept but in buckets"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert {*kustomization["resources"], "kustomization.yaml"} == {one.name for one in folder.iterdir()}
    started = {one["name"]: one for one in containers(found)}
    assert {one["image"] for one in started.values()} == {"reg.example.org/cudepot:2"}
    args = parser("run").parse_args([str(word) for word in started["cudepot"]["args"]])
    (service,) = (one for one in found if one["kind"] == "Service")
    address = f"tcp://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert args.workers == started["worker"]["args"][0] == address
    for name in ("scheduler", "worker"):
        dask = [*started[name]["command"], *started[name]["args"], "--version"]
        run(sys.executable, "-m", *dask)  # takes these options


def test_servers_of_a_bucket_are_of_the_api_and_have_neither_volume_nor_key(project: Project, installed: Path) -> None:
    folder = written(project, installed, "kubernetes-serve", "--image", "reg.example.org/cudepot:2")
    found = manifests(folder)
    assert sorted(one["kind"] for one in found) == ["Deployment", "Service"]
    for one in found:
        kubernetes_validate.validate(one, "1.31", strict=True)
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert {*kustomization["resources"], "kustomization.yaml"} == {one.name for one in folder.iterdir()}
    assert kustomization["replicas"] == [{"name": "cudepot-serve", "count": 2}]
    (serve,), (pod,) = containers(found), pods(found)
    assert serve["image"] == "reg.example.org/cudepot:2"
    assert parser("serve").parse_args([str(word) for word in serve["args"]]).directory == "/srv/cudepot"
    assert [next(key for key in one if key != "name") for one in pod["volumes"]] == ["configMap", "emptyDir"]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kustomize_puts_them_together(project: Project, installed: Path) -> None:
    folder = written(project, installed, "kubernetes")
    built = run("kubectl", "kustomize", folder).stdout
    found = list(yaml.safe_load_all(built))
    assert len(found) == 4
    assert all(one["metadata"]["labels"]["app.kubernetes.io/name"] == "cudepot" for one in found)
    for one in found:
        kubernetes_validate.validate(one, "1.31", strict=True)


def test_what_differs_is_not_overwritten(project: Project, installed: Path) -> None:
    (project.base / "units").mkdir()
    project.run("units", "cron", "-n", "-o", str(project.base / "units"))
    assert not list((project.base / "units").iterdir())
    folder = written(project, installed, "cron")
    before = (folder / "cudepot").read_text()
    written(project, installed, "cron")
    assert "is there and differs" in project.fail(3, "units", "cron", "-o", str(folder), "--at", "5:00").error
    assert (folder / "cudepot").read_text() == before
    assert project.run("units", "cron", "--json").json["files"] == {"cudepot": before}
    assert before in project.run("units", "cron").out
