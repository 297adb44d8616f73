"""Writes the debs of a stand-in cuDNN release with the real ``dpkg-deb``, maintainer scripts and all.

``-dev`` ships only ``_v8.h`` and ``_static_v8.a`` names; ``cudnn.h`` and ``libcudnn.so`` are made by
``update-alternatives`` in its postinst, as NVIDIA did it up to cuDNN 9.9; those of today are in
:mod:`simulator.debs_today`. Each deb can get NVIDIA's extra ``_gpgbuilder``
member behind the three that dpkg knows.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from simulator.built import kept
from simulator.cudnn import EPOCH, CudnnRelease, Parts, parts
from simulator.process import clean_env, run
from simulator.samples import sample_files

Clearsign = Callable[[bytes], bytes]
_LARGE = 1_000_000
"""Bytes from which on a deb is built each time."""

ARCH = {"x86_64": ("amd64", "x86_64-linux-gnu"), "aarch64": ("arm64", "aarch64-linux-gnu"),
         "ppc64le": ("ppc64el", "powerpc64le-linux-gnu")}  # fmt: skip


@dataclass
class Deb:
    """What one deb shall hold.

    Attributes:
        files: absolute path → content, or target of a symbolic link.
        fields: control fields in order, Package, Version and Architecture among them.
        scripts: control members by name (``postinst``, ``prerm``, ``triggers``).
    """

    fields: dict[str, str]
    files: dict[str, bytes | str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """``name_version_arch.deb``; an epoch is not part of it."""
        version = self.fields["Version"].split(":", 1)[-1]
        return f"{self.fields['Package']}_{version}_{self.fields['Architecture']}.deb"


def write_debs(release: CudnnRelease, folder: Path, sign: Clearsign | None = None) -> tuple[Path, ...]:
    """Write runtime, development and samples debs of ``release`` into ``folder`` and return their paths."""
    return tuple(write_deb(deb, folder, sign) for deb in cudnn_debs(release))


def simple_deb(package: str, version: str, arch: str = "amd64", **more: str) -> Deb:
    """Return a deb with nothing but a documentation file; ``more`` are control fields (``Depends``, …)."""
    fields = {
        "Package": package, "Version": version, "Architecture": arch, "Priority": "optional",
        "Section": "multiverse/devel", "Maintainer": "cudatools <cudatools@nvidia.com>",
        **{name.replace("_", "-"): text for name, text in more.items()},
    }  # fmt: skip
    fields.setdefault("Description", f"stand-in for {package}\n A package for tests.")
    return Deb(fields, {f"/usr/share/doc/{package}/README": f"{package} {version}\n".encode()})


def write_deb(deb: Deb, folder: Path, sign: Clearsign | None = None) -> Path:
    """Build ``deb`` into ``folder``; with ``sign``, append the ``_gpgbuilder`` member it makes."""
    target = folder / deb.file_name
    small = sum(map(len, deb.files.values())) < _LARGE
    data = kept(repr(deb), lambda: _built(deb)) if small else _built(deb)
    target.write_bytes(with_gpgbuilder(data, sign) if sign else data)
    return target


def _built(deb: Deb) -> bytes:
    with tempfile.TemporaryDirectory(prefix="deb-") as name:
        tree = Path(name) / "tree"
        _write_tree(deb, tree)
        file = Path(name) / "built.deb"
        env = clean_env(SOURCE_DATE_EPOCH=str(EPOCH))
        run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, file, env=env)
        return file.read_bytes()


def _write_tree(deb: Deb, tree: Path) -> None:
    for name, content in deb.files.items():
        path = tree / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)
            path.chmod(0o755 if name.endswith(".sh") else 0o644)
    control = tree / "DEBIAN"
    control.mkdir()
    for name, text in {**deb.scripts, **_control(deb)}.items():
        (control / name).write_text(text)
        (control / name).chmod(0o755 if name in ("preinst", "postinst", "prerm", "postrm") else 0o644)
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    tree.chmod(0o755)
    os.utime(tree, (EPOCH, EPOCH))


def _control(deb: Deb) -> dict[str, str]:
    contents = {name: data for name, data in deb.files.items() if isinstance(data, bytes)}
    size = sum(-(-len(data) // 1024) for data in contents.values())
    fields = dict(deb.fields)
    description = fields.pop("Description")
    fields.setdefault("Installed-Size", str(size))
    lines = [*(f"{name}: {text}" for name, text in fields.items()), f"Description: {description}"]
    sums = "".join(
        f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {name.lstrip('/')}\n"
        for name, data in contents.items()
    )
    return {"control": "\n".join(lines) + "\n", "md5sums": sums}


def cudnn_debs(release: CudnnRelease) -> list[Deb]:
    """Return what the debs of ``release`` hold, in the order NVIDIA publishes them."""
    if release.is_dispatched:
        from simulator.debs_today import debs_today

        return debs_today(release)
    runtime, development, samples = _package_names(release)
    return [_runtime(release, runtime), _development(release, development, runtime), _samples(release, samples)]


def _runtime(release: CudnnRelease, name: str) -> Deb:
    deb = _deb(release, name, "cuDNN runtime libraries")
    deb.files |= _runtime_files(parts(release))
    deb.scripts["triggers"] = "activate-noawait ldconfig\n"
    if release.major >= 9:
        deb.fields["Provides"] = f"libcudnn{release.major}"
    return deb


def _development(release: CudnnRelease, name: str, runtime: str) -> Deb:
    deb = _deb(release, name, "cuDNN development libraries and headers")
    deb.fields["Depends"] = f"{runtime} (= {deb_version(release)})"
    deb.files |= _development_files(parts(release))
    deb.scripts |= _alternatives(parts(release))
    return deb


def _samples(release: CudnnRelease, name: str) -> Deb:
    deb = _deb(release, name, "cuDNN documents and samples")
    deb.fields["Depends"] = f"{_package_names(release)[1]} (= {deb_version(release)})"
    deb.files |= sample_files(release)
    return deb


def _package_names(release: CudnnRelease) -> tuple[str, str, str]:
    base = f"libcudnn{release.major}"
    if release.major >= 9:
        return f"{base}-cuda-{release.cuda_major}", f"{base}-dev-cuda-{release.cuda_major}", f"{base}-samples"
    return base, f"{base}-dev", f"{base}-{'doc' if release.major == 7 else 'samples'}"


def deb_version(release: CudnnRelease) -> str:
    """Return the Debian version: ``8.0.5.39-1+cuda11.1``, or ``9.12.0.46-1``."""
    return f"{release.version}-1" + ("" if release.major >= 9 else f"+cuda{release.cuda_full}")


def _deb(release: CudnnRelease, package: str, summary: str) -> Deb:
    fields = {"Description": f"{summary}\n Stand-in files for tests of cuDNN packaging."}
    deb = simple_deb(package, deb_version(release), ARCH[release.machine][0], **fields)
    changelog = f"{package} ({deb_version(release)}) unstable; urgency=low\n\n  * Stand-in.\n"
    deb.files = {
        f"/usr/share/doc/{package}/changelog.Debian.gz": gzip.compress(changelog.encode(), mtime=0),
        f"/usr/share/doc/{package}/copyright": parts(release).licence,
        f"/usr/share/lintian/overrides/{package}": f"{package}: embedded-library\n".encode(),
    }
    return deb


def _folder(release: CudnnRelease) -> str:
    return f"/usr/lib/{ARCH[release.machine][1]}"


def _runtime_files(made: Parts) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for stem, (full, data) in zip(made.stems, made.libraries.items(), strict=True):
        files[f"{_folder(made.release)}/{full}"] = data
        files[f"{_folder(made.release)}/{stem}.so.{made.release.major}"] = full
    return files


def _development_files(made: Parts) -> dict[str, bytes | str]:
    release, include = made.release, f"/usr/include/{ARCH[made.release.machine][1]}"
    files: dict[str, bytes | str] = {
        f"{include}/{stem}_v{release.major}.h": text for stem, text in made.headers.items()
    }
    statics = {f"{_folder(release)}/{stem}_static_v{release.major}.a": data for stem, data in made.statics.items()}
    return files | statics


def _alternatives(made: Parts) -> dict[str, str]:
    """Return postinst and prerm: one group ``libcudnn`` with cudnn.h as master, everything else as slaves."""
    release, include = made.release, f"/usr/include/{ARCH[made.release.machine][1]}"
    major, lib = release.major, _folder(release)
    slaves = [(f"{lib}/{stem}.so", f"{stem}_so", f"{lib}/{stem}.so.{major}") for stem in made.stems]
    slaves += [(f"{lib}/{s}_static.a", f"{s}_stlib", f"{lib}/{s}_static_v{major}.a") for s in made.statics]
    slaves += [
        (f"/usr/include/{stem}.h", f"{stem}_h", f"{include}/{stem}_v{major}.h")
        for stem in made.headers if stem != "cudnn"
    ]  # fmt: skip
    master = f"{include}/cudnn_v{major}.h"
    install = [f"update-alternatives --install /usr/include/cudnn.h libcudnn {master} {major}0"]
    install += [f"    --slave {link} {name} {path}" for link, name, path in slaves]
    head = "#!/bin/sh\nset -e\n"
    return {
        "postinst": head + 'if [ "$1" = configure ]; then\n' + " \\\n".join(install) + "\nfi\nexit 0\n",
        "prerm": head + f'if [ "$1" != upgrade ]; then\nupdate-alternatives --remove libcudnn {master}\nfi\nexit 0\n',
    }


def with_gpgbuilder(deb: bytes, sign: Clearsign) -> bytes:
    """Return ``deb`` with a clearsigned list of its members appended as ``_gpgbuilder``."""
    lines = [
        f"\t{hashlib.md5(data, usedforsecurity=False).hexdigest()} "
        f"{hashlib.sha1(data, usedforsecurity=False).hexdigest()} {len(data)} {name}"
        for name, data in ar_members(deb)
    ]
    text = "Version: 4\nSigner: stand-in\nDate: Fri Nov  6 00:00:00 2020\nRole: builder\nFiles: \n" + "\n".join(lines)
    body = sign(text.encode() + b"\n")
    head = f"{'_gpgbuilder':<16}{EPOCH:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n".encode()
    return deb + head + body + (b"\n" if len(body) % 2 else b"")


def ar_members(archive: bytes) -> list[tuple[str, bytes]]:
    """Return name and content of every member of an ``ar`` archive."""
    found, at = [], 8
    while at < len(archive):
        name, size = archive[at : at + 16].decode().strip().rstrip("/"), int(archive[at + 48 : at + 58])
        found.append((name, archive[at + 60 : at + 60 + size]))
        at += 60 + size + size % 2
    return found
