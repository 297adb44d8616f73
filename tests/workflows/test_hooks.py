"""Hooks: called for what happened, signed, and never in the way; real programs and a real https server take them."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from simulator.debs import simple_deb, write_deb
from simulator.process import run
from simulator.project import Project
from tests.clients.tls import Authority
from tests.workflows.incident_world import NEXT, PINNED, World
from tests.workflows.test_nights import hurried, inside, night  # noqa: F401 - a fixture

from cudepot.catalog.event import Event
from cudepot.depot.hooks import NOT_DONE, Observed, _masked, happened
from cudepot.errors import TransientError
from cudepot.transport import webhook

TAKE = """
import json, os, sys
with open(sys.argv[1], "a") as file:
    print(json.dumps({**json.load(sys.stdin), "env": os.environ["CUDEPOT_EVENT"]}), file=file)
"""
ALL = ["fault-begins", "fault-ends", "changed-in-place", "shown", "promoted"]


def noting(project: Project, *on: str) -> Path:
    """Add a hook that notes its events, and return where."""
    file = project.base / "events"
    project.add("hook", name="notes", on=list(on or ALL), command=[sys.executable, "-c", TAKE, str(file)])
    return file


def events(file: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    file.unlink(missing_ok=True)
    assert all(one["format"] == "cudepot-event 1" and one["env"] == one["event"] for one in found)
    return found


def test_faults_begin_and_end_and_snapshots_are_shown(world: World) -> None:
    name = "ubuntu2204/x86_64"
    file = noting(world.project)
    world.add(name)
    night(world.project, 0)
    assert [(one["event"], one["snapshot"], one["before"]) for one in events(file)] == [("shown", 1, None)]
    world.server.missing(f"*{name}*")
    done = night(world.project, 4)
    (begun,) = events(file)
    assert (begun["event"], begun["upstream"], begun["verb"], begun["count"]) == ("fault-begins", name, "lock", 1)
    assert begun["site"] == {"label": "acme", "url": ""}
    assert done.json["hooks"] == [{"name": "notes", "event": "fault-begins", "error": ""}]
    assert night(world.project, 4).json["hooks"] == [], "it goes on, and has been told"
    world.server.heal()
    world.offer(name, PINNED, NEXT)
    world.upstreams[name].publish_index(9000)
    assert len(night(world.project, 0).json["hooks"]) == 2
    ended, shown = events(file)
    assert (ended["event"], ended["since"], shown["snapshot"]) == ("fault-ends", begun["since"], 2)
    assert len({begun["id"], ended["id"], shown["id"]}) == 3


def test_any_verb_calls_them_and_a_dry_run_does_not(shown: Project, tmp_path: Path) -> None:
    file = noting(shown)
    folder = tmp_path / "own"
    folder.mkdir()
    one = write_deb(simple_deb("own", "1.0"), folder)
    shown.add("upstream", name="own", type="folder", path=str(folder))
    shown.add("pin", upstream="own", packages=["*.deb"])
    for verb in ("lock", "sync"):
        inside(shown, verb)
    inside(shown, "publish", "-n")
    inside(shown, "run", "-n")
    assert events(file) == []
    inside(shown, "publish")
    assert [(each["event"], each["snapshot"], each["before"]) for each in events(file)] == [("shown", 2, 1)]
    write_deb(simple_deb("own", "1.0", Homepage="https://example.com"), one.parent)
    shown.add("hook", name="late", on=ALL, command=["sleep", "600"], timeout=1)
    done = inside(shown, "lock")
    assert done.rc == 5, "the verb ends with its own error"
    assert "hook late failed for fault-begins: not done after 1 s" in done.err
    assert "hook late failed for changed-in-place: not called: " in done.err
    del shown.sections[-1]
    shown.write()
    assert [each["event"] for each in events(file)] == ["fault-begins", "changed-in-place"]
    inside(shown, "rollback", "1")
    assert [(each["snapshot"], each["before"]) for each in events(file)] == [(3, 2)]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["/no/such/program"], "FileNotFoundError"),
        (["false"], "exit 1"),
        (["sh", "-c", "echo the room token=hunter2 is closed >&2; exit 3"], "exit 3: the room token=*** is closed"),
        (["sh", "-c", "seq 999; echo $CI_TOKEN; exit 4"], f"exit 4: … {' '.join(map(str, range(951, 1000)))} ***"),
        (["sh", "-c", "sleep 600 & echo $! > sleeper; wait"], "not done after 1 s"),
        (["sh", "-c", "kill -9 $$"], "exit -9"),
    ],
    ids=["missing", "false", "secret", "talkative", "slow", "killed"],
)
def test_a_command_that_fails_is_told_and_stops_nothing(
    shown: Project, command: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_TOKEN", "hunter2-of-the-night")
    shown.add("hook", name="broken", on=["shown"], command=command, timeout=1)
    file = noting(shown)
    shown.add("upstream", name="more", type="folder", path="more")
    shown.add("pin", upstream="more", packages=["*.deb"])
    (shown.base / "more").mkdir()
    write_deb(simple_deb("more", "1.0"), shown.base / "more")
    done = night(shown, 0)
    assert f"warning: hook broken failed for shown: {told}" in done.err
    assert [bool(one["error"]) for one in done.json["hooks"]] == [True, False]
    assert len(events(file)) == 1, "the next hook is called all the same"
    assert "hunter2" not in (shown.store / "cudepot.log").read_text() + done.err + done.out
    if (sleeper := shown.base / "sleeper").exists():
        assert not _runs(int(sleeper.read_text())), "what it started ends with it"


def _runs(pid: int) -> bool:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        time.sleep(0.05)
    return True


class Taker(BaseHTTPRequestHandler):
    """Takes what is posted; ``answers`` are given first, then 204."""

    answers: ClassVar[list[int]] = []
    taken: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, dict(self.headers), body))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        self.send_header("Location", "https://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ca", "hooks")


@pytest.fixture
def taker(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    certificate, key = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        Taker.answers.clear()
        Taker.taken.clear()
        monkeypatch.setattr(webhook, "PAUSES", (0.0, 0.0))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        monkeypatch.setenv("CI_TOKEN", "s3cr3t-token")
        yield f"https://127.0.0.1:{server.server_port}/hooks/s3cr3t-path"
        server.shutdown()
        thread.join()


def test_a_webhook_is_signed_as_documented(shown: Project, taker: str, tmp_path: Path) -> None:
    shown.add("hook", name="ci", on=["shown"], url=taker, token_env="CI_TOKEN")
    grown = shown.base / "more"
    grown.mkdir()
    write_deb(simple_deb("more", "1.0"), grown)
    shown.add("upstream", name="more", type="folder", path="more")
    shown.add("pin", upstream="more", packages=["*.deb"])
    done = night(shown, 0)
    ((path, headers, body),) = Taker.taken
    assert path == "/hooks/s3cr3t-path"
    assert headers["Authorization"] == "Bearer s3cr3t-token"
    assert headers["Content-Type"] == "application/json"
    (tmp_path / "event.json").write_bytes(body)
    (tmp_path / "site.gpg").write_bytes((shown.site / "keys/site.gpg").read_bytes())
    page = (Path(__file__).parents[2] / "docs/operate.md").read_text()
    documented = page.partition("`$SIGNATURE`:\n\n```text\n")[2].partition("```")[0]
    assert "gpgv" in documented
    script = f'SIGNATURE="$1"\n{documented}'
    signature = headers["Cudepot-Signature"]
    run("sh", "-euc", script, "sh", signature, cwd=tmp_path)
    assert base64.b64decode(signature).startswith(b"-----BEGIN PGP SIGNATURE-----")
    (tmp_path / "event.json").write_bytes(body.replace(b"shown", b"shoWn"))
    assert run("sh", "-euc", script, "sh", signature, cwd=tmp_path, check=False).returncode
    for text in ((shown.store / "cudepot.log").read_text(), (shown.store / "last-run.json").read_text(), done.err):
        assert "s3cr3t" not in text


def test_a_login_of_netrc_does_not_take_the_place_of_a_token(
    taker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    webhook.post(taker, b"{}", {"Authorization": "Bearer token"}, timeout=60, sleep=lambda _: None)
    ((_, headers, _),) = Taker.taken
    assert headers["Authorization"] == "Bearer token"


@pytest.mark.parametrize(
    ("answers", "calls", "told"),
    [([503, 429], 3, ""), ([503] * 9, 3, "HTTP 503"), ([403], 1, "HTTP 403"), ([302], 1, "HTTP 302")],
    ids=["busy", "away", "forbidden", "elsewhere"],
)
def test_a_server_is_asked_again_where_that_may_help(
    shown: Project, taker: str, answers: list[int], calls: int, told: str
) -> None:
    shown.add("hook", name="ci", on=["fault-begins"], url=taker)
    shown.add("upstream", name="gone", type="folder", path="gone")
    shown.add("pin", upstream="gone", packages=["*.deb"])
    Taker.answers[:] = answers
    done = inside(shown, "lock")
    assert len(Taker.taken) == calls
    assert (f"warning: hook ci failed for fault-begins: {told}" in done.err) == bool(told)
    assert "s3cr3t" not in done.err + (shown.store / "cudepot.log").read_text()


def test_a_server_that_is_not_there_or_not_trusted_is_told(
    shown: Project, taker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("CI_TOKEN")
    for name, url in (("gone", "https://127.0.0.1:1/s3cr3t"), ("strange", taker)):
        shown.add("hook", name=name, on=["fault-begins"], url=url)
    shown.add("hook", name="bare", on=["fault-begins"], url=taker, token_env="CI_TOKEN")
    shown.add("upstream", name="gone", type="folder", path="gone")
    shown.add("pin", upstream="gone", packages=["*.deb"])
    told = inside(shown, "lock").err
    assert "hook gone failed for fault-begins: ConnectionError" in told
    assert "hook strange failed for fault-begins: SSLError" in told
    assert "hook bare failed for fault-begins: CI_TOKEN is not set" in told
    assert "s3cr3t" not in told
    assert Taker.taken == []


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read of it succeeds: only a limit for the whole call ends this."""
    monkeypatch.setattr(webhook, "PAUSES", ())
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            peer, _ = listener.accept()
            with peer, contextlib.suppress(OSError):
                while not peer.sendall(b"x"):
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(TransientError, match=rf"{NOT_DONE} 0\.5 s"):
            webhook.post(url, b"{}", {}, timeout=0.5, sleep=time.sleep)


def test_hooks_cost_nothing_where_there_are_none(shown: Project) -> None:
    shown.env["PYTHONPROFILEIMPORTTIME"] = "1"
    assert "cudepot.depot.hooks" not in shown.run("sync", "--lock").err


FAULT = {"kind": "missing", "url": "https://me:pass@host/x", "evidence": {"seen": "https://me:pass@host/y", "n": 1}}


def test_no_login_leaves_with_the_evidence_of_a_fault() -> None:
    told = json.dumps(dict(_masked(Event("fault-begins", FAULT)).told))
    assert "pass" not in told
    assert told.count("***@host") == 2


def test_a_site_that_cannot_be_read_hides_no_fault() -> None:
    fault = {("up", "lock", "missing"): FAULT}
    before, after = Observed({}, 3), Observed(fault, None, readable=False)
    assert [one.kind for one in happened(before, after)] == ["fault-begins"]
    assert list(happened(after, Observed(fault, 3))) == [], "it was shown before, too"
