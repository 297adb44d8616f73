"""The states the faults bench starts from: for each verb, a project in which it has work to do; built once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from simulator.cudnn import CudnnRelease, licence, write_archive
from simulator.keys import KeyHome
from simulator.sides import Far, Near, deb_of
from simulator.site_key import SiteKey

from bench import faults_channel, faults_environment
from bench.faults_run import run, said
from bench.faults_s3 import Buckets, Objects


@dataclass(frozen=True)
class Scene:
    """A verb, and the state of a project in which it has work to do."""

    verb: tuple[str, ...]
    state: Path
    after: tuple[tuple[str, ...], ...] = ()
    bucket: Objects | None = None

    @property
    def name(self) -> str:
        """What the counts call it."""
        side = "s3 " if self.bucket is not None else "" if self.state.name == "near" else f"{self.state.name} "
        return f"{side}{' '.join(word for word in self.verb[:2] if not word.startswith(('/', '-')))}"


def scenes(
    folder: Path, keys: KeyHome, s3: Buckets, indexes: Mapping[str, str], channels: tuple[Path, str]
) -> tuple[list[Scene], Path]:
    """Build every state once; return the scenes and the medium with bundles.

    Args:
        indexes: upstreams of wheels with their URLs, for a project with an environment.
        channels: an empty folder, and the URL under which it is served, for one with an environment of conda packages.
    """
    folder.mkdir(parents=True)
    site, up = keys.generate("site <site@example.com>"), keys.generate("up <up@example.com>")
    (folder / "site.asc").write_bytes(site.armored)
    near = Near(folder, SiteKey(keys.path, site, folder / "site.gpg", folder / "site.asc"), (keys, up))
    far = Far(folder / "far", folder / "site.asc", up.fingerprint).init()
    found: list[Scene] = []

    def state(project: Path, name: str, *verb: str, after: tuple[tuple[str, ...], ...] = ()) -> None:
        copied = folder / "states" / name / name.split("-", maxsplit=1)[0]
        copied.parent.mkdir(parents=True)
        copy(project, copied)
        found.append(Scene(verb, copied, after))

    (folder / "states/near-init/near").mkdir(parents=True)
    found.append(Scene(("init",), folder / "states/near-init/near"))
    _add_archive(near, folder / "downloads")
    base, medium = near.project.base, near.medium
    near.publish(deb_of("first", size=40_000))
    near.export("one.tar", 0)
    far.take(medium / "one.tar")
    far.run("publish")
    found.append(_first_on_s3(base, folder, s3))
    shown = _published(found[-1].state, folder / "built", s3)
    near.add(deb_of("second", size=60_000), deb_of("third"))
    rest = (("sync",), ("repackage",), ("publish",))
    (base / "store/builds").rename(folder / "builds")
    state(base, "near-repackage", "repackage", after=(("publish",),))
    (folder / "builds").rename(base / "store/builds")
    state(base, "near-lock", "lock", after=rest)
    near.project.run("lock")
    state(base, "near-sync", "sync", after=rest)
    near.project.run("sync")
    state(base, "near-publish", "publish")
    found += _more_on_s3(base, folder, s3, shown)
    near.project.run("publish")
    near.export("two.tar", 1, "--split", "96K")
    near.publish(deb_of("fourth"))
    near.export("three.tar", 2)
    state(base, "near-rollback", "rollback", "1")
    state(base, "near-gc", "gc", "--keep", "1", "--force")
    state(base, "near-export", "bundle", "export", "OUT/all.tar", "--since", "0", "--split", "96K")
    state(base, "near-verify", "verify", "--repair")
    volumes = [str(one) for one in sorted(medium.glob("two*.tar"))]
    state(far.base, "far-import", "bundle", "import", *volumes, after=(("publish",),))
    far.take(*map(Path, volumes))
    state(far.base, "far-publish", "publish")
    far.run("publish")
    state(far.base, "far-rollback", "rollback", "1")
    state(far.base, "far-third", "bundle", "import", str(medium / "three.tar"), after=(("publish",),))
    faults_environment.states(folder, indexes, site.fingerprint, keys.path, state)
    faults_channel.states(folder, channels, site.fingerprint, keys.path, state)
    return found, medium


def _first_on_s3(base: Path, folder: Path, s3: Buckets) -> Scene:
    """Return the scene of a project that publishes to an empty bucket."""
    return Scene(("publish",), _on_s3(base, folder / "states/s3-first/near", s3, {}), bucket={})


def _more_on_s3(base: Path, folder: Path, s3: Buckets, shown: Objects) -> list[Scene]:
    """Return the scenes of one that publishes over snapshot 1 in a bucket, and goes back to it."""
    second = _on_s3(base, folder / "states/s3-second/near", s3, shown)
    both = _published(second, folder / "built", s3)
    (folder / "states/s3-rollback").mkdir()
    copy(folder / "built", folder / "states/s3-rollback/near")
    rollback = Scene(("rollback", "1"), folder / "states/s3-rollback/near", bucket=both)
    return [Scene(("publish",), second, bucket=shown), rollback]


def _on_s3(base: Path, target: Path, s3: Buckets, objects: Objects) -> Path:
    """Return a copy of a project that publishes to a bucket with these objects."""
    target.parent.mkdir(parents=True)
    copy(base, target)
    s3.point(target, s3.fresh(objects))
    return target


def _published(project: Path, target: Path, s3: Buckets) -> Objects:
    """Publish from a copy of a project, and return what is in its bucket then."""
    shutil.rmtree(target, ignore_errors=True)
    copy(project, target)
    code, _ = run(target, "publish")
    assert code == 0, said(target)
    return s3.objects(s3.bucket_of(target))


def _add_archive(near: Near, folder: Path) -> None:
    """Let the near side repackage a release of the stand-in cuDNN."""
    release = CudnnRelease("8.0.5.39", "11.1")
    folder.mkdir()
    write_archive(release, folder)
    near.project.add("upstream", name="downloads", type="folder", path=str(folder))
    near.project.add("pin", upstream="downloads", packages=["cudnn-*"], recipe="cudnn", outputs=["wheel"])
    near.project.accept_eula(licence(release))


def copy(state: Path, target: Path) -> None:
    """Copy a project, links between store and site included."""
    subprocess.run(["cp", "-a", state, target], check=True)
