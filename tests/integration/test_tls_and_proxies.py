"""Upstream and bucket behind TLS of a private authority and forward proxies; no secret is ever written down."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.debs import write_deb
from simulator.keys import KeyHome
from simulator.project import Project
from simulator.s3 import ACCESS, S3Server, free_port
from simulator.sides import deb_of
from simulator.site_key import SiteKey
from tests.clients import http
from tests.clients.tls import Authority, Proxy, tinyproxy, tls_before

SECRET, PASSWORD = "hunter2secretkeyhunter2secretkeyhunter2x", "hunter2proxy"


@dataclass
class World:
    """A project whose upstream and bucket lie behind TLS; each is reached through a proxy of its own."""

    project: Project
    good: Authority
    other: Authority
    to_upstream: Proxy
    to_bucket: Proxy
    upstream: str
    bucket: str
    folder: Path

    def site(self, **changed: str) -> None:
        """Write cudepot.toml with some of the site's settings changed; an empty one is left out."""
        where = {"endpoint": self.bucket, "ca": str(self.good.file), "proxy": self.to_bucket.url, "profile": "depot"}
        lines = "".join(f'{key} = "{value}"\n' for key, value in (where | changed).items() if value)
        self.project.write()
        text = self.project.toml.read_text().replace("[site]\n", f"[site]\n{self._fixed}{lines}", 1)
        self.project.toml.write_text(text)

    _fixed: str = ""


@pytest.fixture
def world(s3_server: Callable[[str], S3Server], site_key: SiteKey, tmp_path: Path) -> Iterator[World]:
    with KeyHome() as home:
        yield from _world(s3_server("moto"), site_key, home, tmp_path)


def _world(server: S3Server, site_key: SiteKey, home: KeyHome, tmp_path: Path) -> Iterator[World]:
    key = home.generate("up <up@example.com>")
    repo = FlatRepo(tmp_path / "repo", home, key)
    (tmp_path / "debs").mkdir()
    repo.add(write_deb(deb_of("first", size=50_000), tmp_path / "debs"))
    repo.publish()
    (tmp_path / "ring.gpg").write_bytes(key.binary)
    logins = tmp_path / "aws-credentials"
    logins.write_text(f"[depot]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
    good, other = (Authority(tmp_path / name, name) for name in ("good", "other"))
    project = Project(tmp_path / "project", key=site_key.fingerprint, gnupg=site_key.home)
    with ExitStack() as stack:
        inner = stack.enter_context(http.serve(tmp_path / "repo")).url
        upstream = stack.enter_context(tls_before(inner, good, tmp_path / "tls1"))
        bucket = stack.enter_context(tls_before(server.url, good, tmp_path / "tls2"))
        guarded = stack.enter_context(tinyproxy(tmp_path / "proxy1", f"me {PASSWORD}"))
        plain = stack.enter_context(tinyproxy(tmp_path / "proxy2"))
        project.env |= {
            "AWS_SHARED_CREDENTIALS_FILE": str(logins), "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true", "REQUESTS_CA_BUNDLE": str(good.file),
            "HTTPS_PROXY": guarded.url.replace("//", f"//me:{PASSWORD}@"),
        }  # fmt: skip
        rings = [str(tmp_path / "ring.gpg")]
        project.add("upstream", name="up", type="apt", url=f"{upstream}/", keys=[key.fingerprint], keyrings=rings)
        project.add("pin", upstream="up", packages=["*"])
        name = server.bucket()
        fixed = f'type = "s3"\nbucket = "{name}"\nprefix = "pub"\nregion = "eu-test-1"\n'
        found = World(project, good, other, guarded, plain, upstream, bucket, tmp_path, fixed)
        found.site()
        yield found


def told(world: World, code: int, *verb: str) -> str:
    """Run a verb that fails, and return all it says."""
    done = world.project.fail(code, *verb)
    return f"{done.out}\n{done.err}"


def test_the_main_job_through_tls_and_proxies_and_what_is_said_when_they_are_wrong(world: World) -> None:
    project = world.project
    project.run("init")
    for verb in ("lock", "sync", "publish"):
        done = project.run(verb)
    assert "clients cannot read" not in done.err + done.out
    assert project.run("verify", "--json").json["faults"] == []
    assert world.to_upstream.passed(world.upstream.partition("//")[2]) > 0
    assert world.to_bucket.passed(world.bucket.partition("//")[2]) > 0
    assert world.to_upstream.passed(world.bucket.partition("//")[2]) == 0, "the site's own proxy counts"
    assert "eu-test-1" in (world.folder / "project/cudepot.toml").read_text()

    said = []
    world.site(ca=str(world.other.file))
    said.append(told(world, 7, "publish"))
    assert "certificate verify failed" in said[-1]
    assert "`ca` of [site]" in said[-1]
    world.site(ca="no/such.pem")
    said.append(told(world, 3, "publish"))
    assert "no such file" in said[-1]
    world.site(proxy=f"http://127.0.0.1:{free_port()}")
    said.append(told(world, 7, "publish"))
    assert "`site.proxy`" in said[-1]
    world.site(profile="nobody")
    said.append(told(world, 3, "publish"))
    assert "AWS_PROFILE" in said[-1]
    world.site(proxy=f"http://me:{PASSWORD}x@127.0.0.1:1")
    said.append(told(world, 3, "publish"))
    assert "user name or password" in said[-1]
    world.site()

    project.env |= {"REQUESTS_CA_BUNDLE": str(world.other.file)}
    said.append(told(world, 4, "lock"))
    assert "certificate verify failed" in said[-1]
    assert "REQUESTS_CA_BUNDLE" in said[-1]
    project.env |= {"REQUESTS_CA_BUNDLE": str(world.good.file), "HTTPS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:1"}
    said.append(told(world, 4, "lock"))
    assert "the proxy" in said[-1]
    project.env |= {"HTTPS_PROXY": world.to_upstream.url.replace("//", f"//me:{PASSWORD}x@")}
    said.append(told(world, 4, "lock"))

    assert not [text for text in said if SECRET in text or PASSWORD in text]
    _nothing_is_written_down(world)


def _nothing_is_written_down(world: World) -> None:
    """Look for the secrets in the whole project, and in what the bucket holds."""
    found = [one for one in world.project.base.rglob("*") if one.is_file() and not one.is_symlink()]
    assert (world.project.store / "cudepot.log") in found
    for one in found:
        data = one.read_bytes()
        if one.name != "cudepot.toml":  # where the test itself has written what is refused
            assert SECRET.encode() not in data, one
            assert PASSWORD.encode() not in data, one
