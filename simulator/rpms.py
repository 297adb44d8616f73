"""Makes rpms with NVIDIA's real names and layouts by rpmbuild, and signs them by rpmsign.

The cuDNN rpms of a release carry exactly the bytes of its archive (:class:`simulator.cudnn.Parts`).
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cudepot.formats.rpm_header import read_head
from simulator.cudnn import EPOCH, CudnnRelease, parts
from simulator.keys import Key, KeyHome
from simulator.process import clean_env, run
from simulator.samples import sample_files

_DEFINED = {
    "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", "_buildhost": "localhost",
    "debug_package": "%{nil}",
    "__os_install_post": "%{nil}", "_binary_filedigest_algorithm": "8", "_source_filedigest_algorithm": "8",
    "use_source_date_epoch_as_buildtime": "1", "clamp_mtime_to_source_date_epoch": "1",
}  # fmt: skip
COMPRESSION = {"gz": "w6.gzdio", "xz": "w2.xzdio", "zst": "w3.zstdio", "bz2": "w9.bzdio", "none": "w0.gzdio"}


@dataclass
class Rpm:
    """What one rpm shall hold.

    Attributes:
        files: absolute path → content, or target of a symbolic link.
        tags: further lines of the spec's head (``Requires: x``), in order.
        compression: of the payload, a key of ``COMPRESSION``.
        scripts: sections of the spec by name (``post``).
    """

    name: str
    version: str
    release: str = "1"
    arch: str = "x86_64"
    files: dict[str, bytes | str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    compression: str = "xz"
    scripts: dict[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """``name-version-release.arch.rpm``."""
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"


def simple_rpm(name: str, version: str, release: str = "1", arch: str = "x86_64", *tags: str) -> Rpm:
    """Return an rpm with nothing but a documentation file; ``tags`` are lines of its spec."""
    text = f"{name} {version}-{release}\n".encode()
    return Rpm(name, version, release, arch, {f"/usr/share/doc/{name}/README": text}, list(tags), "gz")


def write_rpm(rpm: Rpm, folder: Path) -> Path:
    """Build ``rpm`` into ``folder``, unsigned."""
    with tempfile.TemporaryDirectory(prefix="rpm-") as name:
        top = Path(name)
        _write_tree(rpm, top / "tree")
        spec = top / f"{rpm.name}.spec"
        spec.write_text(_spec(rpm, top / "tree"))
        defined = _DEFINED | {
            "_topdir": str(top), "_rpmdir": str(folder), "_binary_payload": COMPRESSION[rpm.compression],
        }  # fmt: skip
        options = [part for key, text in defined.items() for part in ("--define", f"{key} {text}")]
        env = clean_env(SOURCE_DATE_EPOCH=str(EPOCH), HOME=name)
        run("rpmbuild", "-bb", "--quiet", "--target", rpm.arch, *options, spec, env=env)
    return folder / rpm.file_name


def _write_tree(rpm: Rpm, tree: Path) -> None:
    for name, content in rpm.files.items():
        path = tree / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)
    for path in tree.rglob("*"):
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def _spec(rpm: Rpm, tree: Path) -> str:
    scripts = "".join(f"%{name}\n{text}\n" for name, text in rpm.scripts.items())
    arch = "BuildArch: noarch\n" if rpm.arch == "noarch" else ""
    head = f"Name: {rpm.name}\nVersion: {rpm.version}\nRelease: {rpm.release}\n{arch}"
    head += "Summary: stand-in\nLicense: stand-in\nVendor: NVIDIA Corporation\nAutoReqProv: no\n"
    files = "".join(f'"{name}"\n' for name in rpm.files)
    return (
        head + "".join(f"{tag}\n" for tag in rpm.tags) + "%description\nStand-in files for tests.\n"
        f"%install\nmkdir -p %{{buildroot}}\ncp -a {tree}/. %{{buildroot}}/\n{scripts}%files\n{files}"
    )


def sign_rpms(rpms: Sequence[Path], home: KeyHome, key: Key, *, digest: str = "sha512") -> None:
    """Sign rpms in place by ``key``: the header signature NVIDIA's have."""
    defined = {
        "__gpg": "/usr/bin/gpg", "_gpg_name": key.fingerprint, "_gpg_path": str(home.path), "_gpg_digest_algo": digest,
        "_gpg_sign_cmd_extra_args": "--pinentry-mode loopback --passphrase ''",
    }  # fmt: skip
    options = [part for name, text in defined.items() for part in ("--define", f"{name} {text}")]
    run("rpmsign", *options, "--addsign", *map(str, rpms), env=clean_env(GNUPGHOME=str(home.path)))


def rpm_head(rpm: Rpm) -> bytes:
    """Build ``rpm`` and return all of it before its payload."""
    with tempfile.TemporaryDirectory(prefix="head-") as name:
        data = write_rpm(rpm, Path(name)).read_bytes()
    return data[: read_head(io.BytesIO(data), what=rpm.name).payload]


def rpm_says(path: Path, db: Path, *keys: Key) -> str:
    """Return what the real rpmkeys says of an rpm, knowing ``keys`` only; raise ToolError when it is not content."""
    env = clean_env(HOME=str(db))
    for number, key in enumerate(keys):
        (db / f"{number}.pub").write_bytes(key.armored)
        run("rpmkeys", "--dbpath", db, "--import", db / f"{number}.pub", env=env)
    return run("rpmkeys", "--dbpath", db, "-Kv", path, env=env).stdout


def cudnn_rpms(release: CudnnRelease, compression: str = "xz") -> list[Rpm]:
    """Return what the rpms of ``release`` hold: runtime, -devel and, from cuDNN 9 on, -static and -headers.

    Since 9.14, as with debs, -devel needs -headers, and the packages of two CUDAs exclude each other.
    """
    made, runtime = parts(release), _names(release)[0]
    libraries: dict[str, bytes | str] = {}
    for stem, (full, data) in zip(made.stems, made.libraries.items(), strict=True):
        libraries |= {f"/usr/lib64/{full}": data, f"/usr/lib64/{stem}.so.{release.major}": full}
    sonames = [f"Provides: {stem}.so.{release.major}()(64bit)" for stem in made.stems]
    sonames += [f"Provides: libcudnn{release.major}"] if release.major >= 9 else []
    headers: dict[str, bytes | str] = {f"/usr/include/{stem}.h": text for stem, text in made.headers.items()}
    links: dict[str, bytes | str] = {f"/usr/lib64/{stem}.so": f"{stem}.so.{release.major}" for stem in made.stems}
    statics: dict[str, bytes | str] = {f"/usr/lib64/{stem}_static.a": data for stem, data in made.statics.items()}
    exact = f"Requires: {runtime} = {release.version}-{rpm_release(release)}"
    if release.major < 9:
        contents = [(libraries, [*sonames, "Requires: libc.so.6()(64bit)"]), (headers | links | statics, [exact])]
    else:
        contents = [(libraries, [*sonames, "Requires: libc.so.6()(64bit)"]), (links, [exact]), (statics, [exact]),
                    (headers, [])]  # fmt: skip
    if release.is_dispatched:
        headers |= {f"/usr/include/{stem}_v9.h": text for stem, text in made.headers.items()}
        needs = f"Requires: {_names(release)[3]} = {release.version}-{rpm_release(release)}"
        contents = [
            (files, [*tags, *_excluding(name)]) for name, (files, tags) in zip(_names(release), contents, strict=True)
        ]
        contents[1][1].append(needs)
    return [
        Rpm(name, release.version, rpm_release(release), release.machine, files, tags, compression)
        for name, (files, tags) in zip(_names(release), contents, strict=True)
    ]


def _excluding(name: str) -> list[str]:
    """Return what makes an rpm exclude that of the other CUDA, whose files have the same names."""
    stem, _, cuda = name.rpartition("-cuda-")
    return [f"Conflicts: {stem}-cuda-{ {'12': '13', '13': '12'}[cuda] }"]


def samples_rpm(release: CudnnRelease) -> Rpm:
    """Return the rpm with the samples: the only one that carries the licence text."""
    name = f"libcudnn{release.major}-samples"
    return Rpm(name, release.version, rpm_release(release), release.machine, sample_files(release))


def _names(release: CudnnRelease) -> list[str]:
    if release.major < 9:
        return [f"libcudnn{release.major}", f"libcudnn{release.major}-devel"]
    return [f"libcudnn9{part}-cuda-{release.cuda_major}" for part in ("", "-devel", "-static", "-headers")]


def rpm_release(release: CudnnRelease) -> str:
    """Return the Release tag: ``1.cuda11.1`` up to cuDNN 8, ``1`` from 9 on."""
    return "1" if release.major >= 9 else f"1.cuda{release.cuda_full}"
