"""The last run of all verbs, ``last-run.json`` in the store: what monitors read of it."""

from __future__ import annotations

from cudepot.catalog.run_report import Report, parse_report, render_report
from cudepot.errors import StorageError
from cudepot.store.layout import LAST_RUN
from cudepot.store.local import LocalStore
from cudepot.store.sealed_file import SealedFile


def last_run(store: LocalStore) -> Report | None:
    """Return the last run; None where there was none, or what is kept of it cannot be read."""
    return parse_report(SealedFile(store.at(LAST_RUN)).recall())


def keep_run(store: LocalStore, report: Report) -> None:
    """Keep a run as the last one. A full disk takes it as well: it gets the room of the one before.

    Raises:
        StorageError: the disk refuses even so.
    """
    file, document = SealedFile(store.at(LAST_RUN)), render_report(report)
    try:
        file.write(document)
    except (StorageError, OSError):
        file.forget()
        SealedFile(store.at(LAST_RUN), indent=None).write(document)
