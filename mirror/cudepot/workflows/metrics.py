"""Facts as Prometheus reads them: samples by name, and the text or file that has them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cudepot import __version__
from cudepot.catalog.metrics import METRICS, Sample
from cudepot.catalog.run_report import Report
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError, FormatError, StorageError
from cudepot.formats.dates import parse_date
from cudepot.workflows.facts import Facts, Shown
from cudepot.workflows.status import Status, alarms

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""Media type of what :func:`exposed` returns."""
INSTALL = "pip install 'prometheus_client>=0.21'"


def samples(facts: Facts) -> Iterator[Sample]:
    """Give every value that is known; what is not known has none."""
    status = facts.status
    yield Sample("cudepot_info", 1, (__version__,))
    yield Sample("cudepot_alarms", len(alarms(status)))
    yield Sample("cudepot_site_snapshot", status.shown or 0)
    for channel, number in status.channels.items():
        yield Sample("cudepot_channel_snapshot", number or 0, (channel,))
    yield Sample("cudepot_store_snapshots", len(status.snapshots))
    yield Sample("cudepot_store_objects", facts.objects)
    yield Sample("cudepot_store_bytes", facts.bytes)
    yield Sample("cudepot_store_free_bytes", facts.free)
    yield Sample("cudepot_missing_bytes", status.missing_bytes)
    yield Sample("cudepot_builds_pending", status.builds - status.builds_done)
    yield from _shown(facts.shown) if facts.shown else ()
    yield from _edge(status)
    yield from _rollback(status)
    yield from _upstreams(status)
    yield from _environments(facts)
    for key in facts.keys:
        if key.expires:
            end = datetime.datetime.combine(key.expires, datetime.time(), datetime.UTC)
            yield Sample("cudepot_key_expiry_timestamp_seconds", end.timestamp(), (key.owner, key.fingerprint))
    yield from _last_run(status.last_run) if status.last_run else ()


def _shown(shown: Shown) -> Iterator[Sample]:
    yield from _at("cudepot_site_snapshot_timestamp_seconds", shown.created)
    yield Sample("cudepot_site_files", shown.files)
    yield Sample("cudepot_site_bytes", shown.bytes)
    for path, when in shown.until.items():
        yield Sample("cudepot_site_valid_until_timestamp_seconds", when.timestamp(), (path,))


def _edge(status: Status) -> Iterator[Sample]:
    if status.heard:
        yield from _at("cudepot_edge_signed_timestamp_seconds", status.heard.signed)
        yield from _at("cudepot_edge_valid_until_timestamp_seconds", status.heard.until)


def _rollback(status: Status) -> Iterator[Sample]:
    yield Sample("cudepot_rollback_in_force", int(status.hold is not None))
    yield from _at("cudepot_rollback_timestamp_seconds", status.hold.since) if status.hold else ()


def _upstreams(status: Status) -> Iterator[Sample]:
    names = [one.name for one in status.upstreams]
    for one in status.upstreams:
        yield from _at("cudepot_upstream_root_timestamp_seconds", one.date, one.name)
        yield from _at("cudepot_upstream_good_timestamp_seconds", one.good, one.name)
        yield Sample("cudepot_upstream_artifacts", one.artifacts, (one.name,))
        yield Sample("cudepot_upstream_missing_artifacts", one.missing, (one.name,))
    for name in dict.fromkeys((*names, *(one.upstream for one in status.faults))):
        yield Sample("cudepot_faults", sum(one.upstream == name for one in status.faults), (name,))
    first: dict[tuple[str, str, str], str] = {}
    for fault in status.faults:  # of many files of one kind, the first one counts
        labels = fault.upstream, fault.verb, fault.fault.kind
        first[labels] = min(fault.since, first.get(labels, fault.since))
    for labels, since in first.items():
        yield from _at("cudepot_fault_timestamp_seconds", since, *labels)


def _environments(facts: Facts) -> Iterator[Sample]:
    locked: dict[str, int] = {}
    for one in facts.status.environments:
        locked[one.name] = locked.get(one.name, 0) + len(one.targets)
    proved = facts.shown.proved if facts.shown else {}
    for name in dict.fromkeys((*locked, *proved)):
        yield Sample("cudepot_environment_targets", locked.get(name, 0), (name,))
        yield Sample("cudepot_environment_proved_targets", proved.get(name, 0), (name,))


def _last_run(last: Report) -> Iterator[Sample]:
    yield from _at("cudepot_last_run_timestamp_seconds", last.ended)
    yield Sample("cudepot_last_run_duration_seconds", last.seconds)
    yield Sample("cudepot_last_run_exit_code", last.exit)
    yield Sample("cudepot_last_run_hook_failures", sum(bool(one.get("error")) for one in last.hooks))
    for step in last.steps:
        for code in dict.fromkeys(one.code for one in step.met):
            yield Sample("cudepot_last_run_troubles", sum(one.code == code for one in step.met), (step.name, code))


def _at(name: str, when: str, *labels: str) -> Iterator[Sample]:
    """Give a point in time; nothing where there is none, or none that can be read."""
    seconds = _seconds(when)
    if seconds is not None:
        yield Sample(name, seconds, labels)


def _seconds(when: str) -> float | None:
    try:
        return datetime.datetime.fromisoformat(when).timestamp()
    except ValueError:
        pass
    try:
        return parse_date(when, "Date").timestamp()
    except FormatError:
        return None


def check_library() -> None:
    """Raise ConfigError where what writes metrics is not installed."""
    try:
        import prometheus_client  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed", hint=INSTALL) from error


def _registry(facts: Facts) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry, Gauge  # noqa: PLC0415 - an extra

    registry = CollectorRegistry()
    gauges = {row.name: Gauge(row.name, row.what, row.labels, registry=registry) for row in METRICS}
    unlabelled = {row.name for row in METRICS if not row.labels}
    for one in samples(facts):
        gauge = gauges[one.name]
        (gauge.labels(*one.labels) if one.labels else gauge).set(one.value)
        unlabelled.discard(one.name)
    for name in unlabelled:  # what is not known is not 0
        registry.unregister(gauges[name])
    return registry


def exposed(facts: Facts) -> bytes:
    """Return the text that Prometheus scrapes."""
    from prometheus_client import generate_latest  # noqa: PLC0415

    return generate_latest(_registry(facts))


def write_metrics(facts: Facts, path: Path) -> None:
    """Write the same for the textfile collector of node-exporter: whole, by one rename, and readable by its user.

    Raises:
        StorageError: the disk refuses, or the folder is not there.
    """
    if not path.parent.is_dir() or path.is_dir():
        raise StorageError(f"{path}: no such folder, or a folder itself", hint="make the folder, and name a file in it")
    write_atomic(path, exposed(facts))
