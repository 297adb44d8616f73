"""A user's files as releases to make packages from: what each is, and a configuration that pins them."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.config.config import Config, Pin
from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.ecosystems import Output
from cudepot.catalog.fields import Table
from cudepot.catalog.nvidia.release_names import is_meta, parse_artifact_name
from cudepot.depot.nvidia_catalog import load_catalog
from cudepot.digest import Digest
from cudepot.errors import ConfigError, PinError
from cudepot.formats.release import Release
from cudepot.kinds.registry import OF_FILES, parse_upstream

_EXAMPLES = {
    ".tgz": ("archives", "cudnn-11.1-linux-x64-v8.0.5.39.tgz"),
    ".xz": ("archives", "cudnn-linux-x86_64-9.12.0.46_cuda13-archive.tar.xz"),
    ".zip": ("archives", "cudnn-windows-x86_64-9.12.0.46_cuda13-archive.zip"),
    ".deb": ("debs", "libcudnn8_8.0.5.39-1+cuda11.1_amd64.deb or libcudnn9-cuda-13_9.12.0.46-1_amd64.deb"),
    ".rpm": ("rpms", "libcudnn8-8.0.5.39-1.cuda11.1.x86_64.rpm or libcudnn9-cuda-13-9.12.0.46-1.x86_64.rpm"),
    ".whl": ("wheels", "nvidia_cudnn_cu13-9.12.0.46-py3-none-manylinux_2_27_x86_64.whl"),
}
_TAKEN = "tgz, tar.xz, zip, deb, rpm and whl files of cuDNN, cuBLAS and NVRTC are supported"


class Loose(NamedTuple):
    """A file, and the release that its bytes or its name say it is of; links are followed."""

    path: Path
    release: Release

    @property
    def form(self) -> str:
        """``archives``, ``debs``, ``rpms`` or ``wheels``: files of one release in two forms make it twice."""
        return _EXAMPLES.get(self.path.suffix, ("archives", ""))[0]


def recognised(paths: Iterable[Path]) -> tuple[tuple[Loose, ...], tuple[str, ...]]:
    """Return what the files are, those of folders included, and a line for each that is left out.

    Raises:
        ConfigError: there is no such file.
        PinError: a file that was named is nothing packages are made of, or no file of a folder is.
    """
    found: dict[Path, Loose] = {}
    notes = []
    for path in paths:
        files = _files(path)
        of_kind = [one for one in files if one == path or one.suffix in _EXAMPLES]  # downloads may be large and many
        if len(of_kind) < len(files):
            notes.append(f"{path}: skipped files of other kinds: {len(files) - len(of_kind)}")
        for file in of_kind:
            if one := _recognised(file):
                found[one.path] = one
            elif path.is_dir() or is_meta(_package(file)):
                notes.append(f"{file}: skipped: {_why_not(file)}")
            else:
                raise _unknown(file)
    if not found:
        raise PinError("packages cannot be built from any of these files", hint=_TAKEN)
    return tuple(found.values()), tuple(notes)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(one for one in path.iterdir() if one.is_file())
    if not path.is_file():
        raise ConfigError(f"{path}: no such file", hint="name downloaded files, or a folder of them")
    return [path]


def _recognised(path: Path) -> Loose | None:
    """Return what a file is: its name says it quickly, its bytes say it of files that were renamed."""
    path = path.resolve()
    release = parse_artifact_name(path.name)
    if release is None:
        with path.open("rb") as handle:
            known = load_catalog().identify(Digest.of_stream(handle).sha256)
        release = known.release if known else None
    return Loose(path, release) if release else None


def _package(path: Path) -> str:
    """Return the name of the deb or rpm that a file is called after; empty for another file."""
    return {".deb": path.name.partition("_")[0], ".rpm": path.name.rsplit("-", 2)[0]}.get(path.suffix, "")


def _why_not(path: Path) -> str:
    if is_meta(_package(path)):
        return "it only depends on other packages"
    return "neither its name nor its content says which release it is"


def _unknown(path: Path) -> PinError:
    if {"local", "repo"} <= set(_package(path).split("-")):
        quoted = shlex.quote(str(path))
        unpack = f"dpkg-deb -x {quoted} unpacked" if path.suffix == ".deb" else f"rpm2cpio {quoted} | cpio -id"
        hint = f"it is an installer with packages in it: `{unpack}`, then name the folder below var/ that holds them"
        return PinError(f"{path}: contains packages but is not one", hint=hint)
    example = _EXAMPLES.get(path.suffix, ("", ""))[1]
    hint = f"NVIDIA's names look like {example}: give the file its original name" if example else _TAKEN
    return PinError(f"{path}: {_why_not(path)}", hint=hint)


def configured(base: Config, files: Sequence[Loose], outputs: Sequence[Output], cuda: str = "") -> Config:
    """Return a configuration that wants packages of these files and of nothing else.

    Args:
        base: site and build settings, and accepted licences.
        files: what there is.
        outputs: what is to be made.
        cuda: the CUDA variant, where names say less than there is to know; empty for what they say.
    """
    groups: dict[tuple[str, Path], list[Loose]] = {}
    for one in files:
        groups.setdefault((one.form, one.path.parent), []).append(one)
    upstreams, pins = list[Upstream](), list[Pin]()
    for number, ((form, folder), found) in enumerate(groups.items()):
        name = f"{form}-{number + 1}" if number else form
        upstreams.append(parse_upstream(Table({"name": name, "type": OF_FILES, "path": str(folder)})))
        pins += _pins(name, found, tuple(outputs), cuda)
    return replace(base, upstreams=tuple(upstreams), pins=tuple(pins), environments=())


def _pins(upstream: str, files: Sequence[Loose], outputs: tuple[Output, ...], cuda: str) -> Iterator[Pin]:
    for product in dict.fromkeys(one.release.product for one in files):
        names = tuple(glob.escape(one.path.name) for one in files if one.release.product == product)
        yield Pin(upstream, names, recipe=product, cuda=cuda, outputs=outputs)
