"""The world the answers are about: every kind of upstream once, pinned and whole, under names that never change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from simulator.process import clean_env

import cudepot

HOST = "http://localhost"
"""Where the upstreams are, as the lock says it; a proxy on another port answers for it."""

FIRST_DAY, SECOND_DAY = "2027-01-04T08:00:00+00:00", "2027-01-05T08:00:00+00:00"
_GPG = '#!/bin/sh\nexec {gpg} --faked-system-time "$GOLDEN_GPG!" "$@"\n'


class Golden:
    """A project in ``base`` whose clock stands still, and whose upstreams are asked for through a proxy.

    Attributes:
        base: folder of cudepot.toml, with ``downloads`` and ``keys`` in it.
        now: the time that the next verb finds, ISO 8601.
    """

    def __init__(self, base: Path, proxy: str) -> None:
        self.base, self.now = base, FIRST_DAY
        tools = base.parent / "tools"
        tools.mkdir(exist_ok=True)
        gpg = tools / "gpg"
        gpg.write_text(_GPG.format(gpg=shutil.which("gpg")))
        gpg.chmod(0o755)
        roots = [Path(cudepot.__file__).parents[1], Path(__file__).parents[2]]
        self.env = clean_env(
            PYTHONPATH=os.pathsep.join(map(str, roots)), PATH=f"{tools}:{os.environ['PATH']}", http_proxy=proxy,
            no_proxy="", CUDEPOT_TRIES="2", CUDEPOT_WAIT="0", CUDEPOT_DEBUG="",
        )  # fmt: skip

    def run(self, *argv: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run a verb and return its standard output."""
        day = self.now[:19].replace("-", "").replace(":", "")
        env = self.env | {"GOLDEN_NOW": self.now, "GOLDEN_GPG": day}
        script = str(Path(__file__).with_name("frozen.py"))
        command = [sys.executable, script, argv[0], "-C", str(self.base), *argv[1:]]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode in codes, f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *argv: str, codes: tuple[int, ...] = (0,)) -> Any:
        """Run a verb with ``--json``."""
        return json.loads(self.run(*argv, "--json", codes=codes))

    def publish(self) -> None:
        """Run all verbs from ``lock`` to ``publish``."""
        for verb in ("lock", "sync", "repackage", "publish"):
            self.run(verb)


def configuration(fingerprint: str, keys: dict[str, str], eula: list[str], installer: str) -> str:
    """Return cudepot.toml with every kind of upstream; ``keys`` are fingerprints by file name below ``keys/``."""
    apt = f'keys = ["{keys["apt.pub"]}"]\nkeyrings = ["keys/apt.pub"]'
    both = f'keys = ["{keys["rpm.pub"]}", "{keys["old.pub"]}"]\nkeyrings = ["keys/rpm.pub", "keys/old.pub"]'
    debs, rpms = f"{HOST}/compute/cuda/repos/ubuntu2004/x86_64/", f"{HOST}/compute/cuda/repos/rhel8/x86_64/"
    return f"""version = 1
accept-eula = {json.dumps(eula)}
[site]
label = "acme"
key = "{fingerprint}"
gnupg = "gnupg"

[[upstream]]
name = "ubuntu2004/x86_64"
type = "apt"
url = "{debs}"
{apt}
[[pin]]
upstream = "ubuntu2004/x86_64"
packages = ["libcudnn8-dev=8.0.5.39-1+cuda11.1"]

[[upstream]]
name = "all-of-ubuntu"
type = "apt"
url = "{debs}"
whole = true
{apt}

[[upstream]]
name = "rhel8/x86_64"
type = "yum"
url = "{rpms}"
{both}
[[pin]]
upstream = "rhel8/x86_64"
packages = ["libcudnn8-devel-8.0.5.39-1.cuda11.1"]

[[upstream]]
name = "all-of-rhel"
type = "yum"
url = "{rpms}"
whole = true
{both}

[[upstream]]
name = "wheels"
type = "simple"
url = "{HOST}/simple/"
[[pin]]
upstream = "wheels"
packages = ["nvidia-cudnn-cu11==8.0.5.39"]

[[upstream]]
name = "redist"
type = "redistrib"
url = "{HOST}/redist/"
[[pin]]
upstream = "redist"
packages = ["cudnn=9.8.0.87"]
subdirs = ["linux-64"]
recipe = "cudnn"

[[upstream]]
name = "downloads"
type = "folder"
path = "downloads"
[[pin]]
upstream = "downloads"
packages = ["cudnn-11.1-linux-x64-v8.0.5.39.tgz"]
recipe = "cudnn"
[[pin]]
upstream = "downloads"
packages = ["hello_*.deb"]

[[upstream]]
name = "installer"
type = "local-repo"
path = "installer/cudnn-local-repo-ubuntu2004-8.0.5.39_1.0-1_amd64.deb"
sha256 = "{installer}"
[[pin]]
upstream = "installer"
packages = ["libcudnn8"]
"""
