"""``import``: take volumes in any order; a snapshot appears when everything of it is there and holds.

Objects enter the store one by one, each checked. The manifest waits in ``incoming/`` until no object is missing; only
the last step, one file, makes the snapshot visible.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from cudepot_far.errors import ClockError, ConfigError, FarError, FormatError, TrustError
from cudepot_far.finish import bring, lacking, links
from cudepot_far.manifest import Manifest, parse_manifest
from cudepot_far.project import Project
from cudepot_far.store import INCOMING, Store
from cudepot_far.told import told_of
from cudepot_far.volume import Volume, open_volume
from cudepot_far.vouch import Proved

_AT_ONCE = 4  # objects on their way into the store
Say = Callable[[str], None]
"""Is told what is being done."""


class Waiting(NamedTuple):
    """A bundle that is not complete: the snapshot it brings, the volumes not seen whole, and objects missing."""

    number: int
    volumes: List[int]
    objects: int


class Refused(NamedTuple):
    """A bundle that did not come in: the snapshot it brings, why, and whether it is forgotten or still waits."""

    number: int
    why: str
    forgotten: bool


class Result(NamedTuple):
    """What importing did: numbers of snapshots, bundles that wait, how many objects were new, what vouches for it.

    ``channels`` is what each channel shows on the near side, where that is news; ``noted`` is whether that, or a tag
    or a record, is.
    """

    imported: List[int]
    waiting: List[Waiting]
    objects: int
    proved: List[Proved]
    refused: List[Refused]
    channels: Dict[str, int]
    noted: bool


def take_in(project: Project, files: Sequence[str], say: Say) -> Result:
    """Take volumes of one bundle or several, and import every snapshot that is complete.

    Raises:
        ConfigError: a bundle has to be imported before.
        TrustError: foreign, older, forked, damaged, or not vouched for by its upstream. Nothing is shown then.
        FormatError: a file is no volume.
    """
    store = project.store
    volumes = opened(project, files)
    known, unreadable = waiting_manifests(store)
    known.update({one.name: one.manifest for one in volumes})
    for one in volumes:
        check_lineage(store, one.manifest, one.path, known.values())
    for name, refusal in unreadable.items():
        if refusal.forgotten:
            store.forget(INCOMING, name)
    before = told_of(store)
    new = sum(_take(store, one, say) for one in volumes)
    result = _finish(project, known, {one.name for one in volumes}, say)
    left = [manifest for name, manifest in known.items() if store.has_manifest(INCOMING, name)]
    told = told_of(store)
    return result._replace(
        channels=dict(told.channels) if told.channels != before.channels else {},
        noted=told != before,
        waiting=_waiting(store, left),
        objects=new,
        refused=list(unreadable.values()) + result.refused,
    )


def opened(project: Project, files: Sequence[str]) -> List[Volume]:
    """Return volumes that the site has signed."""
    verify = project.verifier().detached
    return [open_volume(file, verify) for file in files]


def waiting_manifests(store: Store) -> Tuple[Dict[str, Manifest], Dict[str, Refused]]:
    """Return the manifests of bundles that wait, and those that cannot be read."""
    known, bad = {}, {}
    for name in store.manifests(INCOMING):
        try:
            known[name] = parse_manifest(store.manifest(INCOMING, name)[0], f"manifest {name}")
        except (FormatError, ConfigError) as error:
            bad[name] = Refused(0, str(error), isinstance(error, FormatError))
    return known, bad


def check_lineage(store: Store, manifest: Manifest, path: str, others: Iterable[Manifest]) -> None:
    """Refuse what is older, what belongs to another chain, and what follows a snapshot that is not here."""
    here = links(store)
    newest, base = max(here, default=0), manifest.base
    if manifest.number in here:
        if here[manifest.number] != manifest.link:
            raise TrustError(
                f"{path}: brings a snapshot {manifest.number} that differs from the one imported earlier",
                "two near sides sign with the same key, or the near side lost its store: ask there before continuing",
            )
        return
    if manifest.number < newest:
        raise TrustError(
            f"{path}: brings snapshot {manifest.number}, older than {newest}, which is here",
            "import the newest bundle; `rollback` shows an older snapshot again",
        )
    if not base.number or here.get(base.number) == base or base in [one.link for one in others]:
        return
    if base.number in here:
        raise TrustError(
            f"{path}: starts from a snapshot {base.number} that differs from the one here", "a foreign chain"
        )
    raise ConfigError(
        f"{path}: starts from snapshot {base.number}, which is not here (newest: {newest or 'none'})",
        "import the bundles in between first, or send the output of `missing` to the near side",
    )


def _take(store: Store, volume: Volume, say: Say) -> int:
    if not store.has_manifest(INCOMING, volume.name):
        store.add_manifest(INCOMING, volume.name, volume.document, volume.signature)
    say(f"reading {len(volume.members)} objects of {volume.path}")
    missing = [one for one in volume.members if not store.has(one.digest)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # the disk joins what several wait for
        for _ in pool.map(lambda one: store.add(one.digest, volume.chunks(one), f"{volume.path}: {one.name}"), missing):
            pass
    store.settle()
    return len(missing)


def _finish(project: Project, known: Dict[str, Manifest], given: Iterable[str], say: Say) -> Result:
    """Import what is complete, the oldest first, and forget what is refused or was overtaken."""
    store, result = project.store, Result([], [], 0, [], [], {}, False)
    faults: List[FarError] = []
    for name, manifest in sorted(known.items(), key=lambda one: one[1].number):
        base = manifest.base
        if lacking(store, manifest) or (base.number and links(store).get(base.number) != base):
            continue
        try:
            proved = _brought(project, name, manifest, say)
        except (TrustError, FormatError, ConfigError) as error:
            forgotten = not isinstance(error, (ConfigError, ClockError))  # else something can be done about it here
            if forgotten:
                store.forget(INCOMING, name)
            result.refused.append(Refused(manifest.number, str(error), forgotten))
            faults += [error] if name in given else []
            continue
        if proved is not None:
            result.imported.append(manifest.number)
            result = result._replace(proved=proved)
    result.refused.extend(_overtaken(store, known))
    store.settle()
    if faults:
        came = ", ".join(map(str, result.imported))
        told = f"{faults[0]} (snapshot {came} was imported anyway)" if came else str(faults[0])
        raise type(faults[0])(told, faults[0].hint) from faults[0]
    return result


def _brought(project: Project, name: str, manifest: Manifest, say: Say) -> Optional[List[Proved]]:
    """Bring a bundle in; what trips this program up is malformed, else it would wait and stop every later import."""
    try:
        return bring(project, name, manifest, say)
    except (FarError, OSError, MemoryError):
        raise
    except Exception as error:
        told = f"snapshot {manifest.number}: cannot be read ({type(error).__name__}: {str(error)[:200]})"
        raise FormatError(told, "do not import it; keep the volumes, and report this") from error


def _overtaken(store: Store, known: Dict[str, Manifest]) -> List[Refused]:
    """Forget the bundles whose snapshot can come in no more, because a newer one is here."""
    here, found = links(store), []
    newest = max(here, default=0)
    for name, manifest in known.items():
        waits = store.has_manifest(INCOMING, name)
        if waits and manifest.number <= newest and here.get(manifest.number) != manifest.link:
            store.forget(INCOMING, name)
            found.append(Refused(manifest.number, f"snapshot {newest}, which is already here, is newer", True))
    return found


def waiting(store: Store) -> List[Waiting]:
    """Return the bundles of which more volumes have to come."""
    return _waiting(store, waiting_manifests(store)[0].values())


def _waiting(store: Store, manifests: Iterable[Manifest]) -> List[Waiting]:
    found = []
    for one in sorted(manifests, key=lambda one: one.number):
        missing = set(lacking(store, one))
        volumes = [number for number, held in enumerate(one.volumes, 1) if missing & set(held)]
        found.append(Waiting(one.number, volumes, len(missing)))
    return found
