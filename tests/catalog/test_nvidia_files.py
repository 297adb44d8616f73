"""The files beside NVIDIA's repositories that name the site."""

from __future__ import annotations

import gzip

import pytest

from cudepot.catalog.nvidia.site_files import Repository, is_keyring_of_ours, made
from cudepot.formats.deb_write import same_package, write_deb

URL = "https://packages.example/"
KEY = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nx\n"


def repository(folder: str, *, is_yum: bool = False, **more: object) -> Repository:
    keyrings = () if is_yum else ("1.1-1",)
    usual: dict[str, object] = {"armored": (KEY,), "binary": b"key", "key_ids": ("8793F200",), "keyrings": keyrings}
    return Repository(folder, is_yum, "l=NVIDIA CUDA", **(usual | more))  # type: ignore[arg-type]


def names(*several: Repository, url: str = URL) -> set[str]:
    return set(made(several, url, 0))


def test_each_kind_of_path_has_its_files() -> None:
    apt, yum = "compute/cuda/repos/debian13/x86_64/", "compute/cuda/repos/rhel9/sbsa/"
    keys = {"7fa2af80.pub", "3bf863cc.pub", "8793F200.pub"}
    plain = {*keys, "cuda-debian13.pin", "cuda-archive-keyring.gpg"}
    assert names(repository(apt)) == {apt + one for one in plain | {"cuda-keyring_1.1-1_all.deb"}}
    assert names(repository(apt), url="") == {apt + one for one in plain}
    yum_keys = {"7fa2af80.pub", "D42D0685.pub"}
    rhel = repository(yum, is_yum=True, key_ids=("D42D0685",))
    assert names(rhel) == {yum + one for one in yum_keys | {"cuda-rhel9.repo"}}
    assert names(rhel, url="") == {yum + one for one in yum_keys}
    old = "compute/machine-learning/repos/ubuntu1804/x86_64/"
    assert names(repository(old, key_ids=("7FA2AF80",))) == {f"{old}7fa2af80.pub", f"{old}3bf863cc.pub"}
    assert names(repository("compute/cuda/repos/ubuntu2004/")) == set(), "no distribution and machine"


def test_the_toolkit_has_one_key_and_a_source_of_each_kind() -> None:
    debs = [repository(f"libnvidia-container/stable/deb/{one}/", armored=(KEY + one.encode(),)) for one in ("a", "b")]
    rpms = repository("libnvidia-container/stable/rpm/x86_64/", is_yum=True, armored=(KEY + b"a",), checked=False)
    found = made([*debs, rpms], URL, 0)
    at = "libnvidia-container/"
    assert found[f"{at}gpgkey"] == KEY + b"a" + KEY + b"b"
    assert found[f"{at}stable/deb/nvidia-container-toolkit.list"] == f"deb {URL}{at}stable/deb/$(ARCH) /\n".encode()
    repo = found[f"{at}stable/rpm/nvidia-container-toolkit.repo"].decode()
    assert f"baseurl={URL}{at}stable/rpm/$basearch\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=1\n" in repo
    assert f"gpgkey={URL}{at}gpgkey\n" in repo


@pytest.mark.parametrize("signed", [False, True])
def test_a_repo_file_checks_what_is_signed(*, signed: bool) -> None:
    folder = "compute/cuda/repos/sles15/x86_64/"
    keys = {} if signed else {"armored": (), "binary": b"", "key_ids": ()}
    text = made([repository(folder, is_yum=True, signed=signed, checked=signed, **keys)], URL, 0)[
        f"{folder}cuda-sles15.repo"
    ]
    assert f"gpgcheck={int(signed)}\nrepo_gpgcheck={int(signed)}\n".encode() in text
    assert (b"gpgkey=" in text) is signed


def test_only_what_is_made_here_is_a_keyring_of_ours() -> None:
    folder = "compute/cuda/repos/ubuntu2004/x86_64/"
    path = f"{folder}cuda-keyring_1.1-1_all.deb"
    good = made([repository(folder)], URL, 86400)[path]
    assert is_keyring_of_ours(path, good)
    assert not is_keyring_of_ours(path.replace("1.1-1", "1.2-1"), good), "another version than it says"
    assert not is_keyring_of_ours(path.replace("ubuntu2004", "ubuntu2204"), good), "another repository's"
    for bad in (b"", good[:-1], good + b"\n", good[:100], good.replace(b"2.0\n", b"2.1\n"), b"!<arch>\n" + good):
        assert not is_keyring_of_ours(path, bad)


def test_packages_are_compared_by_what_is_in_them() -> None:
    fields = {"Package": "x", "Version": "1", "Architecture": "all", "Description": "x"}
    one, same, other = (
        write_deb(fields, {"usr/x": data}, scripts=scripts, epoch=0)
        for data, scripts in ((b"1" * 999, {}), (b"1" * 999, {}), (b"1" * 999, {"postinst": "#!/bin/sh\n"}))
    )
    start = one.index(b"data.tar.gz")
    body = gzip.decompress(one[start + 60 :])
    packed = gzip.compress(body, 1, mtime=0)
    head = one[start : start + 48] + b"%-10d`\n" % len(packed)
    again = one[:start] + head + packed + b"\n" * (len(packed) % 2)
    assert again != one
    assert same_package(one, again)
    assert same_package(one, same)
    assert not same_package(one, other)
    assert not same_package(b"", b"")
