"""Licence texts: found before anything is unpacked, all of them asked for at once, accepted without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cudepot.catalog.lock import Artifact, Lock
from cudepot.depot.builds import Job
from cudepot.digest import Digest
from cudepot.errors import EulaError
from cudepot.formats.payload import Role
from cudepot.store.local import LocalStore
from cudepot.workflows.build.unpack import chunks, load_rules, members

_NAMED = 10  # builds named for one text, and texts named in one error: a line is mailed, logged and kept


class Text(NamedTuple):
    """A licence text that waits to be accepted, and the build that waits for it."""

    job: Job
    digest: Digest


class Terms(NamedTuple):
    """A licence text in the store, what is under it, and whether it is accepted."""

    digest: Digest
    releases: tuple[str, ...]
    accepted: bool

    @property
    def listed(self) -> str:
        """The releases, as people read them."""
        return listed(self.releases)


class UnacceptedError(EulaError):
    """Builds wait until somebody accepts their licence texts.

    Attributes:
        waiting: the texts, each of which is in the store.
    """

    def __init__(self, message: str, *, hint: str, waiting: Sequence[Text]) -> None:
        super().__init__(message, hint=hint)
        self.waiting = tuple(waiting)


class NotAcceptedError(EulaError):
    """A build waits until somebody accepts a licence text; the text is in the store."""

    def __init__(self, text: Text) -> None:
        super().__init__("")
        self.text = text


def first_licence(
    store: LocalStore, recipes: Path, job: Job, opened: Callable[[Artifact], BinaryIO] | None = None
) -> Digest | None:
    """Return the licence text that stands first in a job's artifacts, put into the store; None where none is found.

    Only the best text by the recipe's rules ends the reading early. The build looks at all of them once more.
    ``opened`` gives an artifact that the store does not have yet.
    """
    rules = load_rules(recipes, job.recipe)
    best = min((rank for rank, rule in enumerate(rules.rules) if rule.role is Role.LICENCE), default=-1)
    found: tuple[int, Digest] | None = None
    for artifact in (*job.artifacts, *job.licences):
        with opened(artifact) if opened else store.open(artifact.digest) as handle:
            for member, stream in members(artifact, handle, lambda _: None):
                claim = rules.claim(member.name)
                if claim is None or claim.role is not Role.LICENCE or stream is None:
                    continue
                if found is None or claim.rank < found[0]:
                    found = claim.rank, store.add(chunks(stream))
                if found[0] == best:
                    return found[1]
    return found[1] if found else None


def refuse(store: LocalStore, recipes: Path, lock: Lock, job: Job) -> None:
    """Raise NotAcceptedError when the licence of a job is known to be none that is accepted."""
    licence = first_licence(store, recipes, job) if job.artifacts else None
    if licence and licence.sha256 not in lock.accepted_eula:
        raise NotAcceptedError(Text(job, licence))


def terms_of(lock: Lock, texts: Iterable[Text]) -> tuple[Terms, ...]:
    """Return each text once, with all that is under it."""
    grouped: dict[Digest, list[Job]] = {}
    for one in texts:
        grouped.setdefault(one.digest, []).append(one.job)
    return tuple(
        Terms(digest, releases_of(jobs), digest.sha256 in lock.accepted_eula) for digest, jobs in grouped.items()
    )


def question(store: LocalStore, waiting: Sequence[Text]) -> EulaError:
    """Return the one error that asks for every text, and says how to accept them."""
    terms = terms_of(Lock(), waiting)
    if len(terms) > _NAMED:
        hint = (
            "`cudepot licence list` lists all of them; `cudepot licence accept` shows each text and asks, without a "
            "network; then run `cudepot repackage`"
        )
        return UnacceptedError(not_accepted(terms), hint=hint, waiting=waiting)
    paths = ", ".join(str(store.path(one.digest)) for one in terms)
    hashes = " ".join(one.digest.sha256 for one in terms)
    return UnacceptedError(
        not_accepted(terms),
        hint=f"read {paths}; if you accept {'them' if len(terms) > 1 else 'it'}, run "
        f"`cudepot licence accept {hashes}`, then `cudepot repackage`: no network is needed",
        waiting=waiting,
    )


def not_accepted(terms: Sequence[Terms]) -> str:
    """Return what is wrong while texts are not accepted."""
    told = "; ".join(f"{one.listed} (sha256 {one.digest.sha256})" for one in terms[:_NAMED])
    told += f"; and {len(terms) - _NAMED} more texts" if len(terms) > _NAMED else ""
    many = len(terms) > 1
    return f"the licence{'s' if many else ''} of {told} {'have' if many else 'has'} not been accepted"


def releases_of(jobs: Iterable[Job]) -> tuple[str, ...]:
    """Return product and version of each job, once each."""
    return tuple(dict.fromkeys(f"{one.release.product} {one.release.version}" for one in jobs))


def listed(names: Sequence[str]) -> str:
    """Return names for a line, the first of them where there are many."""
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
