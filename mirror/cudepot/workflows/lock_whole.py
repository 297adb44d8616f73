"""Lock an apt repository that is mirrored whole: its roots, every index they name, and the extras beside them."""

from __future__ import annotations

import contextlib

from cudepot.catalog.config_upstream import ROOT_NAMES
from cudepot.catalog.lock import LockedFile
from cudepot.digest import Digest
from cudepot.errors import MissingError, TrustError, UpstreamError
from cudepot.formats.apt import parse_release
from cudepot.workflows.apt_chain import ROOT_LIMIT, Chain, Suite
from cudepot.workflows.fetch import Wanted, fetch_one

EXTRA_LIMIT = 64 << 20  # bytes; keyring packages have a few thousand
_AGAIN = "the upstream is being published, or an edge is stale: try again in some minutes"


def whole_files(chain: Chain, suite: Suite) -> tuple[LockedFile, ...]:
    """Return every file of a whole repository but its packages; all of them are in the store then.

    Raises:
        UpstreamError: an extra, or every form of the index, is not to be had.
        TrustError: the roots contradict each other, or an index does not match.
    """
    files = (*_roots(chain, suite), *_indexes(chain, suite), *_extras(chain))
    chain.memory.save(chain.depot.store)
    return files


def _roots(chain: Chain, suite: Suite) -> list[LockedFile]:
    found = {suite.root.path: suite.root.digest}
    with contextlib.suppress(MissingError):  # a repository may have InRelease only
        found |= _detached(chain, suite)
    return [LockedFile(path, "root", found[path]) for path in ROOT_NAMES if path in found]


def _detached(chain: Chain, suite: Suite) -> dict[str, Digest]:
    """Return Release and Release.gpg, verified, and saying the same as the root the chain began with."""
    release, digest = chain.memory.read(chain.depot, chain.source, "Release", limit=ROOT_LIMIT)
    signature, signed_by = chain.memory.read(chain.depot, chain.source, "Release.gpg", limit=ROOT_LIMIT)
    what = chain.upstream.url + "Release"
    text = chain.depot.verifier(chain.upstream).detached(release.body, signature.body, what).text
    found = parse_release(text, what)
    if (found.fields, found.files) != (suite.release.fields, suite.release.files):
        date = found.fields.get("Date", "no date")
        raise TrustError(f"{what}: of {date}, while {suite.root.path} is of {suite.root.date}", hint=_AGAIN)
    return {"Release": digest, "Release.gpg": signed_by}


def _indexes(chain: Chain, suite: Suite) -> list[LockedFile]:
    """Fetch what the Release names as far as the upstream serves it; apt wants one form of Packages."""
    named = {path: digest for path, digest in suite.release.files.items() if path not in ROOT_NAMES}
    found = {path: digest for path, digest in named.items() if _fetched(chain, suite, path, digest)}
    if not any(path.startswith("Packages") for path in found):
        raise UpstreamError(f"{chain.upstream.url}: serves no Packages file that its Release names", hint=_AGAIN)
    if suite.release.fields.get("Acquire-By-Hash", "").lower() == "yes":
        found |= {f"by-hash/SHA256/{digest.sha256}": digest for digest in found.values()}
    return [LockedFile(path, "index", digest) for path, digest in found.items()]


def _fetched(chain: Chain, suite: Suite, path: str, digest: Digest) -> bool:
    try:
        fetch_one(Wanted(chain.source, path, digest), chain.depot.store, chain.depot.progress)
    except MissingError:
        return False
    except TrustError as error:
        raise TrustError(
            f"{chain.upstream.url}{path}: does not match the signed Release of {suite.root.date}: {error}", hint=_AGAIN
        ) from error
    return True


def _extras(chain: Chain) -> list[LockedFile]:
    read = chain.memory.read
    return [
        LockedFile(path, "extra", read(chain.depot, chain.source, path, limit=EXTRA_LIMIT)[1])
        for path in chain.upstream.extras
    ]
