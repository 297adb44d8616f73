"""Kills, flipped bits and cut files over all verbs: nothing lost, nothing wrong served, everything found by `verify`.

Every verb runs in a forked child of this process. A kill comes from inside, at a random one of the child's system
calls that touch files (Python's audit events), or from outside after a random time. Then the site must show the old
or the new snapshot whole, every object must be what its name says, the same verb must finish its work when it is run
again, and ``verify`` must find nothing. A flipped bit or a cut must be found by ``verify``; in a bundle, by ``import``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import SiteKey
from tests.upstream.cudnn import CudnnRelease, licence, write_archive
from tests.upstream.keys import KeyHome
from tests.workflows.far import Far, Near, deb_of

from cudepot.cli.main import main as cudepot

_COUNTED = {
    "os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod",
    "subprocess.Popen", "shutil.rmtree", "os.utime", "fcntl.flock",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_NOT_STATE = {"lock", "cudepot.log", "id"}
"""Files of a store that say nothing: a flipped bit in them changes nothing."""


@dataclass(frozen=True)
class Scene:
    """A verb, and the state of a project in which it has work to do."""

    verb: tuple[str, ...]
    state: Path
    after: tuple[tuple[str, ...], ...] = ()

    @property
    def name(self) -> str:
        """What the counts call it."""
        side = "far " if self.state.name.startswith("far") else ""
        return f"{side}{' '.join(word for word in self.verb[:2] if not word.startswith(('/', '-')))}"


@dataclass
class Counts:
    """What was done to the projects, and what came of it."""

    kills: Counter[str] = field(default_factory=Counter)
    kept_old: int = 0
    shown_new: int = 0
    harms: Counter[str] = field(default_factory=Counter)
    found: int = 0
    repaired: int = 0
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return the counts as ``--json`` prints them."""
        return {
            "bench": "faults",
            "kills": self.kills.total(),
            "kills_by_verb": dict(sorted(self.kills.items())),
            "old_site_shown": self.kept_old,
            "new_site_shown": self.shown_new,
            "harms": self.harms.total(),
            "harms_by_place": dict(sorted(self.harms.items())),
            "found": self.found,
            "repaired": self.repaired,
            "failures": self.failures,
        }


# running a verb


def run(project: Path, *argv: str, stop: int = 0, seconds: float = 0.0) -> tuple[int, int]:
    """Run a verb in a forked child; return its exit status (-9 when it was killed) and the events it counted.

    Args:
        project: folder of cudepot.toml.
        argv: verb and options.
        stop: the child kills itself at this event; 0 for never.
        seconds: it is killed from outside after this time; 0 for never.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _child(project, argv, stop, sender)
    os.close(sender)
    if seconds:
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    told = b""
    while part := os.read(receiver, 64):
        told += part
    os.close(receiver)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(told or b"0")


def _child(project: Path, argv: tuple[str, ...], stop: int, sender: int) -> None:
    os.setsid()
    log = os.open(project.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.set_inheritable(sender, False)
    seen = 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        if event in _COUNTED or (event == "open" and isinstance(args[2], int) and args[2] & _WRITING):
            seen += 1
            if seen == stop:
                os.kill(os.getpid(), signal.SIGKILL)

    os.environ |= {"CUDEPOT_TRIES": "1", "CUDEPOT_WAIT": "0"}
    code = 1
    try:
        sys.addaudithook(hook)
        code = cudepot([argv[0], "-C", str(project), "-q", *argv[1:]])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(sender, b"%d" % seen)
        os._exit(code)


def said(project: Path) -> str:
    """Return what the last run in a project printed."""
    return (project.parent / "said").read_text(errors="replace")[-2000:]


# what must hold


def shown_whole(project: Path) -> int:
    """Return the number of the snapshot shown; raise AssertionError unless every file of it is right."""
    current = project / "site/current"
    if not current.is_symlink():
        return 0
    document = json.loads((current / "snapshot.json").read_bytes())
    for path, digest in document["tree"].items():
        data = (current / path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (digest["sha256"], digest["size"]), f"wrong: {path}"
    store = project / f"store/snapshots/{document['number']:06d}.json"
    assert store.read_bytes() == (current / "snapshot.json").read_bytes(), "shown, but not the store's"
    return int(document["number"])


def objects_right(project: Path) -> None:
    """Raise AssertionError unless every visible object is what its name says."""
    for file in (project / "store/objects").glob("*/*"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name, f"object {file.name}"


# the worlds


def scenes(folder: Path, keys: KeyHome) -> tuple[list[Scene], Path]:
    """Build every state once; return the scenes and the medium with bundles."""
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
    return found, medium


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


class Campaign:
    """Harms copies of the states in ``work``, one after the other, and counts."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], None] = lambda _: None) -> None:
        self.work, self.random, self.counts, self._say = folder / "work", random.Random(seed), Counts(), say
        self._keys = KeyHome()
        self.scenes, self.medium = scenes(folder / "world", self._keys.__enter__())
        self._events: dict[str, tuple[int, float]] = {}

    def close(self) -> None:
        """Forget the keys."""
        self._keys.__exit__(None, None, None)

    def kill(self, times: int) -> None:
        """Kill verbs, each scene as often as the others."""
        for turn in range(times):
            scene = self.scenes[turn % len(self.scenes)]
            with self._noted(f"{scene.name} killed (turn {turn})"):
                self._kill(scene)

    def _kill(self, scene: Scene) -> None:
        events, seconds = self._measured(scene)
        project, verb = self._fresh(scene)
        before = shown_whole(project)
        if self.random.random() < 0.25:
            code, _ = run(project, *verb, seconds=self.random.uniform(0.001, seconds))
        else:
            code, _ = run(project, *verb, stop=self.random.randint(1, events))
        self.counts.kills[scene.name] += code == -signal.SIGKILL
        after = shown_whole(project)
        self.counts.kept_old += after == before
        self.counts.shown_new += after != before
        objects_right(project)
        for one in (verb, *scene.after, ("verify",)):
            code, _ = run(project, *one)
            assert code == 0 or (one[0] == "rollback" and "published last" in said(project)), f"{one}: {said(project)}"
        shown_whole(project)

    def _measured(self, scene: Scene) -> tuple[int, float]:
        """Return how many events and seconds a verb has when nobody disturbs it."""
        if scene.state.parent.name not in self._events:
            project, verb = self._fresh(scene)
            start = time.perf_counter()
            code, events = run(project, *verb)
            assert code == 0, said(project)
            self._events[scene.state.parent.name] = (events, time.perf_counter() - start)
        return self._events[scene.state.parent.name]

    def _fresh(self, scene: Scene) -> tuple[Path, tuple[str, ...]]:
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        project = self.work / scene.state.name
        copy(scene.state, project)
        if scene.verb[0] == "verify":
            flip(next(iter((project / "store/upstreams").glob("*.json"))), self.random)
        return project, tuple(word.replace("OUT", str(self.work)) for word in scene.verb)

    def harm(self, times: int) -> None:
        """Flip bits of, and cut, files of store, site and bundles."""
        near = next(one for one in self.scenes if one.state.parent.name == "near-export")
        far = next(one for one in self.scenes if one.state.parent.name == "far-third")
        for turn in range(times):
            with self._noted(f"harm (turn {turn})"):
                if turn % 4 == 3:
                    self._harm_bundle(far)
                else:
                    self._harm_project(near if turn % 4 else far)

    def _harm_project(self, scene: Scene) -> None:
        project, _ = self._fresh(scene)
        file = self.random.choice(list(state_files(project)))
        how = self._harm(file)
        place = "/".join(file.relative_to(project).parts[:2])
        self.counts.harms[f"{place} ({how})"] += 1
        code, _ = run(project, "verify")
        assert code in (3, 5), f"{file} {how}: not found"
        self.counts.found += 1
        if file.name != "FORMAT":
            self._repair(project, file)

    def _repair(self, project: Path, file: Path) -> None:
        run(project, "verify", "--repair")
        if project.name == "near":
            for verb in (("sync",), ("publish",)):
                code, _ = run(project, *verb)
                assert code == 0, f"{verb} after repair of {file}: {said(project)}"
            shown_whole(project)
            objects_right(project)
            self.counts.repaired += 1

    def _harm_bundle(self, scene: Scene) -> None:
        project, _ = self._fresh(scene)
        volume = self.work / "three.tar"
        shutil.copy(self.medium / "three.tar", volume)
        how = self._harm(volume)
        self.counts.harms[f"bundle ({how})"] += 1
        before = shown_whole(project)
        code, _ = run(project, "bundle", "import", str(volume))
        assert code in (5, 10), f"bundle {how}: exit {code}: {said(project)}"
        assert len(list((project / "store/snapshots").glob("*.asc"))) == 2
        assert shown_whole(project) == before
        self.counts.found += 1
        for verb in (("bundle", "import", str(self.medium / "three.tar")), ("publish",), ("verify",)):
            code, _ = run(project, *verb)
            assert code == 0, f"{verb} after a bad bundle: {said(project)}"
        self.counts.repaired += 1

    def _harm(self, file: Path) -> str:
        return (cut if self.random.random() < 0.3 else flip)(file, self.random)

    @contextlib.contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        try:
            yield
        except (AssertionError, OSError, ValueError, KeyError) as error:
            self.counts.failures.append(f"{what}: {type(error).__name__}: {error}")
            self._say(self.counts.failures[-1])


def state_files(project: Path) -> Iterator[Path]:
    """Give the files of store and site that say something, in order."""
    kept = ("objects", "snapshots", "builds", "upstreams", "exported", "imported", "incoming", "FORMAT", "roots.log")
    for top in (*(project / "store" / name for name in kept), *(project / "site/current/.").resolve().glob("*")):
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        yield from (one for one in files if one.is_file() and one.stat().st_size and one.name not in _NOT_STATE)


def flip(file: Path, spread: random.Random) -> str:
    """Flip one bit in place, as a dying disk does."""
    data = bytearray(file.read_bytes())
    data[spread.randrange(len(data))] ^= 1 << spread.randrange(8)
    _overwrite(file, bytes(data))
    return "flipped"


def cut(file: Path, spread: random.Random) -> str:
    """Cut a file short in place."""
    data = file.read_bytes()
    _overwrite(file, data[: spread.randrange(len(data))])
    return "cut"


def _overwrite(file: Path, data: bytes) -> None:
    times = file.stat()
    file.chmod(0o644)
    with file.open("r+b") as out:
        out.write(data)
        out.truncate()
    file.chmod(times.st_mode & 0o777)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def campaign(folder: Path, *, kills: int, harms: int, seed: int, say: Callable[[str], None]) -> Counts:
    """Do so many kills and harms, and return what came of them."""
    one = Campaign(folder, seed, say)
    try:
        one.kill(kills)
        one.harm(harms)
    finally:
        one.close()
    return one.counts


def main(folder: Path, *, as_json: bool) -> int:
    """Run the whole campaign and print the counts; return 1 when anything was lost or wrong."""
    start = time.perf_counter()
    counts = campaign(folder, kills=240, harms=240, seed=time.time_ns(), say=lambda line: print(line, file=sys.stderr))
    told = counts.as_json() | {"seconds": round(time.perf_counter() - start, 1)}
    print(json.dumps(told) if as_json else json.dumps(told, indent=1))
    return 1 if counts.failures else 0
