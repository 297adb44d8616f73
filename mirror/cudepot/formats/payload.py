"""The payload: an artifact's files in canonical roles and places, however they were shipped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from cudepot.digest import Digest
from cudepot.errors import ConfigError, FormatError
from cudepot.formats.release import Release


class Role(StrEnum):
    """What a payload file is for."""

    RUNTIME = "runtime"
    """A shared library under its full name, or a DLL."""
    LINK = "link"
    """The link with the library's SONAME."""
    DEVLINK = "devlink"
    """The link the linker looks for: ``libcudnn.so``."""
    HEADER = "header"
    IMPORT = "import"
    """An import library of a DLL."""
    STATIC = "static"
    """A static archive, or the link with its other name."""
    SAMPLE = "sample"
    """A file of the samples."""
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
class Payload:
    """All files of one release, sorted by path."""

    release: Release
    files: tuple[PayloadFile, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a rule says about a member of an artifact.

    Attributes:
        role: RUNTIME (also for its links), HEADER, IMPORT, STATIC, SAMPLE or LICENCE.
        stem: name without version parts, e.g. ``libcudnn_ops``, ``cudnn_version``; ``LICENSE`` for a licence; the
            path below the samples' folder for a sample.
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

    def below(self, name: str) -> str | None:
        """Return the path of the member below the folder that matched, None when it is not this rule's.

        ``*`` stays within one path segment.
        """
        folder, _, base = name.rpartition("/")
        if any(fnmatchcase(base, one) for one in self.files):
            for pattern in self.folders:
                if (depth := _depth(folder, pattern)) is not None:
                    return "/".join(name.split("/")[depth:])
        return None


def _depth(folder: str, pattern: str) -> int | None:
    """Match segment by segment and return how many did; a last ``**`` stands for any folders below, or none."""
    parts, wanted = folder.split("/") if folder else [], pattern.split("/") if pattern else []
    if wanted and wanted[-1] == "**":
        wanted = wanted[:-1]
        parts = parts[: len(wanted)]
    fits = len(parts) == len(wanted) and all(fnmatchcase(a, b) for a, b in zip(parts, wanted, strict=True))
    return len(wanted) if fits else None


_NAMES = {
    Role.RUNTIME: (
        re.compile(r"(?P<stem>lib[A-Za-z0-9_+-]+)\.so(?:\.(?P<version>[0-9]+(?:\.[0-9]+)*))?"),
        re.compile(r"(?P<stem>[A-Za-z0-9_-]+?)64_(?P<version>[0-9]+)\.dll"),
    ),
    Role.HEADER: (re.compile(r"(?P<stem>[A-Za-z0-9_-]+?)(?:_v(?P<version>[0-9]+))?\.h"),),
    Role.IMPORT: (re.compile(r"(?P<stem>[A-Za-z0-9_-]+)\.lib(?P<version>)"),),
    Role.STATIC: (
        re.compile(r"(?P<stem>lib[A-Za-z0-9_+-]+)_static(?:_v(?P<version>[0-9]+))?\.a"),
        re.compile(r"(?P<stem>[A-Za-z0-9_-]+)\.lib(?P<version>)"),
    ),
}


@dataclass(frozen=True, slots=True)
class PayloadRules:
    """The rules of one product, in order; the first that covers a member decides.

    Attributes:
        needs: globs over the libraries that a library may need beside those of the payload itself.
        as_shipped: whether libraries keep the names they come with, instead of cuDNN's canonical ones.
    """

    rules: tuple[Rule, ...]
    needs: tuple[str, ...] = ("*",)
    as_shipped: bool = False

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> PayloadRules:
        """Build rules from the parsed payload.toml; raise ConfigError saying which entry is wrong."""
        entries = data.get("rule")
        if data.get("schema") != 1 or not isinstance(entries, list) or not entries:
            raise ConfigError("payload.toml: expected 'schema = 1' and at least one [[rule]]")
        rules = tuple(_rule(entry, f"rule[{number}]") for number, entry in enumerate(entries))
        layout = data.get("layout", "canonical")
        if layout not in ("canonical", "as-shipped"):
            raise ConfigError(f"payload.toml: layout is {layout!r}", hint="canonical, as-shipped")
        return cls(rules, _globs(data.get("needs", ["*"]), "needs"), layout == "as-shipped")

    def claim(self, name: str) -> Claim | None:
        """Return what the member ``name`` is, None when a rule says to ignore it.

        Raises:
            FormatError: no rule covers it, or its base name does not fit the role.
        """
        for rank, rule in enumerate(self.rules):
            if (below := rule.below(name)) is not None:
                return None if rule.role is None else _claim(rule.role, name, below, rank)
        raise FormatError(f"{name[:200]!r}: no rule covers this file", hint="add a pattern to payload.toml")


def _rule(entry: object, where: str) -> Rule:
    if not isinstance(entry, dict) or set(entry) != {"role", "folders", "files"}:
        raise ConfigError(f"payload.toml: {where} needs exactly role, folders and files")
    role, folders, files = entry["role"], entry["folders"], entry["files"]
    if role not in {"ignore", *_NAMES, Role.SAMPLE, Role.LICENCE}:
        known = ", ".join(("ignore", *_NAMES, Role.SAMPLE, Role.LICENCE))
        raise ConfigError(f"payload.toml: {where}.role is {role!r}", hint=known)
    return Rule(
        None if role == "ignore" else Role(role),
        _globs(folders, f"{where}.folders"),
        _globs(files, f"{where}.files"),
    )


def _globs(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise ConfigError(f"payload.toml: {where} must be a list of glob patterns")
    return tuple(found)


def _claim(role: Role, name: str, below: str, rank: int) -> Claim:
    if role is Role.LICENCE:
        return Claim(role, "LICENSE", rank=rank)
    if role is Role.SAMPLE:
        return Claim(role, below, rank=rank)
    base = name.rpartition("/")[2]
    for form in _NAMES[role]:
        if parts := form.fullmatch(base):
            return Claim(role, parts["stem"], parts["version"] or "", rank)
    raise FormatError(f"{name[:200]!r}: not the name of a {role.value} file", hint="narrow the pattern in payload.toml")
