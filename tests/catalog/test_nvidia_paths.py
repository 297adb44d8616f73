"""Which of NVIDIA's paths an upstream has, and what may lie below them."""

from __future__ import annotations

import pytest

from cudepot.catalog.lock import Artifact, LockedFile, LockedUpstream, Root
from cudepot.catalog.nvidia.site_paths import below, copies, is_made, path_of, place, planned, shown, strange
from cudepot.digest import Digest

HOSTS = ("developer.download.nvidia.com", "developer.download.nvidia.cn", "nvidia.github.io")
CUDA = "compute/cuda/repos/ubuntu2004/x86_64/"
A, B = Digest.of(b"a"), Digest.of(b"b")


def upstream(name: str, url: str = f"https://{HOSTS[0]}/{CUDA}", kind: str = "apt", *roots: str) -> LockedUpstream:
    return LockedUpstream(name, kind, url, "", tuple(Root(path, A) for path in roots or ("InRelease",)))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (f"https://{HOSTS[0]}/{CUDA}", CUDA),
        (f"http://{HOSTS[1].upper()}:80/{CUDA}", CUDA),
        (f"https://{HOSTS[0]}/compute/cuda/repos///ubuntu2004/x86_64/", CUDA),
        (f"https://{HOSTS[0]}/compute/cuda/repos/ubuntu2004%2Fx86_64/", CUDA),
        (f"https://{HOSTS[0]}/compute/cudnn/redist/", "compute/cudnn/redist/"),
        (f"https://{HOSTS[2]}/libnvidia-container/stable/deb/amd64/", "libnvidia-container/stable/deb/amd64/"),
        (f"https://{HOSTS[0]}/compute/cuda/repos/../../etc/", ""),
        (f"https://{HOSTS[0]}/compute/cuda/repos/ubuntu2004/x86_64%0a/", ""),
        (f"https://{HOSTS[0]}/other/{CUDA}", ""),
        (f"https://proxy.example/{CUDA}", ""),
        (f"https://{HOSTS[0]}.example/{CUDA}", ""),
        (f"https://{HOSTS[0]}/xcompute/cuda/repos/ubuntu2004/x86_64/", ""),
        ("", ""),
        ("https://[", ""),
    ],
)
def test_paths_of_nvidias_hosts(url: str, path: str) -> None:
    assert path_of(url, HOSTS) == path


def test_a_path_at_the_end_of_any_url_where_somebody_says_so() -> None:
    for url in (
        f"https://proxy.example/remote/nvidia/{CUDA}",
        f"file:///srv/mirror/{CUDA}",
        f"http://127.0.0.1:1/{CUDA}",
    ):
        assert path_of(url) == CUDA
    assert path_of(f"https://proxy.example/x{CUDA}") == ""
    assert path_of("https://proxy.example/debian/") == ""


def test_a_subset_is_one_flat_repository() -> None:
    url = f"https://{HOSTS[0]}/compute/cuda/repos/ubuntu2004/"
    assert place(upstream("a", url, "apt", "x86_64/InRelease"), HOSTS) == CUDA
    assert place(upstream("a", url, "apt", "dists/focal/InRelease"), HOSTS) == ""
    assert place(upstream("a", url, "apt", "x86_64/InRelease", "sbsa/InRelease"), HOSTS) == ""
    assert place(upstream("a", "", "folder")) == ""
    downloads = upstream("compute/cuda/repos/ubuntu1604/x86_64", "", "folder")
    assert place(downloads) == "compute/cuda/repos/ubuntu1604/x86_64/", "its name says where"
    assert place(downloads, HOSTS) == "", "where somebody asked for it"
    assert place(upstream("a", f"https://{HOSTS[0]}/{CUDA}", "simple"), HOSTS) == ""


def test_of_two_in_one_place_the_first_counts() -> None:
    tree = {"apt/a/InRelease": A, "apt/b/InRelease": B, "apt/c/InRelease": B}
    inside = upstream("c", f"https://{HOSTS[0]}/{CUDA}inside/")
    every = [upstream("absent"), upstream("a"), upstream("b"), inside]
    taken, left = planned(every, tree, HOSTS)
    assert [one.upstream.name for one in taken] == ["a"], "the first one with something to show"
    assert [one.upstream.name for one in left] == ["b", "c"]
    made = tree | copies(taken[0], tree, ())
    assert made[f"{CUDA}InRelease"] == A
    assert [one.upstream.name for one in shown(made, every)] == ["a"], "found out again from the tree"
    assert list(strange(made, every)) == []


def test_what_leads_to_nvidia_is_no_copy() -> None:
    names = ["x_1_amd64.deb", "cuda-keyring_1.1-1_all.deb", "cuda-repo-ubuntu2004_11_amd64.deb", "cuda-ubuntu2004.repo",
             "cuda-repo-ubuntu2004-11-1-local_11.1.0_amd64.deb", "3bf863cc.pub"]  # fmt: skip
    tree = {f"apt/a/{name}": A for name in ("InRelease", *names)}
    found = copies(planned([upstream("a")], tree, HOSTS)[0][0], tree, ())
    assert {path.removeprefix(CUDA) for path in found} == {"InRelease", names[0], names[4], names[5]}
    assert [is_made(name) for name in names] == [False, True, True, True, False, True]


@pytest.mark.parametrize("path", [f"{CUDA}y.deb", f"{CUDA}x.deb", "compute/other/InRelease", f"{CUDA}sub/Packages"])
def test_what_has_no_business_there(path: str) -> None:
    tree = {"apt/a/InRelease": A, "apt/a/x.deb": A, f"{CUDA}InRelease": A, f"{CUDA}cuda-ubuntu2004.pin": B, path: B}
    assert below(path)
    assert list(strange(tree, [upstream("a")])) == [path]


def test_archives_of_a_manifest() -> None:
    one = upstream("r", f"https://{HOSTS[0]}/compute/cudnn/redist/", "redistrib", "redistrib_9.8.0.json")
    paths = ("cudnn/linux-x86_64/x.tar.xz", "../x.tar.xz", "https://elsewhere.example/x.tar.xz")
    artifacts = [Artifact("r", "archive", "cudnn", "9", "", path, "x.tar.xz", B) for path in paths]
    tree = {"files/r/x.tar.xz": B}
    (place_,), _ = planned([one], tree, HOSTS)
    found = copies(place_, tree, artifacts)
    at = "compute/cudnn/redist/"
    assert found == {f"{at}{paths[0]}": B, f"{at}redistrib_9.8.0.json": A}
    assert list(strange(tree | found, [one])) == []
    assert list(strange(tree | found | {f"{at}cudnn/y.tar.xz": A}, [one])) == [f"{at}cudnn/y.tar.xz"]


def test_a_whole_mirror_is_known_by_its_own_roots() -> None:
    files = (LockedFile("dists/stable/Release.gpg", "root", A), LockedFile("dists/stable/Release", "root", A))
    one = LockedUpstream("w", "apt", f"https://{HOSTS[2]}/libnvidia-container/stable/x/", "", files=files)
    tree = {f"apt/w/{file.path}": A for file in files}
    (place_,), _ = planned([one], tree, HOSTS)
    assert place_.folder == "libnvidia-container/stable/x/"
    assert shown(tree | copies(place_, tree, ()), [one]) == (place_,)
    assert shown(tree, [one]) == ()
