"""Environments of rpms: locked over several repositories as dnf itself would choose, and installed by dnf."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from simulator.el import El
from simulator.project import Project
from tests.clients.dnf import DnfRoot
from tests.isolation import isolated
from tests.kinds.yum.el_world import add_el, add_environment, asks_dnf, locked

ASKED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "rich": (["plugin", "viewer"], {}),
    "rich-alone": (["plugin"], {}),
    "meta": (["cuda-toolkit-12-6"], {}),
    "rich-over-three": (["cuda-toolkit-12-6", "editor"], {}),
    "weak": (["editor", "viewer", "plugin"], {"recommends": True}),
    "providers": (["cron"], {}),
    "replaced": (["oldtool", "reports"], {}),
    "default-stream": (["node"], {}),
    "stream": (["@node:20"], {}),
    "profile": (["@node:20/minimal"], {}),
    "epochs": (["coreutils"], {}),
    "files": (["spelling", "reports"], {}),
    "path": (["/usr/share/dict/words", "/usr/bin/awk"], {}),
    "capability": (["mta", "libc.so.6()(64bit)"], {}),
    "version": (["exim-4*", "libcuda-1.0"], {}),
    "second": (["wine"], {}),
    "second-asked": (["glibc.i686", "bash"], {}),
}


def test_a_lock_is_what_dnf_would_install(el: El, project: Project, tmp_path: Path) -> None:
    add_el(project, el)
    for name, (rpms, more) in ASKED.items():
        add_environment(project, *rpms, name=name, **more)
    project.run("lock")
    asked = [{"names": rpms, "weak": more.get("recommends", False)} for rpms, more in ASKED.values()]
    for name, chosen in zip(ASKED, asks_dnf(el, tmp_path, asked), strict=True):
        assert locked(project, name) == chosen, name


_ALONE = """\
set -e
ip link set lo up
site=$1; shift
python3 -m http.server --bind 127.0.0.1 --directory "$site" 8000 >/dev/null 2>&1 &
server=$!
trap 'kill $server' EXIT
for try in $(seq 600); do
  python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8000))' 2>/dev/null && break
  sleep 0.1
done
"$@"
"""
"""Runs a command in a network of its own, in which there is nothing but the site, on port 8000."""


@isolated
def test_dnf_installs_it_where_nothing_but_the_site_is_there(el: El, project: Project, tmp_path: Path) -> None:
    add_el(project, el)
    rpms = ("cuda-toolkit-12-6", "editor", "@node:20", "mta", "plugin")
    add_environment(project, *rpms, recommends=True, bootstrap=True)
    project.publish()
    project.run(
        "client", "dnf", "--environment", "node", "--url", "http://127.0.0.1:8000/", "--output", str(tmp_path / "files")
    )
    root = DnfRoot(tmp_path / "dnf", release="9")
    for path in (tmp_path / "files/node/etc/yum.repos.d").iterdir():
        text = path.read_text().replace("file:///etc", f"file://{tmp_path}/files/node/etc")
        (root.path / "etc/yum.repos.d" / path.name).write_text(text)
    alone = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--fork", "sh", "-c", _ALONE, "sh")
    more = ("--setopt=module_platform_id=platform:el9", "--setopt=install_weak_deps=1")
    roots = tomllib.loads(project.lock.read_text())["environment"][0]["target"][0]["roots"]
    root.dnf("install", *more, *rpms, *roots, prefix=(*alone, str(project.site)))
    listed = root.dnf("repoquery", "--quiet", "--installed", "--qf", "%{name}-%{evr}.%{arch}").stdout.split()
    assert sorted(listed) == sorted(one.split(" ")[1] for one in locked(project))
