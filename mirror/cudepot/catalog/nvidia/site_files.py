"""The files that clients look for beside NVIDIA's repositories, made by the site: they name the site, not NVIDIA. Pure.

Formats: apt_preferences(5), sources.list(5), dnf.conf(5); ``cuda-keyring`` has the files that NVIDIA's has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

from cudepot.catalog.ecosystems import APT, YUM
from cudepot.errors import FormatError
from cudepot.formats.deb import read_deb
from cudepot.formats.deb_write import same_package, write_deb

KEY_NAMES = {APT.name: ("7fa2af80.pub", "3bf863cc.pub"), YUM.name: ("7fa2af80.pub", "D42D0685.pub")}
"""Under which names NVIDIA's guides have had a key fetched, by kind of repository; the last one is of today."""
KEYRINGS = ("1.0-1", "1.1-1")
"""Versions of ``cuda-keyring`` that guides and Dockerfiles name."""
_CUDA = re.compile(r"compute/cuda/repos/(?P<distribution>[^/]+)/(?P<machine>[^/]+)/")
_PACKAGE = re.compile(r"cuda-keyring_([A-Za-z0-9.+~-]+)_all\.deb")
_MOST = 16 << 20  # bytes that a cuda-keyring may unpack to
_MACHINE_LEARNING = re.compile(r"compute/machine-learning/repos/[^/]+/[^/]+/")
_TOOLKIT = "libnvidia-container/"
_KEYRING = "usr/share/keyrings/cuda-archive-keyring.gpg"
_PIN = "etc/apt/preferences.d/cuda-repository-pin-600"


@dataclass(frozen=True, slots=True)
class Repository:
    """What the files beside one of NVIDIA's repositories have to say.

    Attributes:
        folder: NVIDIA's path of it, ending in a slash.
        is_yum: whether it is a yum repository; else apt's.
        release: what apt knows it by, as in ``l=NVIDIA CUDA``; empty where its Release says nothing.
        armored: the keys that metadata and packages are signed with, each in an armor of its own.
        binary: the same as a keyring.
        key_ids: the last eight digits of the keys that NVIDIA signs it with.
        signed: whether the metadata are signed.
        checked: whether a key is known that rpms are signed with.
        keyrings: versions of ``cuda-keyring`` that are there.
    """

    folder: str
    is_yum: bool
    release: str
    armored: tuple[bytes, ...]
    binary: bytes
    key_ids: tuple[str, ...]
    signed: bool = True
    checked: bool = True
    keyrings: tuple[str, ...] = ()

    @property
    def key_names(self) -> tuple[str, ...]:
        """Names that the keys are fetched by; NVIDIA writes two of them in lower case."""
        usual = KEY_NAMES[(YUM if self.is_yum else APT).name]
        known = {one.lower() for names in KEY_NAMES.values() for one in names}
        return (*usual, *(f"{one}.pub" for one in self.key_ids if f"{one}.pub".lower() not in known))


def made(repositories: Iterable[Repository], url: str, epoch: int) -> dict[str, bytes]:
    """Return site path → content of all files that the site makes below NVIDIA's paths.

    Args:
        repositories: what they are for.
        url: where clients reach the site, ending in a slash; without it nothing is made that has to say so.
        epoch: time of the files in packages, in seconds since 1970.
    """
    several = list(repositories)
    found: dict[str, bytes] = {}
    for one in several:
        found |= _beside(one, url, epoch)
    return found | _toolkit([one for one in several if one.folder.startswith(_TOOLKIT)], url)


def _beside(one: Repository, url: str, epoch: int) -> dict[str, bytes]:
    cuda = _CUDA.fullmatch(one.folder)
    if not cuda and not _MACHINE_LEARNING.fullmatch(one.folder):
        return {}
    keys = b"".join(one.armored)
    files = dict.fromkeys(one.key_names, keys) if keys else {}
    if cuda and one.is_yum:
        files |= _of_yum(one, cuda["distribution"], cuda["machine"], url)
    elif cuda:
        files |= _of_apt(one, cuda["distribution"], url, epoch)
    return {one.folder + name: data for name, data in files.items()}


def _of_apt(one: Repository, distribution: str, url: str, epoch: int) -> dict[str, bytes]:
    pin = preferences(one.release)
    files = {f"cuda-{distribution}.pin": pin, "cuda-archive-keyring.gpg": one.binary}
    for version in one.keyrings if url else ():
        files[f"cuda-keyring_{version}_all.deb"] = _package(version, one.folder, url, pin, one.binary, epoch)
    return files


def _package(version: str, folder: str, url: str, pin: bytes, keyring: bytes, epoch: int) -> bytes:
    _, _, _, distribution, machine, _ = folder.split("/")
    source = f"deb [signed-by=/{_KEYRING}] {url}{folder} /\n".encode()
    inside = {_PIN: pin, f"etc/apt/sources.list.d/cuda-{distribution}-{machine}.list": source, _KEYRING: keyring}
    fields = _keyring_control(version, f"{distribution}/{machine}", url)
    return write_deb(fields, inside, scripts={}, epoch=epoch)


def is_keyring_of_ours(path: str, data: bytes) -> bool:
    """Return whether a package is a ``cuda-keyring`` as it is made here: source, key and pin file, and no script.

    Args:
        path: on the site.
        data: the package.
    """
    folder, _, name = path.rpartition("/")
    version = _PACKAGE.fullmatch(name)
    if not version or not _CUDA.fullmatch(f"{folder}/"):
        return False
    try:
        files = {one.name: body.read() for one, body in read_deb(BytesIO(data), limit=_MOST) if body is not None}
    except FormatError:
        return False
    source = b"".join(text for place, text in files.items() if place.endswith(".list")).decode("utf-8", "replace")
    found = re.fullmatch(rf"deb \[signed-by=/{_KEYRING}\] (https?://\S+/){re.escape(folder)}/ /\n", source)
    if not found or not files.keys() >= {_PIN, _KEYRING} or not data[24:36].strip().isdigit():
        return False
    made = _package(version[1], f"{folder}/", found[1], files[_PIN], files[_KEYRING], int(data[24:36]))
    return same_package(data, made)


def preferences(release: str) -> bytes:
    """Return the pin file: priority 600 as NVIDIA's.

    The upstream's own ``cuda-keyring``, which the index may offer, is never installed over the site's: it would make
    NVIDIA's host a source again.
    """
    pin = f"Package: *\nPin: release {release}\nPin-Priority: 600\n\n" if release else ""
    return f"{pin}Package: cuda-keyring\nPin: version *\nPin-Priority: -1\n".encode()


def _keyring_control(version: str, repository: str, url: str) -> dict[str, str]:
    return {
        "Package": "cuda-keyring",
        "Version": version,
        "Architecture": "all",
        "Maintainer": "cudepot <cudepot@site.invalid>",
        "Section": "misc",
        "Priority": "optional",
        "Multi-Arch": "foreign",
        "Description": f"key and apt source of {repository} on this site\nServed at {url} and made by cudepot in the "
        "place of NVIDIA's package of this name.",
    }


def _of_yum(one: Repository, distribution: str, machine: str, url: str) -> dict[str, bytes]:
    if not url:
        return {}
    named = f"cuda-{distribution}-{machine}"
    key = f"{url}{one.folder}{one.key_names[-1]}" if one.armored else ""
    place = f"{url}{one.folder}".rstrip("/")
    return {f"cuda-{distribution}.repo": _section(named, place, key, signed=one.signed, checked=one.checked)}


def _section(name: str, url: str, key: str, *, signed: bool, checked: bool) -> bytes:
    fields = {
        "name": name,
        "baseurl": url,
        "enabled": "1",
        "gpgcheck": str(int(checked)),
        "repo_gpgcheck": str(int(signed)),
        "gpgkey": key,
    }
    lines = "".join(f"{field}={value}\n" for field, value in fields.items() if value)
    return f"[{name}]\n{lines}".encode()


def _toolkit(repositories: list[Repository], url: str) -> dict[str, bytes]:
    """Return what all repositories of the container toolkit have together: one key, one source of each kind."""
    keys = b"".join(dict.fromkeys(block for one in repositories for block in one.armored))
    files = {f"{_TOOLKIT}gpgkey": keys} if keys else {}
    debs, rpms = (f"{_TOOLKIT}stable/{kind}/" for kind in ("deb", "rpm"))
    if url and any(one.folder.startswith(debs) for one in repositories):
        files[f"{debs}nvidia-container-toolkit.list"] = f"deb {url}{debs}$(ARCH) /\n".encode()
    yum = [one for one in repositories if one.folder.startswith(rpms)]
    if url and yum:
        signed, checked = all(one.signed for one in yum), all(one.checked for one in yum)
        key = f"{url}{_TOOLKIT}gpgkey" if keys else ""
        place = f"{url}{rpms}$basearch"
        files[f"{rpms}nvidia-container-toolkit.repo"] = _section(
            "nvidia-container-toolkit", place, key, signed=signed, checked=checked
        )
    return files
