"""``cudepot repackage``: make conda packages and wheels of the locked artifacts that have a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from cudepot.catalog.lock import Lock
from cudepot.catalog.lock_document import parse_lock
from cudepot.depot.builds import Built, Job, all_jobs, job_key, jobs_of, recall, record, recorded
from cudepot.depot.depot import Depot, Workshop
from cudepot.depot.isolated import Trouble
from cudepot.depot.locked import current_lock, record_acceptance, unanswered
from cudepot.depot.room import Room, warnings
from cudepot.depot.workers import Workers
from cudepot.errors import ConfigError, CudepotError, EulaError
from cudepot.workflows.build.build_job import build_job, check_eula
from cudepot.workflows.build.closed_channel import check_closed
from cudepot.workflows.build.last_good import with_last_good
from cudepot.workflows.build.licences import NotAcceptedError, Text, question, refuse
from cudepot.workflows.build.room import build_rooms
from cudepot.workflows.build.unpack import unpack, write_folder


@dataclass(frozen=True, slots=True)
class RepackageResult:
    """What repackaging did: every package, and how many jobs had to be run.

    Attributes:
        held: upstreams whose packages are those of the last snapshot, because locked artifacts of theirs are missing.
        left: jobs left out, because their artifacts are missing and nothing was published of their upstream before.
        failed: jobs that could not be run, and why; and the licences that somebody has to accept.
        notes: a line for each upstream that could not be locked.
        room: of a dry run, what the store's disk would have to take, about.
    """

    jobs: tuple[str, ...]
    run: int
    built: tuple[Built, ...]
    held: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    failed: tuple[Trouble, ...] = ()
    notes: tuple[str, ...] = ()
    room: tuple[Room, ...] = ()


def repackage(
    depot: Depot, *, dry_run: bool = False, keep_last: bool = False, is_channel: bool = True
) -> RepackageResult:
    """Run the jobs whose result is not in the store yet; one that fails, or waits for a licence, stops no other.

    Licences are looked at before anything is unpacked. With ``keep_last``, the packages of an upstream of which
    locked artifacts are missing are those of what was published of it last. What ``is_channel`` has to hold together
    where that has to do without conda-forge.

    Raises:
        ConfigError: the lock is out of date.
        StorageError: our own disk refuses.
    """
    lock = current_lock(depot.config, depot.store, depot.lock_path)
    if not dry_run:
        record_acceptance(depot.lock_path, lock)
    notes = unanswered(depot.config, depot.store, lock)
    lock, held = with_last_good(depot, lock) if keep_last else (lock, ())
    jobs = all_jobs(depot.workshop, lock)
    left = [job for job in jobs if keep_last and not all(depot.store.has(one.digest) for one in job.artifacts)]
    jobs = [job for job in jobs if job not in left]
    run = _Run(depot, lock, dry_run=dry_run)
    run.all(jobs)
    made = tuple(dict.fromkeys(one for job in jobs for one in run.built.get(job, ())))
    if is_channel and run.started and depot.config.build.closed_channel and not dry_run and not run.failed:
        check_closed(depot.store, made)
    failed = (*run.failed, *([Trouble("licences", question(depot.store, run.waiting))] if run.waiting else []))
    room = run.room if dry_run else ()
    return RepackageResult(tuple(map(str, jobs)), run.started, made, held, tuple(map(str, left)), failed, notes, room)


class _Run:
    """One run over jobs, each of which fails alone.

    Attributes:
        built: what each job made, now or before.
        started: how many jobs had to be run.
        failed: jobs that failed, and why.
        waiting: licence texts that are not accepted.
        room: what all that is to be built takes, about.
    """

    def __init__(self, depot: Depot, lock: Lock, *, dry_run: bool) -> None:
        self._depot, self._lock, self._dry = depot, lock, dry_run
        self.built: dict[Job, list[Built]] = {}
        self.started = 0
        self.room: tuple[Room, ...] = ()
        self.failed: list[Trouble] = []
        self.waiting: list[Text] = []

    def all(self, jobs: Sequence[Job]) -> None:
        """Recall what was built, look at all licences, then build."""
        todo: dict[Job, str] = {}
        for job in jobs:
            with self._alone(job):
                key = job_key(self._depot.workshop, self._lock, job)
                found = recall(self._depot.store, self._lock, key)
                if found is None:
                    todo[job] = key
                else:
                    self.built[job] = found
        self.started = len(todo)
        self.room = build_rooms(self._depot, todo)
        ready = {} if self._dry else {job: key for job, key in todo.items() if self._may(job)}
        if self._depot.workers is None:
            for line in warnings(build_rooms(self._depot, ready)):
                self._depot.progress.say(line)
        if self._depot.workers is not None:
            self._by_workers(self._depot.workers, {key: job for job, key in ready.items()})
            return
        for job, key in ready.items():
            with self._alone(job):
                self.built[job] = build_job(self._depot.workshop, self._lock, job, key)

    def _by_workers(self, workers: Workers, jobs: Mapping[str, Job]) -> None:
        """Have workers build, and note what they made; a licence that is not accepted is looked at here."""
        depot = self._depot
        depot.progress.begin(f"building {len(jobs)} releases by workers", 0, len(jobs))
        for key, made in workers.built(self._lock, list(jobs)):
            depot.store.relist()
            with self._alone(jobs[key]):
                if isinstance(made, EulaError):
                    refuse(depot.store, depot.recipes, self._lock, jobs[key])
                if isinstance(made, CudepotError):
                    raise made
                record(depot.store, key, jobs[key], made.built, made.licence)
                self.built[jobs[key]] = list(made.built)
            depot.progress.advance(0, 1)
        depot.progress.end()

    def _may(self, job: Job) -> bool:
        """Return whether all of a job is here, and its licence is accepted as far as that is known."""
        before = len(self.failed), len(self.waiting)
        with self._alone(job):
            missing = [one.filename for one in job.artifacts if not self._depot.store.has(one.digest)]
            if missing:
                raise ConfigError(f"{job}: {missing[0]} is not in the store", hint="run `cudepot sync`")
            if self._depot.workers is None:  # they look at it when they have the artifacts
                refuse(self._depot.store, self._depot.recipes, self._lock, job)
        return before == (len(self.failed), len(self.waiting))

    def _note(self, one: Trouble) -> None:
        if isinstance(one.error, NotAcceptedError):
            self.waiting.append(one.error.text)
        else:
            self.failed.append(one)

    def _alone(self, job: Job) -> AbstractContextManager[None]:
        return self._depot.isolation.each(str(job), self._note)


def build_alone(workshop: Workshop, text: str, key: str) -> dict[str, Any]:
    """Run the build of a lock (its text) that has this key, and return its record: what a worker does.

    Raises:
        ConfigError: none has: recipes or settings are others here.
    """
    lock = parse_lock(tomli.loads(text))
    found = next((job for job in all_jobs(workshop, lock) if job_key(workshop, lock, job) == key), None)
    if found is None:
        raise ConfigError(
            "a worker has other recipes than this machine", hint="install the same cudepot on all workers"
        )
    build_job(workshop, lock, found, key)
    return recorded(workshop.store, key)


def write_payloads(workshop: Workshop, lock_path: Path, folder: Path) -> tuple[str, ...]:
    """Write the payload of every job below ``folder`` as plain files, and return the paths.

    For building the recipes with rattler-build or conda-build themselves: ``CUDEPOT_PAYLOAD`` names one of them.
    """
    lock = current_lock(workshop.config, workshop.store, lock_path)
    made = []
    for job in jobs_of(lock):
        one = job.release
        name = f"{one.product}-{one.part}" if one.part else one.product
        target = folder / f"{name}-{one.version}-cuda{one.cuda}-{one.subdir}-{job.artifacts[0].kind}"
        with workshop.store.scratch() as scratch:
            payload = unpack(workshop, job, scratch)
            try:
                check_eula(workshop.store, lock, job, payload, scratch)
            except NotAcceptedError as error:
                raise question(workshop.store, [error.text]) from error
            write_folder(payload, scratch, target)
        made.append(str(target))
    return tuple(made)
