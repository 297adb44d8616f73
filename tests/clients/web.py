"""Web servers over a published site: ``cudepot serve``; nginx and Caddy as docs/sites.md configures them."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from simulator.process import clean_env
from simulator.pythons import oldest
from simulator.s3 import free_port, wait_for

import cudepot
from cudepot.workflows.bundle.far_file import NAME, archive

DOCS = Path(__file__).parents[2] / "docs" / "sites.md"


@contextlib.contextmanager
def serve(project: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run ``cudepot serve`` on a free port, with more in its environment; give its URL, without a slash at the end."""
    argv = [sys.executable, "-m", "cudepot.cli.main", "serve", "-C", str(project), "--port", "0", "--json", *options]
    around = clean_env(PYTHONPATH=str(Path(cudepot.__file__).parent.parent)) | dict(env or {})
    child = subprocess.Popen(argv, env=around, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield str(json.loads(child.stdout.readline())["url"]).rstrip("/")
    finally:
        child.terminate()
        rest, _ = child.communicate(timeout=30)
    assert child.returncode == 0, rest


@contextlib.contextmanager
def alone(project: Path) -> Iterator[str]:
    """Run ``cudepot-far.pyz serve`` on the oldest Python here and give its URL, without a slash at the end."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NAME
        file.write_bytes(archive())
        argv = [oldest(), "-I", str(file), "serve", str(project / "site"), "--port", "0", "--json"]
        child = subprocess.Popen(argv, env=clean_env(), stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        try:
            yield str(json.loads(child.stdout.readline())["url"]).rstrip("/")
        finally:
            child.terminate()
            rest, _ = child.communicate(timeout=30)
    assert child.returncode == 0, rest


def documented(kind: str, **values: str) -> str:
    """Return the configuration that docs/sites.md gives for a server, with this machine's values in it."""
    found = re.search(rf"```{kind}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found, kind
    text = found[1]
    for name, value in values.items():
        assert name in text, name
        text = text.replace(name, value)
    return text


@contextlib.contextmanager
def nginx(project: Path, folder: Path) -> Iterator[str]:
    """Run nginx as docs/sites.md says."""
    port = free_port()
    with _running(nginx_command(project, folder, f"127.0.0.1:{port}"), port, folder) as url:
        yield url


@contextlib.contextmanager
def nginx_before(bucket: str, folder: Path) -> Iterator[str]:
    """Run nginx before a bucket (a URL with path, without a slash at the end) as docs/sites.md says."""
    port, (host, _, path) = free_port(), bucket.removeprefix("http://").partition("/")
    server = documented(
        "nginx-bucket",
        **{"listen 80": f"listen 127.0.0.1:{port}", "s3.example.com:443": host, "s3.example.com": host,
           "https://bucket/cudepot/mirror": f"http://bucket/{path}"},
    )  # fmt: skip
    with _running(_nginx_command(server, folder), port, folder) as url:
        yield url


def nginx_command(project: Path, folder: Path, listen: str) -> list[str]:
    """Return the command that runs nginx as docs/sites.md says, with its configuration in ``folder``."""
    server = documented("nginx", **{"listen 80": f"listen {listen}", "/srv/cudepot": str(project)})
    return _nginx_command(server, folder)


def _nginx_command(server: str, folder: Path) -> list[str]:
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off; user root;\nevents {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{server} }}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


@contextlib.contextmanager
def caddy(project: Path, folder: Path) -> Iterator[str]:
    """Run Caddy as docs/sites.md says."""
    port = free_port()
    text = documented("caddy", **{"mirror.example.com": f"http://127.0.0.1:{port}", "/srv/cudepot": str(project)})
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
    argv = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    with _running(argv, port, folder) as url:
        yield url


@contextlib.contextmanager
def _running(argv: list[str], port: int, folder: Path) -> Iterator[str]:
    home = clean_env(HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(argv, env=home, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(30)
