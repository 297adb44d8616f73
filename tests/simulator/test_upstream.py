"""Shows that the stand-in NVIDIA is one: real readers, gpgv and pip's own rules accept what it serves."""

from __future__ import annotations

import hashlib
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
import requests
import urllib3
from simulator.cudnn import CudnnRelease, parts, write_archive
from simulator.debs import ar_members, write_debs
from simulator.keys import PAST, KeyHome
from simulator.nvidia import Artifacts, Nvidia
from simulator.process import run
from simulator.wheels import write_wheel

NAME = "libcudnn8_8.0.5.39-1+cuda11.1_amd64.deb"


def gpgv_status(keyring: Path, *files: Path) -> str:
    """Return what the real gpgv reports."""
    return run("gpgv", "--status-fd", "1", "--keyring", keyring.resolve(), *files, check=False).stdout


@pytest.mark.parametrize(
    ("version", "cuda", "number"), [("7.6.5.32", "10.1", 7605), ("8.9.7.29", "12", 8907), ("9.12.0.46", "13", 91200)]
)
def test_every_series_has_its_layout(tmp_path: Path, version: str, cuda: str, number: int) -> None:
    release = CudnnRelease(version, cuda)
    with tarfile.open(write_archive(release, tmp_path)) as tar:
        names = tar.getnames()
    assert any(name.endswith(f"/libcudnn.so.{release.short}") for name in names)
    assert release.number == number
    assert len(write_debs(release, tmp_path)) == 3
    assert write_wheel(release, tmp_path).is_file()


def test_building_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    release, twice = CudnnRelease("7.6.5.32", "10.1"), []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        paths = (write_archive(release, folder), *write_debs(release, folder), write_wheel(release, folder))
        twice.append({path.name: path.read_bytes() for path in paths})
    assert twice[0] == twice[1]


def test_one_release_has_the_same_bytes_in_tgz_debs_and_wheel(nvidia: Nvidia, tmp_path: Path) -> None:
    built = nvidia.built()
    for deb in built.debs:
        run("dpkg-deb", "-x", deb, tmp_path)
    with tarfile.open(built.archive) as tar, zipfile.ZipFile(built.wheel) as wheel:
        assert len(tar.getnames()) == 32
        for name, data in built.parts.libraries.items():
            stored = tar.extractfile(f"cuda/lib64/{name}")
            assert stored is not None
            assert stored.read() == data
            assert (tmp_path / "usr/lib/x86_64-linux-gnu" / name).read_bytes() == data
            assert wheel.read(f"nvidia/cudnn/lib/{name.removesuffix('.0.5')}") == data
        for stem, text in built.parts.headers.items():
            assert (tmp_path / f"usr/include/x86_64-linux-gnu/{stem}_v8.h").read_bytes() == text
            assert wheel.read(f"nvidia/cudnn/include/{stem}.h") == text
    assert (tmp_path / "usr/share/doc/libcudnn8/copyright").read_bytes() == built.parts.licence


def test_cuda_variants_differ(nvidia: Nvidia) -> None:
    one, two = (nvidia.built(cuda).parts.libraries for cuda in ("10.2", "11.1"))
    assert all(one[name] != two[name] for name in one)


def test_debs_carry_nvidias_extra_member(nvidia: Nvidia) -> None:
    members = dict(ar_members(nvidia.built().debs[0].read_bytes()))
    assert list(members) == ["debian-binary", "control.tar.xz", "data.tar.xz", "_gpgbuilder"]
    assert hashlib.sha1(members["data.tar.xz"]).hexdigest() in members["_gpgbuilder"].decode()


def test_a_wrong_machine_is_only_a_label() -> None:
    elf = parts(CudnnRelease("7.6.5.32", "10.1", "ppc64le")).libraries["libcudnn.so.7.6.5"]
    assert int.from_bytes(elf[18:20], "little") == 21


def test_gpgv_accepts_both_signatures(nvidia: Nvidia) -> None:
    folder = nvidia.repo.folder
    for files in ([folder / "InRelease"], [folder / "Release.gpg", folder / "Release"]):
        status = gpgv_status(nvidia.keyring, *files)
        assert "GOODSIG" in status
        assert f" {nvidia.key.fingerprint}\n" in status.replace(" \n", "\n") + "\n"


def test_bad_signatures_are_what_they_claim(nvidia: Nvidia) -> None:
    in_release, expired = nvidia.repo.folder / "InRelease", nvidia.artifacts.expired_key
    nvidia.repo.sign(nvidia.other_key)
    assert "NO_PUBKEY" in gpgv_status(nvidia.keyring, in_release)
    nvidia.repo.sign(when=PAST, expires="1d")
    assert "EXPSIG" in gpgv_status(nvidia.keyring, in_release)
    nvidia.repo.sign(expired, when=PAST)
    ring = nvidia.folder / "expired.gpg"
    ring.write_bytes(expired.binary)
    assert "EXPKEYSIG" in gpgv_status(ring, in_release)


def test_expired_signature_and_revoked_key(tmp_path: Path) -> None:
    with KeyHome() as home:
        key = home.generate("old <old@example.com>", subkey=True, algorithm="ed25519")
        ring, text = tmp_path / "ring.gpg", tmp_path / "text"
        ring.write_bytes(key.binary)
        text.write_bytes(home.clearsign(b"text\n", key, when=PAST, expires="1d"))
        assert "EXPSIG" in gpgv_status(ring, text)
        text.write_bytes(home.clearsign(b"text\n", key))
        assert f"VALIDSIG {key.subkey}" in gpgv_status(ring, text)
        ring.write_bytes(home.revoke(key).binary)
        assert "REVKEYSIG" in gpgv_status(ring, text)


def test_release_has_nvidias_fields_only(nvidia: Nvidia) -> None:
    text = requests.get(f"{nvidia.apt_url}Release", timeout=10).text
    heads = [line.split(":")[0] for line in text.splitlines() if not line.startswith(" ")]
    assert heads == ["Origin", "Label", "Architecture", "Date", "MD5Sum", "SHA1", "SHA256", "Acquire-By-Hash"]
    packages = requests.get(f"{nvidia.apt_url}Packages", timeout=10).content
    assert f" {hashlib.sha256(packages).hexdigest()} {len(packages):16d} Packages\n" in text


def test_publishing_a_change_moves_its_stanza_to_the_end(nvidia: Nvidia) -> None:
    nvidia.repo.add(nvidia.built("10.2").debs[0])
    nvidia.repo.publish()
    packages = requests.get(f"{nvidia.apt_url}Packages", timeout=10).text
    assert packages.split("\n\n")[-1].startswith("Package: libcudnn8\nVersion: 8.0.5.39-1+cuda10.2\n")
    assert "GOODSIG" in gpgv_status(nvidia.keyring, nvidia.repo.folder / "InRelease")


def test_simple_index_speaks_both_forms(nvidia: Nvidia) -> None:
    url = f"{nvidia.simple_url}nvidia-cudnn-cu11/"
    page = requests.get(url, headers={"Accept": "application/vnd.pypi.simple.v1+json"}, timeout=10).json()
    file = page["files"][0]
    assert file["hashes"]["sha256"] == hashlib.sha256(nvidia.built().wheel.read_bytes()).hexdigest()
    html = requests.get(url, timeout=10)
    assert html.headers["Content-Type"].startswith("text/html")
    assert f"#sha256={file['hashes']['sha256']}" in html.text
    metadata = requests.get(f"{nvidia.url}/packages/{file['filename']}.metadata", timeout=10).text
    assert "Requires-Dist: nvidia-cublas-cu11" in metadata


def test_server_keeps_connections_and_honours_validators_and_ranges(nvidia: Nvidia) -> None:
    url, body = f"{nvidia.apt_url}{NAME.replace('+', '%2b')}", (nvidia.repo.folder / NAME).read_bytes()
    with requests.Session() as client:
        first = client.get(url, timeout=10)
        assert first.content == body
        tag = first.headers["ETag"]
        assert client.get(url, headers={"If-None-Match": tag}, timeout=10).status_code == 304
        since = {"If-Modified-Since": first.headers["Last-Modified"]}
        assert client.get(url, headers=since, timeout=10).status_code == 304
        part = client.get(url, headers={"Range": "bytes=100-", "If-Range": tag}, timeout=10)
        assert (part.status_code, part.content) == (206, body[100:])
        changed = client.get(url, headers={"Range": "bytes=100-", "If-Range": '"other"'}, timeout=10)
        assert (changed.status_code, changed.content) == (200, body)
        assert client.get(url, headers={"Range": f"bytes={len(body)}-"}, timeout=10).status_code == 416
        assert client.head(url, timeout=10).headers["Content-Length"] == str(len(body))
        assert client.get(url.replace("/x86_64/", "//x86_64/./"), timeout=10).content == body
        assert client.get(f"{nvidia.url}/compute/cuda", allow_redirects=False, timeout=10).status_code == 301
    assert nvidia.server.count(f"*/{NAME}") == 8
    assert nvidia.server.seen(status=206)[0].headers["range"] == "bytes=100-"


def test_server_misbehaves_as_asked(nvidia: Nvidia) -> None:
    server, url = nvidia.server, f"{nvidia.apt_url}{NAME}"
    path, body = f"{nvidia.apt_path}/{NAME}", (nvidia.repo.folder / NAME).read_bytes()

    server.missing(path, after=1)
    assert [requests.get(url, timeout=10).status_code for _ in range(3)] == [200, 404, 404]
    server.heal(path)
    server.unavailable(path, 2, retry_after="1")
    answers = [requests.get(url, timeout=10) for _ in range(3)]
    assert [one.status_code for one in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "1"

    server.flip(path, times=1)
    flipped = requests.get(url, timeout=10).content
    assert (flipped[:-1], flipped[-1]) == (body[:-1], body[-1] ^ 1)
    server.same_size(path, times=1)
    other = requests.get(url, timeout=10).content
    assert len(other) == len(body)
    assert other != body
    server.replace(path, b"shorter", times=1)
    assert requests.get(url, timeout=10).content == b"shorter"
    assert requests.get(url, timeout=10).content == body


def test_server_cuts_stalls_and_never_ends(nvidia: Nvidia) -> None:
    server, url, path = nvidia.server, f"{nvidia.apt_url}{NAME}", f"{nvidia.apt_path}/{NAME}"
    size = (nvidia.repo.folder / NAME).stat().st_size

    server.cut(path, 1000, times=1)
    with requests.get(url, stream=True, timeout=10) as cut:
        assert cut.headers["Content-Length"] == str(size)
        assert len(cut.raw.read(1000)) == 1000
        with pytest.raises(urllib3.exceptions.ProtocolError):
            cut.raw.read(1)

    stall = server.stall(path, 20000)
    sizes: list[int] = []
    client = threading.Thread(target=lambda: sizes.append(len(requests.get(url, timeout=20).content)))
    client.start()
    assert stall.reached.wait(10)
    assert not sizes
    stall.release()
    client.join(10)
    assert sizes == [size]

    server.endless(path)
    with requests.get(url, stream=True, timeout=10) as endless:
        assert "Content-Length" not in endless.headers
        assert len(endless.raw.read(10 * size)) == 10 * size


def test_a_stale_edge_serves_what_was_there_before(nvidia: Nvidia) -> None:
    server, path = nvidia.server, f"{nvidia.apt_path}/Packages.gz"
    before = requests.get(nvidia.url + path, timeout=10)
    server.stale(path)
    nvidia.repo.forget(NAME)
    nvidia.repo.publish()
    after = requests.get(nvidia.url + path, timeout=10)
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])
    server.heal()
    assert requests.get(nvidia.url + path, timeout=10).content != before.content


def test_tests_do_not_touch_each_others_nvidia(nvidia_artifacts: Artifacts, nvidia: Nvidia) -> None:
    nvidia.repo.stanzas.clear()
    nvidia.repo.publish()
    assert (nvidia_artifacts.site / "compute/cuda/repos/ubuntu2004/x86_64/Packages").stat().st_size > 0
    assert nvidia_artifacts.repo.stanzas


def test_server_is_there_for_other_processes(nvidia: Nvidia) -> None:
    request = r"GET /simple/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    script = f"exec 3<>/dev/tcp/127.0.0.1/{nvidia.server.port}; printf '{request}' >&3; head -1 <&3"
    done = run("bash", "-c", script, timeout=10)
    assert done.stdout.startswith("HTTP/1.1 200")
