"""What monitors read: samples of a site in every state, the file for node-exporter, and what `serve` tells."""

from __future__ import annotations

import argparse
import datetime
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from simulator.project import Project
from tests.workflows.test_nights import hurried, inside, night  # noqa: F401 - a fixture

from cudepot.catalog.faults import Fault
from cudepot.catalog.metrics import METRICS
from cudepot.catalog.run_report import Met, Report, Step
from cudepot.cli.serve_watched import watched
from cudepot.depot.fault_memory import Standing
from cudepot.transport.shown_folder import offer
from cudepot.workflows import facts
from cudepot.workflows.edge.heard import Heard
from cudepot.workflows.facts import Facts, KeyEnd, Shown
from cudepot.workflows.metrics import exposed
from cudepot.workflows.publish.hold import Hold
from cudepot.workflows.status import EnvironmentStatus, Status, UpstreamStatus

DAY = datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC)
RUN = Report(
    "2026-11-29T00:00:00Z", "2026-11-29T00:01:00Z", 60.0, 5, False,
    (Step("lock", met=(Met("u", "E300", "x", "", 5), Met("v", "E300", "y", "", 5))),), 3, None, {}, (),
    ({"name": "a", "error": ""}, {"name": "b", "error": "refused"}),
)  # fmt: skip


def samples(text: str) -> dict[str, float]:
    """Return ``name{label="value"}`` → value, as Prometheus' own library reads it."""
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


def everything() -> Facts:
    since = ("2026-11-28T00:00:00Z", "2026-11-27T00:00:00Z")
    faults = tuple(Standing("u", "sync", Fault("unreachable", f"http://x/{one}"), one, one) for one in since)
    upstream = UpstreamStatus("u", "apt", "Sun, 29 Nov 2026 00:00:00 UTC", ("F",), 10, 2, good="2026-11-28T00:00:00Z")
    environments = EnvironmentStatus("e", ("a", "b"), 1, 1, 0), EnvironmentStatus("e", ("c",), 1, 1, 0)
    status = Status(
        "ok", (upstream,), 77, 1, 3, (1, 2, 3), 3, "sync", faults, hold=Hold(3, 1, "2026-11-29T00:00:00Z"),
        environments=environments, last_run=RUN, channels={"dev": 3, "prod": None},
        heard=Heard(signed="2026-11-29T00:00:00Z", until="2026-12-02T00:00:00Z"),
    )  # fmt: skip
    shown = Shown("2026-11-29T00:00:00Z", 4, 400, {"e": 2}, {"apt/u/InRelease": DAY})
    keys = KeyEnd("u", "F", DAY.date()), KeyEnd("site", "S", None)
    return Facts(status, keys, shown, 5, 500, 9)


def test_every_metric_is_told_of_a_site_that_has_everything() -> None:
    text = exposed(everything()).decode()
    found = samples(text)
    assert {one.partition("{")[0] for one in found} == {one.name for one in METRICS}
    day = DAY.timestamp()
    told = {
        "cudepot_channel_snapshot{channel=dev}": 3, "cudepot_channel_snapshot{channel=prod}": 0,
        "cudepot_alarms": 3, "cudepot_site_snapshot": 3, "cudepot_site_bytes": 400, "cudepot_builds_pending": 2,
        "cudepot_missing_bytes": 77, "cudepot_store_free_bytes": 9, "cudepot_rollback_in_force": 1,
        "cudepot_rollback_timestamp_seconds": day, "cudepot_faults{upstream=u}": 2,
        "cudepot_fault_timestamp_seconds{kind=unreachable,upstream=u,verb=sync}": day - 2 * 86400,
        "cudepot_upstream_root_timestamp_seconds{upstream=u}": day,
        "cudepot_upstream_good_timestamp_seconds{upstream=u}": day - 86400,
        "cudepot_upstream_missing_artifacts{upstream=u}": 2,
        "cudepot_key_expiry_timestamp_seconds{fingerprint=F,owner=u}": day,
        "cudepot_site_valid_until_timestamp_seconds{path=apt/u/InRelease}": day,
        "cudepot_environment_targets{environment=e}": 3, "cudepot_environment_proved_targets{environment=e}": 2,
        "cudepot_last_run_exit_code": 5, "cudepot_last_run_troubles{code=E300,step=lock}": 2,
        "cudepot_last_run_hook_failures": 1, "cudepot_last_run_timestamp_seconds": day + 60,
    }  # fmt: skip
    assert {name: found.get(name) for name in told} == told
    assert "fingerprint=S" not in str(found), "a key that never expires has no end"


def test_what_is_not_known_has_no_value() -> None:
    bare = Facts(Status("no lock yet", (), 0, 0, 0, (), None, "lock"), (), None, 0, 0, 9)
    found = samples(exposed(bare).decode())
    assert found["cudepot_site_snapshot"] == 0
    assert not {one for one in found if "last_run" in one or "timestamp" in one or "site_bytes" in one}


def test_a_run_writes_them_and_status_says_the_same(shown: Project, tmp_path: Path) -> None:
    one, two = tmp_path / "run.prom", tmp_path / "status.prom"
    assert inside(shown, "run", "--metrics", str(one)).rc == 0
    answer = inside(shown, "status", "--json", "--metrics", str(two)).json
    assert samples(one.read_text()) | {"cudepot_store_free_bytes": 0} == samples(two.read_text()) | {
        "cudepot_store_free_bytes": 0
    }
    assert stat.S_IMODE(one.stat().st_mode) & 0o044 == 0o044, "node-exporter is another user"
    assert sorted(path.name for path in tmp_path.glob("*.prom*")) == ["run.prom", "status.prom"]
    found = samples(one.read_text())
    assert found["cudepot_store_objects"] == answer["store"]["objects"] == len(list(shown.store.glob("objects/*/*")))
    assert found["cudepot_site_bytes"] == answer["snapshot"]["bytes"]
    assert answer["keys"][0]["owner"] == "site"
    before = one.read_bytes()
    inside(shown, "run", "-n", "--metrics", str(one))
    assert one.read_bytes() == before, "a dry run writes nothing"


def test_a_run_is_what_it_is_whatever_becomes_of_its_metrics(
    shown: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.prom"
    file.write_text("of the night before")
    for path in (tmp_path / "none/x.prom", tmp_path):
        done = inside(shown, "run", "--metrics", str(path))
        assert (done.rc, "publish: snapshot 1" in done.out) == (0, True)
        assert f"warning: no metrics of this run in {path}: {path}: no such folder" in done.err
    monkeypatch.setattr(facts, "status", lambda _: 1 // 0)
    done = inside(shown, "run", "--metrics", str(file))
    assert (done.rc, "publish: snapshot 1" in done.out) == (0, True)
    assert f"warning: no metrics of this run in {file}: ZeroDivisionError" in done.err
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    done = inside(shown, "run", "--metrics", str(file))
    assert (done.rc, "publish: snapshot 1" in done.out) == (0, True)
    assert "prometheus_client is not installed" in done.err
    assert file.read_text() == "of the night before"
    told = watched(argparse.Namespace(), lambda: "")["/metrics"]()
    assert (told.status, told.body.count(b"\n"), b"pip install" in told.body) == (501, 1, True)


def test_roots_that_expire_are_seen(shown: Project, tmp_path: Path) -> None:
    shown.sections[0] = shown.sections[0].replace('type = "folder"', 'type = "folder"\nvalid-for = "7d"')
    shown.write()
    night(shown, 0)
    until = inside(shown, "status", "--json").json["snapshot"]["until"]
    text = (shown.site / "apt/local/InRelease").read_text()
    assert list(until) == ["apt/local/InRelease"]
    when = datetime.datetime.fromisoformat(until["apt/local/InRelease"])
    assert f"Valid-Until: {when:%a, %d %b %Y %H:%M:%S} GMT" in text


def answers(url: str) -> dict[str, Any]:
    return {path: requests.get(f"{url}{path}", timeout=60) for path in ("healthz", "readyz", "metrics")}


def test_serve_is_healthy_ready_and_measured(shown: Project) -> None:
    child = shown.start("serve", "--port", "0", "--json")
    try:
        assert child.stdout
        url = json.loads(child.stdout.readline())["url"]
        found = answers(url)
        assert [one.status_code for one in found.values()] == [200, 200, 200]
        assert found["metrics"].headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert found["metrics"].headers["Cache-Control"] == "no-store"
        assert samples(found["metrics"].text)["cudepot_site_snapshot"] == 1
        assert requests.get(f"{url}apt/local/InRelease", timeout=60).status_code == 200
        assert requests.post(f"{url}metrics", timeout=60).status_code == 405
        (shown.site.parent / "current").rename(shown.base / "away")
        assert answers(url)["readyz"].status_code == 503
        assert answers(url)["healthz"].status_code == 200
    finally:
        child.terminate()
        child.communicate(timeout=60)


def test_what_cannot_be_measured_says_so_where_serve_runs(shown: Project, capfd: pytest.CaptureFixture[str]) -> None:
    args = argparse.Namespace(directory=str(shown.base), quiet=False, verb="serve", json=False)
    ask = watched(args, lambda: "")["/metrics"]
    shown.toml.write_text("version = 9")
    told = ask()
    assert told.status == 503
    assert b"version" not in told.body, "no detail for whoever asks"
    assert "version 9" in capfd.readouterr().err


def test_a_site_with_channels_is_ready_when_one_of_them_shows_something(tmp_path: Path) -> None:
    ready = watched(argparse.Namespace(), offer(tmp_path, ("dev", "prod")).ready)["/readyz"]
    assert ready().status == 503
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/snapshot.json").touch()
    assert ready().status == 200
