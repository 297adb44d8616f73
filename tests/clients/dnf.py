"""Runs the real dnf (Debian's package) in a root folder of its own, never looking at the host's configuration.

Packages are installed with signature checks of metadata and packages on, unless a repository says otherwise. The
packages of the tests need no scripts and nothing of a distribution but what :meth:`DnfRoot.provide` pretends.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from simulator.process import clean_env, run
from simulator.rpms import simple_rpm, write_rpm

Done = subprocess.CompletedProcess[str]
_CONF = """\
[main]
reposdir={root}/etc/yum.repos.d
varsdir={root}/vars
cachedir={root}/cache
logdir={root}/log
persistdir={root}/persist
pluginconfpath={root}/etc/dnf/plugins
module_platform_id=platform:el8
assumeyes=1
gpgcheck=1
localpkg_gpgcheck=0
install_weak_deps=0
zchunk=0
best=1
"""


class DnfRoot:
    """A dnf installation in ``path``, laid out so that ``etc/`` is what a client's ``/etc`` would be.

    Attributes:
        path: the folder; installed files appear below ``path/install``.
        arch: machine it is for; another than the host's is ``--forcearch``.
    """

    def __init__(self, path: Path, *, arch: str = "x86_64", release: str = "8") -> None:
        self.path, self.arch, self.release = path.resolve(), arch, release
        for name in ("etc/yum.repos.d", "etc/dnf/plugins", "vars", "cache", "log", "persist", "install", "home"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        (self.path / "dnf.conf").write_text(_CONF.format(root=self.path))
        self.lock_versions(enabled=False)

    def lock_versions(self, *, enabled: bool = True) -> Path:
        """Switch the versionlock plugin on or off, and return its list."""
        locklist = self.path / "etc" / "dnf" / "plugins" / "versionlock.list"
        conf = f"[main]\nenabled={int(enabled)}\nlocklist={locklist}\n"
        locklist.with_suffix(".conf").write_text(conf)
        locklist.touch()
        return locklist

    def add_repo(self, name: str, url: str, key: Path | None, **options: object) -> Path:
        """Write a ``.repo`` file; without a key nothing is checked."""
        check = int(key is not None)
        fields = {"name": name, "baseurl": url, "enabled": 1, "gpgcheck": check, "repo_gpgcheck": check}
        fields |= {"gpgkey": key.as_uri()} if key else {}
        lines = [f"{key}={value}" for key, value in (fields | options).items()]
        path = self.path / "etc" / "yum.repos.d" / f"{name}.repo"
        path.write_text("\n".join([f"[{name}]", *lines, ""]))
        return path

    def provide(self, *names: str) -> None:
        """Pretend that the distribution has these: a repository of its own, with one package that provides them."""
        folder = self.path / "distribution"
        folder.mkdir(exist_ok=True)
        tags = [f"Provides: {name}" for name in names]
        write_rpm(simple_rpm("distribution", "8", "1", "noarch", *tags), folder)
        run("createrepo_c", "--quiet", folder)
        self.add_repo("distribution", folder.as_uri(), None)

    def dnf(self, *argv: str, check: bool = True, prefix: Sequence[str] = ()) -> Done:
        """Run dnf with this root as its installation; ``prefix`` is a command that runs another."""
        options = [
            "-c", f"{self.path}/dnf.conf", f"--installroot={self.path}/install", f"--releasever={self.release}",
            *([f"--forcearch={self.arch}"] if self.arch != "x86_64" else []),
        ]  # fmt: skip
        return run(*prefix, "dnf", *options, *argv, env=clean_env(HOME=str(self.path / "home")), check=check)

    def install(self, *specs: str, check: bool = True) -> Done:
        """Install packages."""
        return self.dnf("install", *specs, check=check)

    def query(self, *argv: str) -> list[str]:
        """Return the lines ``dnf repoquery`` prints."""
        return sorted(self.dnf("repoquery", "--quiet", *argv).stdout.split())

    def installed(self) -> dict[str, str]:
        """Return name → version-release of what is installed."""
        listed = self.dnf("repoquery", "--quiet", "--installed", "--qf", "%{name} %{version}-%{release}").stdout
        return dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)

    def file(self, path: str) -> Path:
        """Return where an installed file lies on the host."""
        return self.path / "install" / path.lstrip("/")
