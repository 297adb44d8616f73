"""The real conda, 24.7.1 with its classic solver, and conda-lock. conda is on no package index: conda-lock carries it.

What conda-lock has of it is the whole program, under another name. An environment of its own gives it the name back.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simulator.process import clean_env, run

_NEEDS = ("conda-lock==4.0.3", "archspec", "boltons", "conda-package-handling", "distro", "frozendict", "pluggy",
          "pycosat", "ruamel.yaml", "tqdm")  # fmt: skip
_SCRIPT = """\
#!{python}
import sys
from conda.cli.main import main
sys.exit(main())
"""
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Conda:
    """conda and conda-lock in ``folder``; each :meth:`of` has a home, configuration and caches of its own."""

    folder: Path
    home: Path = field(default=Path("/nonexistent"))

    def of(self, home: Path) -> Conda:
        """Return the same conda for another user."""
        home.mkdir(parents=True, exist_ok=True)
        return Conda(self.folder, home)

    def condarc(self, text: str) -> None:
        """Write the user's configuration."""
        (self.home / ".condarc").write_text(text)

    def run(self, *argv: str | Path, cuda: str = "11.1", check: bool = True, within: Sequence[str] = ()) -> Done:
        """Run ``conda ARGV`` on a machine with such a driver; ``within`` stands before it."""
        return run(*within, self.folder / "bin/conda", *argv, env=self._env(cuda), cwd=self.home, check=check)

    def lock(self, environment: Path, *argv: str, cuda: str = "11.1", within: Sequence[str] = ()) -> None:
        """Run conda-lock with this conda; its files go beside the environment file."""
        tools = ("--conda", self.folder / "bin/conda", "--no-mamba", "--no-micromamba")
        options = ("lock", *tools, "-f", environment, "-p", "linux-64", *argv)
        run(*within, self.folder / "bin/conda-lock", *options, env=self._env(cuda), cwd=environment.parent)

    def install(self, lock: Path, name: str, *, within: Sequence[str] = ()) -> None:
        """Install a conda-lock.yml with conda-lock."""
        tools = ("--conda", self.folder / "bin/conda", "--no-mamba", "--no-micromamba")
        options = ("install", *tools, "-n", name, lock)
        run(*within, self.folder / "bin/conda-lock", *options, env=self._env("11.1"), cwd=lock.parent)

    def installed(self, name: str) -> dict[str, str]:
        """Return the packages of an environment with version and build."""
        lines = self.run("list", "-n", name, "--export").stdout.splitlines()
        rows = (line.partition("=") for line in lines if not line.startswith("#"))
        return {package: rest for package, _, rest in rows}

    def _env(self, cuda: str) -> dict[str, str]:
        return clean_env(
            HOME=str(self.home), CONDA_SOLVER="classic", CONDA_PKGS_DIRS=str(self.home / "pkgs"),
            CONDA_ENVS_DIRS=str(self.home / "envs"), CONDA_OVERRIDE_CUDA=cuda, CONDA_REPORT_ERRORS="false",
            CONDA_ALWAYS_YES="true", CONDA_REMOTE_MAX_RETRIES="0", CONDA_REMOTE_CONNECT_TIMEOUT_SECS="3",
        )  # fmt: skip


def make(folder: Path) -> Conda:
    """Install both into ``folder``, from the package index this machine's pip uses."""
    run(sys.executable, "-m", "venv", folder)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", *_NEEDS], check=True)
    packages = next((folder / "lib").glob("python3*/site-packages"))
    for file in (packages / "conda_lock/_vendor/conda").rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            target = packages / "conda" / file.relative_to(packages / "conda_lock/_vendor/conda")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes().replace(b"conda_lock._vendor.conda", b"conda"))
    script = folder / "bin/conda"
    script.write_text(_SCRIPT.format(python=folder / "bin/python"))
    script.chmod(0o755)
    return Conda(folder)
