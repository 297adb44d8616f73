"""2,000 Debian packages, 742 MB, as a flat and as a ``dists/`` repository, served by nginx on loopback.

Written by hand (ar and tar), because dpkg-deb would take minutes; sizes spread like those of a real repository.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simulator.apt import DistsRepo, FlatRepo
from simulator.keys import KeyHome

PACKAGES, TOTAL = 2000, 742_000_000
PINNED = ("pinned-a", "pinned-b", "pinned-c")
NEEDED = tuple(f"needed-{number}" for number in range(6))
PINNED_TOTAL = 54_000_000


@dataclass(frozen=True)
class World:
    """The repositories on disk and what peers have to be told about them."""

    root: Path
    keyring: Path
    armored: Path
    fingerprint: str
    debs: tuple[str, ...]


def make_world(folder: Path, keys: KeyHome) -> World:
    """Write both repositories below ``folder`` and return them."""
    key = keys.generate("bench <bench@example.com>")
    flat, dists = FlatRepo(folder / "www/flat", keys, key), DistsRepo(folder / "www/dists", keys, key)
    pool = folder / "www/dists/pool/main"
    pool.mkdir(parents=True)
    for name, depends, size in _packages():
        file = f"{name}_1.0-1_amd64.deb"
        control, data = _deb(name, depends, size)
        (flat.folder / file).write_bytes(data)
        os.link(flat.folder / file, pool / file)
        flat.stanzas.append(_stanza(control, f"./{file}", data))
        dists.places["main/binary-amd64"].append(_stanza(control, f"pool/main/{file}", data))
    flat.publish()
    dists.publish()
    keyring, armored = folder / "bench.gpg", folder / "bench.asc"
    keyring.write_bytes(key.binary)
    armored.write_bytes(key.armored)
    debs = tuple(sorted(one.name for one in flat.folder.glob("*.deb")))
    return World(folder / "www", keyring, armored, key.fingerprint, debs)


def _packages() -> Iterator[tuple[str, str, int]]:
    """Give name, dependencies and size of each package."""
    closure = len(PINNED) + len(NEEDED)
    for number, name in enumerate(PINNED):
        yield name, ", ".join(NEEDED[2 * number : 2 * number + 2]), PINNED_TOTAL // closure
    for name in NEEDED:
        yield name, "libc6 (>= 2.2)", PINNED_TOTAL // closure
    count, spread = PACKAGES - closure, random.Random(1)
    weights = [spread.lognormvariate(0, 1.5) for _ in range(count)]
    scale = (TOTAL - PINNED_TOTAL) / sum(weights)
    for number, weight in enumerate(weights):
        yield f"package-{number:04d}", "", int(weight * scale)


_NOISE = random.Random(2).randbytes(32 << 20)


def _deb(name: str, depends: str, size: int) -> tuple[str, bytes]:
    control = f"Package: {name}\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: Bench <bench@example.com>\n"
    control += (
        f"Depends: {depends}\n" if depends else ""
    ) + f"Section: libs\nPriority: optional\nDescription: {name}\n"
    members = (
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", _tar("./control", control.encode(), "w:gz")),
        ("data.tar", _tar(f"./usr/share/{name}", _noise(name, max(size - 7_600, 99)), "w")),
    )
    return control, b"!<arch>\n" + b"".join(_member(*one) for one in members)


def _noise(name: str, size: int) -> bytes:
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:3], "big")
    part = _NOISE[start : start + size - len(name)]
    rest = size - len(name) - len(part)
    return name.encode() + part + _NOISE[: max(rest, 0)]


def _tar(name: str, data: bytes, mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _member(name: str, data: bytes) -> bytes:
    return f"{name:16}{0:<12}{0:<6}{0:<6}{'100644':8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)


def _stanza(control: str, filename: str, data: bytes) -> str:
    text = f"Filename: {filename}\nSize: {len(data)}\n"
    for field, name in (("MD5sum", "md5"), ("SHA256", "sha256")):
        text += f"{field}: {hashlib.new(name, data, usedforsecurity=False).hexdigest()}\n"
    head, _, description = control.partition("Description: ")
    return f"{head}{text}Description: {description}"


@contextlib.contextmanager
def nginx(root: Path, folder: Path) -> Iterator[str]:
    """Serve ``root`` on loopback and give the URL; needs the Debian package nginx."""
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        raise RuntimeError("nginx is missing: apt-get install nginx-light")
    host, port = free_place("127.0.0.2")
    (folder / "nginx").mkdir()
    config = _NGINX.format(folder=folder / "nginx", root=root, host=host, port=port)
    (folder / "nginx/nginx.conf").write_text(config)
    command = ["/usr/sbin/nginx", "-c", f"{folder}/nginx/nginx.conf", "-p", f"{folder}/nginx", "-e", "stderr"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(host, port)
        yield place_url(host, port)
    finally:
        server.terminate()
        server.wait()


_NGINX = """\
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log {folder}/access.log; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen {host}:{port} backlog=512; root {root}; }}
}}
"""


def free_place(host: str) -> tuple[str, int]:
    """Return a loopback address to listen on: port 80 where we may, because apt-mirror knows no other."""
    for port in (80, 0):
        with contextlib.suppress(OSError), socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((host, port))
            return host, int(one.getsockname()[1])
    raise RuntimeError(f"no port is free on {host}")


def place_url(host: str, port: int) -> str:
    """Return the URL of a server, without the port where it is 80."""
    return f"http://{host}" if port == 80 else f"http://{host}:{port}"


def wait_for(host: str, port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {host}:{port}")
