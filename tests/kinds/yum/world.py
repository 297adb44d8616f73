"""Projects that mirror the stand-in for NVIDIA's rhel8, and hostile editions of it that bear its good signature."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from simulator.project import Project
from simulator.yum import Rhel

NAME = "rhel8"
CUDNN = "libcudnn8-8.0.5.39-1.cuda11.1"
DEVEL = "libcudnn8-devel-8.0.5.39-1.cuda11.1"


def add_yum(project: Project, rhel: Rhel, *packages: str, **more: object) -> None:
    """Add the repository, with both keys for packages, and a pin on it."""
    settings: dict[str, object] = {
        "keys": [rhel.key.fingerprint],
        "keyrings": [str(rhel.key_file), str(rhel.old_key_file)],
        "rpm-keys": [rhel.key.fingerprint, rhel.old_key.fingerprint],
    }
    project.add("upstream", name=NAME, type="yum", url=rhel.url, **(settings | more))
    if packages:
        project.add("pin", upstream=NAME, packages=list(packages))


def forge(rhel: Rhel, kind: str, change: Callable[[bytes], bytes], *, packed: bytes = b"") -> None:
    """Change a file of the metadata as the holder of the key could, with checksums and signature that hold.

    Args:
        rhel: the upstream.
        kind: type of the file.
        change: old content → new content.
        packed: what is served in place of the compressed new content.
    """
    path = rhel.repo.metadata(kind)
    before = gzip.decompress(path.read_bytes())
    after = change(before)
    data = packed or gzip.compress(after, mtime=0)
    head, record, tail = re.split(f'(<data type="{kind}">.*?</data>)', rhel.repo.repomd.read_text(), flags=re.S)
    for name, value in (("checksum", _hash(data)), ("open-checksum", _hash(after))):
        record = re.sub(f'(<{name} type="sha256">)[0-9a-f]+', rf"\g<1>{value}", record)
    for name, size in (("size", len(data)), ("open-size", len(after))):
        record = re.sub(f"<{name}>[0-9]+", f"<{name}>{size}", record)
    path.write_bytes(data)
    rhel.repo.tick()
    stamp = str(int(rhel.repo.clock.timestamp()))
    rhel.repo.repomd.write_text(re.sub("(<revision>)[0-9]+", rf"\g<1>{stamp}", head + record + tail))
    rhel.repo.sign()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_gz(project: Project, ending: str) -> str:
    """Return the site's metadata file with that ending, as text; only one may be there."""
    (found,) = (project.site / "yum" / NAME / "repodata").glob(f"*{ending}")
    return gzip.decompress(found.read_bytes()).decode()


def objects(project: Project) -> set[Path]:
    """Return all objects of the store."""
    return set((project.store / "objects").glob("*/*"))
