"""A site of 2,000 packages (742 MB) and bundles of it, against aptly publish and tar with sha256sum.

The packages are in the store, as they are in aptly's pool: what is timed is the way from there to what a web server
shows, or to a medium and back. Everybody writes to the same file system.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from simulator.keys import KeyHome
from simulator.process import clean_env
from simulator.project import snapshot_of

from bench.apt_world import World, make_world
from bench.installed import installed
from bench.measure import Measured, cudepot, timed
from bench.rows import Row
from bench.site_s3 import s3_rows

ROUNDS = 7
"""Of work that takes about a second: one measurement of it says little."""


def run(folder: Path) -> list[Row]:
    """Publish, publish again unchanged, export, import, publish on the far side; hard links throughout."""
    with KeyHome() as keys:
        world = make_world(folder, keys)
        near = _near(world, folder / "near")
        return [*_publish(near, world, folder), *s3_rows(near, folder), *_bundles(near, world, folder)]


def _near(world: World, near: Path) -> Path:
    """Return a project with all packages locked and in its store, re-signed as a pinned repository."""
    near.mkdir()
    cudepot(near, "init", "--label", "bench")
    toml = near / "cudepot.toml"
    keys = f'keys = ["{world.fingerprint}"]\nkeyrings = ["{world.keyring}"]\n'
    head = f'\n[[upstream]]\nname = "flat"\ntype = "apt"\nurl = "{(world.root / "flat").as_uri()}/"\n{keys}'
    toml.write_text(toml.read_text() + head + '\n[[pin]]\nupstream = "flat"\npackages = ["*"]\n')
    for verb in ("lock", "sync"):
        cudepot(near, verb, "-q")
    return near


def _publish(near: Path, world: World, folder: Path) -> Iterator[Row]:
    aptly = _aptly(world, folder / "aptly") if installed("aptly") else None
    firsts, theirs = list[Measured](), list[float]()
    for number in range(ROUNDS):
        fresh = near if number == ROUNDS - 1 else folder / f"near-{number}"
        if fresh is not near:
            subprocess.run(["cp", "-al", near, fresh], check=True)
        os.sync()
        firsts.append(cudepot(fresh, "publish", "-q"))
        theirs += [aptly()] if aptly else []
    yield _row(
        "publish 2,000 packages, hard links", _median(firsts), {"aptly": statistics.median(theirs)} if aptly else {}
    )
    before = snapshot_of(near / "site")
    again = _median([cudepot(near, "publish", "-q") for _ in range(ROUNDS)])
    if snapshot_of(near / "site") != before:
        raise RuntimeError("an unchanged publish wrote something")
    yield _row("publish again, nothing changed", again, {})


def _median(runs: list[Measured]) -> Measured:
    return sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]


def _aptly(world: World, folder: Path) -> Callable[[], float]:
    """Return what publishes the same packages out of aptly's pool by hard links, signed, and gives the seconds."""
    folder.mkdir()
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    env = clean_env(HOME=str(folder), GNUPGHOME=str(home), PATH=os.environ["PATH"])
    config = folder / "aptly.conf"
    place = {"rootDir": str(folder / "public"), "linkMethod": "hardlink"}
    config.write_text(
        json.dumps({"rootDir": str(folder / "aptly"), "FileSystemPublishEndpoints": {"x": place}, "gpgProvider": "gpg"})
    )
    aptly = ["aptly", f"-config={config}"]
    for command in (
        ["gpg", "--batch", "-q", "--passphrase", "", "--quick-generate-key", "bench", "rsa4096", "sign", "never"],
        [*aptly, "repo", "create", "-distribution=bench", "-component=main", "r"],
        [*aptly, "repo", "add", "r", str(world.root / "flat")],
    ):
        subprocess.run(command, env=env, check=True, capture_output=True)
    publish = [*aptly, "publish", "repo", "-batch", "-architectures=amd64", "r", "filesystem:x:."]

    def anew() -> float:
        if (folder / "public").exists():
            subprocess.run(
                [*aptly, "publish", "drop", "bench", "filesystem:x:."], env=env, check=True, capture_output=True
            )
            shutil.rmtree(folder / "public")
        os.sync()
        return timed("env", *(f"{key}={value}" for key, value in env.items()), *publish)

    return anew


def _bundles(near: Path, world: World, folder: Path) -> Iterator[Row]:
    medium, far = folder / "medium", folder / "far"
    medium.mkdir()
    os.sync()
    export = cudepot(near, "bundle", "export", "-q", str(medium / "all.tar"), "--since", "0")
    yield _row("bundle export, 742 MB", export, {"tar + sha256sum": _tar(near, medium)})
    far.mkdir()
    key = str(near / "site/current/keys/site.asc")
    cudepot(far, "init", "--from-site", key, "--upstream-key", world.fingerprint)
    os.sync()
    take = cudepot(far, "bundle", "import", "-q", str(medium / "all.tar"))
    yield _row("bundle import, 742 MB", take, {"sha256sum + tar": _untar(medium)})
    shutil.rmtree(medium)
    yield _row("far side: publish", cudepot(far, "publish", "-q"), {})
    yield _row("verify store and site", cudepot(near, "verify", "-q"), {})


def _tar(near: Path, medium: Path) -> float:
    os.sync()
    write = f"tar -cf '{medium}/plain.tar' -C '{near}/site/current/' . && sha256sum '{medium}/plain.tar' > /dev/null"
    return timed("sh", "-c", f"{write} && sync '{medium}/plain.tar'")


def _untar(medium: Path) -> float:
    (medium / "out").mkdir()
    os.sync()
    read = f"sha256sum '{medium}/plain.tar' > /dev/null && tar -xf '{medium}/plain.tar' -C '{medium}/out'"
    return timed("sh", "-c", f"{read} && sync -f '{medium}/out'")


def _row(work: str, ours: Measured, peers: dict[str, float]) -> Row:
    return Row("site", work, ours.seconds, peers, 0.0, ours.rss_mb, ours.child_rss_mb)
