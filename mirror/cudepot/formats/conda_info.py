"""The metadata half of a conda package: the files below ``info/``, as bytes.

Formats: CEP 34 (index.json, paths.json, about.json, run_exports.json, hash_input.json, files) and the tests.yaml
that rattler-build stores and runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from cudepot.digest import Digest
from cudepot.formats.payload import PayloadFile

_ARCH = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "ppc64le",
    "win-64": "x86_64",
    "win-arm64": "arm64",
}


class Output(Protocol):
    """What a rendered recipe says about one package; see ``cudepot.builders.render.RenderedOutput``."""

    @property
    def name(self) -> str:
        """Conda package name."""

    @property
    def version(self) -> str:
        """Conda version."""

    @property
    def build_string(self) -> str:
        """Build string."""

    @property
    def build_number(self) -> int:
        """Build number."""

    @property
    def subdir(self) -> str:
        """Platform or ``noarch``."""

    @property
    def noarch(self) -> str:
        """``generic`` or empty."""

    @property
    def depends(self) -> tuple[str, ...]:
        """Match specs."""

    @property
    def constrains(self) -> tuple[str, ...]:
        """Match specs."""

    @property
    def run_exports(self) -> Mapping[str, tuple[str, ...]]:
        """Match specs by kind."""

    @property
    def about(self) -> Mapping[str, str]:
        """Keys of about.json."""

    @property
    def extra(self) -> Mapping[str, Any]:
        """The recipe's extra section."""

    @property
    def files(self) -> tuple[str, ...]:
        """Globs of the prefix."""

    @property
    def excluded(self) -> tuple[str, ...]:
        """Globs of what they name and the package has not."""

    @property
    def tests(self) -> tuple[tuple[str, ...], ...]:
        """Script tests."""

    @property
    def variant(self) -> Mapping[str, Any]:
        """What the build string's hash is made of."""


def index_json(output: Output, timestamp_ms: int) -> dict[str, Any]:
    """Return index.json as a dict: the package's record in repodata.json, less hashes and size."""
    record: dict[str, Any] = {
        "build": output.build_string,
        "build_number": output.build_number,
        "depends": list(output.depends),
        "name": output.name,
        "subdir": output.subdir,
        "timestamp": timestamp_ms,
        "version": output.version,
    }
    if output.constrains:
        record["constrains"] = list(output.constrains)
    record |= {key: output.about[key] for key in ("license", "license_family") if key in output.about}
    if output.noarch:
        return record | {"noarch": output.noarch}
    return record | {"arch": _ARCH[output.subdir], "platform": output.subdir.partition("-")[0]}


def info_files(
    output: Output, files: Sequence[PayloadFile], extra: Mapping[str, Any], timestamp_ms: int
) -> Iterator[tuple[str, bytes]]:
    """Give path below ``info/`` and content of every metadata file except the licence.

    Args:
        files: what goes into the prefix, sorted by path.
        extra: facts for about.json's ``extra``, beside the recipe's own.
        timestamp_ms: build time to declare, in milliseconds since 1970.
    """
    yield "about.json", _json({**output.about, "extra": {**output.extra, **extra}})
    yield "files", "".join(f"{file.path}\n" for file in files).encode()
    yield "hash_input.json", _json(dict(output.variant))
    yield "index.json", _json(index_json(output, timestamp_ms))
    yield "paths.json", _json({"paths": [_path(file, files) for file in files], "paths_version": 1})
    if output.run_exports:
        yield "run_exports.json", _json({kind: list(specs) for kind, specs in output.run_exports.items()})
    if output.tests:
        yield "tests/tests.yaml", _tests_yaml(output.tests)


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _path(file: PayloadFile, files: Sequence[PayloadFile]) -> dict[str, object]:
    """Return a file's entry in paths.json; a link has the length of its text and the hash of what it leads to.

    A link into another package has the hash of nothing, as conda-build and rattler-build write it.
    """
    content = file.digest or _target(file, files)
    return {
        "_path": file.path,
        "path_type": "softlink" if file.link else "hardlink",
        "sha256": content.sha256,
        "size_in_bytes": len(file.link) if file.link else content.size,
    }


def _target(file: PayloadFile, files: Sequence[PayloadFile]) -> Digest:
    """Return the content a link of the payload leads to within the package; such links stay in their folder."""
    by_path = {one.path: one for one in files}
    at: PayloadFile | None = file
    while at and at.link:
        at = by_path.get(f"{at.path.rpartition('/')[0]}/{at.link}")
    return at.digest if at and at.digest else Digest.of(b"")


def _tests_yaml(tests: Sequence[Sequence[str]]) -> bytes:
    """Return tests.yaml; JSON strings are YAML strings."""
    lines: list[str] = []
    for commands in tests:
        lines.append("- script:")
        lines += [f"  - {json.dumps(command)}" for command in commands]
    return ("\n".join(lines) + "\n").encode()
