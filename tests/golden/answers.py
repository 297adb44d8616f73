"""Puts into words what the verbs made of a project, so that two houses can be compared line by line.

What a signature or this day's GnuPG decides is left out: signatures themselves, and hashes of what holds one.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.golden.world import Golden

_PACKERS = ("createrepo-c", "py-rattler-build", "tomli-w", "zstandard")
_HASH = re.compile(r"[0-9a-f]{64}|(?<=sha256=)[0-9a-f]+")
_SIGNED = re.compile(r"(InRelease|\.gpg|\.asc)$")
_OURS = ("apt/ubuntu2004/", "apt/installer/", "apt/downloads/", "yum/rhel8/", "keys/", "clients/", "snapshot.json")
"""What the site key signed; a mirror's signatures are the upstream's, and stay as they are."""


def answers(golden: Golden, medium: Path) -> dict[str, str]:
    """Return each answer under the name of its file below ``answers/``."""
    snapshots = sorted((golden.base / "store/snapshots").glob("[0-9]*.json"), key=lambda one: int(one.stem))
    return {
        "packers.txt": packers(),
        "lock.toml": (golden.base / "cudepot.lock").read_text(),
        "snapshot.txt": "".join(_snapshot(json.loads(snapshots[-1].read_bytes()))),
        "site.txt": "".join(_site(golden.base / "site/current")),
        "bundle.txt": "".join(_bundle(sorted(medium.glob("*.tar"))[0])),
        "status.json": json.dumps(_plain(golden.json("status", codes=(0, 3))), indent=1, sort_keys=True) + "\n",
    }


def packers() -> str:
    """Return the versions of the libraries that decide what a packed file's bytes are."""
    return "".join(f"{name} {version(name)}\n" for name in _PACKERS) + f"zlib {zlib.ZLIB_RUNTIME_VERSION}\n"


def without_hashes(text: str) -> str:
    """Return an answer without what packers decide: hashes, sizes and what a conda build string is made of."""
    return re.sub(r"\b\d+\b|_h[0-9a-f]{7}_", "", _HASH.sub("", text))


def _is_signature(path: str) -> bool:
    return bool(_SIGNED.search(path)) and path.startswith(_OURS)


def _line(path: str, sha256: str, size: int) -> str:
    return f"{path} signature\n" if _is_signature(path) else f"{path} {sha256} {size}\n"


def _snapshot(document: dict[str, Any]) -> Iterator[str]:
    for key in ("format", "number", "created", "signer", "lock"):
        yield f"{key}: {json.dumps(document[key])}\n"
    for one in document["upstreams"]:
        yield f"upstream: {json.dumps(one, sort_keys=True)}\n"
    for path, digest in sorted(document["tree"].items()):
        yield _line(path, digest["sha256"], digest["size"])


def _site(site: Path) -> Iterator[str]:
    for file in sorted(one for one in site.rglob("*") if one.is_file() or one.is_symlink()):
        path = file.relative_to(site).as_posix()
        if file.is_symlink():
            yield f"{path} -> {file.readlink()}\n"
        elif path == "snapshot.json":
            yield f"{path}\n"  # names the signatures; snapshot.txt holds the rest of it
        else:
            data = file.read_bytes()
            yield _line(path, hashlib.sha256(data).hexdigest(), len(data))


def _bundle(path: Path) -> Iterator[str]:
    """Say what the manifest says; names of objects that are signatures are left out by what the tree says of them."""
    with tarfile.open(path) as tar:
        members = [(one.name, one.size) for one in tar]
        manifest = json.loads(tar.extractfile(members[0][0]).read())  # type: ignore[union-attr]
    yield f"members: {len(members)}\n"
    for key, value in sorted(manifest.items()):
        yield f"{key}: {_shape(value)}\n"


def _shape(value: Any) -> str:
    """Return short values as they are and long ones by their length: what they name is in the snapshot's tree."""
    text = json.dumps(value, sort_keys=True)
    return text if len(text) < 60 else f"{type(value).__name__} of {len(value)}"


def _plain(value: Any) -> Any:
    """Return a report without what another machine or folder decides."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key not in ("path", "free", "store", "version")}
    return [_plain(one) for one in value] if isinstance(value, list) else value
