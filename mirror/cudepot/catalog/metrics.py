"""The names under which monitors see a site: one table for what is exported, and for ``docs/operate.md``.

Names and units follow Prometheus' conventions: seconds, bytes, points in time as ``…_timestamp_seconds`` (an age is
``time() - …``), counts without a unit.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A metric: its name, what it is, and the names of its labels. All are gauges."""

    name: str
    what: str
    labels: tuple[str, ...] = ()


METRICS = (
    Row("cudepot_info", "Always 1; which cudepot wrote this.", ("version",)),
    Row("cudepot_alarms", "Lines that `cudepot status --check` has to tell; 0 when nobody has to look."),
    Row("cudepot_site_snapshot", "Number of the snapshot that the site shows; 0 when it shows none."),
    Row("cudepot_site_snapshot_timestamp_seconds", "When the snapshot that is shown was made."),
    Row("cudepot_site_files", "Files of that snapshot."),
    Row("cudepot_site_bytes", "Their bytes, each file once."),
    Row("cudepot_channel_snapshot", "Number of the snapshot that a channel shows; 0 when it shows none.", ("channel",)),
    Row("cudepot_site_valid_until_timestamp_seconds", "When a root on the site expires (Valid-Until).", ("path",)),
    Row("cudepot_edge_signed_timestamp_seconds", "When the site that an edge follows signed last what it shows."),
    Row("cudepot_edge_valid_until_timestamp_seconds", "When something newer has to have come from there."),
    Row("cudepot_rollback_in_force", "1 while a rollback holds, else 0."),
    Row("cudepot_rollback_timestamp_seconds", "Since when it holds; only while one does."),
    Row("cudepot_store_snapshots", "Snapshots in the store."),
    Row("cudepot_store_objects", "Objects in the store."),
    Row("cudepot_store_bytes", "Their bytes."),
    Row("cudepot_store_free_bytes", "Bytes that are free on the disk of the store."),
    Row("cudepot_missing_bytes", "Bytes that are locked and still to be fetched."),
    Row("cudepot_builds_pending", "Releases that are still to be repackaged."),
    Row("cudepot_upstream_root_timestamp_seconds", "Date that the locked root gives itself.", ("upstream",)),
    Row("cudepot_upstream_good_timestamp_seconds", "When a run last locked and fetched it well.", ("upstream",)),
    Row("cudepot_upstream_artifacts", "Artifacts that are locked of it.", ("upstream",)),
    Row("cudepot_upstream_missing_artifacts", "Those of them that are not in the store.", ("upstream",)),
    Row("cudepot_faults", "Faults of an upstream or environment that stand.", ("upstream",)),
    Row("cudepot_fault_timestamp_seconds", "Since when a fault stands.", ("upstream", "verb", "kind")),
    Row("cudepot_key_expiry_timestamp_seconds", "When a pinned key, or the site's (`site`), expires; none for never.",
        ("owner", "fingerprint")),
    Row("cudepot_environment_targets", "Targets of an environment that are locked.", ("environment",)),
    Row("cudepot_environment_proved_targets", "Targets that are shown: proved on the site alone.", ("environment",)),
    Row("cudepot_last_run_timestamp_seconds", "When the last `cudepot run` ended."),
    Row("cudepot_last_run_duration_seconds", "How long it took."),
    Row("cudepot_last_run_exit_code", "Its exit status."),
    Row("cudepot_last_run_troubles", "What its steps met, by the code of the error.", ("step", "code")),
    Row("cudepot_last_run_hook_failures", "Hooks that it called in vain."),
)  # fmt: skip


class Sample(NamedTuple):
    """One value of a metric; the values of its labels in their order."""

    name: str
    value: float
    labels: tuple[str, ...] = ()
