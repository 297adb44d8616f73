"""TLS and proxies on loopback: an authority of our own, nginx that ends TLS, tinyproxy as a forward proxy."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from simulator.process import clean_env, run
from simulator.s3 import free_port, wait_for

_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")


class Authority:
    """A certificate authority; ``file`` is what clients trust."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True)
        self.folder, self.file, self._key = folder, folder / "ca.pem", folder / "ca.key"
        run("openssl", "req", "-x509", *_EC, "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.file)

    def server(self, *names: str) -> tuple[Path, Path]:
        """Return certificate and key of a server at 127.0.0.1, and of these names."""
        request, key, made = (self.folder / f"server.{end}" for end in ("csr", "key", "pem"))
        (self.folder / "names").write_text(
            f"subjectAltName={','.join(['IP:127.0.0.1', *(f'DNS:{one}' for one in ('localhost', *names))])}\n"
        )
        run("openssl", "req", "-new", *_EC[:5], "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request)
        run(
            "openssl", "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial",
            "-days", "30", "-extfile", self.folder / "names", "-out", made,
        )  # fmt: skip
        return made, key


@contextlib.contextmanager
def tls_before(inner: str, authority: Authority, folder: Path) -> Iterator[str]:
    """Run nginx that ends TLS before a server at ``inner`` (a URL without path); give its URL."""
    folder.mkdir(parents=True)
    port, (certificate, key) = free_port(), authority.server()
    temp = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log {folder}/error.log; daemon off; user root;\nevents {{}}\n"
        f"http {{ access_log {folder}/access.log; client_max_body_size 0;\n{temp}"
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};\n"
        f"location / {{ proxy_pass {inner}; proxy_set_header Host $http_host; proxy_request_buffering off; }} }} }}\n"
    )
    with _running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], folder, f"http://127.0.0.1:{port}"):
        yield f"https://127.0.0.1:{port}"


class Proxy:
    """A forward proxy: ``url`` says where, ``log`` what it did."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self._log = port, log
        self.url = f"http://127.0.0.1:{port}"

    def passed(self, target: str) -> int:
        """Return how many requests for a ``host:port`` went through it."""
        return self._log.read_text().count(target)


@contextlib.contextmanager
def tinyproxy(folder: Path, login: str = "") -> Iterator[Proxy]:
    """Run tinyproxy; ``login`` (``USER PASSWORD``) is what it asks for."""
    folder.mkdir(parents=True)
    port, log = free_port(), folder / "proxy.log"
    lines = [f"Port {port}", "Listen 127.0.0.1", f'LogFile "{log}"', "LogLevel Connect", f'PidFile "{folder}/pid"']
    lines += ["Timeout 60", "MaxClients 50", "Allow 127.0.0.1", *([f"BasicAuth {login}"] if login else [])]
    (folder / "conf").write_text("\n".join(lines) + "\n")
    with _running(["tinyproxy", "-d", "-c", str(folder / "conf")], folder, f"http://127.0.0.1:{port}"):
        yield Proxy(port, log)


@contextlib.contextmanager
def _running(argv: list[str], folder: Path, url: str) -> Iterator[None]:
    with (folder / "out").open("wb") as out:
        child = subprocess.Popen(argv, env=clean_env(), stdout=out, stderr=out)
    try:
        wait_for(url)
        yield
    finally:
        child.terminate()
        child.wait(30)
