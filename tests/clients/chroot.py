"""A Debian of its own, made by debootstrap, in which the real dpkg runs maintainer scripts as on any machine.

What :class:`tests.clients.apt.AptRoot` cannot show is shown here: scripts run with the shell, the C library and the
``update-alternatives`` of the root, triggers run ``ldconfig``, and keys lie where ``Signed-By`` says. Every command
has mounts of its own (/proc and /dev), which end with it: nothing is ever left mounted, and a root is only a folder.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from simulator.process import clean_env, run
from tests.clients.apt import DebianSource, host_debian_source

_ENTER = """\
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"
"""
_APT = """\
APT::Update::Error-Mode "any";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "0";
Dpkg::Use-Pty "false";
"""


class NoBaseError(Exception):
    """No base can be made on this machine; the message says why."""


@functools.cache
def why_not() -> str:
    """Return what keeps this machine from using a chroot; empty when nothing does."""
    if os.geteuid() != 0:
        return "a chroot needs root"
    if shutil.which("debootstrap") is None:
        return "debootstrap is not installed"
    if run("unshare", "--mount", "true", check=False).returncode != 0:
        return "this machine forbids mount namespaces (a container without CAP_SYS_ADMIN?)"
    return "" if host_debian_source() else "apt on this machine is configured with no Debian or Ubuntu archive"


def make_base(folder: Path, *include: str) -> Path:
    """Make a minimal system of this machine's own distribution, by debootstrap, and return it as a tar file.

    Args:
        folder: where it is to lie.
        include: packages it shall have besides.

    Raises:
        NoBaseError: debootstrap could not, say because the archive cannot be reached.
    """
    source = host_debian_source()
    assert source is not None, "why_not() says so"
    tree, tar = folder / "base", folder / "base.tar"
    log = folder / "debootstrap.log"
    with log.open("wb") as out:
        done = subprocess.run(_debootstrap(source, tree, include), stdout=out, stderr=out, env=clean_env(), check=False)
    if done.returncode != 0:
        raise NoBaseError(f"debootstrap made no base: {log.read_text(errors='replace').strip().splitlines()[-1:]}")
    _configure(tree)
    run("tar", "--create", "--file", tar, "--directory", tree, "--numeric-owner", "--exclude=./dev/*", ".")
    shutil.rmtree(tree)
    return tar


def _debootstrap(source: DebianSource, tree: Path, include: Sequence[str]) -> list[str | Path]:
    options = ["--variant=minbase", f"--arch={source.arch}", f"--keyring={source.keyring}"]
    options += [f"--include={','.join(include)}"] if include else []
    alone = ("unshare", "--mount", "--propagation", "private")  # where it cannot unmount, its mounts end with it
    return [*alone, "debootstrap", *options, source.suite, tree, source.url]


def _configure(tree: Path) -> None:
    """Leave the base without any source, and let apt neither ask nor wait."""
    (tree / "etc/apt/sources.list").unlink(missing_ok=True)
    (tree / "etc/apt/apt.conf.d/99test").write_text(_APT)
    for name in ("var/cache/apt/archives", "var/lib/apt/lists"):
        for file in (tree / name).iterdir():
            file.unlink() if file.is_file() else None


class Chroot:
    """A system unpacked from ``base`` into ``path``, which is not there yet."""

    def __init__(self, base: Path, path: Path) -> None:
        self.path = path
        path.mkdir()
        run("tar", "--extract", "--file", base, "--directory", path, "--numeric-owner", "--same-owner")

    def run(self, *argv: str, check: bool = True, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command inside; ``http://127.0.0.1`` is this machine's, or that of where ``prefix`` leads."""
        env = clean_env(HOME="/root", PATH="/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND="noninteractive")
        enter = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, str(self.path))
        return run(*prefix, *enter, *argv, env=env, check=check)

    def apt_get(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """``apt-get``, never asking."""
        return self.run("apt-get", "-y", *argv, check=check)

    def configure(self, folder: Path, package: str) -> None:
        """Take what ``cudepot client apt`` wrote: install its keyring package and copy its preferences."""
        shutil.copy(folder / package, self.path / "tmp" / package)
        self.apt_get("install", f"/tmp/{package}")
        for file in (folder / "etc/apt/preferences.d").iterdir():
            shutil.copy(file, self.path / "etc/apt/preferences.d")

    def installed(self, package: str) -> str:
        """Return the version of a package that is installed and configured; empty when it is not."""
        done = self.run("dpkg-query", "-W", "-f", "${Status} ${Version}", package, check=False)
        return done.stdout.removeprefix("install ok installed ") if "ok installed" in done.stdout else ""

    def a_second_later(self) -> None:
        """Let ldconfig take a file made next for a new one, as on a machine where time passes between two commands.

        Its cache knows a library by inode, size and the second of its last change. The stand-ins all have one size,
        and an inode freed by one package may serve the next: within one second ldconfig then believes the new file
        to be the removed one, and makes a link of the old SONAME that leads to it.
        """
        (self.path / "var/cache/ldconfig/aux-cache").unlink(missing_ok=True)

    def reads(self, path: str) -> str:
        """Return the text of a file, links followed inside."""
        return self.run("cat", path).stdout

    def real(self, path: str) -> str:
        """Return where a path leads inside; fails when it leads nowhere."""
        return self.run("realpath", "--canonicalize-existing", path).stdout.strip()
