"""TLS and users as docs/operate.md adds them to docs/sites.md: real nginx and Caddy ask for a login."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from simulator.process import clean_env, run
from simulator.project import Project
from simulator.s3 import free_port
from tests.clients.tls import Authority
from tests.clients.web import documented

PAGE = Path(__file__).parents[2] / "docs/operate.md"
PASSWORD = "a reader's"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ca", "mirror")


def lines(kind: str, **values: str) -> str:
    """Return the lines that the page gives for a server, with this machine's values in them."""
    found = re.search(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    text = found[1]
    for name, value in values.items():
        assert name in text, name
        text = text.replace(name, value)
    return text


def nginx(project: Path, folder: Path, port: int, certificate: Path, key: Path) -> list[str]:
    users = folder / "users"
    users.write_text(f"reader:{run('openssl', 'passwd', '-apr1', PASSWORD).stdout}")
    more = lines(
        "nginx-users",
        **{"443": f"127.0.0.1:{port}", "/etc/ssl/mirror.pem": str(certificate), "/etc/ssl/mirror.key": str(key),
           "/etc/nginx/mirror.users": str(users)},
    )  # fmt: skip
    server = documented("nginx", **{"    listen 80;\n": more, "/srv/cudepot": str(project)})
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log {folder}/error.log; daemon off; user root;\nevents {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{server} }}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(project: Path, folder: Path, port: int, certificate: Path, key: Path) -> list[str]:
    hashed = run("caddy", "hash-password", "--plaintext", PASSWORD).stdout.strip()
    names = {"/etc/ssl/mirror.pem": str(certificate), "/etc/ssl/mirror.key": str(key), "HASH": hashed}
    more = lines("caddy-users", **names)
    site = documented(
        "caddy", **{"/srv/cudepot": str(project), "mirror.example.com {\n": f"https://127.0.0.1:{port} {{\n{more}"}
    )
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@contextmanager
def serving(command: list[str], folder: Path, url: str, trusted: Path) -> Iterator[None]:
    home = clean_env(HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(command, env=home, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                requests.get(url, verify=str(trusted), timeout=10)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield
    finally:
        child.terminate()
        child.wait(60)


@pytest.mark.parametrize("server", [nginx, caddy], ids=["nginx", "caddy"])
def test_readers_have_to_say_who_they_are(server: object, shown: Project, authority: Authority, tmp_path: Path) -> None:
    name = server.__name__  # type: ignore[attr-defined]
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    port, (certificate, key) = free_port(), authority.server()
    command = server(shown.base, tmp_path, port, certificate, key)  # type: ignore[operator]
    url = f"https://127.0.0.1:{port}/apt/local/InRelease"
    with serving(command, tmp_path, url, authority.file):
        asked = {"verify": str(authority.file), "timeout": 60}
        assert requests.get(url, **asked).status_code == 401  # type: ignore[arg-type]
        assert requests.get(url, auth=("reader", "guessed"), **asked).status_code == 401  # type: ignore[arg-type]
        good = requests.get(url, auth=("reader", PASSWORD), **asked)  # type: ignore[arg-type]
        assert good.content == (shown.site / "apt/local/InRelease").read_bytes()
        assert requests.put(url, auth=("reader", PASSWORD), **asked).status_code in (403, 405)  # type: ignore[arg-type]
