"""Follows the packages of a snapshot to what their upstreams signed, with keys pinned on this side of the gap.

Whoever holds the site's key signs the site's own indexes. So every package they offer, and every package that lies
with an upstream, must be one that an index names which hangs from the upstream's own signature.
"""

from typing import Dict, List, NamedTuple, Set, Tuple

from cudepot_far.apt import APT
from cudepot_far.errors import TrustError
from cudepot_far.gpgv import Gpgv
from cudepot_far.manifest import SignedRoot, Snapshot, Upstream
from cudepot_far.openpgp import keyring
from cudepot_far.project import Project
from cudepot_far.promises import Kind, Promise, same_text
from cudepot_far.repositories import KINDS
from cudepot_far.store import Store
from cudepot_far.suites import check_suites, suites
from cudepot_far.values import Digest, checked

HINT = "the near side or the bundle cannot be trusted: do not import it"
NVIDIAS = ("compute/", "libnvidia-container/")
_MADE = "cuda-keyring_"  # debs the site makes there
Signed = List[Tuple[bytes, SignedRoot]]
"""Texts of roots, their signatures checked, and how they travelled; one path may have two, of which one is older."""


class Proved(NamedTuple):
    """What is known of one upstream's packages: pinned keys whose signature led to them, and how many there are."""

    upstream: str
    type: str
    signers: List[str]
    packages: int


def prove(project: Project, snapshot: Snapshot, roots: List[SignedRoot]) -> List[Proved]:
    """Follow every signed upstream of a snapshot from its root's signature to the packages the tree shows.

    Raises:
        TrustError: a signature by a pinned key is missing, or a package is not one the signed index names.
        ConfigError: an index is packed so that this machine cannot read it.
    """
    _check_folders(snapshot)
    _check_copies(snapshot)
    shown: Set[Digest] = set()
    found = [_prove(project, one, snapshot.tree, roots, shown) for one in snapshot.upstreams]
    check_suites(project, snapshot, shown)
    return found


def _check_folders(snapshot: Snapshot) -> None:
    """Refuse repositories that belong to no upstream: nothing could be said of their packages."""
    known = tuple(f"{kind.room}{one.name}/" for kind in KINDS for one in snapshot.upstreams)
    known += tuple(suites(snapshot))
    rooms = tuple(kind.room for kind in KINDS)
    for path in sorted(snapshot.tree):
        strange = not path.startswith(NVIDIAS) and not path.startswith(known)
        if strange and (path.startswith(rooms) or _is_root(path)):
            raise TrustError(f"{path}: belongs to no upstream of the snapshot's lock", HINT)


def _check_copies(snapshot: Snapshot) -> None:
    """Refuse packages and roots below NVIDIA's paths that are not copies of what lies, checked, with an upstream."""
    rooms = tuple(kind.room for kind in KINDS)
    original = {one for path, one in snapshot.tree.items() if path.startswith(rooms)}
    for path, one in sorted(snapshot.tree.items()):
        name = path.rpartition("/")[2]
        counts = _is_root(path) or (_is_package(path) and not name.startswith(_MADE))
        if path.startswith(NVIDIAS) and counts and one not in original:
            raise TrustError(f"{path}: is not a copy of what an upstream has on the site", HINT)


def _is_root(path: str) -> bool:
    return any(path.rpartition("/")[2] in kind.roots for kind in KINDS)


def _is_package(path: str) -> bool:
    return path.endswith(tuple(kind.suffix for kind in KINDS))


def _below(tree: Dict[str, Digest], upstream: Upstream) -> Dict[str, Digest]:
    folders = tuple(f"{kind.room}{upstream.name}/" for kind in KINDS)
    return {path: one for path, one in tree.items() if path.startswith(folders)}


def _prove(
    project: Project, upstream: Upstream, tree: Dict[str, Digest], roots: List[SignedRoot], proved: Set[Digest]
) -> Proved:
    """Follow one upstream; what is shown of it is added to ``proved``."""
    below = _below(tree, upstream)
    sent = {one for _, one, _ in upstream.roots}
    own = {path: one for path, one in below.items() if _is_root(path) and one not in sent}
    shown = {one for path, one in below.items() if _is_package(path)} - (set() if own else upstream.extras)
    signed = any(kind.type == upstream.type for kind in KINDS)
    if not signed or not any(signers for _, _, signers in upstream.roots):
        _check_unsigned(project, upstream, shows=signed or bool(below))
        proved.update(shown)
        return Proved(upstream.name, upstream.type, [], len(shown))
    signers, verified = _verified(project, upstream, roots)
    shown |= _offered(project, own, verified)
    strange = shown - _named(project.store, upstream, verified, shown)
    if strange:
        raise TrustError(
            f"{upstream.name}: {len(strange)} packages are not in the index its upstream signed, "
            f"for example sha256 {min(strange).sha256}",
            HINT,
        )
    proved.update(shown)
    return Proved(upstream.name, upstream.type, signers, len(shown))


def _check_unsigned(project: Project, upstream: Upstream, shows: bool) -> None:
    """Refuse a repository nobody but the site signs, unless it is named here: the near side may call anything so."""
    if shows and upstream.name not in project.unsigned:
        raise TrustError(
            f"{upstream.name}: the near side says this repository is unsigned ({upstream.type})",
            "if you expect that, list it in `unsigned-upstreams` of [site] in cudepot.toml",
        )


def _verified(project: Project, upstream: Upstream, roots: List[SignedRoot]) -> Tuple[List[str], Signed]:
    """Return who signed the roots of an upstream, and what the roots say."""
    signers: Set[str] = set()
    found: Signed = []
    for path, digest, _ in upstream.roots:
        root = _travelled(upstream, path, digest, roots)
        what, document = f"{upstream.name}: {path}", project.store.read(digest)
        verifier = _verifier(project, root, what)
        if root.signature is not None:
            who, text = verifier.detached(document, project.store.read(root.signature), what), document
        else:
            text, who = verifier.clearsigned(document, what)
        found.append((text, root))
        signers.update(who)
    return sorted(signers), found


def _travelled(upstream: Upstream, path: str, digest: Digest, roots: List[SignedRoot]) -> SignedRoot:
    for one in roots:
        if (one.upstream, one.path, one.document) == (upstream.name, path, digest):
            return one
    raise TrustError(
        f"{upstream.name}: the bundle lacks {path}, which its upstream signed",
        "export it again on the near side, after `cudepot lock`",
    )


def _verifier(project: Project, root: SignedRoot, what: str) -> Gpgv:
    """Return a verifier that takes the key files that travelled, and trusts only what is pinned here."""
    if not project.upstream_keys:
        raise TrustError(f"{what}: no upstream keys are pinned here", "list them in `upstream-keys` of [site]")
    keys = [keyring(project.store.read(one), f"{what}: its key") for one in root.keys if project.store.has(one)]
    return Gpgv(keys, project.upstream_keys, "`upstream-keys` of [site] in cudepot.toml")


def _offered(project: Project, own: Dict[str, Digest], verified: Signed) -> Set[Digest]:
    """Return every package that the site's own indexes of an upstream name, whatever it is called, wherever it lies."""
    found, verifier = set(), project.verifier()
    for path, digest in sorted(own.items()):
        document, name = project.store.read(digest), path.rpartition("/")[2]
        kind = next(one for one in KINDS if name in one.roots)
        if kind is APT and name == "InRelease":
            document = verifier.clearsigned(document, path)[0]
        elif kind is APT and any(same_text(document, text) for text, root in verified if root.type == "apt"):
            continue  # beside the upstream's own InRelease, and says the same
        for href, index in sorted(kind.leads_to(document, path, ours=True).items()):
            found |= _packages(project.store, kind, index, f"{path}: {href}")
    return found


def _packages(store: Store, kind: Kind, index: Promise, what: str) -> Set[Digest]:
    """Return what one index of the site's names; nothing where nobody can fetch it."""
    if index.algorithm != "sha256":
        raise TrustError(f"{what}: only its {index.algorithm} is known", HINT)
    digest = Digest(index.value, index.size)
    if not store.has(digest):
        return set()
    named = set(kind.lists(checked(store.chunks(digest), digest, what), what, ours=True))
    if any(one.algorithm != "sha256" for one in named):
        raise TrustError(f"{what}: has a package without a sha256", HINT)
    return {Digest(one.value, one.size) for one in named}


def _named(store: Store, upstream: Upstream, verified: Signed, shown: Set[Digest]) -> Set[Digest]:
    """Return those of the shown packages that the indexes name which hang from the verified roots."""
    kind = next(one for one in KINDS if one.type == upstream.type)
    found: Set[Digest] = set()
    for text, root in verified:
        promised = kind.leads_to(text, root.path, ours=False)
        listing = kind.leads_to_lists(text, root.path)
        for href, digest in root.indexes:
            what = f"{upstream.name}: {href}"
            if href not in promised or not promised[href].kept_by(store, digest):
                raise TrustError(f"{what}: does not match its signed root", "do not import this bundle")
            if href in listing and not shown <= found:
                found |= _read(store, kind, digest, what, shown - found)
    return found


def _read(store: Store, kind: Kind, digest: Digest, what: str, wanted: Set[Digest]) -> Set[Digest]:
    """Return those of the wanted packages that one index names."""
    strong: Set[Digest] = set()
    other: Set[Promise] = set()
    for promise in kind.lists(checked(store.chunks(digest), digest, what), what, ours=False):
        if promise.algorithm == "sha256":
            strong.add(Digest(promise.value, promise.size))
        else:
            other.add(promise)
    found = wanted & strong
    return found | {one for one in wanted - found if any(promise.kept_by(store, one) for promise in _like(other, one))}


def _like(promised: Set[Promise], digest: Digest) -> List[Promise]:
    return [one for one in promised if one.size == digest.size]
