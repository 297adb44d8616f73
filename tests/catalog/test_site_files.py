"""How files of a site are served: the same by cudepot, to S3, and in the configurations of docs/sites.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cudepot.catalog.ecosystems import rows
from cudepot.catalog.site.file_traits import IMMUTABLE, SHORT, traits
from cudepot.catalog.site_tops import check_free, taken
from cudepot.digest import Digest
from cudepot.errors import ConfigError
from cudepot.sites.s3.snapshot import json_pages

SHOWN = (Path(__file__).parents[1] / "golden/answers/site.txt").read_text().splitlines()
DOCS = (Path(__file__).parents[2] / "docs/sites.md").read_text()
HEX = "0123456789abcdef" * 4
LASTING = [
    "apt/u/x_1_amd64.deb", f"apt/u/by-hash/SHA256/{HEX}", f"apt/u/by-hash/SHA512/{HEX}{HEX}", "yum/r/x-1-1.x86_64.rpm",
    f"yum/r/repodata/{HEX}-primary.xml.gz", "conda/main/linux-64/x-1-0.conda", "conda/main/noarch/x-1-0.tar.bz2",
    f"conda/main/linux-64/shards/{HEX}.msgpack.zst", "wheels/x-1-py3-none-any.whl",
    "compute/cuda/repos/u/x86_64/x_1_amd64.deb", f"compute/cuda/repos/u/x86_64/by-hash/SHA256/{HEX}",
    "wheels/x-1-py3-none-any.whl.metadata", "wheels/x-1.tar.gz", "wheels/x-1.zip",
    "files/r/cudnn-linux-x86_64-9.1.0.70_cuda12-archive.tar.xz",
]  # fmt: skip
CHANGING = [
    "apt/u/InRelease", "apt/u/Release", "apt/u/Packages", "apt/u/Packages.gz", "yum/r/repodata/repomd.xml",
    "yum/r/repodata/repomd.xml.asc", "conda/main/linux-64/repodata.json.zst", "conda/main/channeldata.json",
    "conda/main/linux-64/repodata_shards.msgpack.zst", "simple/x/index.html", "simple/x/", "snapshot.json",
    "environments/train/simple/x/index.html", "environments/train/simple/x/", "environments/train/simple-json/x/",
    "compute/cuda/repos/u/x86_64/cuda-keyring_1.1-1_all.deb", "compute/cuda/repos/r/x86_64/cuda-r.repo",
    "apt/u/pool/x_1.orig.tar.bz2", "apt/u/pool/x_1.tar.gz", "conda/main/linux-64/x-1-0.zip",
    "index.html", "keys/site.asc", f"keys/{HEX[:63]}-x",
]  # fmt: skip


def lasts_by_the_docs(path: str) -> set[bool]:
    """Return what nginx and Caddy are told: Caddy by what lasts, its opposite, and what lasts by name alone."""
    (nginx,) = re.findall(r'location ~ "(.*\$)"', DOCS)
    lasting, short = re.findall(r"path_regexp (\(.*\)\$)", DOCS)
    keyring, again = re.findall(r"path_regexp (\^/compute\S*)", DOCS)
    assert (lasting, keyring) == (short, again)
    caddy = bool(re.search(lasting, path)) and not re.search(keyring, path)
    return {bool(re.search(nginx, path)), caddy}


def test_no_channel_has_the_name_of_what_a_site_has() -> None:
    tops = {line.partition(" ")[0].partition("/")[0] for line in SHOWN}
    assert {"apt", "keys", "provenance", "snapshot.json"} <= tops
    assert tops - set(taken()) == set()
    assert {row.room for row in rows()} | {"simple", "followed", "current", "objects", "metrics"} <= set(taken())
    for name in ("apt", "Current", "lock", "2026"):
        with pytest.raises(ConfigError, match=r"uses itself|number of a snapshot"):
            check_free(name, "it")


@pytest.mark.parametrize("path", LASTING + CHANGING)
def test_what_lasts_is_the_same_everywhere(path: str) -> None:
    assert traits(path).cache_control == (IMMUTABLE if path in LASTING else SHORT)
    assert lasts_by_the_docs(f"/{path}") == {path in LASTING}


@pytest.mark.parametrize("folder", ["", "environments/train/"])
def test_both_forms_of_an_index_of_wheels_say_what_they_are(folder: str) -> None:
    for page in ("simple/index.json", "simple/x/index.json", "simple-json/", "simple-json/x/"):
        assert traits(folder + page).content_type == "application/vnd.pypi.simple.v1+json"
    for page in ("simple/", "simple/x/", "simple/x/index.html"):
        assert traits(folder + page).content_type == "text/html; charset=utf-8"
    names = (f"{folder}simple/index.json", f"{folder}simple/x/index.json", f"{folder}simple/x/index.html")
    assert json_pages(dict.fromkeys(names, Digest.of(b""))) == {
        f"{folder}simple-json/": names[0],
        f"{folder}simple-json/x/": names[1],
    }


def test_nginx_has_the_types_cudepot_has() -> None:
    block = re.search(r"types \{(.*?)\}", DOCS, re.DOTALL)
    assert block
    for entry in filter(None, map(str.split, block[1].split(";"))):
        for ending in entry[1:]:
            assert traits(f"x/y.{ending}").content_type.partition(";")[0] == entry[0], ending
