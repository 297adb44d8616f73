"""Hints that say what to run are followed: a verb fails, the very command of its hint is run, and the verb passes.

Nothing is typed here that the hint does not say, but names that it leaves to the reader (NAME, FILE). Which commands
hints may name is known from the source (``tests/hints.py``); each is followed by a test of this file, or
named in :data:`ELSEWHERE` with the test that runs it.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from simulator.nvidia import Nvidia
from simulator.project import APT, Done, Project
from tests.hint_words import commands
from tests.hints import Hint, hints

from cudepot.cli.main import main

FOLLOWED = {
    "init", "explain", "lock", "sync", "repackage", "publish", "licence accept", "licence show", "snapshots", "tree",
    "lock --check --offline", "lock --allow-unsolvable --reason", "status --check --max-age",
    "diff --help", "tag", "remove", "add", "verify --repair", "verify", "upstreams", "init --list-stacks",
    "init --from-site", "bundle import", "tag --move", "licence list",
}  # fmt: skip
"""Commands of hints, without what differs each time, that a test of this file has run as the hint said it."""
READ = {"catalog", "channels", "client --help", "status", "kit requirements", "export"}
"""Commands that hints name for what they print."""
ELSEWHERE = {
    "add --key --keyring": ("workflows/test_add.py", '"--keyring"'),
    "backup": ("workflows/test_backup.py", '"backup"'),
    "bundle missing": ("workflows/test_bundles.py", '"bundle", "missing"'),
    "doctor": ("workflows/test_doctor_run.py", '"doctor"'),
    "edge": ("workflows/test_edges.py", '"edge"'),
    "edge --accept-new-chain": ("workflows/test_edges.py", '"--accept-new-chain"'),
    "gc --dry-run --force": ("kinds/contract/test_contract.py", '"--force"'),
    "kit": ("workflows/test_kit.py", '"kit"'),
    "lock --accept-changed": ("workflows/test_incidents_files.py", "--accept-changed"),
    "promote": ("workflows/test_channels.py", '"promote"'),
    "publish --clock-is-right": ("workflows/test_clocks.py", "--clock-is-right"),
    "remove --environment": ("workflows/test_add.py", "--environment"),
    "rollback": ("workflows/test_bundles.py", '"rollback"'),
    "restore": ("workflows/test_backup.py", '"restore"'),
    "trust add": ("cli/test_trust.py", '"trust", "add"'),
    "update": ("workflows/test_update.py", '"update"'),
}
"""Those that need more of a world than this file has: the test that runs them, and what of it does."""


class Desk:
    """A project, and somebody who reads hints."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def call(self, *argv: str, code: int = 0) -> Done:
        """Run a verb in this process; it has to end with that exit status."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                found = main([*argv, "-C", str(self.base)])
            except SystemExit as end:  # --help
                found = int(end.code or 0)
        done = Done(argv, found, out.getvalue(), err.getvalue())
        assert done.rc == code, done
        return done

    def follow(self, failed: Done, shape: str, values: Mapping[str, str] | None = None, code: int = 0) -> Done:
        """Run the command of that shape that the last hint of a failure names, with values for what it leaves open."""
        hint = [line for line in failed.err.splitlines() if line.startswith("hint: ")][-1]
        for name, value in (values or {}).items():
            hint = re.sub(rf"\b{name}\b(\.\.\.)?", value, hint)
        named = [one for one in commands(Hint("", hint)) if one.shape == shape]
        assert named, f"no `cudepot {shape}` in: {hint}"
        assert shape in FOLLOWED
        return self.call(*named[0].words, code=code)

    def mended(self, code: int, *argv: str, by: str, values: Mapping[str, str] | None = None) -> Done:
        """Run what fails, follow its hint, and run it again, which has to pass."""
        self.follow(self.call(*argv, code=code), by, values)
        return self.call(*argv)


@pytest.fixture
def desk(project: Project, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in ("CUDEPOT_TRIES", "CUDEPOT_WAIT"):
        monkeypatch.setenv(name, project.env[name])
    return Desk(project.base)


def test_each_command_that_a_hint_names_is_followed_by_a_test() -> None:
    named = {one.shape for hint in hints() for one in commands(hint)}
    assert named - FOLLOWED - READ - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) - named == set(), "no hint says so any more"
    for file, text in ELSEWHERE.values():
        assert text in (Path(__file__).parent.parent / file).read_text(), file
    source = Path(__file__).read_text()
    body = source.partition("\nclass Desk")[2]
    assert [one for one in FOLLOWED if f'"{one}"' not in body] == []


def test_from_an_empty_folder_to_a_site_by_hints_alone(
    desk: Desk, tmp_path: Path, project: Project, nvidia: Nvidia
) -> None:
    empty = Desk(tmp_path / "empty")
    empty.base.mkdir()
    empty.mended(3, "status", by="init")
    assert "accept-eula" in desk.follow(desk.call("lock", code=3), "explain").out
    project.add_downloads(nvidia)
    project.add_apt(nvidia)
    desk.mended(3, "sync", by="lock")
    for path in (project.store / "objects").glob("*/*"):
        path.unlink()
    desk.follow(desk.call("publish", code=3), "sync")
    refused = desk.call("repackage", code=8)
    assert "STAND-IN LICENCE" in desk.follow(desk.call("licence", "accept", code=8), "licence show").out
    desk.follow(refused, "licence accept")
    desk.mended(3, "publish", by="repackage")


def test_what_has_to_be_run_before_is_named(desk: Desk, project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    project.add_apt(nvidia)
    desk.call("lock")
    desk.mended(3, "publish", by="sync")
    bundle = str(tmp_path / "x.tar")
    desk.follow(desk.call("rollback", "99", code=3), "snapshots")
    assert "nothing" not in desk.follow(desk.call("diff", code=3), "diff --help").out
    desk.follow(desk.call("lock", "--offline", code=3), "lock --check --offline")
    desk.follow(desk.call("status", "--max-age", "36h", code=3), "status --check --max-age", code=14)
    desk.follow(desk.call("tag", "first", code=3), "tag", {"NAME": "first", "N": "1"})
    desk.follow(desk.call("explain", "zzz", code=3), "explain")
    desk.call("bundle", "export", bundle, "--since", "0")
    near = desk.call("bundle", "import", bundle, code=3)
    far = Desk(tmp_path / "far")
    far.base.mkdir()
    far.follow(near, "init --from-site", {"KEYFILE": str(_site_key(project, tmp_path))})
    refused = far.follow(far.call("publish", code=3), "bundle import", {"FILE": bundle}, code=5)
    assert "`upstream-keys` of [site]" in refused.err
    toml = far.base / "cudepot.toml"
    toml.write_text(toml.read_text().replace("upstream-keys = [", f'upstream-keys = ["{nvidia.key.fingerprint}",', 1))
    far.call("bundle", "import", bundle)
    far.call("publish")


def test_hints_about_cudepot_toml(desk: Desk, project: Project, nvidia: Nvidia, tmp_path: Path) -> None:
    project.add_apt(nvidia)
    good = project.toml.read_text()
    project.toml.write_text(f'{good}\n[[upstream]]\npreset = "nvidia/ubuntu2204/x86_65"\n')
    assert "nvidia/ubuntu2204/x86_64" in desk.follow(desk.call("lock", code=3), "upstreams").out
    project.toml.write_text(good.replace("accept-eula = []", 'accept-eula = ["yes"]'))
    broken = desk.call("lock", code=3)
    project.toml.write_text(good)
    desk.call("lock")
    desk.follow(broken, "licence list")
    project.add_wheels(nvidia)
    desk.call("lock")
    desk.follow(desk.call("add", "libcudnn8", code=3), "add", {"UPSTREAM": APT})
    desk.follow(desk.call("remove", code=3), "remove", {"PACKAGE": "libcudnn8"})
    assert '"libcudnn8"' not in project.toml.read_text()
    desk.follow(desk.call("lock", "--reason", "tried", code=3), "lock --allow-unsolvable --reason", {"NAME": APT})
    empty = Desk(tmp_path)
    assert (
        "gpu-node"
        in empty.follow(
            empty.call("init", "--stack", "nothing", "--distribution", "ubuntu2204", code=3), "init --list-stacks"
        ).out
    )


def test_what_hints_name_to_be_read_can_be_read(desk: Desk, project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    desk.call("lock")
    for shape in sorted(READ):
        assert desk.call(*shape.split()).out


def test_hints_about_a_store_and_snapshots(desk: Desk, project: Project, nvidia: Nvidia) -> None:
    project.add_apt(nvidia)
    for verb in ("lock", "sync", "publish"):
        desk.call(verb)
    names = project.store / "published.log"
    names.write_text(f"{names.read_text()}not a line of a log\n")
    project.sections[1] = project.sections[1].replace("libcudnn8-dev", "libcudnn8")
    project.write()
    for verb in ("lock", "sync", "publish"):
        desk.mended(10, verb, by="verify --repair") if verb == "publish" else desk.call(verb)
    desk.call("tag", "good", "1")
    desk.follow(desk.call("tag", "good", "2", code=3), "tag --move")
    lost = project.object_of(_deb_of(project, "libcudnn8-dev"))
    lost.unlink()
    desk.follow(desk.call("rollback", "1", code=3), "verify", code=5)


def _deb_of(project: Project, name: str) -> str:
    tree = json.loads((project.store / "snapshots/000001.json").read_text())["tree"]
    return next(one["sha256"] for path, one in tree.items() if f"/{name}_" in path)


def _site_key(project: Project, folder: Path) -> Path:
    file = folder / "site.asc"
    file.write_bytes((project.site / "keys/site.asc").read_bytes())
    return file
