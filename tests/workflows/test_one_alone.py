"""One upstream's trouble never stops another: each kind of upstream, in each kind of trouble, through every verb.

A good folder beside the one in trouble gets a new package each time. It has to be locked, fetched and shown; what
was shown of the other one has to stay, byte for byte.
"""

from __future__ import annotations

import hashlib
import inspect
import pkgutil
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.installers import write_installer
from simulator.nvidia import Artifacts, Nvidia
from simulator.project import Fingerprint, Project, snapshot_of
from simulator.server import Server
from simulator.site_key import SiteKey
from simulator.yum import Rhel
from tests.kinds.yum.world import DEVEL, add_yum

from cudepot.catalog.config.config import Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.cli.main import main
from cudepot.depot.depot import Depot
from cudepot.workflows.lock import update as update_module
from cudepot.workflows.lock.pins import Pins
from cudepot.workflows.publish import parts as site_parts

RUNTIME = "libcudnn8=8.0.5.39-1+cuda11.1"


@dataclass
class Case:
    """An upstream beside a good one.

    Attributes:
        name: of the upstream.
        roots: paths on its server, or files, by which its index is known.
        resign: signs its root with a key that is not pinned.
    """

    project: Project
    name: str
    folder: Path
    server: Server | None = None
    pattern: str = ""
    roots: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    resign: Callable[[], object] | None = None
    before: Fingerprint = field(default_factory=dict)

    def add_more(self) -> None:
        write_deb(simple_deb("more", "1.0"), self.folder)

    def shown(self) -> Fingerprint:
        """What the site shows of the upstream in trouble: wheels have no folder of their own."""
        top = self.project.site.resolve()
        found = snapshot_of(*(top / one / self.name for one in ("apt", "yum", "files")), top / "wheels")
        kept = {str(Path(path).relative_to(top)): mark[0] for path, mark in found.items()}
        return {path: (mark, 0) for path, mark in kept.items() if "/by-hash/" not in path}

    def verb(self, *argv: str) -> int:
        return main([argv[0], "-q", "-C", str(self.project.base), *argv[1:]])


def apt(project: Project, nvidia: Nvidia, **whole: object) -> dict[str, object]:
    keys, rings = [nvidia.key.fingerprint], [str(nvidia.key_file)]
    project.add("upstream", name="apt", type="apt", url=nvidia.apt_url, keys=keys, keyrings=rings, **whole)
    if not whole:
        project.add("pin", upstream="apt", packages=[RUNTIME])
    return {
        "server": nvidia.server,
        "pattern": f"{nvidia.apt_path}/*",
        "roots": (f"{nvidia.apt_path}/InRelease", f"{nvidia.apt_path}/Release"),
        "resign": lambda: nvidia.repo.sign(nvidia.other_key),
    }


def yum(project: Project, rhel: Rhel, **whole: object) -> dict[str, object]:
    add_yum(project, rhel, *([] if whole else [DEVEL]), **whole)

    def resign() -> None:
        rhel.repo.publish()
        rhel.repo.sign(rhel.old_key)

    return {
        "server": rhel.server,
        "pattern": f"{rhel.path}/*",
        "roots": (f"{rhel.path}/repodata/repomd.xml",),
        "resign": resign,
    }


def simple(project: Project, nvidia: Nvidia) -> dict[str, object]:
    project.add("upstream", name="simple", type="simple", url=nvidia.simple_url)
    project.add("pin", upstream="simple", packages=["nvidia-cudnn-cu11==8.0.5.39"])
    return {"server": nvidia.server, "pattern": "/simple/*", "roots": ("/simple/nvidia-cudnn-cu11/",)}


def folder(project: Project, tmp_path: Path) -> dict[str, object]:
    place = tmp_path / "other"
    place.mkdir()
    file = write_deb(simple_deb("other", "1.0"), place)
    project.add("upstream", name="folder", type="folder", path=str(place))
    project.add("pin", upstream="folder", packages=["*.deb"])
    return {"files": (file,)}


def installer(project: Project, artifacts: Artifacts, tmp_path: Path) -> dict[str, object]:
    file = write_installer(tmp_path, artifacts.keys, artifacts.key, *artifacts.releases["11.1"].debs)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    project.add("upstream", name="installer", type="local-repo", path=str(file), sha256=digest)
    project.add("pin", upstream="installer", packages=["libcudnn8"])
    return {"files": (file,)}


KINDS = ("apt-pin", "apt-whole", "yum-pin", "yum-whole", "simple", "redistrib", "folder", "installer")
_NAMES = {"apt": "apt", "yum": "rhel8"}


@pytest.fixture
def case(request: pytest.FixtureRequest, site_key: SiteKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A published site of a good folder and one upstream of the kind that is asked for."""
    kind: str = request.param
    monkeypatch.setenv("CUDEPOT_TRIES", "1")
    monkeypatch.setenv("CUDEPOT_WAIT", "0")
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    good = tmp_path / "good"
    good.mkdir()
    write_deb(simple_deb("good", "1.0"), good)
    first, _, way = kind.partition("-")
    whole: dict[str, object] = {"whole": True} if way == "whole" else {}
    get = request.getfixturevalue
    made = {
        "apt": lambda: apt(project, get("nvidia"), **whole),
        "yum": lambda: yum(project, get("rhel"), **whole),
        "simple": lambda: simple(project, get("nvidia")),
        "redistrib": lambda: redistrib(project, get("nvidia")),
        "folder": lambda: folder(project, tmp_path),
        "installer": lambda: installer(project, get("nvidia_artifacts"), tmp_path),
    }[first]()
    project.add("upstream", name="good", type="folder", path=str(good))
    project.add("pin", upstream="good", packages=["*.deb"])
    one = Case(project, _NAMES.get(first, first), good, **made)  # type: ignore[arg-type]
    for verb in ("init", "lock", "sync", "repackage", "publish"):
        assert one.verb(verb) == 0, verb
    one.before = one.shown()
    assert one.before
    return one


def redistrib(project: Project, nvidia: Nvidia) -> dict[str, object]:
    from simulator.cudnn import CudnnRelease
    from simulator.redistrib import write_redistrib

    (nvidia.root / "redist").mkdir()
    write_redistrib(nvidia.root / "redist", CudnnRelease("9.8.0.87", "12"))
    project.add("upstream", name="redistrib", type="redistrib", url=f"{nvidia.url}/redist/")
    project.add("pin", upstream="redistrib", packages=["cudnn=9.8.0.87"], subdirs=["linux-64"])
    return {"server": nvidia.server, "pattern": "/redist/*", "roots": ("/redist/redistrib_9.8.0.json",)}


def unreachable(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    if one.server:
        one.server.unavailable(one.pattern, times=None)
    for file in one.files:
        (file.parent if one.name == "folder" else file).rename(one.project.base / "away")


def malformed(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in one.roots:
        assert one.server
        one.server.replace(path, b"\0\xff no index <![[")
    for file in one.files:
        file.write_bytes(b"\0\xff no package")


def bad_signature(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    assert one.resign
    one.resign()


def internal_error(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Pins._resolved

    def resolve(pins: Pins, depot: Depot, upstream: Upstream) -> object:
        if upstream.name == one.name:
            raise RecursionError("maximum recursion depth exceeded")
        return real(pins, depot, upstream)

    monkeypatch.setattr(Pins, "_resolved", resolve)


def nothing_matches(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    at = next(number for number, text in enumerate(one.project.sections) if text.startswith("[[pin]]"))
    head, _, tail = one.project.sections[at].partition("packages = [")
    one.project.sections[at] = f'{head}packages = ["no-such-thing=1"]\n{tail.partition("]")[2]}'
    one.project.write()


def changed_in_place(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = one.files
    write_deb(simple_deb("other", "1.0", Homepage="https://example.com"), file.parent)


Trouble = Callable[[Case, pytest.MonkeyPatch], None]
SIGNED = ("apt-pin", "apt-whole", "yum-pin", "yum-whole")
LOCKING = [
    *((kind, unreachable) for kind in KINDS if kind != "installer"),  # known by its hash, not opened again
    *((kind, malformed) for kind in KINDS if kind != "installer"),
    *((kind, bad_signature) for kind in SIGNED),
    *((kind, internal_error) for kind in KINDS),
    *((kind, nothing_matches) for kind in KINDS if "whole" not in kind),
    ("folder", changed_in_place),
]


@pytest.mark.parametrize(
    ("case", "trouble"), LOCKING, indirect=["case"], ids=[f"{kind}-{one.__name__}" for kind, one in LOCKING]
)
def test_what_cannot_be_locked_stays_and_the_others_go_on(
    case: Case,
    trouble: Callable[[Case, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trouble(case, monkeypatch)
    case.add_more()
    capsys.readouterr()
    assert case.verb("lock") in (1, 3, 4, 5, 6, 7, 10)
    assert f"{case.name}: " in capsys.readouterr().err
    assert "more_1.0_amd64.deb" in case.project.lock.read_text()
    for verb in (["sync"], ["repackage"], ["publish"]):
        assert case.verb(*verb) == 0, verb
    assert (case.project.site / "apt/good/more_1.0_amd64.deb").is_file()
    assert case.shown() == case.before
    assert case.verb("status", "--check") == 14
    assert f"check: {case.name}: " in capsys.readouterr().out
    assert case.verb("update") in (0, 1, 3, 4, 5, 6, 7, 10)
    assert case.verb("verify") == 0
    assert case.verb("bundle", "export", str(case.project.base / "full.tar"), "--since", "0") == 0
    if trouble is internal_error:
        assert "RecursionError" in (case.project.store / "cudepot.log").read_text()


def missing_object(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose an artifact of it, here and there."""
    if one.server:
        one.server.missing(one.pattern)
        one.server.missing("*.whl")
    shown = [one.project.site / path for path in one.before if path.endswith((".deb", ".rpm", ".whl", ".xz"))]
    for path in shown:
        one.project.object(path.read_bytes()).unlink(missing_ok=True)
    for file in one.files:
        (file.parent if one.name == "folder" else file).rename(one.project.base / "away")


def internal_error_at_publish(one: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    real = site_parts._part

    def part(depot: object, lock: object, earlier: object) -> object:
        if lock.upstreams[0].name == one.name:  # type: ignore[attr-defined]
            raise KeyError("architecture")
        return real(depot, lock, earlier)  # type: ignore[arg-type]

    monkeypatch.setattr(site_parts, "_part", part)


PUBLISHING = [(kind, one) for one in (missing_object, internal_error_at_publish) for kind in KINDS]


@pytest.mark.parametrize(
    ("case", "trouble"), PUBLISHING, indirect=["case"], ids=[f"{kind}-{one.__name__}" for kind, one in PUBLISHING]
)
@pytest.mark.parametrize("keep", [[], ["--keep-last"]], ids=["", "keep-last"])
def test_what_cannot_be_published_stays_and_the_others_go_on(
    case: Case, trouble: Trouble, keep: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case.add_more()
    assert case.verb("lock") == 0
    assert case.verb("sync") == 0
    trouble(case, monkeypatch)
    if trouble is missing_object:
        assert case.verb("sync") in (3, 4, 5, 7)
    assert case.verb("publish", *keep) == (
        0 if keep and trouble is missing_object else 3 if trouble is missing_object else 1
    )
    assert (case.project.site / "apt/good/more_1.0_amd64.deb").is_file()
    assert case.shown() == case.before
    assert case.verb("status", "--check") == 14
    if trouble is internal_error_at_publish:
        assert "KeyError" in (case.project.store / "cudepot.log").read_text()


def test_our_own_disk_stops_everything(tmp_path: Path, site_key: SiteKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is nobody's trouble alone, so it is not told as an upstream's."""
    import errno

    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    folder(project, tmp_path)
    one = Case(project, "folder", tmp_path / "other")
    assert one.verb("init") == 0

    def full(*_: object, **__: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device", str(project.store / "tmp/x"))

    monkeypatch.setattr(Pins, "_resolved", full)
    assert one.verb("lock") == 7
    assert not project.lock.exists()
    shutil.rmtree(tmp_path / "other")


def break_for(monkeypatch: pytest.MonkeyPatch, where: str, name: str) -> None:
    """Let a function fail as nobody foresaw, for the upstream that one of its arguments names."""
    real = pkgutil.resolve_name(where)

    def broken(*given: object) -> object:
        if any(name in (one, getattr(one, "name", None), getattr(one, "stem", None)) for one in given):
            raise RecursionError("maximum recursion depth exceeded")
        return real(*given)

    def broken_lines(*given: object) -> Iterator[object]:
        yield from broken(*given)  # type: ignore[misc]

    module, _, attribute = where.partition(":")
    lazy = inspect.isgeneratorfunction(real)
    monkeypatch.setattr(pkgutil.resolve_name(module), attribute, broken_lines if lazy else broken)


@pytest.mark.parametrize("case", ["apt-pin"], indirect=True)
def test_what_nobody_foresaw_is_one_upstreams_in_the_verbs_that_read(
    case: Case, nvidia: Nvidia, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = case.project.store / "cudepot.log"
    with monkeypatch.context() as once:
        break_for(once, "cudepot.kinds.apt.verify:faults", "apt/apt/InRelease")
        capsys.readouterr()
        assert case.verb("verify") != 0
        told = capsys.readouterr()
        assert "apt/apt/InRelease: RecursionError: maximum recursion depth exceeded" in told.out + told.err
        assert "all good" not in told.out
    with monkeypatch.context() as once:
        break_for(once, "cudepot.workflows.bundle.roots:proofs_of", "apt")
        assert case.verb("bundle", "export", str(case.project.base / "full.tar"), "--since", "0") == 0
    assert (case.project.base / "full.tar").is_file()
    assert "apt: no proof: RecursionError" in log.read_text()
    with monkeypatch.context() as once:
        break_for(once, "cudepot.workflows.trust:read_keys", nvidia.key_file.stem)
        capsys.readouterr()
        assert case.verb("trust", "list") == 1
        told = capsys.readouterr()
        assert "cannot be read: RecursionError" in told.out
        assert nvidia.key.fingerprint[:4] in told.out


@pytest.mark.parametrize("case", ["apt-pin"], indirect=True)
def test_an_upstream_that_cannot_be_compared_stops_no_update(
    case: Case, nvidia: Nvidia, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case.project.add("upstream", name="pypi", type="simple", url=nvidia.simple_url)
    case.project.add("pin", upstream="pypi", packages=["nvidia-cudnn-cu11==8.0.5.39"])
    assert case.verb("lock") == 0
    real = update_module.compare

    def compare(pins: list[tuple[int, Pin]], *given: Any) -> object:
        if any(pin.upstream == "apt" for _, pin in pins):
            raise RecursionError("maximum recursion depth exceeded")
        return real(pins, *given)

    monkeypatch.setattr(update_module, "compare", compare)
    capsys.readouterr()
    assert case.verb("update") == 1
    told = capsys.readouterr()
    assert "apt: " in told.err
    assert "RecursionError" in told.err
    assert "of the upstreams that answered" in told.out


def test_a_key_file_that_cannot_be_read_hides_no_other(
    project: Project, nvidia: Nvidia, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apt(project, nvidia)
    bad = tmp_path / "bad.pub"
    bad.write_bytes(b"\0\xff no key")
    project.add("upstream", name="bad", type="apt", url=nvidia.apt_url, keys=["A" * 40], keyrings=[str(bad)])
    found = project.run("trust", "list", check=False)
    assert found.rc == 3
    assert f"cannot be read: {bad}: not an OpenPGP public key" in found.out
    assert "cudatools" in found.out
