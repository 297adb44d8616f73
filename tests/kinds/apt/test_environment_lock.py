"""Environments of debs: what `lock` makes of three repositories together, when it asks again, and what it says."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from simulator.keys import Key, KeyHome
from simulator.project import Project
from simulator.server import Server
from simulator.small_distribution import CUDA, MAIN, NEW, OLD, SECURITY, SmallDistribution

from cudepot.cli.main import main
from cudepot.formats.apt_scan import ScannedIndex
from cudepot.kinds.apt.chain import Chain, Suite


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "distribution"
    folder.mkdir()
    with Server(folder) as server:
        yield server


@pytest.fixture
def distribution(server: Server, upstream_key: tuple[KeyHome, Key]) -> SmallDistribution:
    return SmallDistribution(server.root, server.url, *upstream_key)


def want(project: Project, distribution: SmallDistribution, *debs: str, **keys: object) -> None:
    project.sections.clear()
    distribution.add_upstreams(project)
    project.add("environment", **{"name": "node", "distribution": "debian12", "deb": list(debs)} | keys)


def locked(project: Project, *options: str) -> dict[str, Any]:
    project.run("lock", *options)
    return tomllib.loads(project.lock.read_text())


def members(document: dict[str, Any]) -> list[str]:
    (environment,) = document["environment"]
    return [one for target in environment["target"] for one in target["members"]]


def notes(project: Project, *options: str, as_apt: bool = True) -> str:
    """Return what `lock` tells; ``as_apt`` where this machine's apt-get, if there is one, chooses the same."""
    told = "\n".join(project.run("lock", "--json", *options).json["notes"])
    assert as_apt is not ("apt-get would" in told) or not shutil.which("apt-get"), told
    return told


def test_a_closure_crosses_into_the_distribution_and_takes_the_newest(
    project: Project, distribution: SmallDistribution
) -> None:
    want(project, distribution, "cuda-toolkit-12-6")
    document = locked(project)
    assert members(document) == [
        f"{MAIN}/binutils_2.40_amd64.deb",
        f"{MAIN}/build-essential_12.9_amd64.deb",
        f"{MAIN}/gcc_12.2_amd64.deb",
        f"{MAIN}/make_4.3_amd64.deb",
        f"{SECURITY}/libc6_{NEW}_amd64.deb",
        f"{CUDA}/cuda-cudart-12-6_12.6.77-1_amd64.deb",
        f"{CUDA}/cuda-nvcc-12-6_12.6.85-1_amd64.deb",
        f"{CUDA}/cuda-toolkit-12-6_12.6.3-1_amd64.deb",
    ]
    (toolkit,) = (one for one in document["artifact"] if one["name"] == "cuda-toolkit-12-6")
    assert toolkit["requires"] == ["cuda-cudart-12-6", "cuda-nvcc-12-6 (>= 12.6.85)"]
    assert [(one["name"], one.get("label"), len(one["root"])) for one in document["upstream"]] == [
        (MAIN, "Debian", 1), (SECURITY, "Debian-Security", 1), (CUDA, "NVIDIA CUDA", 1),
    ]  # fmt: skip


def test_what_the_machines_have_is_external(project: Project, distribution: SmallDistribution) -> None:
    want(project, distribution, "binutils", base="minbase")
    (target,) = locked(project)["environment"][0]["target"]
    assert (target["members"], target["external"]) == ([f"{MAIN}/binutils_2.40_amd64.deb"], ["libc6"])


TABLE = (
    f"||/ Name        Version  Architecture Description\n+++-{'=' * 11}-{'=' * len(OLD)}-============-{'=' * 80}\n"
    f"ii  libc6:amd64 {OLD} amd64        GNU C Library: Shared libraries\n"
)
"""What dpkg 1.21 writes to a file: columns as wide as their longest word."""


@pytest.mark.parametrize(
    "listing", [f"ii  libc6:amd64  {OLD}  amd64  x\n", f"libc6\t{OLD}\n", f"libc6:amd64={OLD}\n", TABLE]
)
def test_a_listing_says_what_the_machines_have(project: Project, distribution: SmallDistribution, listing: str) -> None:
    (project.base / "packages.txt").write_text(listing)
    distribution.offer(distribution.main, "new", "1.0", Depends=f"libc6 (>= {NEW})")
    distribution.publish()
    want(project, distribution, "binutils", base="file:packages.txt")
    assert members(locked(project)) == [f"{MAIN}/binutils_2.40_amd64.deb"]
    want(project, distribution, "binutils", "new", base="file:packages.txt")
    notes(project)
    assert f"{SECURITY}/libc6_{NEW}_amd64.deb" in members(locked(project)), "the machine's own is too old"


def test_a_bare_machine_gets_what_it_is_made_of(project: Project, distribution: SmallDistribution) -> None:
    want(project, distribution, "make", bootstrap=True)
    notes(project)
    (target,) = locked(project)["environment"][0]["target"]
    assert target["roots"] == ["base-files", "dpkg", "mawk", "apt", "usr-is-merged"]
    names = [one.rpartition("/")[2].partition("_")[0] for one in target["members"]]
    assert names == ["apt", "base-files", "dpkg", "make", "mawk", "usr-is-merged", "libc6"]


def test_recommendations_are_taken_or_their_size_is_told(project: Project, distribution: SmallDistribution) -> None:
    want(project, distribution, "gcc")
    assert "1 recommended packages of" in notes(project)
    want(project, distribution, "gcc", recommends=True)
    document = locked(project)
    assert f"{MAIN}/libc6-dev_{OLD}_amd64.deb" in members(document)
    assert "recommended" not in notes(project)


def test_priorities_and_from_decide_between_upstreams(project: Project, distribution: SmallDistribution) -> None:
    distribution.offer(distribution.cuda, "make", "5.0")
    distribution.offer(distribution.cuda, "gcc", "13.0")
    distribution.publish()
    want(project, distribution, "make", "gcc")
    assert [one.partition("/")[0] for one in members(locked(project)) if "make" in one or "gcc" in one] == [
        "debian12"
    ] * 2
    project.lock.unlink()
    want(project, distribution, "make", "gcc", priorities={MAIN: 600})
    told = notes(project)
    assert f"{MAIN} takes priority over {CUDA}, which has newer versions of 2 packages: make 4.3 (not 5.0)" in told
    project.lock.unlink()
    want(project, distribution, "make", "gcc", **{"from": {"ma*": MAIN}})
    assert f"{MAIN} takes priority over {CUDA}" in notes(project)
    assert {f"{MAIN}/make_4.3_amd64.deb", f"{CUDA}/gcc_13.0_amd64.deb"} <= set(members(locked(project)))


def test_nothing_changed_is_one_request_an_upstream(
    project: Project, distribution: SmallDistribution, server: Server
) -> None:
    want(project, distribution, "make")
    project.add("pin", upstream=MAIN, packages=["binutils"])
    project.add("environment", name="other", distribution="debian12", deb=["cuda-toolkit-12-6"])
    server.requests.clear()
    before = locked(project)
    assert sorted(one.path.rpartition("/")[2] for one in server.requests).count("InRelease") == 3
    server.requests.clear()
    assert locked(project) == before
    assert sorted(one.path.rpartition("/")[2] for one in server.requests) == ["InRelease"] * 3


def test_what_is_locked_stays_until_it_is_upgraded(project: Project, distribution: SmallDistribution) -> None:
    want(project, distribution, "make")
    locked(project)
    distribution.offer(distribution.security, "libc6", f"{NEW}.1")
    distribution.offer(distribution.security, "make", "4.4", Depends="libc6")
    distribution.publish()
    stays = locked(project)
    assert members(stays) == [f"{MAIN}/make_4.3_amd64.deb", f"{SECURITY}/libc6_{NEW}_amd64.deb"]
    one = members(locked(project, "--upgrade", "make"))
    assert one == [f"{SECURITY}/libc6_{NEW}_amd64.deb", f"{SECURITY}/make_4.4_amd64.deb"]
    assert f"{SECURITY}/libc6_{NEW}.1_amd64.deb" in members(locked(project, "--upgrade"))


def test_a_name_in_from_that_nothing_has_is_told(project: Project, distribution: SmallDistribution) -> None:
    want(project, distribution, "make", **{"from": {"nvida-*": CUDA, "cuda-*": CUDA}})
    told = notes(project)
    assert "`from` names 'nvida-*', but no upstream has a package of that name" in told
    assert "'cuda-*'" not in told


def test_an_upstream_that_has_nothing_of_it_is_no_trouble_for_apt(
    project: Project, distribution: SmallDistribution
) -> None:
    want(project, distribution, "linux-headers-amd64")
    told = notes(project)
    assert "apt-get" not in told, told


def test_what_stays_because_it_is_locked_is_not_laid_to_priorities(
    project: Project, distribution: SmallDistribution
) -> None:
    want(project, distribution, "make")
    locked(project)
    distribution.offer(distribution.cuda, "libc6", f"{NEW}.1")
    distribution.publish()
    want(project, distribution, "make", priorities={CUDA: 600})
    assert "takes priority over" not in notes(project)
    want(project, distribution, "make", priorities={SECURITY: 600})
    assert f"{SECURITY} takes priority over {CUDA}" in notes(project, "--upgrade")


def test_what_an_upstream_has_no_more_is_chosen_anew(project: Project, distribution: SmallDistribution) -> None:
    want(project, distribution, "make")
    locked(project)
    distribution.security.places["main/binary-amd64"].clear()
    distribution.offer(distribution.security, "libc6", f"{NEW}.1")
    distribution.publish()
    told = notes(project)
    assert f"{SECURITY} no longer offers libc6 {NEW}; {NEW}.1 is chosen instead" in told
    assert members(tomllib.loads(project.lock.read_text())) == [
        f"{MAIN}/make_4.3_amd64.deb", f"{SECURITY}/libc6_{NEW}.1_amd64.deb",
    ]  # fmt: skip


def test_other_bytes_of_the_same_size_are_an_alarm(project: Project, distribution: SmallDistribution) -> None:
    want(project, distribution, "make")
    before = locked(project)["artifact"]
    indexed = distribution.main.places["main/binary-amd64"]
    (at,) = (place for place, one in enumerate(indexed) if one.startswith("Package: make\n"))
    changed = re.sub("^SHA256: .*$", f"SHA256: {'0' * 64}", indexed[at], flags=re.MULTILINE)
    indexed[at] = re.sub("^SHA512: .*\n", "", changed, flags=re.MULTILINE)
    distribution.publish()
    done = project.run("lock", check=False)
    assert f"now offered with {'0' * 64}" in done.err, done
    assert "--accept-changed make" in done.hint
    assert tomllib.loads(project.lock.read_text())["artifact"] == before
    (make,) = (one for one in locked(project, "--accept-changed", "make")["artifact"] if one["name"] == "make")
    assert make["sha256"] == "0" * 64


def test_what_cannot_be_had_is_told_with_who_needs_it(project: Project, distribution: SmallDistribution) -> None:
    want(project, distribution, "make")
    before = members(locked(project))
    distribution.offer(distribution.cuda, "cuda-drivers", "560.1", Depends="nvidia-driver-560")
    distribution.offer(distribution.cuda, "nvidia-driver-560", "560.1", Depends="libc6 (>= 3), dkms")
    distribution.publish()
    want(project, distribution, "make", "cuda-drivers")
    done = project.run("lock", check=False)
    assert done.rc
    (line,) = (one for one in done.err.splitlines() if one.startswith("error"))
    assert "nvidia-driver-560 560.1 Depends: libc6 (>= 3)" in line
    assert "it is needed by cuda-drivers 560.1" in line
    assert f"of libc6 there is {OLD} in {MAIN}, {NEW} in {SECURITY}" in line
    assert members(tomllib.loads(project.lock.read_text())) == before, "what was locked stays"
    want(project, distribution, "no-such-deb")
    err = project.run("lock", check=False).err
    assert "no upstream has no-such-deb for amd64" in err
    assert err.count("no upstream has no-such-deb") == 1, "it is said once"


def test_an_older_version_is_taken_where_it_alone_fits(project: Project, distribution: SmallDistribution) -> None:
    distribution.offer(distribution.cuda, "cuda-nvcc-12-6", "12.6.90-1", Depends="no-such-deb")
    distribution.publish()
    want(project, distribution, "cuda-toolkit-12-6")
    told = notes(project, as_apt=False)
    assert "apt-get would refuse to install it: " in told or not shutil.which("apt-get")
    assert f"cuda-nvcc-12-6 12.6.85-1 of {CUDA} is chosen, not 12.6.90-1" in told
    assert f"{CUDA}/cuda-nvcc-12-6_12.6.85-1_amd64.deb" in members(tomllib.loads(project.lock.read_text()))


def test_two_architectures_are_two_targets(project: Project, server: Server, upstream_key: tuple[KeyHome, Key]) -> None:
    both = SmallDistribution(server.root, server.url, *upstream_key, "amd64", "arm64")
    want(project, both, "linux-headers-arm64", architectures=["arm64"])
    assert members(locked(project)) == [
        f"{MAIN}/linux-headers-6.1.0-1-arm64_6.1.1_arm64.deb", f"{MAIN}/linux-headers-arm64_6.1.1_arm64.deb",
    ]  # fmt: skip
    want(project, both, "make", platforms=["linux-64", "linux-aarch64"])
    targets = locked(project)["environment"][0]["target"]
    assert [one["name"] for one in targets] == ["debian12-amd64", "debian12-arm64"]


def test_an_index_is_scanned_once_to_see_that_files_are_still_offered(
    project: Project, server: Server, upstream_key: tuple[KeyHome, Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = SmallDistribution(server.root, server.url, *upstream_key, "amd64", "arm64")
    want(project, both, "build-essential", architectures=["amd64", "arm64"])
    before = members(locked(project))
    both.offer(both.main, "other", "1.0")
    both.publish()
    asked: list[tuple[str, str]] = []
    scanned = Chain.scanned

    def noted(chain: Chain, suites: Sequence[Suite], architecture: str) -> list[ScannedIndex]:
        asked.append((chain.upstream.name, architecture))
        return scanned(chain, suites, architecture)

    monkeypatch.setattr(Chain, "scanned", noted)
    assert main(["lock", "-C", str(project.base), "-q"]) == 0
    assert sorted(asked) == [(name, machine) for name in (MAIN, SECURITY) for machine in ("amd64", "arm64")]
    assert members(tomllib.loads(project.lock.read_text())) == before


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"upstreams": ["x"]}, "takes packages from 'x'"),
        ({"priorities": {"x": 1}}, "names 'x', which is not one of its upstreams"),
        ({"base": "some"}, "expected 'none', 'minbase' or 'file:NAME'"),
        ({"base": "minbase", "bootstrap": True}, "the two contradict each other"),
        ({"base": "file:no.txt"}, "no.txt: No such file"),
        ({"rpm": ["make"]}, "a machine uses only one of them"),
        ({"architectures": ["s390x"]}, "none of its upstreams has s390x"),
        ({"architectures": ["x86_64"]}, "they call that machine amd64"),
        ({"deb": ["make (>= 4)"]}, "expected NAME, NAME=VERSION or NAME:ARCHITECTURE in 'environment[0].deb'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    project: Project, distribution: SmallDistribution, keys: dict[str, object], said: str
) -> None:
    want(project, distribution, "make", **keys)
    assert said in project.run("lock", check=False).err


def test_what_could_not_be_resolved_keeps_the_root_it_hangs_from(
    project: Project, distribution: SmallDistribution
) -> None:
    want(project, distribution, "make")
    project.add("pin", upstream=SECURITY, packages=["libc6"])
    (old,) = next(one for one in locked(project)["upstream"] if one["name"] == SECURITY)["root"]
    distribution.security.places["main/binary-amd64"].clear()
    distribution.offer(distribution.security, "libc6", f"{NEW}.1", Conflicts="make")
    distribution.main.places["main/binary-amd64"] = [
        one for one in distribution.main.places["main/binary-amd64"] if "Package: libc6\n" not in one
    ]
    distribution.publish()
    assert project.run("lock", check=False).rc
    document = tomllib.loads(project.lock.read_text())
    assert f"{SECURITY}/libc6_{NEW}_amd64.deb" in members(document)
    new, kept = next(one for one in document["upstream"] if one["name"] == SECURITY)["root"]
    assert kept == old
    assert new["sha256"] != old["sha256"]


def test_what_has_two_solutions_says_which_was_taken(project: Project, distribution: SmallDistribution) -> None:
    distribution.offer(distribution.main, "gawk", "5.2", Provides="awk")
    distribution.offer(distribution.main, "editor", "1.0", Depends="nano | vim")
    for name in ("nano", "vim"):
        distribution.offer(distribution.main, name, "1.0")
    distribution.publish()
    want(project, distribution, "apt", "editor")
    told = notes(project)
    assert "mawk is chosen, the first in apt's order; gawk would also satisfy apt" in told
    assert "nano is chosen, the first that is named; vim would also satisfy editor" in told
    project.lock.unlink()
    want(project, distribution, "apt", "editor", "gawk", "vim")
    assert "is taken" not in notes(project), "what is asked for decides"
