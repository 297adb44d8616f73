"""Publishes yum repositories as NVIDIA's scripts do (createrepo_c, modifyrepo_c, gpg), step by step.

As with apt, publication is made of steps a test can take one by one, because NVIDIA's ``repomd.xml.asc`` follows
``repomd.xml`` by many minutes. :class:`Rhel` is the world of the tests: cuDNN for rhel8, signed by two keys.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType

import zstandard

from simulator.apt import Publisher
from simulator.cudnn import CudnnRelease
from simulator.keys import Key, KeyHome
from simulator.process import run
from simulator.rpms import Rpm, cudnn_rpms, sign_rpms, simple_rpm, write_rpm
from simulator.server import Server

YUM_PATH = "/compute/cuda/repos/rhel8/x86_64"
ODD_NAME = "NsightSystems-linux-public-2019.3.7.5-3837e03.rpm"
RELEASES = (("7.6.5.32", "10.2"), ("8.0.5.39", "10.2"), ("8.0.5.39", "11.1"), ("8.2.4.15", "11.4"), ("9.5.1.17", "12"))
DRIVERS = (("latest-dkms", "0123456789", "455.45.01"), ("460", "abcdef0123", "460.32.03"))
MODULES = """\
---
document: modulemd
version: 2
data:
  name: nvidia-driver
  stream: {stream}
  version: 20260101000000
  context: "{context}"
  arch: x86_64
  summary: NVIDIA driver
  description: >-
    NVIDIA driver, {stream}
  license:
    module: [MIT]
  profiles:
    default:
      rpms: [nvidia-driver]
  artifacts:
    rpms:
    - {artifact}
...
"""
DEFAULTS = """\
---
document: modulemd-defaults
version: 1
data:
  module: nvidia-driver
  stream: latest-dkms
  profiles:
    latest-dkms: [default]
...
"""
UPDATEINFO = """\
<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="nvidia" status="final" type="enhancement" version="1"><id>NV-1</id><title>cuDNN</title>
<issued date="2020-11-06 00:00:00"/><pkglist><collection short="cuda"><name>cuda</name>
<package name="libcudnn8" version="8.0.5.39" release="1.cuda11.1" epoch="0" arch="x86_64">
<filename>libcudnn8-8.0.5.39-1.cuda11.1.x86_64.rpm</filename></package>
<package name="libcudnn7" version="7.6.5.32" release="1.cuda10.2" epoch="0" arch="x86_64">
<filename>libcudnn7-7.6.5.32-1.cuda10.2.x86_64.rpm</filename></package>
</collection></pkglist></update></updates>
"""
COMPS = """\
<?xml version="1.0" encoding="UTF-8"?>
<comps><group><id>cudnn</id><name>cuDNN</name><description>cuDNN</description><default>false</default>
<uservisible>true</uservisible><packagelist><packagereq type="mandatory">libcudnn8</packagereq>
<packagereq type="optional">libcudnn7</packagereq></packagelist></group></comps>
"""


class YumRepo(Publisher):
    """A repository in ``folder``: rpms flat beside ``repodata/``.

    Attributes:
        compression: of the metadata: gz, xz, bz2 or zst.
        database: whether there is sqlite beside xml.
        documents: further metadata by type (``modules``, ``updateinfo``, ``group``, ``appstream``), as text.
        old: generations of metadata that stay in the folder beside the live ones.
    """

    def __init__(self, folder: Path, keys: KeyHome, key: Key) -> None:
        super().__init__()
        self.folder, self.keys, self.key = folder, keys, key
        self.compression, self.database, self.old = "gz", True, 20
        self.documents: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pub_name(self) -> str:
        """Name of the key file beside the packages: the last eight hex digits, upper case, as in rhel8."""
        return f"{self.key.fingerprint[-8:]}.pub"

    @property
    def repomd(self) -> Path:
        """The root."""
        return self.folder / "repodata" / "repomd.xml"

    def at(self, folder: Path, keys: KeyHome) -> YumRepo:
        """Return the same repository in another folder (already copied there)."""
        other = YumRepo(folder, keys, self.key)
        other.documents, other.clock = dict(self.documents), self.clock
        other.compression, other.database = self.compression, self.database
        return other

    def add(self, *rpms: Path, name: str = "") -> None:
        """Copy rpms into the folder, under another file name where one is given."""
        for rpm in rpms:
            self.put(self.folder / (name or rpm.name), rpm.read_bytes())

    def publish(self) -> None:
        """Write metadata and signature."""
        self.write_metadata()
        self.sign()

    def write_metadata(self) -> None:
        """Write ``repodata/`` over the rpms as they are now; the signature is left as it is: NVIDIA's gap."""
        self.tick()
        stamp = int(self.clock.timestamp())
        kept = {path.name: path.read_bytes() for path in self.repomd.parent.glob("repomd.xml.*")}
        run(
            "createrepo_c", "--quiet", "--revision", str(stamp), "--set-timestamp-to-revision", "--workers", "1",
            f"--general-compress-type={self.compression.replace('zst', 'gz')}", f"--retain-old-md={self.old}",
            "--database" if self.database else "--no-database", self.folder,
        )  # fmt: skip
        if self.compression == "zst":
            _to_zst(self.repomd)
        for kind, text in self.documents.items():
            document = self.folder / f"{kind}.{'yaml' if kind == 'modules' else 'xml'}"
            document.write_text(text)
            run("modifyrepo_c", "--mdtype", kind, "--compress-type=gz", document, self.repomd.parent)
            document.unlink()
        for name, data in kept.items():
            (self.repomd.parent / name).write_bytes(data)
        for path in self.repomd.parent.iterdir():
            os.utime(path, (stamp, stamp))

    def sign(self, key: Key | None = None, *, when: str = "", digest: str = "SHA512") -> None:
        """Write repomd.xml.asc by ``key``, repomd.xml.key and the ``.pub`` file."""
        self.tick()
        signature = self.keys.detach(self.repomd.read_bytes(), key or self.key, when=when, digest=digest)
        self.put(self.repomd.with_name("repomd.xml.asc"), signature)
        self.put(self.repomd.with_name("repomd.xml.key"), self.key.armored)
        self.put(self.folder / self.pub_name, self.key.armored)

    def metadata(self, kind: str) -> Path:
        """Return the live metadata file of a type (``primary``, ``modules``)."""
        text = self.repomd.read_text()
        part = text.split(f'<data type="{kind}">', 1)[1]
        return self.folder / part.split('href="', 1)[1].split('"', 1)[0]


def _to_zst(repomd: Path) -> None:
    """Recompress the xml of a repository: Debian 12's createrepo_c knows no Zstandard, newer Fedoras use it."""
    text = repomd.read_text()
    for path in repomd.parent.glob("*.xml.gz"):
        if path.name in text:
            before, data = path.read_bytes(), zstandard.compress(gzip.decompress(path.read_bytes()))
            digest, stem = hashlib.sha256(data).hexdigest(), path.name.split("-", 1)[1].removesuffix(".gz")
            text = text.replace(f"<size>{len(before)}</size>", f"<size>{len(data)}</size>")
            text = text.replace(path.name, f"{digest}-{stem}.zst").replace(path.name.split("-")[0], digest)
            (path.parent / f"{digest}-{stem}.zst").write_bytes(data)
    repomd.write_text(text)


@dataclass(frozen=True)
class RpmFiles:
    """The rpms of the world, by name-version-release."""

    files: dict[str, Path]

    def __getitem__(self, nvr: str) -> Path:
        return self.files[nvr]


class RhelArtifacts:
    """Everything of the yum world that takes time, built once into ``folder``.

    Attributes:
        key: signs the metadata and all rpms but libcudnn7.
        old_key: the key before; it signed libcudnn7's.
        other_key: a good key that nobody pinned.
    """

    def __init__(self, folder: Path) -> None:
        self.site, self.files = folder / "site", folder / "rpms"
        self.files.mkdir(parents=True)
        self.keys = KeyHome()
        self.key = self.keys.generate("cudatools <cudatools@example.com>")
        self.old_key = self.keys.generate("cudatools 2016 <cudatools@example.com>")
        self.other_key = self.keys.generate("stranger <stranger@example.com>")
        self.rpms = RpmFiles({rpm.file_name.removesuffix(".rpm"): write_rpm(rpm, self.files) for rpm in _world()})
        old = [path for name, path in self.rpms.files.items() if name.startswith("libcudnn7")]
        sign_rpms(old, self.keys, self.old_key)
        sign_rpms([path for path in self.rpms.files.values() if path not in old], self.keys, self.key)
        self.repo = self._publish()

    def _publish(self) -> YumRepo:
        repo = YumRepo(self.site / YUM_PATH.lstrip("/"), self.keys, self.key)
        for path in self.rpms.files.values():
            repo.add(path, name=ODD_NAME if path.name.startswith("NsightSystems") else "")
        artifacts = [f"nvidia-driver-3:{version}-1.el8.x86_64" for version in ("455.45.01", "460.32.03")]
        modules = [
            MODULES.format(stream=stream, context=context, artifact=artifact)
            for stream, context, artifact in zip(
                ("latest-dkms", "460"), ("0123456789", "abcdef0123"), artifacts, strict=True
            )
        ]
        repo.documents = {"modules": "".join([*modules, DEFAULTS]), "updateinfo": UPDATEINFO, "group": COMPS}
        repo.publish()
        return repo


def _world() -> list[Rpm]:
    """Return what the repository holds: three cuDNN majors, meta packages, a driver in module streams, odd ones."""
    releases = [
        ("7.6.5.32", "10.2"),
        ("8.0.5.39", "10.2"),
        ("8.0.5.39", "11.1"),
        ("8.2.4.15", "11.4"),
        ("9.5.1.17", "12"),
    ]
    rpms = [rpm for version, cuda in releases for rpm in cudnn_rpms(CudnnRelease(version, cuda))]
    rpms += cudnn_rpms(CudnnRelease("8.0.5.39", "11.1", "aarch64"))
    driver = [
        simple_rpm("nvidia-driver", version, "1.el8", "x86_64", "Epoch: 3", f"ModularityLabel: {label}")
        for stream, context, version in DRIVERS
        for label in [f"nvidia-driver:{stream}:20260101000000:{context}"]
    ]
    return [
        *rpms, *driver,
        simple_rpm("cudnn", "9.5.1", "1", "x86_64", "Requires: cudnn9 >= 9.5.1"),
        simple_rpm("cudnn9", "9.5.1", "1", "x86_64", "Requires: cudnn9-cuda-12 >= 9.5.1.17"),
        simple_rpm("cudnn9-cuda-12", "9.5.1.17", "1", "x86_64", "Requires: libcudnn9-devel-cuda-12 >= 9.5.1.17",
                   "Requires: libcudnn9-static-cuda-12 >= 9.5.1.17"),
        simple_rpm("cuda-toolkit-config-common", "12.4.1", "1", "noarch"),
        simple_rpm("app", "1.0", "1", "x86_64", "Requires: (libcudnn9 or libcudnn8)",
                   "Requires: /usr/share/doc/cudnn/README",
                   "Requires: glibc"),
        simple_rpm("libstuff++", "1.0+git1", "1", "x86_64"),
        simple_rpm("NsightSystems", "2019.3.7.5", "3837e03", "x86_64"),
    ]  # fmt: skip


class Rhel:
    """NVIDIA's rhel8 for one test: a site of its own under ``folder`` and a server over it (a context manager)."""

    def __init__(self, artifacts: RhelArtifacts, folder: Path) -> None:
        self.artifacts, self.folder, self.root = artifacts, folder, folder / "site"
        shutil.copytree(artifacts.site, self.root)
        self.keys, self.key, self.old_key, self.other_key = (
            artifacts.keys, artifacts.key, artifacts.old_key, artifacts.other_key,
        )  # fmt: skip
        self.repo = artifacts.repo.at(self.root / YUM_PATH.lstrip("/"), self.keys)
        self.key_file, self.old_key_file = folder / "D42D0685.pub", folder / "7fa2af80.pub"
        self.key_file.write_bytes(self.key.armored)
        self.old_key_file.write_bytes(self.old_key.armored)
        self.server = Server(self.root)

    def __enter__(self) -> Rhel:
        self.server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.server.__exit__(kind, e, tb)

    @cached_property
    def path(self) -> str:
        """Path of the repository on the server, without a slash at the end (for faults)."""
        return YUM_PATH

    @property
    def url(self) -> str:
        """URL of the repository, with a slash at the end."""
        return f"{self.server.url}{YUM_PATH}/"

    def rpm(self, nvra: str) -> Path:
        """Return the published file of an rpm."""
        return self.repo.folder / f"{nvra}.rpm"
