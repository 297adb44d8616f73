"""Licence texts: found before anything is unpacked, all of them asked for at once, accepted without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cudepot.catalog.lock import Lock
from cudepot.depot.builds import Job
from cudepot.digest import Digest
from cudepot.errors import EulaError
from cudepot.formats.payload import Role
from cudepot.store.local import LocalStore
from cudepot.workflows.build.unpack import chunks, load_rules, members

_NAMED = 10  # builds named for one text


class Text(NamedTuple):
    """A licence text that waits to be accepted, and the build that waits for it."""

    job: Job
    digest: Digest


class NotAcceptedError(EulaError):
    """A build waits until somebody accepts a licence text; the text is in the store."""

    def __init__(self, text: Text) -> None:
        super().__init__("")
        self.text = text


def first_licence(store: LocalStore, recipes: Path, job: Job) -> Digest | None:
    """Return the licence text that stands first in a job's artifacts, put into the store; None where none is found.

    Only the best text by the recipe's rules ends the reading early. The build looks at all of them once more.
    """
    rules = load_rules(recipes, job.recipe)
    best = min((rank for rank, rule in enumerate(rules.rules) if rule.role is Role.LICENCE), default=-1)
    found: tuple[int, Digest] | None = None
    for artifact in (*job.artifacts, *job.licences):
        with store.open(artifact.digest) as handle:
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


def question(store: LocalStore, waiting: Sequence[Text]) -> EulaError:
    """Return the one error that asks for every text, and says how to accept them."""
    grouped: dict[Digest, list[Job]] = {}
    for one in waiting:
        grouped.setdefault(one.digest, []).append(one.job)
    told = "; ".join(f"{_named(jobs)} (sha256 {digest.sha256})" for digest, jobs in grouped.items())
    many = len(grouped) > 1
    paths = ", ".join(str(store.path(one)) for one in grouped)
    hashes = ", ".join(f'"{one.sha256}"' for one in grouped)
    return EulaError(
        f"the licence{'s' if many else ''} of {told} {'have' if many else 'has'} not been accepted",
        hint=f"read {paths}; if you accept {'them' if many else 'it'}, add {hashes} to accept-eula in cudepot.toml, "
        "then run `cudepot repackage`: no network is needed",
    )


def _named(jobs: Iterable[Job]) -> str:
    names = list(dict.fromkeys(f"{one.release.product} {one.release.version}" for one in jobs))
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
