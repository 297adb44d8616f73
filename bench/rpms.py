"""Locking an environment of rpms over three repositories of a distribution's size beside dnf itself.

The metadata are made up: 22,000 packages in a base, an applications and an updates repository, signed; 40 names are
asked for in one job. dnf resolves the same with the same solver and shows it; cudepot checks every signature and hash,
and writes the lock. Both begin with nothing, and again with all that they keep.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.process import clean_env
from simulator.server import Server

from bench.installed import installed
from bench.measure import Measured, cudepot
from bench.rows import Row
from cudepot.digest import Digest
from cudepot.formats.repomd import Record, render_repomd

SIZES = {"base": 6000, "apps": 14000, "updates": 2000}
NAMES, _ROUNDS = 40, 3
_SPACES = 'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
_ENTRY = """<package type="rpm"><name>{name}</name><arch>x86_64</arch><version epoch="0" ver="{version}" rel="1.el9"/>
<checksum type="sha256" pkgid="YES">{sha}</checksum><summary>{name}</summary><description>{about}</description>
<packager/><url>https://example.com</url><time file="1" build="1"/><size package="90000" installed="2" archive="3"/>
<location href="Packages/{name}-{version}-1.el9.x86_64.rpm"/><format><rpm:license>x</rpm:license>
<rpm:vendor>x</rpm:vendor><rpm:group>x</rpm:group><rpm:buildhost>x</rpm:buildhost><rpm:sourcerpm>{name}.src.rpm</rpm:sourcerpm>
<rpm:header-range start="4504" end="9000"/><rpm:provides><rpm:entry name="{name}" flags="EQ" epoch="0" ver="{version}"
 rel="1.el9"/><rpm:entry name="{name}.so.1()(64bit)"/></rpm:provides><rpm:requires>{needs}</rpm:requires>{weak}
</format></package>
"""


def run(folder: Path) -> list[Row]:
    """40 names from 22,000 packages of three repositories: cold, again, nothing changed."""
    with KeyHome() as keys:
        key = keys.generate("bench <bench@example.com>")
        for number, (name, count) in enumerate(SIZES.items()):
            _write(folder / "www" / name, keys, key, list(_packages(number, name, count)))
        (folder / "key.asc").write_bytes(key.armored)
        with Server(folder / "www") as server:
            return _rows(folder, server, key)


def _packages(number: int, repository: str, count: int) -> list[tuple[str, str, list[str], list[str]]]:
    """Return name, version, needs and recommendations of packages; those of applications need some of the base."""
    dice = random.Random(number)
    found = []
    for at in range(count):
        kind = "apps" if repository == "apps" else "base"
        name, version = f"{kind}-{at:05d}", "1.1" if repository == "updates" else "1.0"
        most = SIZES["base"] if kind == "apps" else max(at, 1)
        below = [f"base-{dice.randrange(most):05d}" for _ in range(2)]
        above = [f"apps-{dice.randrange(at):05d}"] if kind == "apps" and at else []
        needs = [*(f"{one}.so.1()(64bit)" for one in below if one != name), *above]
        if at % 50 == 0 and above:
            needs.append(f"(apps-{dice.randrange(at):05d} if {above[0]})")
        found.append((name, version, needs, above if at % 7 == 0 else []))
    return found


def _write(folder: Path, keys: KeyHome, key: Key, packages: list[tuple[str, str, list[str], list[str]]]) -> None:
    (folder / "repodata").mkdir(parents=True)
    entries, lists = [], []
    for name, version, needs, weak in packages:
        sha = hashlib.sha256(f"{name}{version}".encode()).hexdigest()
        said = "".join(f'<rpm:entry name="{one}"/>' for one in needs)
        more = f'<rpm:recommends><rpm:entry name="{weak[0]}"/></rpm:recommends>' if weak else ""
        about = f"{name} and what it does " * 30
        entries.append(_ENTRY.format(name=name, version=version, sha=sha, needs=said, weak=more, about=about))
        files = "".join(f"<file>/usr/share/{name}/{at}</file>" for at in range(20))
        lists.append(
            f'<package pkgid="{sha}" name="{name}" arch="x86_64"><version epoch="0" ver="{version}" rel="1.el9"/>'
            f"{files}</package>\n"
        )
    count = len(packages)
    texts = {
        "primary": f'<metadata {_SPACES} packages="{count}">\n{"".join(entries)}</metadata>\n',
        "filelists": f'<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="{count}">\n'
        f"{''.join(lists)}</filelists>\n",
    }
    records = [_record(folder, kind, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}') for kind, text in texts.items()]
    root = render_repomd(str(int(time.time())), records)
    (folder / "repodata/repomd.xml").write_bytes(root)
    (folder / "repodata/repomd.xml.asc").write_bytes(keys.detach(root, key))


def _record(folder: Path, kind: str, text: str) -> Record:
    data = gzip.compress(text.encode(), 6, mtime=0)
    digest, opened = Digest.of(data), hashlib.sha256(text.encode()).hexdigest()
    (folder / f"repodata/{digest.sha256}-{kind}.xml.gz").write_bytes(data)
    place = f"repodata/{digest.sha256}-{kind}.xml.gz"
    return Record(kind, place, digest, len(text.encode()), opened, int(time.time()))


def _rows(folder: Path, server: Server, key: Key) -> list[Row]:
    names = [f"apps-{at:05d}" for at in range(13000, 13000 + NAMES)]
    cold, again, warm, counts = [], [], [], []
    peers: dict[str, list[float]] = {}
    for turn in range(_ROUNDS):
        project = _project(folder / f"ours-{turn}", server, key, folder / "key.asc", names)
        server.requests.clear()
        cold.append(cudepot(project, "lock"))
        counts.append(len(server.requests))
        again.append(cudepot(project, "lock", "--upgrade"))
        server.requests.clear()
        warm.append(cudepot(project, "lock"))
        counts.append(len(server.requests))
        for name, seconds in _dnf(folder / f"dnf-{turn}", server, folder / "key.asc", names).items():
            peers.setdefault(name, []).append(seconds)
    best = {name: min(several) for name, several in peers.items()}
    held = (project / "cudepot.lock").read_text().count("[[artifact]]")
    size = f"{NAMES} names, {sum(SIZES.values()):,} packages, {held} chosen"
    return [
        _row(f"{size}: cold", cold, {name: one for name, one in best.items() if "-C" not in name}, counts[0]),
        _row("the same, chosen anew", again, {name: one for name, one in best.items() if "-C" in name}),
        _row("the same, nothing changed", warm, {}, counts[1]),
    ]


def _row(work: str, taken: list[Measured], peers: Mapping[str, float], requests: int = -1) -> Row:
    memory, child = max(one.rss_mb for one in taken), max(one.child_rss_mb for one in taken)
    return Row("rpms", work, min(one.seconds for one in taken), peers, 0.0, memory, child, requests)


def _project(folder: Path, server: Server, key: Key, armored: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True)
    cudepot(folder, "init", "--label", "bench")
    toml = folder / "cudepot.toml"
    upstreams = "".join(
        f'[[upstream]]\nname = "{name}"\ntype = "yum"\nurl = "{server.url}/{name}/"\nkeys = ["{key.fingerprint}"]\n'
        f'keyrings = ["{armored}"]\n\n'
        for name in SIZES
    )
    wants = f'[[environment]]\nname = "node"\ndistribution = "rocky9"\nrpm = {json.dumps(names)}\n'
    toml.write_text(f"{toml.read_text()}\n{upstreams}{wants}")
    return folder


def _dnf(folder: Path, server: Server, armored: Path, names: list[str]) -> dict[str, float]:
    """Return what dnf takes with nothing there, then with what it keeps and no network."""
    if not installed("dnf"):
        return {}
    folder.mkdir(parents=True)
    head = "".join(f"{name}={folder}/{name}\n" for name in ("cachedir", "logdir", "persistdir", "reposdir"))
    text = f"[main]\n{head}installroot={folder}/root\ninstall_weak_deps=0\nbest=1\nplugins=0\nzchunk=0\n"
    for name in SIZES:
        text += f"[{name}]\nname={name}\nbaseurl={server.url}/{name}/\nrepo_gpgcheck=1\ngpgcheck=1\n"
        text += f"gpgkey=file://{armored}\n"
    (folder / "dnf.conf").write_text(text)
    asked = ("-c", str(folder / "dnf.conf"), "--releasever=9", "-y", "--setopt=tsflags=test", "--downloadonly")
    return {
        " ".join(["dnf", *more, "install"]): _timed(folder, *asked, *more, "--assumeno", "install", *names)
        for more in ((), ("-C",))
    }


def _timed(folder: Path, *argv: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        ["dnf", *argv], env=clean_env(HOME=str(folder)), capture_output=True, text=True, check=False, timeout=600
    )
    if "Operation aborted" not in done.stdout + done.stderr:
        raise RuntimeError(done.stdout + done.stderr)
    return time.perf_counter() - start
