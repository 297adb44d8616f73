"""A throwaway copy of this machine: its own file system under an overlay in memory, entered by chroot.

What a guide has people type runs here as it stands, with ``/etc`` and ``/usr`` and this machine's real apt-get,
apt-key, dpkg, dnf, rpm, tar and make; nothing of it reaches the machine, and all is gone with the one process that
holds the mounts. It is Debian, whichever system a guide is for: what its package managers do is their own.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from simulator.process import ToolError, clean_env, run
from tests.clients import chroot

_HOLD = """\
mount -t tmpfs tmpfs "$0" && mkdir "$0/upper" "$0/work" "$0/root" &&
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root" &&
mount -t proc proc "$0/root/proc" && mount --rbind /dev "$0/root/dev" && echo ready && exec sleep infinity
"""
_APT = """\
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Proxy "DIRECT";
Dpkg::Use-Pty "false";
"""
_DNF = "[main]\ngpgcheck=1\nassumeyes=1\nbest=1\ninstall_weak_deps=0\nzchunk=0\n"
_APT_FILES = ("sources.list", "sources.list.d/*", "apt.conf.d/*", "auth.conf", "auth.conf.d/*")
HOME = "/home/copy"
"""One's home there: empty."""
_WORDS = {
    "sudo": 'exec env "$@"',
    "yum": 'exec dnf "$@"',
    "yum-config-manager": 'exec dnf config-manager "$@"',
    "add-apt-repository": 'echo "$1" >> /etc/apt/sources.list',
}
"""Commands this machine may lack: root needs no sudo, and yum is dnf, as since RHEL 8. add-apt-repository appends the
line, as Ubuntu's did up to 20.04; Debian 12's writes an empty file where the suite is ``/``."""


def why_not() -> str:
    """Return what keeps this machine from being copied; empty when nothing does."""
    if reason := chroot.why_not():
        return reason
    if shutil.which("nsenter") is None:
        return "nsenter is not installed"
    with tempfile.TemporaryDirectory() as folder:
        probe = _HOLD.replace("exec sleep infinity", "true")
        done = run("unshare", "--mount", "--propagation", "private", "sh", "-c", probe, folder, check=False)
    return "" if done.returncode == 0 else f"no overlay can be mounted: {done.stderr.strip()}"


class Machine:
    """A copy of this machine without its sources of packages (a context manager).

    Attributes:
        release: what dnf takes for ``$releasever``.
    """

    def __init__(self, folder: Path, release: str = "8") -> None:
        self.folder, self.release = folder / "machine", release
        self.folder.mkdir(parents=True)
        self._env = clean_env(HOME=HOME, PATH="/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C.UTF-8")
        self._env |= {"DEBIAN_FRONTEND": "noninteractive", "APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE": "1"}

    def __enter__(self) -> Machine:
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _HOLD, str(self.folder)]
        self._holder = subprocess.Popen(argv, env=clean_env(), stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n", "the overlay could not be mounted"
        self._prepare()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        assert self._holder.stdout is not None
        self._holder.kill()
        self._holder.wait(30)
        self._holder.stdout.close()

    def _prepare(self) -> None:
        self.path(HOME).mkdir()
        gone = "/etc/apt/sources.list* /etc/apt/preferences.d/* /etc/apt/apt.conf.d/* /etc/apt/auth.conf*"
        gone += " /var/lib/apt/lists/* /var/lib/rpm /etc/yum.repos.d /etc/dpkg/dpkg.cfg.d/* /etc/dnf/plugins/local.conf"
        self.run(f"rm -rf {gone}; mkdir -p /etc/yum.repos.d /etc/apt/sources.list.d /etc/dnf/vars")
        self.write("/etc/apt/apt.conf.d/99test", _APT)
        self.write("/etc/dnf/dnf.conf", _DNF)
        self.write("/etc/dnf/vars/releasever", self.release)
        self.write("/etc/rpm/macros.place", "%_dbpath /var/lib/rpm\n")  # Debian has it at home, which zypper ignores
        for name, text in _WORDS.items():
            self.command(name, text)

    def fetch(self, *packages: str) -> list[Path]:
        """Fetch packages of this machine's distribution, with what they need, from the archive that it uses.

        Raises:
            ToolError: they could not be had, say because the archive cannot be reached.
        """
        mine = [one for name in _APT_FILES for one in Path("/etc/apt").glob(name) if one.is_file()]
        for one in mine:
            self.write(str(one), one.read_bytes())
        into = "mkdir -p debs/partial; apt-get -o Dir::Cache::archives=$HOME/debs install --download-only"
        self.run(f"apt-get update; {into} {' '.join(packages)}")
        return sorted(self.path(f"{HOME}/debs").glob("*.deb"))

    def path(self, name: str) -> Path:
        """Return where an absolute path of the copy can be read from here; links are not followed inside."""
        return Path(f"/proc/{self._holder.pid}/root/{self.folder}/root/{name.lstrip('/')}")

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file in the copy; its folder is made."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def command(self, name: str, script: str) -> None:
        """Put a command before those of the machine."""
        self.write(f"/usr/local/bin/{name}", f"#!/bin/sh\n{script}\n")
        self.path(f"/usr/local/bin/{name}").chmod(0o755)

    def run(self, script: str, *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run lines of shell as root in its home; the first that fails ends it, also within a pipe."""
        enter = ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "chroot", f"{self.folder}/root")
        argv = (*enter, "bash", "-euo", "pipefail", "-c", f"cd ~\n{script}")
        done = subprocess.run(
            argv, env=self._env | variables, input="\n" * 9, capture_output=True, text=True, timeout=300, check=False
        )
        if check and done.returncode:
            raise ToolError(done)
        return done

    def debs(self) -> dict[str, str]:
        """Return the installed Debian packages with their versions, those with NVIDIA's names only."""
        listed = self.run("dpkg-query -W -f '${db:Status-Status} ${binary:Package} ${Version}\\n'").stdout
        rows = [line.split() for line in listed.splitlines() if line.startswith("installed ")]
        return {name.partition(":")[0]: version for _, name, version in rows if name.startswith(NAMES)}

    def rpms(self) -> dict[str, str]:
        """Return the installed rpms with version and release."""
        listed = self.run("rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\\n'").stdout
        rows = [line.split() for line in listed.splitlines()]
        return {name: version for name, version in rows if name.startswith(NAMES)}


NAMES = ("libcudnn", "cudnn", "cuda", "nvidia", "libnvidia", "libcublas")
"""How names of packages begin that guides speak of."""
