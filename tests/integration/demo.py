"""``scripts/demo``: the main job end to end, with real clients, told as it happens."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench.main_job import WHEEL, pip_index_url
from simulator.nvidia import Artifacts, Nvidia
from simulator.sections import apt_upstream, folder_upstream, wheel_upstream
from tests.clients import conda_env, http
from tests.clients.apt import AptRoot
from tests.clients.python_env import PythonEnv, load_cudnn
from tests.integration.test_main_job import DEBS
from tests.integration.world import Project

FOLDER = Path("demo-site").resolve()


def main() -> None:
    """Run the demo in ``demo-site/`` of the checkout, which is made anew."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--real", action="store_true", help="use NVIDIA's own cuDNN 9.12 wheel (314 MB download)")
    args = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    start = time.monotonic()
    (_real if args.real else _standin)(_Watched(FOLDER / "project", _command))
    place = f"{FOLDER.name}/project"
    print(f"\nDone in {time.monotonic() - start:.0f} s. cudepot.toml, cudepot.lock and site/current are in {place}.")
    print(f"Look around:  .venv/bin/cudepot status -C {place}")


class _Watched(Project):
    """A project whose verbs show on standard error how far they are, while they work."""

    def cudepot(self, verb: str, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a verb; what it says to the user goes to the terminal as well where it is meant to succeed."""
        if not check:
            return super().cudepot(verb, *options, check=check)
        _command(" ".join(("cudepot", verb, *options)))
        argv = [sys.executable, "-m", "cudepot.cli.main", verb, "-C", str(self.folder), *options]
        done = subprocess.run(argv, env=self.environ, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"cudepot {verb} ended with exit status {done.returncode}")
        return done


def _standin(project: Project) -> None:
    _say("A small NVIDIA on loopback: cuDNN's real names and layout, tiny stand-in libraries")
    artifacts = Artifacts(FOLDER / "nvidia")
    try:
        with Nvidia(artifacts, FOLDER / "upstream") as nvidia:
            project.init()
            project.append(apt_upstream(nvidia, DEBS))
            project.append(folder_upstream(nvidia.downloads, "cudnn-11.1-*.tgz", 'recipe = "cudnn"'))
            project.append(wheel_upstream(nvidia.simple_url, "nvidia-cublas-cu11"))
            _main_job(project)
    finally:
        artifacts.keys.close()
    _say("The upstream is switched off. Only the site is served now")
    with http.serve(project.site) as site:
        _apt(site.url, project)
        _conda(site.url, "cudnn=8.0.5.39", "11.1", "libcudnn.so.8")
        _pip(site.url, "nvidia-cudnn-cu11==8.0.5.39", "libcudnn.so.8")


def _real(project: Project) -> None:
    _say("NVIDIA's own wheel from the package index this machine's pip uses")
    project.init()
    project.append(wheel_upstream(pip_index_url(), f'{WHEEL} | recipe = "cudnn"'))
    _main_job(project)
    with http.serve(project.site) as site:
        _conda(site.url, "cudnn", "13.0", "libcudnn.so.9")
        _pip(site.url, WHEEL, "libcudnn.so.9", "--no-deps")


def _main_job(project: Project) -> None:
    for verb in ("lock", "sync"):
        _show(project.cudepot(verb).stdout)
    _say("Nothing is repackaged before its licence is accepted, by the hash of its text; the demo accepts it")
    print(f"  accepted {project.accept_licence()}")
    for verb in ("repackage", "publish", "verify", "status"):
        _show(project.cudepot(verb).stdout)


def _apt(url: str, project: Project) -> None:
    _say("apt-get, in a root of its own with this site as its only source")
    root = AptRoot(FOLDER / "apt-root")
    root.add_source(f"{url}/apt/ubuntu2004/x86_64/", project.key)
    root.update()
    _command(f"apt-get install {DEBS[0]} {DEBS[1]}")
    root.install(*DEBS[:2])
    _show(root.alternative("libcudnn").split("\n  slave")[0])


def _conda(url: str, spec: str, cuda: str, soname: str) -> None:
    _say("conda's solver and installer (py-rattler); a tiny stand-in for conda-forge gives libzlib and friends")
    forge = conda_env.standin_channel(FOLDER / "forge")
    _command(f"CONDA_OVERRIDE_CUDA={cuda} conda create -c {url}/conda/main {spec}")
    prefix = FOLDER / "conda-env"
    found = conda_env.create([f"{url}/conda/main", forge], [spec], prefix, cuda=cuda)
    print(f"  installed cudnn {found['cudnn'].version} {found['cudnn'].build} and {len(found) - 1} more")
    print(f"  cudnnGetVersion() = {load_cudnn(prefix / 'lib', soname)}")


def _pip(url: str, spec: str, soname: str, *options: str) -> None:
    _say("pip, in a fresh virtual environment")
    env = PythonEnv(FOLDER / "venv")
    _command(" ".join(("pip install --index-url", f"{url}/simple/", *options, spec)))
    env.pip_install(f"{url}/simple/", spec, options=options)
    print(f"  cudnnGetVersion() = {load_cudnn(env.lib, soname)}")


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _command(text: str) -> None:
    print(f"$ {text}", flush=True)


def _show(text: str) -> None:
    print("\n".join(f"  {line}" for line in text.strip().splitlines()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
