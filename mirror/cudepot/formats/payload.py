"""The payload: an artifact's files in canonical roles and places, however they were shipped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError


class Role(StrEnum):
    """What a payload file is for."""

    RUNTIME = "runtime"
    LINK = "link"
    DEVLINK = "devlink"
    HEADER = "header"
    STATIC = "static"
    LICENCE = "licence"


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """One file of a payload: ``digest`` for a regular file, ``link`` for a symbolic link.

    Attributes:
        path: canonical place, e.g. ``lib/libcudnn.so.8.0.5``, ``include/cudnn_v8.h``, ``LICENSE``.
    """

    path: str
    role: Role
    digest: Digest | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A release as cudepot names it.

    Attributes:
        product: e.g. ``cudnn``.
        version: four parts as NVIDIA counts them, e.g. ``8.0.5.39``.
        cuda: CUDA variant, ``11.1`` or ``13`` as the artifact says it.
        subdir: conda platform, e.g. ``linux-64``.
    """

    product: str
    version: str
    cuda: str
    subdir: str


@dataclass(frozen=True, slots=True)
class Payload:
    """All files of one release, sorted by path."""

    release: Release
    files: tuple[PayloadFile, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a rule says about a member of an artifact.

    Attributes:
        role: RUNTIME (also for its links), HEADER, STATIC or LICENCE.
        stem: name without version parts, e.g. ``libcudnn_ops``, ``cudnn_version``; ``LICENSE`` for a licence.
        version: version in the name, e.g. ``8.0.5``, ``8`` or empty.
        rank: number of the rule that claimed it; of several licences the one with the lowest rank is kept.
    """

    role: Role
    stem: str
    version: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A claimed member and its content: ``digest`` for a regular file, ``link`` (as stored) for a link."""

    name: str
    claim: Claim
    digest: Digest | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of payload.toml: which files (globs) in which folders (globs) play which role (None: ignored)."""

    role: Role | None
    folders: tuple[str, ...]
    files: tuple[str, ...]

    def covers(self, name: str) -> bool:
        """Tell whether the member is this rule's; ``*`` stays within one path segment."""
        folder, _, base = name.rpartition("/")
        return any(fnmatchcase(base, one) for one in self.files) and any(
            _folder_matches(folder, one) for one in self.folders
        )


def _folder_matches(folder: str, pattern: str) -> bool:
    """Match segment by segment; a last segment ``**`` stands for any folders below, or none."""
    parts, wanted = folder.split("/") if folder else [], pattern.split("/") if pattern else []
    if wanted and wanted[-1] == "**":
        wanted = wanted[:-1]
        parts = parts[: len(wanted)]
    return len(parts) == len(wanted) and all(fnmatchcase(a, b) for a, b in zip(parts, wanted, strict=True))


_NAMES = {
    Role.RUNTIME: re.compile(r"(?P<stem>lib[A-Za-z0-9_+-]+)\.so(?:\.(?P<version>[0-9]+(?:\.[0-9]+)*))?"),
    Role.HEADER: re.compile(r"(?P<stem>[A-Za-z0-9_-]+?)(?:_v(?P<version>[0-9]+))?\.h"),
    Role.STATIC: re.compile(r"(?P<stem>lib[A-Za-z0-9_+-]+)_static(?:_v(?P<version>[0-9]+))?\.a"),
}


@dataclass(frozen=True, slots=True)
class PayloadRules:
    """The rules of one product, in order; the first that covers a member decides."""

    rules: tuple[Rule, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> PayloadRules:
        """Build rules from the parsed payload.toml; raise ConfigError saying which entry is wrong."""
        entries = data.get("rule")
        if data.get("schema") != 1 or not isinstance(entries, list) or not entries:
            raise ConfigError("payload.toml: expected 'schema = 1' and at least one [[rule]]")
        return cls(tuple(_rule(entry, f"rule[{number}]") for number, entry in enumerate(entries)))

    def claim(self, name: str) -> Claim | None:
        """Return what the member ``name`` is, None when a rule says to ignore it.

        Raises:
            FormatError: no rule covers it, or its base name does not fit the role.
        """
        for rank, rule in enumerate(self.rules):
            if rule.covers(name):
                return None if rule.role is None else _claim(rule.role, name, rank)
        raise FormatError(f"{name[:200]!r}: no rule says what this file is", hint="add a pattern to payload.toml")


def _rule(entry: object, where: str) -> Rule:
    if not isinstance(entry, dict) or set(entry) != {"role", "folders", "files"}:
        raise ConfigError(f"payload.toml: {where} needs exactly role, folders and files")
    role, folders, files = entry["role"], entry["folders"], entry["files"]
    if role not in {"ignore", *_NAMES, Role.LICENCE}:
        raise ConfigError(f"payload.toml: {where}.role is {role!r}", hint="runtime, header, static, licence, ignore")
    for key, globs in (("folders", folders), ("files", files)):
        if not isinstance(globs, list) or not globs or not all(isinstance(one, str) for one in globs):
            raise ConfigError(f"payload.toml: {where}.{key} must be a list of glob patterns")
    return Rule(None if role == "ignore" else Role(role), tuple(folders), tuple(files))


def _claim(role: Role, name: str, rank: int) -> Claim:
    if role is Role.LICENCE:
        return Claim(role, "LICENSE", rank=rank)
    parts = _NAMES[role].fullmatch(name.rpartition("/")[2])
    if parts is None:
        raise FormatError(
            f"{name[:200]!r}: not the name of a {role.value} file", hint="narrow the pattern in payload.toml"
        )
    return Claim(role, parts["stem"], parts["version"] or "", rank)
