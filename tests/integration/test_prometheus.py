"""Prometheus and node-exporter themselves: they take the rules, scrape a real run, and an alert fires."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from simulator.process import clean_env, run
from tests.workflows.incident_world import World
from tests.workflows.test_nights import hurried, inside  # noqa: F401 - a fixture

RULES = Path(__file__).parents[2] / "channel-config/operate/prometheus"
needed = [one for one in ("prometheus", "prometheus-node-exporter", "promtool") if not shutil.which(one)]
pytestmark = pytest.mark.skipif(bool(needed), reason=f"not installed: {', '.join(needed)}")


def test_promtool_takes_the_rules_and_its_tests_of_them_hold(tmp_path: Path) -> None:
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES / "cudepot.rules.yml")
    run("promtool", "test", "rules", RULES / "cudepot.test.yml")
    shutil.copy(RULES / "cudepot.test.yml", tmp_path)
    text = (RULES / "cudepot.rules.yml").read_text().replace(" or cudepot_store_free_bytes < cudepot_missing_bytes", "")
    for before, after in (("36 * 3600", "48 * 3600"), ("code == 5", "code == 6"), ("10e9", "0"), ("30 * 86400", "1")):
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "cudepot.rules.yml").write_text(text)
    done = run("promtool", "test", "rules", tmp_path / "cudepot.test.yml", check=False)
    assert done.returncode == 1
    for alert in ("CudepotRunLate", "CudepotNotTrusted", "CudepotDiskFull", "CudepotKeyExpires"):
        assert alert in done.stdout + done.stderr, "its test does not see that the rule was changed"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@contextmanager
def running(*argv: str | Path, log: Path) -> Iterator[None]:
    with log.open("w") as out:
        child = subprocess.Popen([str(one) for one in argv], env=clean_env(), stdout=out, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            child.terminate()
            child.wait(60)


def until(found: Callable[[], Any], log: Path) -> Any:
    """Wait for something to become true, a minute at most; say what the log has where it does not."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if answer := found():
                return answer
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text()[-4000:])


def test_they_scrape_a_night_that_failed_and_an_alert_fires(world: World, tmp_path: Path) -> None:
    world.add("ubuntu2204/x86_64")
    text = tmp_path / "text"
    text.mkdir()
    inside(world.project, "run")
    world.server.missing("*ubuntu2204*")
    assert inside(world.project, "run", "--metrics", str(text / "cudepot.prom")).rc == 4
    checked = run("promtool", "check", "metrics", stdin=(text / "cudepot.prom").read_text())
    assert checked.stderr == "", "no lint"
    node, prometheus = free_port(), free_port()
    child = world.project.start("serve", "--port", "0", "--json")
    assert child.stdout
    served = child.stdout.readline().partition("127.0.0.1:")[2].partition("/")[0]
    jobs = {"node": node, "serve": served}
    rules = yaml.safe_load((RULES / "cudepot.rules.yml").read_text())
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(tmp_path / "rules.yml")],
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for name, port in jobs.items()
        ],
    }))  # fmt: skip
    exporter = ["--collector.disable-defaults", "--collector.textfile", f"--collector.textfile.directory={text}"]
    server = [f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    with ExitStack() as stack:
        stack.callback(child.communicate, timeout=60)
        stack.callback(child.terminate)
        listen = f"--web.listen-address=127.0.0.1:{node}"
        stack.enter_context(running("prometheus-node-exporter", *exporter, listen, log=tmp_path / "node.log"))
        listen = f"--web.listen-address=127.0.0.1:{prometheus}"
        stack.enter_context(running("prometheus", *server, listen, log=tmp_path / "log"))

        def asked(query: str) -> list[dict[str, Any]]:
            url = f"http://127.0.0.1:{prometheus}/api/v1/query"
            found = requests.get(url, params={"query": query}, timeout=10).json()["data"]["result"]
            return [one["metric"] | {"value": float(one["value"][1])} for one in found]

        fires = 'ALERTS{alertstate="firing",alertname="CudepotRunFailed"}'
        firing = until(lambda: len(found := asked(fires)) == 2 and found, tmp_path / "log")
        assert {one["job"] for one in firing} == {"node", "serve"}
        faulty = asked('cudepot_faults{upstream="ubuntu2204/x86_64"} > 0')
        assert {one["job"] for one in faulty} == {"node", "serve"}
        assert asked("cudepot_site_snapshot")[0]["value"] == 1
        assert asked('ALERTS{alertname="CudepotNotTrusted"}') == []
