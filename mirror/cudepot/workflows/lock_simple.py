"""Resolve pins against a Python package index: project page → wheels by hash."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from cudepot.catalog.config import Pin
from cudepot.catalog.config_upstream import Upstream
from cudepot.catalog.lock import Artifact, LockedUpstream, Root
from cudepot.catalog.release_names import with_recipe
from cudepot.catalog.wheels import Wheel, parse_requirement, select_wheels
from cudepot.digest import Digest
from cudepot.errors import TrustError
from cudepot.formats.simple import parse_page, project_name
from cudepot.ports import Page, Source
from cudepot.workflows.depot import Depot, RootMemory, request_hash

PAGE_LIMIT = 16 << 20  # bytes; the largest pages of the public index are about 10 MB


def resolve_simple(
    depot: Depot, upstream: Upstream, before: tuple[LockedUpstream, tuple[Artifact, ...]] | None
) -> tuple[LockedUpstream, tuple[Artifact, ...]]:
    """Return what the pins of a wheel index mean now; ``before`` unchanged when its pages are the same.

    A wheel index is not signed: its pages are trusted as far as TLS goes, and from then on the lock holds the
    hashes. Plain http is refused except on this machine.

    Raises:
        UpstreamError: not reachable.
        TrustError: plain http, or a wheel without sha256.
        PinError: a pin matches nothing.
    """
    check_transport(upstream)
    source, memory = depot.source(upstream), RootMemory.load(depot.store, upstream)
    pins = depot.pins_of(upstream)
    wanted = [(pin, parse_requirement(text)) for pin in pins for text in pin.packages]
    pages = {
        path: memory.read(depot, source, path, limit=PAGE_LIMIT)
        for path in dict.fromkeys(f"{project_name(requirement.name)}/" for _, requirement in wanted)
    }
    memory.save(depot.store)
    roots = tuple(Root(path, digest) for path, (_, digest) in pages.items())
    locked = LockedUpstream(upstream.name, upstream.type, upstream.url, request_hash(upstream, pins), roots)
    if before and before[0] == locked:
        return before
    artifacts: dict[str, Artifact] = {}
    for pin, requirement in wanted:
        page, _ = pages[f"{project_name(requirement.name)}/"]
        files = parse_page(page.body, page.content_type, _page_url(upstream, page, requirement.name))
        for wheel in select_wheels(requirement, files, pin.subdirs):
            artifacts.setdefault(wheel.file.filename, _artifact(upstream, pin, source, wheel, requirement.name))
    return locked, tuple(artifacts.values())


def check_transport(upstream: Upstream) -> None:
    """Refuse plain http, except on this machine, where nothing but TLS vouches for an index; raise TrustError."""
    parts = urlsplit(upstream.url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise TrustError(
            f"upstream {upstream.name!r}: an unsigned index over plain http cannot be trusted",
            hint="use https; neither wheel indexes nor redistrib manifests carry a signature",
        )


def _page_url(upstream: Upstream, page: Page, name: str) -> str:
    return page.url or f"{upstream.url}{project_name(name)}/"


def _artifact(upstream: Upstream, pin: Pin, source: Source, wheel: Wheel, name: str) -> Artifact:
    file = wheel.file
    if not file.sha256:
        raise TrustError(f"{file.url}: the index gives no sha256", hint="use an index that does (PEP 503)")
    size = source.size(file.url) if file.size is None else file.size
    below = file.url.startswith(upstream.url)
    path = unquote(file.url.removeprefix(upstream.url)) if below else file.url
    artifact = Artifact(
        upstream.name,
        "wheel",
        project_name(name),
        str(wheel.version),
        ",".join(sorted(tag.platform for tag in wheel.tags)),
        path,
        file.filename,
        Digest(file.sha256, size),
        outputs=pin.outputs,
    )
    return with_recipe(artifact, pin)
