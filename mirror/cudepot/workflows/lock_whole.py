"""Lock an apt repository that is mirrored whole: its roots, every index they name, and the extras beside them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cudepot.catalog.config_upstream import ROOT_NAMES, Upstream
from cudepot.catalog.drift import replaced
from cudepot.catalog.lock import Artifact, LockedFile, LockedUpstream
from cudepot.catalog.whole import site_folder
from cudepot.digest import Digest
from cudepot.errors import MissingError, TrustError, UpstreamError
from cudepot.formats.apt import parse_release
from cudepot.store.snapshots import Snapshots
from cudepot.workflows.apt_chain import ROOT_LIMIT, Chain, Suite, by_hash
from cudepot.workflows.depot import Depot
from cudepot.workflows.history import latest_snapshots
from cudepot.workflows.stands import RootChain
from cudepot.workflows.whole import read_whole

EXTRA_LIMIT = 64 << 20  # bytes; keyring packages have a few thousand
_AGAIN = "the upstream is being published, or an edge is stale: try again in some minutes"


def whole_files(chain: Chain, suites: Sequence[Suite]) -> tuple[LockedFile, ...]:
    """Return every file of a whole repository but its packages; all of them are in the store then.

    Raises:
        UpstreamError: an extra, or every form of an index, is not to be had.
        TrustError: the roots contradict each other, or an index does not match.
    """
    roots = [one for suite in suites for one in _roots(chain, suite)]
    files = (*roots, *(one for suite in suites for one in _indexes(chain, suite)), *extras(chain))
    chain.memory.save(chain.depot.store)
    return files


def extras(chain: RootChain) -> tuple[LockedFile, ...]:
    """Return the files beside the indexes, each by a conditional request."""
    read = chain.memory.read
    return tuple(
        LockedFile(path, "extra", read(chain.depot, chain.source, path, limit=EXTRA_LIMIT)[1])
        for path in chain.upstream.extras
    )


def with_extras(chain: RootChain, locked: LockedUpstream, accepted: Sequence[str]) -> LockedUpstream:
    """Return what is locked of a whole mirror with the files beside its indexes as they are now."""
    if not chain.upstream.extras:
        return locked
    files = (*(one for one in locked.files if one.role != "extra"), *extras(chain))
    chain.memory.save(chain.depot.store)
    if files == locked.files:
        return locked
    return checked(chain.depot, replace(locked, files=files), (locked, ()), accepted, chain.upstream.url)


def checked(
    depot: Depot,
    locked: LockedUpstream,
    before: tuple[LockedUpstream, tuple[Artifact, ...]] | None,
    accepted: Sequence[str],
    url: str,
) -> LockedUpstream:
    """Refuse a whole mirror that cannot be had as it is, or that has other bytes under names that are locked."""
    now = read_whole(depot, locked)
    if before is None or not before[0].files:
        return locked
    old = _tree_before(depot, before[0])
    return replace(locked, replaced=replaced(old, now.tree, before[0].replaced, accepted, url))


def _tree_before(depot: Depot, locked: LockedUpstream) -> Mapping[str, Digest]:
    """Return what a whole mirror consisted of: by its locked index or, where that is gone, by the last snapshot."""
    if all(depot.store.has(one.digest) for one in locked.files):
        return read_whole(depot, locked).tree
    snapshots, folder = Snapshots(depot.store.root), site_folder(locked)
    last = latest_snapshots(snapshots, depot.site_verifier(), 1) if snapshots.numbers() else []
    shown = [(path, digest) for one in last for path, digest in one.tree.items()]
    return {path.removeprefix(folder): digest for path, digest in shown if path.startswith(folder)}


def _roots(chain: Chain, suite: Suite) -> list[LockedFile]:
    found = {suite.root.path: suite.root.digest}
    with contextlib.suppress(MissingError):  # a repository may have InRelease only
        found |= _detached(chain, suite)
    paths = [suite.folder + name for name in ROOT_NAMES]
    return [LockedFile(path, "root", found[path]) for path in paths if path in found]


def _detached(chain: Chain, suite: Suite) -> dict[str, Digest]:
    """Return Release and Release.gpg, verified, and saying the same as the root the chain began with."""
    paths = [f"{suite.folder}Release", f"{suite.folder}Release.gpg"]
    (release, digest), (signature, signed_by) = (
        chain.memory.read(chain.depot, chain.source, path, limit=ROOT_LIMIT) for path in paths
    )
    what = chain.upstream.url + paths[0]
    text = chain.depot.verifier(chain.upstream).detached(release.body, signature.body, what).text
    found = parse_release(text, what)
    if (found.fields, found.promised()) != (suite.release.fields, suite.release.promised()):
        date = found.fields.get("Date", "no date")
        raise TrustError(f"{what}: of {date}, while {suite.root.path} is of {suite.root.date}", hint=_AGAIN)
    return dict(zip(paths, (digest, signed_by), strict=True))


def _indexes(chain: Chain, suite: Suite) -> list[LockedFile]:
    """Fetch what the Release names and the mirror is for, as far as the upstream serves it.

    apt wants one form of each Packages; an upstream seldom serves all that its Release names.
    """
    named = [path for path in suite.release.promised() if path not in ROOT_NAMES and _is_wanted(chain.upstream, path)]
    found = {path: digest for path in named if (digest := _fetched(chain, suite, path))}
    for folder in _folders(chain.upstream):
        if not any(path.rpartition(".")[0] == f"{folder}Packages" or path == f"{folder}Packages" for path in found):
            raise UpstreamError(
                f"{chain.upstream.url}{suite.folder}{folder}: serves no Packages file that its Release names",
                hint=_AGAIN,
            )
    promised = suite.release.promised()
    hashed = {by_hash(suite.release, path, promised[path]): digest for path, digest in found.items()}
    return [LockedFile(suite.folder + path, "index", digest) for path, digest in {**found, **hashed}.items()]


def _folders(upstream: Upstream) -> list[str]:
    """Return the folders that must have a Packages file; a flat repository has one, and it has no name."""
    return [f"{part}/binary-{one}/" for part in upstream.components for one in upstream.architectures] or [""]


def _is_wanted(upstream: Upstream, path: str) -> bool:
    """Tell whether an index is one that clients of the mirrored components and architectures ask for."""
    extra = [f"{part}/{name}" for part in upstream.components for name in ("binary-all/", "i18n/Translation-en")]
    return not upstream.components or path.startswith((*_folders(upstream), *extra))


def _fetched(chain: Chain, suite: Suite, path: str) -> Digest | None:
    try:
        return chain.fetch_form(suite, path)
    except MissingError:
        return None
    except TrustError as error:
        where = f"{chain.upstream.url}{suite.folder}{path}"
        text = f"{where}: does not match the signed Release of {suite.root.date}: {error}"
        raise TrustError(text, hint=_AGAIN) from error
