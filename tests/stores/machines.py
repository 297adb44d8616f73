"""Machines that come and go, all with the same cudepot.toml and key, and a store in one bucket."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.debs import simple_deb, write_deb
from simulator.project import Project
from simulator.s3 import S3Server

PREFIX = "depots/one"


@dataclass
class Machines:
    """What machines share; ``base`` has the folder of debs they publish."""

    server: S3Server
    bucket: str
    base: Path
    project: Callable[[str], Project]
    settings: dict[str, object] = field(default_factory=dict)

    def new(self, name: str, **settings: object) -> Project:
        """Return a bare machine: configuration and key, no store and no lock."""
        project = self.project(name)
        project.env |= self.server.env
        project.sections = [self.store(**settings)]
        project.add("upstream", name="local", type="folder", path=str(self.base / "local"))
        project.add("pin", upstream="local", packages=["*.deb"])
        return project

    def store(self, **settings: object) -> str:
        """Return ``[store]``."""
        said = {"type": "s3", "bucket": self.bucket, "prefix": PREFIX, "endpoint": self.server.url, **settings}
        rows = [
            f"{key.replace('_', '-')} = {value if isinstance(value, int) else repr(value)}"
            for key, value in said.items()
        ]
        return "\n".join(["[store]", *rows, ""]).replace("'", '"')

    def deb(self, name: str, version: str = "1.0") -> None:
        """Put another deb into the folder."""
        write_deb(simple_deb(name, version), self.base / "local")

    def throw_away(self, project: Project) -> None:
        """Lose a machine with all that was on it."""
        shutil.rmtree(project.base)

    def empty(self) -> None:
        """Lose all that is in the bucket."""
        for key in self.listed():
            self.client.delete_object(Bucket=self.bucket, Key=f"{PREFIX}/{key}")

    # what is in the bucket

    @functools.cached_property
    def client(self) -> Any:
        """boto3's client."""
        return self.server.client()

    def listed(self, start: str = "") -> list[str]:
        """Return the keys of the store that begin so."""
        return list(self.tagged(start))

    def tagged(self, start: str = "") -> dict[str, str]:
        """Return the same with their ETags."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{PREFIX}/{start}")
        found = (one for page in pages for one in page.get("Contents", ()))
        return {one["Key"].removeprefix(f"{PREFIX}/"): one["ETag"] for one in found}

    def get(self, key: str) -> bytes:
        """Return an object."""
        return bytes(self.client.get_object(Bucket=self.bucket, Key=f"{PREFIX}/{key}")["Body"].read())

    def versions(self, key: str) -> list[bytes]:
        """Return all that an object ever was, in a bucket that keeps versions."""
        found = self.client.list_object_versions(Bucket=self.bucket, Prefix=f"{PREFIX}/{key}")["Versions"]
        where = [{"Bucket": self.bucket, "Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        return [bytes(self.client.get_object(**one)["Body"].read()) for one in where]

    def put(self, key: str, body: bytes) -> None:
        """Write an object, as whoever meddles does."""
        self.client.put_object(Bucket=self.bucket, Key=f"{PREFIX}/{key}", Body=body)
