"""The far side on a bare Debian: minbase with python3 and gpgv, no pip, no cudepot, no network but its own loopback.

Everything that crosses is a folder of files: volumes, the one file, its signature, the site's key.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from simulator.keys import Key, KeyHome
from simulator.process import clean_env, run
from simulator.sides import Near, deb_of
from simulator.site_key import SiteKey
from tests.clients.chroot import why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.lengthy,
    pytest.mark.xdist_group("debian"),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]
_ENTER = """\
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && ip link set lo up && exec chroot "$0" sh -euc "$1"
"""
FAR = """\
cd /medium
test ! -e /usr/bin/pip3 && test ! -e /usr/bin/gpg && ! ls /usr/lib/python3*/site-packages/cudepot 2>/dev/null
gpgv --keyring ./site.gpg cudepot-far.pyz.asc cudepot-far.pyz
far="python3 /medium/cudepot-far.pyz"
$far init -C /srv/far site.asc --key "$SITE" --upstream-key "$UPSTREAM"
$far check -C /srv/far first.tar
$far import -C /srv/far first.tar
$far publish -C /srv/far
$far import -C /srv/far second-*.tar
$far publish -C /srv/far
$far status -C /srv/far
$far check -C /srv/far
$far serve -C /srv/far --port 8099 &
cp site.gpg /etc/apt/keyrings.gpg
echo 'deb [signed-by=/etc/apt/keyrings.gpg] http://127.0.0.1:8099/apt/up/ ./' > /etc/apt/sources.list
ask='import urllib.request as u; u.urlopen("http://127.0.0.1:8099/")'
for n in $(seq 600); do python3 -c "$ask" 2>/dev/null && break; sleep 0.1; done
apt-get update
apt-get -y install first second
kill $!
"""


def inside(root: Path, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a root that has no network but a loopback of its own."""
    enter = ("unshare", "--net", "--mount", "--pid", "--fork", "--propagation", "private", "sh", "-c", _ENTER)
    settings = clean_env(HOME="/root", PATH="/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND="noninteractive", **env)
    return run(*enter, root, script, env=settings)


def test_a_bare_debian_shows_the_site_and_installs_from_it(
    base: Path, site_key: SiteKey, upstream_key: tuple[KeyHome, Key], tmp_path: Path
) -> None:
    near = Near(tmp_path / "near", site_key, upstream_key)
    near.publish(deb_of("first"))
    near.export("first.tar", 0, "--with-cudepot")
    near.publish(deb_of("second"), deb_of("noisy", size=300_000))
    near.export("second.tar", 1, "--with-cudepot", "--split", "128K")
    root = tmp_path / "root"
    root.mkdir()
    run("tar", "--extract", "--file", base, "--directory", root, "--numeric-owner", "--same-owner")
    shutil.copytree(near.medium, root / "medium")
    for name in ("site.gpg", "site.asc"):
        shutil.copy(near.project.site / "keys" / name, root / "medium")
    done = inside(root, FAR, SITE=site_key.fingerprint, UPSTREAM=upstream_key[1].fingerprint)
    assert "Good signature" in done.stderr
    assert "imported snapshot 2" in done.stdout
    assert "not checked here, unlike by the full cudepot:" in done.stdout
    assert "all signatures and hashes are good" in done.stdout
    assert "Setting up second (1.0)" in done.stdout
    there, here = (
        {str(one.relative_to(top)): one.read_bytes() for one in top.rglob("*") if one.is_file()}
        for top in (near.project.site, root / "srv/far/site/snapshots/000002")
    )
    assert there == here
