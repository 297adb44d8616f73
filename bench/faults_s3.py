"""Buckets for the faults bench: one state after the other on a real S3 server, and what clients must find in them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import requests
from simulator.s3 import S3Server, moto

Objects = Mapping[str, bytes]
_SUMS = re.compile(r"^ ([0-9a-f]{64}) +([0-9]+) (\S+)$", re.MULTILINE)
_DEB = re.compile(r"^Filename: (\S+)$.*?^SHA256: ([0-9a-f]{64})$", re.MULTILINE | re.DOTALL)


class Buckets:
    """Fills fresh buckets of moto's server, and reads them as clients do."""

    def __init__(self, server: S3Server) -> None:
        self.server, self._client = server, server.client()
        os.environ |= server.env

    def fresh(self, objects: Objects) -> str:
        """Return the name of a new bucket that holds these objects."""
        name = self.server.bucket()
        for key, data in objects.items():
            self._client.put_object(Bucket=name, Key=key, Body=data)
        return name

    def objects(self, name: str) -> dict[str, bytes]:
        """Return all a bucket holds."""
        found = self._client.list_objects_v2(Bucket=name).get("Contents", [])
        return {one["Key"]: self._get(name, one["Key"]) or b"" for one in found}

    def point(self, project: Path, name: str) -> None:
        """Let a project publish to that bucket."""
        toml = project / "cudepot.toml"
        text = re.sub(r'type = "s3"\n.*?\nregion = "[^"]*"\n', "", toml.read_text(), flags=re.DOTALL)
        site = f'type = "s3"\nbucket = "{name}"\nendpoint = "{self.server.url}"\nregion = "us-east-1"\n'
        toml.write_text(text.replace("[site]\n", f"[site]\n{site}"))

    def bucket_of(self, project: Path) -> str:
        """Return the bucket a project publishes to; empty for a folder."""
        found = re.search(r'^bucket = "(.*)"$', (project / "cudepot.toml").read_text(), re.MULTILINE)
        return found[1] if found else ""

    def shown(self, project: Path) -> int:
        """Return the number of the snapshot shown; raise AssertionError for anything wrong a client could get.

        While roots are switched some are of one snapshot and some of another. Each file has to be a snapshot's, and
        what a root names has to be there.
        """
        name = self.bucket_of(project)
        document = self._get(name, "snapshot.json")
        if document is None:
            return 0
        allowed: dict[str, set[str]] = {}
        for one in (project / "store/snapshots").glob("*.json"):
            for path, digest in json.loads(one.read_bytes())["tree"].items():
                allowed.setdefault(path, set()).add(digest["sha256"])
        for path in json.loads(document)["tree"]:
            data = self._get(name, path)
            assert data is not None, f"{path}: gone"
            assert hashlib.sha256(data).hexdigest() in allowed[path], f"wrong: {path}"
        self._follow(name)
        return int(json.loads(document)["number"])

    def _follow(self, name: str) -> None:
        """Go from the apt root down to the packages, as a client that asks by hash does."""
        root = self._get(name, "apt/up/InRelease") or b""
        for sha256, _, path in _SUMS.findall(root.decode()):
            index = self._get(name, f"apt/up/by-hash/SHA256/{sha256}") or b""
            assert hashlib.sha256(index).hexdigest() == sha256, f"{path} by hash"
            if path == "Packages.gz":
                for deb, promised in _DEB.findall(gzip.decompress(index).decode()):
                    data = self._get(name, f"apt/up/{deb}") or b""
                    assert hashlib.sha256(data).hexdigest() == promised, deb

    def whole(self, project: Path) -> None:
        """Raise AssertionError unless every file is that of the snapshot shown."""
        name = self.bucket_of(project)
        for path, digest in json.loads(self._get(name, "snapshot.json") or b"{}")["tree"].items():
            assert hashlib.sha256(self._get(name, path) or b"").hexdigest() == digest["sha256"], f"wrong: {path}"

    def harm(self, project: Path, spread: random.Random) -> tuple[str, str]:
        """Flip a bit of an object clients see, or cut it; return its key and what was done."""
        name = self.bucket_of(project)
        key = spread.choice(sorted(json.loads(self._get(name, "snapshot.json") or b"{}")["tree"]))
        data = bytearray(self._get(name, key) or b"")
        how = "cut" if spread.random() < 0.3 or not data else "flipped"
        if how == "cut":
            data = data[: spread.randrange(max(len(data), 1))]
        else:
            data[spread.randrange(len(data))] ^= 1 << spread.randrange(8)
        self._client.put_object(Bucket=name, Key=key, Body=bytes(data))
        return key, how

    def _get(self, name: str, key: str) -> bytes | None:
        answer = requests.get(f"{self.server.url}/{name}/{requests.utils.quote(key)}", timeout=60)
        assert answer.status_code in (200, 404), f"{key}: {answer.status_code}"
        return answer.content if answer.status_code == 200 else None


@contextlib.contextmanager
def buckets(folder: Path) -> Iterator[Buckets]:
    """Start the server."""
    folder.mkdir(parents=True)
    with moto(folder) as server:
        yield Buckets(server)
