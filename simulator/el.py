"""A small Enterprise Linux in several yum repositories of real rpms, and a vendor's beside it, on loopback.

It has what makes solving them together differ from solving each alone: rich dependencies across names, weak ones,
epochs, module streams, packages that replace others, dependencies on files, the same name in two repositories.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType

from simulator.keys import KeyHome
from simulator.rpm_many import Small, small, write_many
from simulator.rpms import sign_rpms
from simulator.server import Server
from simulator.yum import YumRepo

BASE, APPS, UPDATES, VENDOR = "el9/baseos", "el9/appstream", "el9/updates", "vendor/el9"
NAMES = (BASE, APPS, UPDATES, VENDOR)
_GLIBC = "Provides: libc.so.6()(64bit)"
_BASE = (
    small("setup", arch="noarch", files=("/etc/passwd.stand-in",)),
    small("filesystem", "3", "Requires: setup", files=("/usr/share/empty/",)),
    small("basesystem", "11", "Requires: setup", "Requires: filesystem", arch="noarch"),
    small(
        "glibc", "2.34", _GLIBC, "Requires: basesystem", "Requires: glibc-langpack = 2.34", "Recommends: gconv-extra"
    ),
    small("glibc", "2.34", "Provides: libc.so.6", arch="i686"),
    small("glibc-minimal-langpack", "2.34", "Provides: glibc-langpack = 2.34", "Requires: glibc = 2.34"),
    small("glibc-all-langpacks", "2.34", "Provides: glibc-langpack = 2.34", "Requires: glibc = 2.34"),
    small("gconv-extra", "2.34", "Requires: glibc"),
    small("bash", "5.1", "Requires: libc.so.6()(64bit)", files=("/usr/bin/bash.stand-in",)),
    small("coreutils", "8.32", "Requires: libc.so.6()(64bit)", "Requires: openssl-libs"),
    small("openssl-libs", "3.0.1", "Epoch: 1", "Requires: libc.so.6()(64bit)"),
    small("rpm", "4.16", "Requires: bash", "Requires: (rpm-plugin if policy)"),
    small("rpm-plugin", "4.16", "Requires: rpm"),
    small("dnf", "4.14", "Requires: rpm", "Recommends: dnf-extras", arch="noarch"),
    small("dnf-extras", "4.14", arch="noarch"),
    small("el-release", "9.4", "Provides: system-release = 9.4", "Provides: base-module(platform:el9)", arch="noarch"),
    small("gawk", "5.1", "Requires: libc.so.6()(64bit)", files=("/usr/bin/awk",)),
    small("words", "3", files=("/usr/share/dict/words",), arch="noarch"),
)
_APPS = (
    small("viewer", "1", "Requires: libc.so.6()(64bit)"),
    small("plugin", "1", "Requires: (bridge if viewer)"),
    small("bridge", "1", "Requires: bridge-data"),
    small("bridge-data", "1", arch="noarch"),
    small("glue", "1", "Supplements: (viewer and plugin)"),
    small("editor", "2", "Recommends: editor-extras", "Suggests: spelling"),
    small("editor-extras", "2", "Requires: spelling"),
    small("spelling", "1", "Requires: /usr/share/dict/words"),
    small("cron", "1", "Requires: mta"),
    small("postfix", "3", "Provides: mta = 3"),
    small("exim", "4", "Provides: mta = 4"),
    small("oldtool", "1"),
    small("newtool", "2", "Obsoletes: oldtool < 2", "Provides: oldtool = 2"),
    small("reports", "1", "Requires: /usr/bin/awk", "Requires: oldtool >= 1"),
    small("policy", "1"),
    small("libcuda", "1.0", "Requires: libc.so.6()(64bit)"),
    small("gcc", "11.4", "Requires: glibc-devel", "Requires: (gcc-annobin if annobin)"),
    small("glibc-devel", "2.34", "Requires: glibc = 2.34", "Requires: kernel-headers"),
    small("kernel-headers", "5.14"),
    small("annobin", "12"),
    small("gcc-annobin", "11.4", "Requires: gcc"),
    small("picky", "2", "Requires: not-there-at-all"),
    small("picky", "1"),
    small("node", "18.1", "ModularityLabel: node:18:1:aa", "Requires: node-libs = 18.1"),
    small("node-libs", "18.1", "ModularityLabel: node:18:1:aa"),
    small("node", "18.2", "ModularityLabel: node:18:2:aa", "Requires: node-libs = 18.2"),
    small("node-libs", "18.2", "ModularityLabel: node:18:2:aa"),
    small("node", "20.1", "ModularityLabel: node:20:1:bb", "Requires: node-libs = 20.1"),
    small("node-libs", "20.1", "ModularityLabel: node:20:1:bb"),
    small("node", "22.0"),  # of no module: hidden by the active stream
    small("wine", "1", "Requires: libc.so.6"),
)
_UPDATES = (
    small("openssl-libs", "3.0.7", "Epoch: 1", "Requires: libc.so.6()(64bit)"),
    small("openssl-libs", "9.9"),  # no epoch: older than both
    small("viewer", "1.1", "Requires: libc.so.6()(64bit)", "Requires: viewer-data"),
    small("viewer-data", "1.1", arch="noarch"),
)
_VENDOR = (
    small("cuda-toolkit-12-6", "12.6.3", "Requires: cuda-compiler-12-6", "Requires: libcuda >= 1"),
    small("cuda-compiler-12-6", "12.6.3", "Requires: gcc", "Requires: (viewer if editor)"),
    small("libcuda", "3.0", "Epoch: 3", "Requires: libc.so.6()(64bit)"),
    small("exim", "5", "Provides: mta = 5"),
)  # fmt: skip
_MODULE = """\
---
document: modulemd
version: 2
data:
  name: node
  stream: "{stream}"
  version: {version}
  context: {context}
  arch: x86_64
  summary: node
  description: node
  license: {{module: [MIT]}}
  dependencies:
  - requires: {{platform: [el9]}}
  profiles:
    common: {{rpms: [node]}}
    minimal: {{rpms: [node-libs]}}
  artifacts:
    rpms: [{artifacts}]
...
"""
_DEFAULTS = """\
---
document: modulemd-defaults
version: 1
data:
  module: node
  stream: "18"
  profiles: {"18": [common], "20": [common]}
...
"""
_COMPS = """\
<?xml version="1.0" encoding="UTF-8"?>
<comps><group><id>writing</id><name>Writing</name><description>x</description><default>false</default>
<uservisible>true</uservisible><packagelist><packagereq type="mandatory">editor</packagereq>
<packagereq type="default">spelling</packagereq><packagereq type="optional">viewer</packagereq>
</packagelist></group></comps>
"""
_UPDATEINFO = """\
<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="el" status="final" type="security" version="1"><id>ELSA-2026:0001</id><title>openssl</title>
<severity>Important</severity><issued date="2026-11-06 00:00:00"/><pkglist><collection short="el"><name>el</name>
<package name="openssl-libs" version="3.0.7" release="1" epoch="1" arch="x86_64">
<filename>openssl-libs-3.0.7-1.x86_64.rpm</filename></package>
</collection></pkglist></update>
<update from="el" status="final" type="bugfix" version="1"><id>ELBA-2026:0002</id><title>viewer</title>
<issued date="2026-11-07 00:00:00"/><pkglist><collection short="el"><name>el</name>
<package name="viewer" version="1.1" release="1" epoch="0" arch="x86_64"><filename>viewer-1.1-1.x86_64.rpm</filename>
</package></collection></pkglist></update></updates>
"""


def _modules() -> str:
    streams = (("18", 1, "aa", "18.1"), ("18", 2, "aa", "18.2"), ("20", 1, "bb", "20.1"))
    made = [
        _MODULE.format(
            stream=stream, version=number, context=context,
            artifacts=", ".join(f"{name}-0:{version}-1.x86_64" for name in ("node", "node-libs")),
        )
        for stream, number, context, version in streams
    ]  # fmt: skip
    return "".join([*made, _DEFAULTS])


class ElArtifacts:
    """All its rpms, built and signed once into ``folder``, and its repositories."""

    def __init__(self, folder: Path) -> None:
        self.site, self.keys = folder / "site", KeyHome()
        self.key = self.keys.generate("el <el@example.com>")
        sets = dict(zip(NAMES, (_BASE, _APPS, _UPDATES, _VENDOR), strict=True))
        built = {name: write_many(rpms, folder / "rpms" / name) for name, rpms in sets.items()}
        sign_rpms([path for paths in built.values() for path in paths], self.keys, self.key)
        self.repositories = {name: self._published(name, paths) for name, paths in built.items()}

    def _published(self, name: str, rpms: list[Path]) -> YumRepo:
        repo = YumRepo(self.site / name, self.keys, self.key)
        repo.database = False
        repo.add(*rpms)
        if name == APPS:
            repo.documents = {"modules": _modules(), "group": _COMPS}
        if name == UPDATES:
            repo.documents = {"updateinfo": _UPDATEINFO}
        repo.publish()
        return repo


class El:
    """The distribution for one test: a copy of its own below ``folder``, and a server over it (a context manager)."""

    def __init__(self, artifacts: ElArtifacts, folder: Path) -> None:
        self.artifacts, self.folder, self.root = artifacts, folder, folder / "site"
        shutil.copytree(artifacts.site, self.root, copy_function=_linked)
        self.keys, self.key = artifacts.keys, artifacts.key
        self.key_file = folder / "el.pub"
        self.key_file.write_bytes(self.key.armored)
        self.server = Server(self.root)

    def __enter__(self) -> El:
        self.server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.server.__exit__(kind, e, tb)

    def url(self, name: str) -> str:
        """Return the URL of a repository, with a slash at the end."""
        return f"{self.server.url}/{name}/"

    def repository(self, name: str) -> YumRepo:
        """Return a repository of this copy, to be changed and published anew."""
        return self.artifacts.repositories[name].at(self.root / name, self.keys)

    def create(self, name: str, *rpms: Small) -> None:
        """Build and sign packages, and publish them as a repository of its own."""
        built = write_many(rpms, self.folder / "more")
        sign_rpms(built, self.keys, self.key)
        repo = YumRepo(self.root / name, self.keys, self.key)
        repo.database = False
        repo.add(*built)
        repo.publish()

    def add(self, name: str, *rpms: Small) -> None:
        """Build further packages, sign them, and publish a repository that has them as well."""
        built = write_many(rpms, self.folder / "more")
        sign_rpms(built, self.keys, self.key)
        repo = self.repository(name)
        repo.add(*built)
        repo.publish()


def _linked(source: str, target: str) -> None:
    """Link packages, which nobody changes in place; copy all else."""
    if source.endswith(".rpm"):
        Path(target).hardlink_to(source)
    else:
        shutil.copy2(source, target)
