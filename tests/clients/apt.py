"""Runs the real apt and dpkg in a root folder of their own, never looking at the host's configuration.

Packages are unpacked and configured inside the root without a chroot: dpkg runs maintainer scripts with the
host's shell and ``DPKG_ROOT`` set (``--force-script-chrootless``), which ``update-alternatives`` and the C
library's scripts honour. So an empty folder is enough, no debootstrap is needed, and nothing of the host
changes. Without root rights the same runs in a user namespace, or under fakeroot where these are forbidden.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from simulator.process import clean_env, run

Done = subprocess.CompletedProcess[str]

_FOLDERS = [
    "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
    "etc/apt/auth.conf.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt",
    "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/dpkg/alternatives",
    "var/cache/debconf",
    "etc/alternatives", "var/log", "tmp",
]  # fmt: skip

_DEBCONF = """\
Config: configdb
Templates: templatedb

Name: configdb
Driver: File
Filename: /var/cache/debconf/config.dat

Name: templatedb
Driver: File
Filename: /var/cache/debconf/templates.dat
"""
# read instead of the host's by maintainer scripts that ask questions; debconf puts DPKG_ROOT before the paths


class AptRoot:
    """An apt installation in ``path``; created when it is not there yet. ``foreign`` are further architectures.

    Attributes:
        path: the root folder; installed files appear below it.
    """

    def __init__(self, path: Path, arch: str = "amd64", foreign: tuple[str, ...] = ()) -> None:
        self.path = path.resolve()
        for name in _FOLDERS:
            (self.path / name).mkdir(parents=True, exist_ok=True)
        for name in ("var/lib/dpkg/status", "var/lib/dpkg/available"):
            (self.path / name).touch()
        for name in ("bin", "sbin", "lib", "lib64"):
            _merged(self.path, name)
        _written(self.path / "etc/debconf.conf", _DEBCONF)
        self._conf = self.path / "apt.conf"
        self._conf.write_text(_configuration(self.path, (arch, *foreign)))
        if foreign:
            _written(self.path / "var/lib/dpkg/arch", "".join(f"{one}\n" for one in (arch, *foreign)))

    def add_source(
        self, url: str, keyring: Path, suite: str = "/", *, components: str = "", name: str = "site",
        options: str = "", one_line: bool = False,
    ) -> Path:  # fmt: skip
        """Write a source into ``sources.list.d`` and return the file.

        ``options`` are further deb822 fields (``By-Hash: force``), or the inside of ``[]`` with ``one_line``.
        """
        folder = self.path / "etc/apt/sources.list.d"
        if one_line:
            text = f"deb [signed-by={keyring} {options}] {url} {suite} {components}\n"
            return _written(folder / f"{name}.list", text)
        fields = f"Types: deb\nURIs: {url}\nSuites: {suite}\nSigned-By: {keyring}\n"
        fields += f"Components: {components}\n" if components else ""
        return _written(folder / f"{name}.sources", fields + (f"{options}\n" if options else ""))

    def add_file(self, file: Path, folder: str = "etc/apt/sources.list.d") -> Path:
        """Put a ready-made file (a published ``.sources``, a pin file) where apt reads it."""
        return Path(shutil.copy(file, self.path / folder))

    def update(self, *, check: bool = True) -> Done:
        """``apt-get update``; any error fails, also where apt would go on with old lists."""
        return self.apt_get("update", "-o", "APT::Update::Error-Mode=any", check=check)

    def install(self, *specs: str, check: bool = True, recommends: bool = False) -> Done:
        """``apt-get install``: really unpacks and configures inside the root."""
        extra = [] if recommends else ["--no-install-recommends"]
        return self.apt_get("install", "-y", *extra, *specs, check=check)

    def remove(self, *packages: str, check: bool = True) -> Done:
        """``apt-get remove``."""
        return self.apt_get("remove", "-y", *packages, check=check)

    def download(self, *specs: str, into: Path) -> Done:
        """``apt-get download`` into a folder."""
        return self.apt_get("download", *specs, cwd=into)

    def apt_get(self, *argv: str, check: bool = True, cwd: Path | None = None) -> Done:
        """Run any other ``apt-get`` command."""
        return run(*_as_root(), "apt-get", *argv, env=self.env, cwd=cwd, check=check)

    def policy(self, package: str) -> str:
        """Return what ``apt-cache policy`` says."""
        return run("apt-cache", "policy", package, env=self.env).stdout

    def status(self, package: str) -> str:
        """Return dpkg's status of a package, ``install ok installed`` when configured; empty when unknown."""
        return self._query("${Status}", package)

    def version(self, package: str) -> str:
        """Return the installed version; empty when unknown."""
        return self._query("${Version}", package)

    def alternative(self, name: str) -> str:
        """Return what ``update-alternatives --display`` says inside the root."""
        return run("update-alternatives", "--root", self.path, "--display", name, env=self.env).stdout

    def set_alternative(self, name: str, path: str) -> None:
        """``update-alternatives --set`` inside the root: what ``--config`` does, without asking."""
        run(*_as_root(), "update-alternatives", "--root", self.path, "--set", name, path, env=self.env)

    def file(self, name: str) -> Path:
        """Return where an absolute path of the root lies, absolute symbolic links followed inside the root."""
        path = self.path / name.lstrip("/")
        for _ in range(10):
            if not path.is_symlink():
                break
            target = path.readlink()
            path = self.path / str(target).lstrip("/") if target.is_absolute() else path.parent / target
        return path

    @property
    def env(self) -> dict[str, str]:
        """Environment in which any apt tool works on this root."""
        return clean_env(APT_CONFIG=str(self._conf), DEBIAN_FRONTEND="noninteractive", DEBCONF_NOWARNINGS="yes")

    def _query(self, form: str, package: str) -> str:
        argv = ["dpkg-query", f"--admindir={self.path}/var/lib/dpkg", "-W", f"-f={form}", package]
        return run(*argv, env=self.env, check=False).stdout


@cache
def _as_root() -> tuple[str, ...]:
    """Return the prefix with which a command may own files as root: none, a user namespace, or fakeroot."""
    if os.geteuid() == 0:
        return ()
    namespace = ("unshare", "--map-root-user")
    return namespace if run(*namespace, "true", check=False).returncode == 0 else ("fakeroot",)


def _configuration(root: Path, machines: tuple[str, ...]) -> str:
    every = " ".join(f'"{one}";' for one in machines)
    # APT_CONFIG is read first and moves Dir, so /etc/apt is never read; dpkg's own /etc/dpkg always is, and
    # container images exclude documentation there, hence --path-include
    return f"""\
Dir "{root}/";
Dir::State::status "{root}/var/lib/dpkg/status";
Dir::Etc::trusted "{root}/etc/apt/trusted.gpg";
APT::Architecture "{machines[0]}";
APT::Architectures {{ {every} }};
APT::Sandbox::User "root";
APT::Install-Suggests "false";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Proxy "DIRECT";
Acquire::Check-Date "true";
Acquire::Check-Valid-Until "true";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::GzipIndexes "false";
DPkg::Use-Pty "0";
DPkg::Path "/usr/sbin:/usr/bin:/sbin:/bin";
DPkg::Options {{
  "--root={root}";
  "--force-script-chrootless";
  "--force-not-root";
  "--path-include=/*";
  "--log={root}/var/log/dpkg.log";
}};
"""


def _merged(root: Path, name: str) -> None:
    """Make ``/lib`` a link to ``/usr/lib`` as every new installation has it; the C library wants it so."""
    (root / "usr" / name).mkdir(parents=True, exist_ok=True)
    if not (root / name).is_symlink():
        (root / name).symlink_to(f"usr/{name}")


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@dataclass(frozen=True)
class DebianSource:
    """Where this machine gets its own distribution from: never to be written into a file of the repository.

    Attributes:
        suite: e.g. ``bookworm`` or ``noble``: the release itself, not its updates.
        keyring: file with the keys that sign it.
    """

    url: str
    suite: str
    components: tuple[str, ...]
    arch: str
    keyring: Path


@functools.cache  # apt reads all indexes of the machine for it
def host_debian_source() -> DebianSource | None:
    """Return the machine's own archive as apt itself reads .list and .sources files; None without one."""
    system = _os_release()
    form = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ARCHITECTURE)|$(SOURCESENTRY)"
    done = run("apt-get", "indextargets", "--format", form, "Created-By: Packages", check=False)
    rows = [line.split("|") for line in done.stdout.splitlines() if line.count("|") == 4]
    mine = [row for row in rows if row[1] == system.get("VERSION_CODENAME") and row[2]]
    main = next((row for row in mine if row[2] == "main"), None)
    if main is None:
        return None
    keyring = _signed_by(Path(main[4].rpartition(":")[0]), main[0], main[1])
    if not keyring.is_file():
        keyring = Path(f"/usr/share/keyrings/{system.get('ID')}-archive-keyring.gpg")
    components = tuple(row[2] for row in mine if (row[0], row[3]) == (main[0], main[3]))
    return DebianSource(main[0], main[1], components, main[3], keyring) if keyring.is_file() else None


@functools.cache
def host_debian_suites() -> dict[str, str]:
    """Return the suites that this machine's apt reads ``main`` of, with their URLs; never to be written down."""
    form = "$(RELEASE)|$(COMPONENT)|$(REPO_URI)"
    done = run("apt-get", "indextargets", "--format", form, "Created-By: Packages", check=False)
    rows = [line.split("|") for line in done.stdout.splitlines() if line.count("|") == 2]
    return {suite: url for suite, component, url in rows if component == "main"}


def _signed_by(entry: Path, url: str, suite: str) -> Path:
    """Return the key file that a source entry names; a path that is no file when it names none (or has it inline)."""
    stanzas = re.split(r"\n\s*\n", entry.read_text()) if entry.is_file() else []
    candidates = stanzas if entry.suffix == ".sources" else "\n".join(stanzas).splitlines()
    for text in candidates:
        found = re.search(r"^signed-by:[ \t]*(/\S+)|\bsigned-by=(/[^\s,\]]+)", text, re.IGNORECASE | re.MULTILINE)
        if found and url.rstrip("/") in text and suite in text:
            return Path(found.group(1) or found.group(2))
    return Path("/-")


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    return {name: text.strip('"') for name, _, text in (line.partition("=") for line in lines)}
