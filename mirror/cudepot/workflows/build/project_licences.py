"""``cudepot licence``: the licence texts that a project's packages are under, and accepting them without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from cudepot.catalog.config.edit import add_values
from cudepot.catalog.lock import Lock
from cudepot.depot.builds import Job, job_key, jobs_of, recorded_licence
from cudepot.depot.depot import Depot
from cudepot.depot.locked import current_lock, record_acceptance
from cudepot.digest import Digest
from cudepot.user_files import write_user_text
from cudepot.workflows.build.licences import Terms, Text, first_licence, releases_of, terms_of
from cudepot.workflows.configuration import parse_again


class Licences(NamedTuple):
    """The texts of a project, and the releases whose texts are not known because they have not been fetched yet."""

    terms: tuple[Terms, ...]
    unknown: tuple[str, ...]


def licences(depot: Depot) -> Licences:
    """Return the texts of all that is locked and repackaged, as far as it is here.

    Raises:
        ConfigError: there is no lock, or it does not answer cudepot.toml.
        FormatError: an artifact is damaged.
    """
    lock = current_lock(depot.config, depot.store, depot.lock_path)
    texts, unknown = list[Text](), list[Job]()
    for job in jobs_of(lock):
        depot.progress.step(f"looking for the licence of {job}")
        if found := _text(depot, lock, job):
            texts.append(Text(job, found))
        else:
            unknown.append(job)
    return Licences(terms_of(lock, texts), releases_of(unknown))


def _text(depot: Depot, lock: Lock, job: Job) -> Digest | None:
    """Return the text that a job was built under, else the one in its artifacts; None where these are not here."""
    if recorded := recorded_licence(depot.store, job_key(depot.workshop, lock, job)):
        return recorded
    if not all(depot.store.has(one.digest) for one in job.artifacts):
        return None
    return first_licence(depot.store, depot.recipes, job)


def accept(depot: Depot, terms: Sequence[Terms]) -> None:
    """Write acceptance into cudepot.toml, whose comments stay, and into cudepot.lock.

    Raises:
        ConfigError: cudepot.toml cannot be changed safely.
        StorageError: the disk refuses.
    """
    toml = depot.base / "cudepot.toml"
    text = add_values(toml.read_text("utf-8"), "accept-eula", {one.digest.sha256: one.listed for one in terms})
    config = parse_again(text, depot.config)
    lock = current_lock(config, depot.store, depot.lock_path)
    write_user_text(toml, text)
    record_acceptance(replace(depot, config=config).lock_path, lock)
