"""Lock an apt repository that is mirrored whole: its roots, and every index they name."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence

from cudepot.catalog.config.upstream import Upstream
from cudepot.catalog.lock import FileRole, LockedFile
from cudepot.depot.fetch import WORKERS, from_any, grouped, in_threads
from cudepot.depot.upstream_session import ROOT_LIMIT
from cudepot.digest import CHUNK, Digest, hasher
from cudepot.errors import MissingError, TrustError, UpstreamError
from cudepot.formats.apt_release import ROOT_NAMES, parse_release
from cudepot.kinds.apt.chain import Chain, Suite, by_hash
from cudepot.kinds.apt.index_forms import check_forms
from cudepot.kinds.apt.rules.mirror_indexes import same_index, wanted_indexes
from cudepot.kinds.apt.rules.settings import apt_settings
from cudepot.kinds.mirror import extras
from cudepot.signing.cleartext import check_detached

_AGAIN = "the upstream is being updated, or an edge cache is stale: try again in a few minutes"


def whole_files(chain: Chain, suites: Sequence[Suite]) -> tuple[LockedFile, ...]:
    """Return every file of a whole repository but its packages; all of them are in the store then.

    Raises:
        UpstreamError: an extra, or every form of an index, is not available.
        TrustError: the roots contradict each other, or an index does not match.
    """
    roots = [one for suite in suites for one in _roots(chain, suite)]
    files = (*roots, *(one for suite in suites for one in _indexes(chain, suite)), *extras(chain))
    chain.memory.save()
    return files


def _roots(chain: Chain, suite: Suite) -> list[LockedFile]:
    found = {suite.root.path: suite.root.digest}
    with contextlib.suppress(MissingError):  # a repository may have InRelease only
        found |= _detached(chain, suite)
    paths = [suite.folder + name for name in ROOT_NAMES]
    return [LockedFile(path, FileRole.ROOT, found[path]) for path in paths if path in found]


def _detached(chain: Chain, suite: Suite) -> dict[str, Digest]:
    """Return Release and Release.gpg, verified, and saying the same as the root the chain began with."""
    paths = [f"{suite.folder}Release", f"{suite.folder}Release.gpg"]
    (release, digest), (signature, signed_by) = (
        chain.memory.read(chain.source, path, limit=ROOT_LIMIT) for path in paths
    )
    what = chain.upstream.url + paths[0]
    check_detached(signature.body, f"{what}.gpg")
    text = chain.depot.verifier(chain.upstream).detached(release.body, signature.body, what).text
    found = parse_release(b"\n".join(line.rstrip() for line in text.split(b"\n")), what)  # as it is in InRelease
    if (found.fields, found.promised()) != (suite.release.fields, suite.release.promised()):
        date = found.fields.get("Date", "no date")
        raise TrustError(f"{what}: dated {date}, but {suite.root.path} is of {suite.root.date}", hint=_AGAIN)
    return dict(zip(paths, (digest, signed_by), strict=True))


def _indexes(chain: Chain, suite: Suite) -> list[LockedFile]:
    """Fetch what the Release names and the mirror is for, as far as the upstream serves it.

    apt wants one form of each index; an upstream seldom serves all that its Release names.
    """
    promised = suite.release.promised()
    named = wanted_indexes(chain.upstream, promised)
    found = _each_fetched(chain, suite, named)
    _check_served(chain, suite, named, found)
    _check_sums(chain, suite, found)
    check_forms(chain, suite, found)
    hashed = {by_hash(suite.release, path, promised[path]): digest for path, digest in found.items()}
    return [LockedFile(suite.folder + path, FileRole.INDEX, digest) for path, digest in {**found, **hashed}.items()]


def _each_fetched(chain: Chain, suite: Suite, named: Sequence[str]) -> dict[str, Digest]:
    """Fetch indexes, several at once; those the upstream does not serve are left out.

    Many may have the same bytes: Debian's Release names dozens of empty ones. Each content is fetched once, from the
    first of its paths that has it, and is served under all of them.

    Raises:
        TrustError: one is not what the Release says; of several, the first in the order given.
    """
    found: dict[str, Digest] = {}
    promised = suite.release.promised()

    def fetch(paths: list[str], _stop: threading.Event) -> None:
        with contextlib.suppress(MissingError):
            found.update(dict.fromkeys(paths, from_any(paths, lambda path: _fetched(chain, suite, path))))

    failed = in_threads(list(grouped(named, promised.__getitem__).values()), fetch, WORKERS)
    if failed:
        raise min(failed, key=lambda one: named.index(one[0][0]))[1]
    return {path: found[path] for path in named if path in found}


def _check_served(chain: Chain, suite: Suite, named: Sequence[str], found: Mapping[str, Digest]) -> None:
    """Refuse a suite without packages, or without the sources asked for; say what else is named and nowhere."""
    served = {same_index(path) for path in found}
    lists = [f"{folder}Packages" for folder in _folders(chain.upstream)]
    own = apt_settings(chain.upstream)
    lists += [f"{part}/source/Sources" for part in own.components if own.sources]
    where = chain.upstream.url + suite.folder
    for one in lists:
        if one not in served:
            folder, _, name = one.rpartition("/")
            place = f"{where}{folder}/" if folder else where
            raise UpstreamError(f"{place}: does not serve the {name} file that its Release names", hint=_AGAIN)
    for one in dict.fromkeys(map(same_index, named)):
        if one not in served:
            chain.depot.progress.say(f"{where}{one}: named by the Release but not served in any form; left out")


def _check_sums(chain: Chain, suite: Suite, found: Mapping[str, Digest]) -> None:
    """Refuse a Release with a sum that an index does not have, weak or in capitals: apt compares all it is given."""
    for name, text in suite.release.fields.items():
        kind = name.lower().replace("md5sum", "md5")
        if kind not in ("md5", "sha1", "sha256", "sha512"):
            continue
        listed = {words[2]: words[0] for line in text.split("\n")[::-1] if len(words := line.split()) == 3}
        for path, digest in found.items():
            if path in listed and listed[path] != _sum(chain, digest, kind):
                raise TrustError(
                    f"{chain.upstream.url}{suite.folder}{path}: the signed Release gives {listed[path][:40]} as its "
                    f"{name}, so apt refuses it",
                    hint="the upstream is at fault: report it there, or pin just the packages you need",
                )


def _sum(chain: Chain, digest: Digest, kind: str) -> str:
    if kind == "sha256":
        return digest.sha256
    one = hasher(kind)
    with chain.depot.store.open(digest) as handle:
        while chunk := handle.read(CHUNK):
            one.update(chunk)
    return one.hexdigest()


def _folders(upstream: Upstream) -> list[str]:
    """Return the folders that must have a Packages file; a flat repository has one, and it has no name."""
    return [
        f"{part}/binary-{one}/" for part in apt_settings(upstream).components for one in upstream.architectures
    ] or [""]


def _fetched(chain: Chain, suite: Suite, path: str) -> Digest:
    try:
        return chain.fetch_form(suite, path)
    except TrustError as error:
        where = f"{chain.upstream.url}{suite.folder}{path}"
        text = f"{where}: does not match the signed Release of {suite.root.date}: {error}"
        raise TrustError(text, hint=_AGAIN) from error
