"""URLs that are none, from cudepot.toml, an upstream or the environment: one line says whose, and nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator.apt import FlatRepo
from simulator.debs import simple_deb, write_deb
from simulator.nvidia import Artifacts
from simulator.project import Project
from simulator.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "upstream").mkdir()
    with Server(tmp_path / "upstream") as server:
        yield server


@pytest.mark.parametrize("text", ["?token=secret1", "?user=a&password=secret1", "#token=secret1"])
def test_a_token_in_the_url_of_an_upstream_is_refused_and_not_shown(project: Project, text: str) -> None:
    project.add("upstream", name="u", type="simple", url=f"https://h.example/simple/{text}")
    done = project.fail(3, "lock")
    assert "has a query" in done.error or "has a fragment" in done.error
    assert "~/.netrc" in done.err
    assert "secret1" not in done.err


def test_the_way_out_for_a_token_works(project: Project, server: Server, tmp_path: Path) -> None:
    """The hint names ~/.netrc: the same token as a login there opens the upstream."""
    server.authorization = "Basic dTpzZWNyZXQx"  # u:secret1
    (server.root / "simple/p").mkdir(parents=True)
    (server.root / "simple/p/index.html").write_text("<html></html>")
    project.add("upstream", name="u", type="simple", url=f"{server.url}/simple/")
    project.add("pin", upstream="u", packages=["p==1.0"])
    assert "HTTP 401" in project.fail(4, "lock").error
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login u password secret1\n")
    netrc.chmod(0o600)
    project.env["NETRC"] = str(netrc)
    assert "HTTP 401" not in project.run("lock", check=False).err


@pytest.mark.parametrize("url", ["http://[::1/x/", "http://h:99999/", "http://\u2100/x/", "https://[x]/"])
def test_a_malformed_url_of_an_upstream(project: Project, url: str) -> None:
    project.add("upstream", name="u", type="simple", url=url)
    done = project.fail(3, "lock")
    assert "error E100" in done.error
    assert "expected a URL" in done.error


@pytest.mark.parametrize("place", ["http://[::1/hello.deb", "http://h:port/hello.deb", "https://", "//[::1/x.deb"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "pin"])
def test_an_index_that_names_no_url(
    project: Project, server: Server, nvidia_artifacts: Artifacts, tmp_path: Path, place: str, whole: bool
) -> None:
    repo = FlatRepo(server.root / "repo", nvidia_artifacts.keys, nvidia_artifacts.key)
    deb = write_deb(simple_deb("hello", "1.0"), tmp_path)
    repo.add(deb)
    repo.stanzas = [one.replace(f"./{deb.name}", place) for one in repo.stanzas]
    repo.publish()
    ring = project.base / "upstream.asc"
    ring.write_bytes(repo.key.armored)
    settings = {"whole": True} if whole else {}
    url, keys = f"{server.url}/repo/", [repo.key.fingerprint]
    project.add("upstream", name="u", type="apt", url=url, keys=keys, keyrings=[str(ring)], **settings)
    if not whole:
        project.add("pin", upstream="u", packages=["hello"])
    done = project.run("lock", check=False)
    done = done if done.rc else project.run("sync", check=False)
    assert done.rc in (3, 4, 5, 6, 10), done
    assert "E000" not in done.err


@pytest.mark.parametrize("proxy", ["http://[::1", "http://h:99999", "nonsense://x"])
def test_a_malformed_proxy_of_the_environment(project: Project, proxy: str) -> None:
    project.add("upstream", name="u", type="simple", url="https://192.0.2.1/simple/")
    project.add("pin", upstream="u", packages=["p==1.0"])
    project.env |= {"https_proxy": proxy, "CUDEPOT_TRIES": "1", "CUDEPOT_WAIT": "0"}
    done = project.fail(4, "lock")
    assert "E000" not in done.err
    assert "proxy" in done.err


@pytest.mark.parametrize("location", ["http://[::1/x", "http://h:99999/x", "nonsense://x", "http://\u2100/x"])
def test_a_redirect_to_no_url(project: Project, server: Server, location: str) -> None:
    server.redirect("/simple/p/", location.encode().decode("latin-1"))
    project.add("upstream", name="u", type="simple", url=f"{server.url}/simple/")
    project.add("pin", upstream="u", packages=["p==1.0"])
    done = project.fail(4, "lock")
    assert "E000" not in done.err
