"""The site's page, ``index.html``: made from a snapshot's tree and lock alone, so equal snapshots give equal pages."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from urllib.parse import quote

from cudepot.catalog.ecosystems import HeldKind, label
from cudepot.catalog.lock import Lock
from cudepot.catalog.site.clients import FOLDER, INDEX
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.catalog.site.snapshot import Tree
from cudepot.digest import Digest
from cudepot.fingerprints import spaced
from cudepot.workflows.publish.page_data import NO_CLIENTS, Clients, page_data
from cudepot.workflows.publish.page_whole import whole_repositories


def render_page(
    site: SiteFacts, lock: Lock, tree: Tree, parts: Mapping[str, str], clients: Clients = NO_CLIENTS
) -> bytes:
    """Return the page.

    Args:
        site: what it says of the site.
        lock: what the snapshot was made from: where packages are from, who signed there.
        tree: of the snapshot, without the page.
        parts: ``index.html``, ``page.css`` and ``page.js``.
        clients: the files for clients.
    """
    style, script = parts["page.css"].strip(), parts["page.js"].strip()
    whole = whole_repositories(tree, {one.repository for one in site.held})
    values = {
        "LABEL": html.escape(site.label),
        "NUMBER": str(site.number),
        "CREATED": html.escape(f"{site.created[:10]} {site.created[11:16]} UTC"),
        "DAY": html.escape(site.created[:10]),
        "SIGNER": html.escape(spaced(site.signer)),
        "KEY": site.key.sha256,
        "CONTENTS": "\n".join(_contents(site, lock, tree, whole)),
        "CHECKS": "\n".join(_checks(lock)),
        "EULA": _eula(lock),
        "STYLE": style,
        "SCRIPT": script,
        "STYLE_HASH": _csp(style),
        "SCRIPT_HASH": _csp(script),
        "DATA": page_data(site, lock, clients, whole),
    }
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], parts["index.html"]).encode()


def _csp(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _contents(site: SiteFacts, lock: Lock, tree: Tree, whole: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Give the list of environments, and of packages by repository; it needs no script."""
    if lock.environments:
        from cudepot.workflows.publish.page_environments import environments  # noqa: PLC0415 - start-up

        yield from environments(lock, _size)
    for (kind, repository), group in groupby(site.held, key=lambda one: (one.kind, one.repository)):
        held = list(group)
        told = f"{_counted(len(held), label(kind))}, {_size(one.digest for one in held)}"
        yield _section(f"{repository}/", told, held, f' data-kind="{kind}"')
    for repository, paths in whole.items():
        told = f"{_counted(len(paths), 'package')}, {_size(tree[one] for one in paths)}, as their upstream lists them"
        yield _section(f"{repository}/", told, ())
    yield from _clients(tree)
    if not site.held and not whole:
        yield '<p class="quiet">No packages yet.</p>'


def _clients(tree: Tree) -> Iterator[str]:
    """Give the files that set up clients, by distribution."""
    paths = sorted(path for path in tree if path.startswith(FOLDER) and path != INDEX)
    for folder, group in groupby(paths, key=lambda path: "/".join(path.split("/")[:2])):
        links = (
            f'<li><a href="{html.escape(quote(path))}">/{html.escape(path[len(folder) + 1 :])}</a></li>'
            for path in group
        )
        summary = (
            f"<summary>{html.escape(folder)}/<small>client configuration, by its path on a client</small></summary>"
        )
        yield f"<details>{summary}<ul>{''.join(links)}</ul></details>"
    if INDEX in tree:
        yield f'<p class="quiet">A list of these files for programs: <a href="{INDEX}">{INDEX}</a></p>'


def _section(title: str, told: str, held: Sequence[Held], more: str = "") -> str:
    rows = "".join(map(_row, held))
    head = "<tr><th>Package</th><th>Version</th><th>Platform</th><th>Size</th></tr>"
    table = f'<div class="scroll"><table>{head}{rows}</table></div>' if rows else ""
    link = f'<p><a href="{html.escape(title)}">{html.escape(title)}</a></p>'
    summary = f"<summary>{html.escape(title)}<small>{html.escape(told)}</small></summary>"
    return f"<details{more}>{summary}{table or link}</details>"


def _row(one: Held) -> str:
    version = " ".join(filter(None, (one.version, one.build)))
    file = one.kind in (HeldKind.FILE, HeldKind.INSTALLER)
    name = one.path.rpartition("/")[2] if file else one.name
    link = f'<a href="{html.escape(one.url("."))}">{html.escape(name)}</a>'
    if file:  # no index of theirs tells it
        link += f'<br><code class="wrap">{one.digest.sha256}</code>'
    size = _size([one.digest])
    return f"<tr><td>{link}</td><td>{html.escape(version)}</td><td>{html.escape(one.platform)}</td><td>{size}</td></tr>"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")


def _size(digests: Iterable[Digest]) -> str:
    size = float(sum(one.size for one in set(digests)))
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _checks(lock: Lock) -> Iterator[str]:
    """Give, for each upstream, whose signature its index bore.

    Not when it was made: an upstream that only dates its index anew would make the page, and the snapshot, differ.
    """
    for one in lock.upstreams:
        signers = sorted({spaced(signer) for root in one.roots for signer in root.signers})
        told = f'from <code class="wrap">{html.escape(one.url or "files on disk")}</code><br>'
        if signers:
            told += f'index signed by <code class="wrap">{html.escape(", ".join(signers))}</code>'
        else:
            told += "known by sha256 since it was locked; its index is not signed"
        yield f"<dt>{html.escape(one.name)}</dt><dd>{told}</dd>"


def _eula(lock: Lock) -> str:
    if not lock.accepted_eula:
        return ""
    hashes = ", ".join(f'<code class="wrap">{html.escape(one)}</code>' for one in lock.accepted_eula)
    return f"This site's operator accepted the licence text with sha256 {hashes}."
