"""cudepot installed from what is released, tried out as a new user does: a version, a project, a package, a site."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

from simulator.process import clean_env, run

from cudepot import __version__
from cudepot.digest import hexdigest

ROOT = Path(__file__).parents[2]
UV = ROOT / ".venv/bin/uv"
PYTHONS = {one.parent.name: one.parent for one in sorted((ROOT / ".venv/pythons").glob("*/stamp"))}
"""Version → environment that scripts/setup made, with what cudepot needs and without cudepot."""
_LOADS_ALL = """
import importlib, pkgutil, cudepot, cudepot_far
for package in (cudepot, cudepot_far):
    for one in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)
"""


def made_for(version: str, wheel: Path, folder: Path) -> Path:
    """Return a new environment that has the wheel, and sees what it needs in that of a Python; no network."""
    there = folder / f"venv-{version}"
    needs = next((PYTHONS[version] / "lib").glob("python3.*")) / "site-packages"
    run(UV, "venv", "-q", "--offline", "--python", PYTHONS[version] / "bin/python", there)
    run(UV, "pip", "install", "-q", "--offline", "--no-deps", "--python", there, wheel)
    (there / f"lib/{needs.parent.name}/site-packages/needs.pth").write_text(f"{needs}\n")
    return there


def environment() -> dict[str, str]:
    """Return an environment without anything of this checkout."""
    return clean_env(PYTHONDONTWRITEBYTECODE="1")


def try_out(there: Path, archive: Path, licence: str, shown: Path, folder: Path) -> dict[str, str]:
    """Try all that needs no network; return the packages that were built, by name, with their hashes.

    Args:
        there: an environment that has cudepot installed.
        archive: a file of NVIDIA's.
        licence: sha256 of the text in it.
        shown: a project that has published.
        folder: to work in.
    """
    folder.mkdir()
    cudepot, env = there / "bin/cudepot", environment()
    assert run(cudepot, "--version", env=env).stdout == f"cudepot {__version__}\n"
    run(there / "bin/python", "-c", _LOADS_ALL, env=env, cwd=folder)
    assert "exit codes" in run(cudepot, "help", env=env).stdout
    assert "quickstart" in run(cudepot, "explain", env=env).stdout
    run(cudepot, "init", "-C", folder / "project", "--no-input", "--label", "x", env=env)
    run(cudepot, "build", archive, "-o", folder / "dist", "--accept-licence", licence, env=env)
    run(cudepot, "verify", "-C", shown, env=env)
    serves(cudepot, shown)
    built = [one for one in (folder / "dist").rglob("*") if one.suffix in (".conda", ".whl")]
    return {one.name: hexdigest(one.read_bytes()) for one in built}


def serves(cudepot: Path, project: Path) -> None:
    """Hold that ``cudepot serve`` shows a site."""
    argv = [cudepot, "serve", "-C", project, "--port", "0", "--json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment()) as server:
        try:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["url"]
            with urllib.request.urlopen(f"{url.rstrip('/')}/snapshot.json", timeout=60) as answer:
                assert json.load(answer)["number"] == 1
        finally:
            server.terminate()
