"""Small random yum repositories: metadata of packages that nobody built, full of what solvers trip over."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from cudepot.digest import Digest
from cudepot.formats.repomd import Record, render_repomd

NAMES = tuple("abcdefgh")
_SPACES = 'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
_WORDS = ("if", "or", "and", "with", "without")
"""What may stand in what a package needs; `unless` is for conflicts, which have no `if` (rpm's manual)."""
_AGAINST = ("with", "without", "and", "unless")
_PATHS = ("/usr/bin/x", "/usr/bin/y", "/opt/odd")


def write_random(folder: Path, seed: int, *, versions: int = 3) -> None:
    """Write the metadata of one repository."""
    dice = random.Random(seed)
    packages = [
        (name, version, dice.choice(("0", "0", "0", "1")), dice.choice(("x86_64", "x86_64", "noarch")))
        for name in NAMES
        for version in range(1, versions + 1)
        if dice.random() < 0.6
    ]
    paths = {one: [dice.choice(_PATHS[:2])] if dice.random() < 0.2 else [] for one in packages}
    entries = "".join(_entry(dice, paths[one], *one) for one in packages)
    lists = "".join(_files(paths[one], *one) for one in packages)
    made = {
        "primary": f'<metadata {_SPACES} packages="{len(packages)}">\n{entries}</metadata>\n',
        "filelists": '<filelists xmlns="http://linux.duke.edu/metadata/filelists" '
        f'packages="{len(packages)}">\n{lists}</filelists>\n',
    }
    (folder / "repodata").mkdir(parents=True)
    records = [_written(folder, kind, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}') for kind, text in made.items()]
    (folder / "repodata/repomd.xml").write_bytes(render_repomd("1", records, made_by="random"))


def _written(folder: Path, kind: str, text: str) -> Record:
    data = gzip.compress(text.encode(), mtime=0)
    (folder / f"repodata/{kind}.xml.gz").write_bytes(data)
    opened = hashlib.sha256(text.encode()).hexdigest()
    return Record(kind, f"repodata/{kind}.xml.gz", Digest.of(data), len(text.encode()), opened, 1)


def _sum(*what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()


def _entry(dice: random.Random, paths: list[str], name: str, version: int, epoch: str, arch: str) -> str:
    said = {kind: [] for kind in ("requires", "recommends", "supplements", "conflicts", "obsoletes", "provides")}
    said["provides"] = [(name, "EQ", epoch, str(version)), *([_plain(dice, "v")] if dice.random() < 0.3 else [])]
    said["requires"] = [_relation(dice, _WORDS) for _ in range(dice.choice((0, 1, 1, 2)))]
    for kind, chance in (("recommends", 0.3), ("supplements", 0.15), ("conflicts", 0.15)):
        said[kind] = [_relation(dice, _AGAINST if kind == "conflicts" else _WORDS)] if dice.random() < chance else []
    if dice.random() < 0.1:
        said["obsoletes"] = [_plain(dice, dice.choice([one for one in NAMES if one != name]))]
    body = "".join(f"<rpm:{kind}>{''.join(map(_rpm_entry, each))}</rpm:{kind}>" for kind, each in said.items() if each)
    body += "".join(f"<file>{path}</file>" for path in paths)
    return (
        f'<package type="rpm"><name>{name}</name><arch>{arch}</arch><version epoch="{epoch}" ver="{version}" rel="1"/>'
        f'<checksum type="sha256" pkgid="YES">{_sum(name, version, epoch, arch)}</checksum><summary>x</summary>'
        '<description>x</description><packager/><url/><time file="1" build="1"/><size package="9" installed="2" '
        f'archive="3"/><location href="{name}-{version}-1.{arch}.rpm"/><format>{body}</format></package>\n'
    )


def _rpm_entry(one: tuple[str, ...]) -> str:
    name, *bound = one
    if not bound:
        return f"<rpm:entry name={quoteattr(name)}/>"
    sign, epoch, version = bound
    release = ' rel="1"' if sign == "EQ" else ""
    return f'<rpm:entry name={quoteattr(name)} flags="{sign}" epoch="{epoch}" ver="{version}"{release}/>'


def _plain(dice: random.Random, name: str) -> tuple[str, ...]:
    if dice.random() < 0.5:
        return (name,)
    return (name, dice.choice(("EQ", "GE", "LT", "LE", "GT")), "0", str(dice.choice((1, 2, 3))))


def _relation(dice: random.Random, words: Sequence[str]) -> tuple[str, ...]:
    chance = dice.random()
    if chance < 0.1:
        return (dice.choice(_PATHS),)
    if chance < 0.2:
        return ("v",)
    if chance < 0.5:
        word, parts = dice.choice(words), dice.sample([*NAMES, "v"], 3)
        both = f"{parts[0]} {word} {parts[1]}"
        return (f"({both} else {parts[2]})" if word == "if" and chance < 0.3 else f"({both})",)
    return _plain(dice, dice.choice(NAMES))


def _files(paths: list[str], name: str, version: int, epoch: str, arch: str) -> str:
    every = [*paths, "/opt/odd"] if version == 2 and name in "ce" else paths
    files = "".join(f"<file>{path}</file>" for path in every)
    return (
        f'<package pkgid="{_sum(name, version, epoch, arch)}" name="{name}" arch="{arch}">'
        f'<version epoch="{epoch}" ver="{version}" rel="1"/>{files}</package>\n'
    )
