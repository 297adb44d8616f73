"""Builds many small rpms in a few runs of rpmbuild: each spec makes all that have different names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.cudnn import EPOCH
from simulator.process import clean_env, run

_HEAD = """\
Name: family-{number}
Version: 1
Release: 1
Summary: stand-in
License: stand-in
AutoReqProv: no
%description
Stand-in.
%install
"""


@dataclass(frozen=True)
class Small:
    """A package with a few short files.

    Attributes:
        tags: further lines of its head: ``Requires: x``.
        files: paths; each holds the package's own name and version, unless it ends in a slash: a folder.
    """

    name: str
    version: str = "1"
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    release: str = "1"
    arch: str = "x86_64"

    @property
    def file_name(self) -> str:
        """``name-version-release.arch.rpm``."""
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"


def small(name: str, version: str = "1", *tags: str, files: Sequence[str] = (), arch: str = "x86_64") -> Small:
    """Return a package; ``version`` may have a release behind a dash, tags are written as ``Requires: x``."""
    number, _, release = version.partition("-")
    return Small(name, number, tags, tuple(files), release or "1", arch)


def write_many(rpms: Iterable[Small], folder: Path) -> list[Path]:
    """Build the packages into ``folder``, unsigned."""
    folder.mkdir(parents=True, exist_ok=True)
    rounds: list[dict[tuple[str, str], Small]] = []
    every = list(rpms)
    for one in every:
        machine = "x86_64" if one.arch == "noarch" else one.arch
        place = next((each for each in rounds if _fits(each, one, machine)), None)
        if place is None:
            place = {}
            rounds.append(place)
        place[one.name, machine] = one
    for number, each in enumerate(rounds):
        _build(number, list(each.values()), next(machine for _, machine in each), folder)
    return [folder / one.file_name for one in every]


def _fits(there: dict[tuple[str, str], Small], one: Small, machine: str) -> bool:
    return all(name != one.name and other == machine for name, other in there)


def _build(number: int, rpms: Sequence[Small], machine: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="rpms-") as name:
        spec = Path(name) / "family.spec"
        spec.write_text(_spec(number, rpms))
        defined = {
            "_topdir": name, "_rpmdir": str(folder), "_binary_payload": "w1.gzdio", "debug_package": "%{nil}",
            "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", "_buildhost": "localhost",
            "__os_install_post": "%{nil}", "_binary_filedigest_algorithm": "8",
            "use_source_date_epoch_as_buildtime": "1", "clamp_mtime_to_source_date_epoch": "1",
        }  # fmt: skip
        options = [part for key, text in defined.items() for part in ("--define", f"{key} {text}")]
        env = clean_env(SOURCE_DATE_EPOCH=str(EPOCH), HOME=name)
        run("rpmbuild", "-bb", "--quiet", "--target", machine, *options, spec, env=env, timeout=300)


def _spec(number: int, rpms: Sequence[Small]) -> str:
    made = _HEAD.format(number=number)
    for one in rpms:
        made += "".join(_made(one, path) for path in _paths(one))
    return made + "".join(map(_package, rpms))


def _paths(one: Small) -> tuple[str, ...]:
    return one.files or (f"/usr/share/doc/{one.name}/README",)


def _made(one: Small, path: str) -> str:
    if path.endswith("/"):
        return f'mkdir -p "%{{buildroot}}{path}"\n'
    folder = path.rpartition("/")[0]
    return f'mkdir -p "%{{buildroot}}{folder}"\necho {one.name} {one.version} > "%{{buildroot}}{path}"\n'


def _package(one: Small) -> str:
    head = f"%package -n {one.name}\nVersion: {one.version}\nRelease: {one.release}\nSummary: stand-in\n"
    head += "AutoReqProv: no\n" + ("BuildArch: noarch\n" if one.arch == "noarch" else "")
    head += "".join(f"{tag}\n" for tag in one.tags)
    files = "".join(f"%dir {path}\n" if path.endswith("/") else f"{path}\n" for path in _paths(one))
    return f"{head}%description -n {one.name}\nStand-in.\n%files -n {one.name}\n{files}"
