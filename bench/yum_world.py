"""600 signed rpms, 247 MB, as a yum repository: a few runs of rpmbuild that make many packages each."""

from __future__ import annotations

import concurrent.futures
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.process import clean_env, run
from simulator.rpms import sign_rpms
from simulator.yum import YumRepo

PACKAGES, TOTAL = 600, 247_000_000
PINNED = ("pinned-a", "pinned-b", "pinned-c")
NEEDED = tuple(f"needed-{number}" for number in range(6))
PINNED_TOTAL = 54_000_000
_RUNS = 4
_NOISE = random.Random(2).randbytes(16 << 20)
_HEAD = """\
Name: run-{number}
Version: 1.0
Release: 1
Summary: bench
License: bench
AutoReqProv: no
%description
bench
"""
_PACKAGE = """\
%package -n {name}
Summary: {name}
AutoReqProv: no
{needs}%description -n {name}
{name}
%files -n {name}
/usr/share/bench/{name}
"""


@dataclass(frozen=True)
class Package:
    """A package to make: its name, what it requires, and the bytes of its one file."""

    name: str
    requires: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class YumWorld:
    """The repository on disk, and what clients have to be told about it."""

    root: Path
    armored: Path
    fingerprint: str
    rpms: tuple[Path, ...]


def make_yum_world(folder: Path, keys: KeyHome, *, packages: int = PACKAGES, total: int = TOTAL) -> YumWorld:
    """Build, sign and publish ``packages`` rpms of ``total`` bytes below ``folder/www/yum``."""
    key = keys.generate("bench <bench@example.com>")
    repo = YumRepo(folder / "www/yum", keys, key)
    made = list(_packages(packages, total))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(_build, folder, n, made[n::_RUNS], repo.folder) for n in range(_RUNS)]
        concurrent.futures.wait(runs)
        rpms = sorted(path for run_ in runs for path in run_.result())
        list(pool.map(lambda some: _sign(some, keys, key), [rpms[::2], rpms[1::2]]))
    repo.old = 0
    repo.publish()
    armored = folder / "bench-yum.pub"
    armored.write_bytes(key.armored)
    return YumWorld(folder / "www", armored, key.fingerprint, tuple(rpms))


def _sign(rpms: Sequence[Path], keys: KeyHome, key: Key) -> None:
    sign_rpms(rpms, keys, key, digest="sha256")


def _packages(count: int, total: int) -> Iterator[Package]:
    """Give the pinned packages with what they need, then others with sizes spread like a real repository's."""
    closure = len(PINNED) + len(NEEDED)
    share = PINNED_TOTAL * total // TOTAL
    for number, name in enumerate(PINNED):
        yield Package(name, NEEDED[2 * number : 2 * number + 2], share // closure)
    for name in NEEDED:
        yield Package(name, (), share // closure)
    spread = random.Random(1)
    weights = [spread.lognormvariate(0, 1.5) for _ in range(count - closure)]
    scale = (total - share) / sum(weights)
    for number, weight in enumerate(weights):
        yield Package(f"package-{number:04d}", (), int(weight * scale))


def _build(folder: Path, number: int, packages: Sequence[Package], into: Path) -> list[Path]:
    """Build the packages in one run of rpmbuild, uncompressed: noise does not get smaller."""
    top = folder / f"rpmbuild-{number}"
    tree = top / "tree/usr/share/bench"
    tree.mkdir(parents=True)
    for one in packages:
        _write_noise(tree / one.name, one.size)
    spec = top / "bench.spec"
    spec.write_text(_spec(number, packages, top / "tree"))
    defined = {
        "_topdir": top, "_rpmdir": into, "_binary_payload": "w0.gzdio", "debug_package": "%{nil}",
        "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", "__os_install_post": "%{nil}",
    }  # fmt: skip
    options = [part for name, text in defined.items() for part in ("--define", f"{name} {text}")]
    run("rpmbuild", "-bb", "--quiet", "--target", "x86_64", *options, spec, env=clean_env(HOME=str(top)), timeout=600)
    return [into / f"{one.name}-1.0-1.x86_64.rpm" for one in packages]


def _write_noise(path: Path, size: int) -> None:
    start = random.Random(path.name).randrange(len(_NOISE))
    with path.open("wb") as out:
        while size > 0:
            size -= out.write(_NOISE[start : start + size])
            start = 0


def _spec(number: int, packages: Sequence[Package], tree: Path) -> str:
    text = _HEAD.format(number=number)
    for one in packages:
        needs = "".join(f"Requires: {name} >= 1.0\n" for name in one.requires)
        text += _PACKAGE.format(name=one.name, needs=needs)
    return text + f"%install\nmkdir -p %{{buildroot}}\ncp -a {tree}/. %{{buildroot}}/\n"


def access_log(folder: Path) -> int:
    """Return how many requests nginx has answered since it started in ``folder``."""
    log = folder / "nginx/access.log"
    return len(log.read_text().splitlines()) if log.exists() else 0
