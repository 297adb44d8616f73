"""Presets of distributions: whole upstreams with suites or by architecture, and what serves which distribution."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pytest

from cudepot.catalog.config.presets import Preset, Presets
from cudepot.catalog.config.upstream import Upstream
from cudepot.depot.shipped import load_presets
from cudepot.errors import ConfigError
from cudepot.kinds.apt.rules.settings import apt_settings
from cudepot.kinds.yum.rules.settings import HASH_LOCK, SIGNED, yum_settings
from cudepot.workflows.configuration import parse_text

DEBIAN = ("debian12", "debian13")
UBUNTU = ("ubuntu2004", "ubuntu2204", "ubuntu2404")
ENTERPRISE = tuple(f"{name}{release}" for name in ("rocky", "alma", "rhel") for release in (8, 9, 10))
MIRROR = 'url = "https://mirror.example/x/"\n'


@pytest.fixture(scope="module")
def presets() -> Presets:
    return load_presets()


def own(preset: Preset, kin: Sequence[Preset]) -> str:
    """Return the place of a preset on a machine that reads all there is."""
    assert preset in kin
    return f"https://mirror.example/{preset.name}/"


def upstreams(names: Iterable[str]) -> tuple[Upstream, ...]:
    return parse_text("".join(f'[[upstream]]\npreset = "{one}"\n' for one in names), own).upstreams


def serving(presets: Presets, distribution: str, *, vendor: str = "") -> list[str]:
    return [
        name
        for name, one in presets.repositories.items()
        if distribution in one.distributions and name.startswith(vendor)
    ]


def test_each_distribution_has_what_its_machines_read(presets: Presets) -> None:
    assert set(presets.distributions) == {*DEBIAN, *UBUNTU, *ENTERPRISE}
    assert serving(presets, "debian12", vendor="debian/") == [
        "debian/bookworm",
        "debian/bookworm-updates",
        "debian/bookworm-security",
    ]
    assert "nvidia/rhel9/x86_64" in serving(presets, "rocky9")
    assert {"epel/9/x86_64", "epel/9/aarch64"} <= set(serving(presets, "alma9"))
    for name in ENTERPRISE:
        own = [one.partition("/")[2] for one in serving(presets, name) if one.startswith(re.sub("[0-9]", "", name))]
        assert len(own) == 6, own
    assert not [one for one in serving(presets, "alma10") if one.startswith(("rhel/", "rocky/"))]


def test_an_archive_has_suites_components_and_the_keys_of_its_release(presets: Presets) -> None:
    main, security, ports = upstreams(["debian/bookworm", "ubuntu/jammy-security", "ubuntu/noble-ports"])
    assert (main.name, main.architectures, main.distributions) == ("debian/bookworm", ("amd64",), ("debian12",))
    assert (apt_settings(main).suites, apt_settings(main).components) == (("bookworm",), ("main", "contrib"))
    assert main.keyrings == ("keys/350947f8.pub", "keys/8783d481.pub")
    assert apt_settings(security).suites == ("jammy-security",)
    assert security.url == "https://mirror.example/ubuntu/jammy-security/", "the machine says where"
    assert ports.architectures == ("arm64",)


def test_unsigned_indexes_are_believed_by_hash_and_their_packages_by_key(presets: Presets) -> None:
    for one in upstreams(["epel/9/x86_64", "rhel/8/crb/aarch64"]):
        assert (yum_settings(one).trust, one.keys) == (HASH_LOCK, ())
        assert one.package_keys
        assert one.keyrings == tuple(presets.key(key).local for key in one.package_keys)
    (rocky,) = upstreams(["rocky/8/crb/x86_64"])
    assert (yum_settings(rocky).trust, rocky.package_keys) == (SIGNED, rocky.keys)
    assert rocky.url.endswith("/8/PowerTools/x86_64/os/")
    assert "entitlement" in presets.get("rhel/9/baseos/x86_64").note


def test_a_mirror_changes_the_place_and_not_who_signs(presets: Presets) -> None:
    text = '[[upstream]]\npreset = "ubuntu/focal"\nurl = "https://mirror.example/ubuntu"\ncomponents = ["main"]\n'
    (found,) = parse_text(text).upstreams
    assert (found.url, found.keys) == ("https://mirror.example/ubuntu/", presets.get("ubuntu/focal").keys)
    assert apt_settings(found).components == ("main",)


def test_no_fingerprint_is_there_without_the_source_that_says_it(presets: Presets) -> None:
    for name, one in presets.repositories.items():
        for key in one.vouchers:
            known = presets.key(key)
            assert known.source or known.note, f"{name}: {key}"
    without = [name for name, one in presets.repositories.items() if one.is_signed and not one.vouchers]
    assert {"nvidia/rhel10/x86_64", "nvidia/doca/rhel9.6/x86_64"} <= set(without)
    assert all(presets.get(one).note or presets.get(one).former for one in without), "it says why none is pinned"


def test_a_slip_in_a_distribution_is_answered_with_its_name(presets: Presets) -> None:
    with pytest.raises(ConfigError, match=re.escape("there is no distribution 'ubuntu22.04'")) as caught:
        presets.distribution("ubuntu22.04")
    assert "ubuntu2204" in caught.value.hint


def test_a_snapshot_is_a_place_and_a_moment() -> None:
    text = '[[upstream]]\npreset = "ubuntu/jammy"\nurl = "https://mirror.example/x/"\nsnapshot = "20261101T000000Z"\n'
    found = parse_text(text).upstreams[0]
    assert found.url == "https://mirror.example/x/"
    assert apt_settings(found).snapshot == "20261101T000000Z"
    assert "snapshot" in found.settings.hashed()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            f'preset = "ubuntu/jammy"\n{MIRROR}snapshot = "2026-11-01"',
            "expected a time as '20261101T000000Z'",
        ),
        ('preset = "nvidia/ubuntu2204/x86_64"\nsnapshot = "20261101T000000Z"', "has no snapshots"),
        ('preset = "debian/trixie-security"\nsnapshot = "20261101T000000Z"', "has no snapshots"),
        ('preset = "rocky/9/baseos/x86_64"\nsnapshot = "20261101T000000Z"', "has no snapshots"),
    ],
)
def test_what_is_no_snapshot_is_refused(text: str, error: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(error)):
        parse_text(f"[[upstream]]\n{text}\n", own)
