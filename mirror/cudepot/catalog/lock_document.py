"""``cudepot.lock`` as a document: parsed into values, and rendered from them. Format: ``docs/formats.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from cudepot.catalog.ecosystems import Output, Row, row_for, rows
from cudepot.catalog.fields import Table
from cudepot.catalog.lock import (
    Artifact,
    Attested,
    BuiltFrom,
    FileRole,
    Lock,
    LockedFile,
    LockedUpstream,
    Replaced,
    Root,
)
from cudepot.catalog.locked_environments import parse_environments, render_environments
from cudepot.catalog.unsolvable import Allowed
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.formats.release import Release
from cudepot.paths import plain_path, safe_name

VERSION = 1
_NEWER = "use the cudepot version that wrote it, or run `cudepot lock` again"


def parse_lock(data: Mapping[str, object]) -> Lock:
    """Return the lock; raise ConfigError that names the place of the first fault."""
    root = Table(data)
    version = root.integer("version")
    if version != VERSION:
        raise ConfigError(
            f"cudepot.lock has version {version}; this cudepot reads {VERSION}",
            hint=_NEWER,
        )
    kinds = tuple(one.artifact for one in rows())
    lock = Lock(
        tuple(_upstream(one) for one in root.tables("upstream")),
        tuple(_artifact(one, kinds) for one in root.tables("artifact")),
        root.texts("accepted-eula", ()),
        tuple(_allowed(one) for one in root.tables("allowed-unsolvable")),
        parse_environments(root.tables("environment")) if root.has("environment") else (),
    )
    root.done()
    return lock


def parse_upstreams(tables: Iterable[Table]) -> tuple[LockedUpstream, ...]:
    """Return upstreams as snapshots have them; raise ConfigError likewise.

    Of tolerant tables, what this cudepot does not know yet is left out: keys, and files of other roles.
    """
    return tuple(_upstream(one) for one in tables)


def render_upstreams(upstreams: Iterable[LockedUpstream]) -> list[dict[str, Any]]:
    """Return the tables of upstreams, as locks and snapshots have them."""
    return [_upstream_table(one) for one in upstreams]


def render_lock(lock: Lock) -> dict[str, Any]:
    """Return the document of a lock; equal locks give equal documents."""
    document: dict[str, Any] = {"version": VERSION}
    if lock.accepted_eula:
        document["accepted-eula"] = list(lock.accepted_eula)
    if lock.allowed_unsolvable:
        document["allowed-unsolvable"] = [asdict(one) for one in lock.allowed_unsolvable]
    document["upstream"] = render_upstreams(lock.upstreams)
    document["artifact"] = [_artifact_table(one) for one in lock.artifacts]
    if lock.environments:
        document["environment"] = render_environments(lock.environments)
    return document


def _allowed(table: Table) -> Allowed:
    found = Allowed(table.text("name"), table.text("reason"))
    if not found.reason.strip():
        raise ConfigError(f"expected a reason in {table.path('reason')!r}, found nothing")
    table.done()
    return found


def _upstream(table: Table) -> LockedUpstream:
    found = LockedUpstream(
        **{key: table.text(key) for key in ("name", "type", "url", "request")},
        **{key: table.text(key, "") for key in ("origin", "label", "suite", "codename")},
        roots=tuple(_root(one) for one in table.tables("root")),
        external=table.texts("external", ()),
        files=tuple(_file(one, "role") for one in table.tables("file") if _is_known(one)),
        metadata=tuple(_file(one, "type") for one in table.tables("metadata")),
        replaced=tuple(_replaced(one) for one in table.tables("replaced")),
        spelled=table.texts("spelled", ()),
        removed=table.texts("removed", ()),
    )
    table.done()
    if outside := [name for name in found.spelled if not plain_path(name)]:
        raise ConfigError(f"expected names inside the repository in {table.path('spelled')!r}, found {outside[0]!r}")
    return found


def _is_known(file: Table) -> bool:
    """Return whether a file is to be read: one whose role only a newer cudepot knows is not, where that may be."""
    return not file.tolerant or file.text("role") in tuple(FileRole)


def _replaced(table: Table) -> Replaced:
    found = Replaced(table.text("path"), table.text("before"), table.text("now"))
    table.done()
    return found


def _root(table: Table) -> Root:
    signature = table.table("signature") if table.has("signature") else None
    root = Root(
        table.text("path"),
        table.digest(),
        table.text("date", ""),
        table.texts("signers", ()),
        signature.digest() if signature else None,
    )
    table.done()
    return root


def _file(table: Table, kind: str) -> LockedFile:
    path = table.text("path")
    if plain_path(path) != path:
        raise ConfigError(f"expected a plain path in {table.path('path')!r}, found {path!r}")
    role = table.choice(kind, tuple(FileRole)) if kind == "role" else table.text(kind)
    found = LockedFile(path, role, table.digest())
    table.done()
    return found


def _artifact(table: Table, kinds: tuple[str, ...]) -> Artifact:
    kind = _kind(table, kinds)
    found = Artifact(
        upstream=table.text("upstream"),
        kind=kind,
        name=table.text("name"),
        version=table.text("version"),
        architecture=table.text("architecture"),
        path=table.text("path"),
        filename=_plain_name(table, row_for(kind)),
        digest=table.digest(),
        why=table.text("why", "pin"),
        outputs=table.texts("outputs", (Output.MIRROR,)),
        replaces=table.text("replaces", ""),
        holds=table.texts("holds", ()),
        uploaded=table.text("uploaded", ""),
        yanked=table.text("yanked") if table.has("yanked") else None,
        requires=table.texts("requires", ()),
        record=table.text("record", ""),
        provenance=_attested(table.table("provenance")) if table.has("provenance") else None,
        built=_built(table.table("built")) if table.has("built") else None,
    )
    if table.has("recipe"):
        release = table.table("release")
        made = Release(
            **{key: release.text(key) for key in ("product", "version", "cuda", "subdir")},
            part=release.text("part", ""),
        )
        release.done()
        found = replace(found, recipe=table.text("recipe"), release=made)
    table.done()
    return found


def _attested(table: Table) -> Attested:
    found = Attested(table.text("path"), table.digest())
    table.done()
    return found


def _built(table: Table) -> BuiltFrom:
    found = BuiltFrom(
        table.digest(), table.text("python"), table.texts("requires", ()), again=table.flag("again", default=True)
    )
    table.done()
    return found


def _kind(table: Table, kinds: tuple[str, ...]) -> str:
    try:
        return table.choice("kind", kinds)
    except ConfigError as error:
        raise ConfigError(str(error), hint=_NEWER) from error


def _plain_name(table: Table, row: Row) -> str:
    name = table.text("filename")
    is_plain = name.count("/") == row.nested and safe_name(name) == name
    if not is_plain or not name.endswith(row.suffixes if row.signed else ""):
        raise ConfigError(f"expected a plain file name in {table.path('filename')!r}, found {name!r}")
    return name


def _upstream_table(one: LockedUpstream) -> dict[str, Any]:
    table: dict[str, Any] = {key: getattr(one, key) for key in ("name", "type", "url", "request")}
    table |= {key: getattr(one, key) for key in ("origin", "label", "suite", "codename") if getattr(one, key)}
    if one.external:
        table["external"] = list(one.external)
    if one.spelled:
        table["spelled"] = list(one.spelled)
    if one.removed:
        table["removed"] = list(one.removed)
    if one.roots:
        table["root"] = [_root_table(root) for root in one.roots]
    if one.files:
        table["file"] = [_file_table(file, "role") for file in one.files]
    if one.metadata:
        table["metadata"] = [_file_table(file, "type") for file in one.metadata]
    if one.replaced:
        table["replaced"] = [asdict(file) for file in one.replaced]
    return table


def _file_table(file: LockedFile, kind: str) -> dict[str, Any]:
    return {"path": file.path, kind: file.role, **_digest_table(file.digest)}


def _root_table(root: Root) -> dict[str, Any]:
    table: dict[str, Any] = {"path": root.path, **_digest_table(root.digest)}
    if root.date:
        table["date"] = root.date
    if root.signers:
        table["signers"] = list(root.signers)
    if root.signature:
        table["signature"] = _digest_table(root.signature)
    return table


def _digest_table(digest: Digest) -> dict[str, Any]:
    return {"sha256": digest.sha256, "size": digest.size}


def _artifact_table(one: Artifact) -> dict[str, Any]:
    keys = ("upstream", "kind", "name", "version", "architecture", "path", "filename")
    table: dict[str, Any] = {key: getattr(one, key) for key in keys}
    table |= {"sha256": one.digest.sha256, "size": one.digest.size, "why": one.why, "outputs": list(one.outputs)}
    table |= {"replaces": one.replaces} if one.replaces else {}
    table |= {"holds": list(one.holds)} if one.holds else {}
    table |= {"uploaded": one.uploaded} if one.uploaded else {}
    table |= {"yanked": one.yanked} if one.yanked is not None else {}
    table |= {"requires": list(one.requires)} if one.requires else {}
    table |= {"record": one.record} if one.record else {}
    if one.provenance:
        table["provenance"] = {"path": one.provenance.path, **_digest_table(one.provenance.digest)}
    if one.built:
        table["built"] = {**_digest_table(one.built.digest), "python": one.built.python}
        table["built"] |= {"requires": list(one.built.requires)} if one.built.requires else {}
        table["built"] |= {} if one.built.again else {"again": False}
    if one.release is not None:
        table["recipe"] = one.recipe
        table["release"] = {key: getattr(one.release, key) for key in ("product", "version", "cuda", "subdir")}
        if one.release.part:
            table["release"]["part"] = one.release.part
    return table
