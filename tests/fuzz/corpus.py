"""What each fuzz target begins with: one good document of each form, and all that once ended in an internal error."""

from __future__ import annotations

import base64
import bz2
import functools
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile

import tomli_w
from simulator.elf import stub
from simulator.rpms import rpm_head, simple_rpm
from tests.fuzz.corpus_conda import CONDA
from tests.fuzz.corpus_far import FAR
from tests.fuzz.corpus_installed import INSTALLED
from tests.fuzz.corpus_python import PYTHON
from tests.kinds.rules.test_conda_files import FILES as CONDA_FILES
from tests.kinds.yum.odd_rows import COMPS, DEFAULT, MODULES, NEVRA, UPDATEINFO
from tests.kinds.yum.rules.test_mutations import FILELISTS, PRIMARY, REPOMD

from cudepot.catalog.lock import Artifact, Lock, LockedUpstream, Root
from cudepot.catalog.lock_document import render_lock
from cudepot.catalog.nvidia.site_files import Repository, made
from cudepot.catalog.site.backup import Backup, render_backup
from cudepot.catalog.site.bundle import Link, Manifest, SignedRoot, Want, render_manifest, want_json
from cudepot.catalog.site.pointer import Channel, Pointer, Written, render_pointer, rendered_files
from cudepot.catalog.site.promotion import Moved, Promotion, render_promotion
from cudepot.catalog.site.snapshot import Snapshot, render_snapshot
from cudepot.digest import Digest
from cudepot.formats.bundle_tar import END, header, padding
from cudepot.formats.bundle_tar import MANIFEST as MEMBER
from cudepot.formats.deb_write import write_deb
from cudepot.formats.patch import patch
from cudepot.sealed import sealed

SHA = "a" * 64
OLD = b"one two three four " * 99
"""What patches are of."""
_DEEP = 100_000  # brackets: more than any interpreter's stack
RELEASE = f"""Origin: NVIDIA
Label: NVIDIA CUDA
Suite: stable
Date: Thu, 05 Nov 2020 10:00:00 UTC
Valid-Until: Fri, 06 Nov 2020 10:00:00 +0000
Acquire-By-Hash: yes
SHA256:
 {SHA} 0 Packages
 {SHA} 12 main/binary-amd64/Packages.gz
SHA512:
 {SHA}{SHA} 0 Packages
"""
CONTROL = f"""Package: libcudnn8
Version: 8.0.5.39-1+cuda11.1
Architecture: amd64
Multi-Arch: same
Depends: libc6 (>= 2.17), a | b [amd64] <!nocheck>, c:any
Provides: libcudnn (= 8)
Conflicts: libcudnn7 (<< 8)
Description: runtime
 more
 .
 yet more
Filename: ./libcudnn8_8.0.5.39-1+cuda11.1_amd64.deb
Size: 1
SHA256: {SHA}
"""
SOURCES = f"""Package: x
Version: 1
Directory: .
Checksums-Sha256:
 {SHA} 3 x_1.dsc
 {SHA} 4 x_1.tar.xz
"""
_SIGNATURE = bytes([4, 0, 1, 8]) + b"\0\6\5\2" + b"\x5f\xa0\0\0" + b"\0\n\x09\x10" + bytes(8) + b"\xab\xcd\0\1\1"
ARMOR = (
    b"-----BEGIN PGP SIGNATURE-----\n\n" + base64.b64encode(b"\xc2" + bytes([len(_SIGNATURE)]) + _SIGNATURE)
    + b"\n-----END PGP SIGNATURE-----\n"
)  # fmt: skip
SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + RELEASE.encode() + ARMOR
PAGE = f"""<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"></head><body>
<a href="../../x-1.0-py3-none-any.whl#sha256={SHA}" data-requires-python="&gt;=3.8" data-yanked="bad">x-1.0</a>
<a href="http://other.invalid/x-1.0.tar.gz">x</a></body></html>"""
FILE = {
    "filename": "x-1.0-py3-none-any.whl",
    "url": "../x-1.0-py3-none-any.whl",
    "hashes": {"sha256": SHA},
    "size": 5,
    "yanked": "bad",
    "upload-time": "2020-11-05T10:00:00.000000Z",
}
DIGEST = Digest(SHA, 3)
LOCK = Lock(
    (
        LockedUpstream(
            "u", "apt", "http://host/", SHA, (Root("InRelease", DIGEST, "2020-11-05T10:00:00Z", (SHA[:40],)),)
        ),
    ),
    (Artifact("u", "deb", "x", "1", "amd64", "x.deb", "x.deb", DIGEST),),
)
SNAPSHOT = Snapshot(1, "2020-11-05T10:00:00Z", SHA[:40], "", DIGEST, (), {"apt/u/x.deb": DIGEST})
_ROOT = SignedRoot("u", "apt", "InRelease", DIGEST, None, (DIGEST,), (("Packages", DIGEST),))
MANIFEST = Manifest(
    SHA[:40], Link(), 1, DIGEST, DIGEST, (_ROOT,), ((DIGEST,),), ((DIGEST, (DIGEST,)),),
    channels=(("dev", 1),), promotion=1, records=((DIGEST, DIGEST),), tags=(("q1", 1),),
)  # fmt: skip
_MOVED = Moved("apt", "b", "c", "", "1")
_PROMOTION = Promotion(1, "", "b", "a", 1, SHA, 1, 0, "x", "", "", {"apt": {"came": 1}}, (_MOVED,))
_BACKUP = Backup("", SHA[:40], "", "store", {"": 1}, {"a": DIGEST}, {}, (DIGEST,), (), {"a": 0o755}, {"b": "a"})
CONFIG = """[site]
label = "x"
key = "%s"
[[upstream]]
name = "u"
type = "apt"
url = "http://[::1/x/"
keys = ["%s"]
keyrings = ["k"]
[[pin]]
upstream = "u"
packages = ["x=1"]
"""


_DPKG = b"ii  libcudnn8 8.0.5.39-1 amd64        runtime\n"

"""A lock as uv writes it."""


def _tar(*names: str, body: bytes = b"text") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        link = tarfile.TarInfo("lib/link")
        link.type, link.linkname = tarfile.SYMTYPE, "x"
        tar.addfile(link)
    return made.getvalue()


def _sparse() -> bytes:
    """A member that says 40 GiB and has nothing."""
    made = tarfile.TarInfo("lib/libcudnn.so.8")
    made.type, made.size = tarfile.GNUTYPE_SPARSE, 40 << 30
    return bytes(made.tobuf(tarfile.GNU_FORMAT)) + bytes(10240)


def _ar(*members: tuple[str, bytes]) -> bytes:
    parts = [b"!<arch>\n"]
    for name, data in members:
        parts += [
            f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode(),
            data,
            b"\n" * (len(data) % 2),
        ]
    return b"".join(parts)


def _zip(*names: str, body: bytes = b"Metadata-Version: 2.1\nName: x\n") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), body)
    return made.getvalue()


def _header(entries: list[tuple[int, int, int, bytes]]) -> bytes:
    index, store = b"", b""
    for tag, kind, count, data in entries:
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += data
    return b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", len(entries), len(store)) + index + store


def _cpio(name: str, body: bytes) -> bytes:
    def one(name: str, body: bytes, mode: int) -> bytes:
        numbers = (1, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % number for number in numbers) + name.encode() + b"\0"
        return head + bytes(-len(head) % 4) + body + bytes(-len(body) % 4)

    return one(name, body, 0o100644) + one("TRAILER!!!", b"", 0)


def _keyring() -> bytes:
    folder = "compute/cuda/repos/u/x86_64/"
    one = Repository(folder, False, "l=NVIDIA CUDA", (b"key",), b"key", (), keyrings=("1.1-1",))
    return made([one], "https://packages.example/", 0)[f"{folder}cuda-keyring_1.1-1_all.deb"]


def _rpm() -> bytes:
    lead = (b"\xed\xab\xee\xdb\x03\0" + bytes(90))[:96]
    texts = (
        (1000, b"tool\0"),
        (1001, b"1.0\0"),
        (1002, b"1\0"),
        (1022, b"x86_64\0"),
        (1124, b"cpio\0"),
        (1125, b"gzip\0"),
    )
    signature = _header([(1000, 4, 1, struct.pack(">I", 9))])
    header = _header([(tag, 6, 1, data) for tag, data in texts])
    payload = gzip.compress(_cpio("./usr/lib64/libcudnn.so.8", b"text"), mtime=0)
    return lead + signature + bytes(-len(signature) % 8) + header + payload


def _bundle() -> bytes:
    return header(MEMBER, 4) + b"text" + bytes(padding(4)) + END


def _document(**fields: object) -> bytes:
    return json.dumps(fields).encode()


_UTF_9 = b'<?xml version="1.0" encoding="UTF-9"?><repomd/>'  # found by the fuzzer


@functools.cache
def corpus(target: str) -> tuple[bytes, ...]:
    """Return what a target begins with; the first is one that it takes."""
    deep = b"[" * _DEEP
    data = gzip.compress(_tar("./usr/lib/x"), mtime=0)
    control = gzip.compress(_tar("./control", body=CONTROL.encode()), mtime=0)
    modules = MODULES % NEVRA
    every: dict[str, tuple[bytes, ...]] = {
        "release": (RELEASE.encode(), b"\xef\xbb\xbf" + RELEASE.encode(), b"Date: \nSHA256:\n x\n", b"Date: 0 0 0\n"),
        "inrelease": (SIGNED, ARMOR, SIGNED + b"\n\n", SIGNED + SIGNED, b"-" * 300, b""),
        "packages": (CONTROL.encode(), CONTROL.encode().replace(b"39-1", b"39_x"), b"Package: x\n\n\n \n", b":\n"),
        "scanned": (
            b"\n".join(one + b"\n" for one in (CONTROL.encode().strip(), b"Package: x\nProvides: y (= 1),\n z\n")),
            b"Package: x\nPackage: y\n\nProvides: x\nPackage: z\n",
            b"Package: x\nprovides: y\n\n\nPackage: X\n\n \nPackage: a\n",
        ),
        "sources": (SOURCES.encode(), b"Package: x\nFiles:\n a b c\n"),
        "stanza": (CONTROL.encode(), b"A: " + b"(" * 5000, b"Depends: a (>= ), | , :any\n", b"\xff: \xfe\n"),
        "debs": (
            _ar(("debian-binary", b"2.0\n"), ("control.tar.gz", control), ("data.tar.gz", data)),
            _ar(("debian-binary", b"2.0\n"), ("control.tar.zst", b"\x28\xb5\x2f\xfd"), ("data.tar", _sparse())),
            _ar(("debian-binary", b"9.0\n")),
        ),
        "rpms": (_rpm(), _rpm()[:120]),
        "installed": INSTALLED,
        "rpm_heads": (rpm_head(simple_rpm("tool", "1.0", "1", "noarch", "Requires: /usr/bin/x")), _rpm()),
        "primary": (
            PRIMARY.encode(),
            PRIMARY.encode().replace(b'href="tool-1.0-1.x86_64.rpm"', b'href="fake_b\xe4sh.rpm"'),
            PRIMARY.replace("UTF-8", "ISO-8859-1").encode().replace(b"tool-1.0-1.x86_64.rpm", b"fake_b\xe4sh.rpm"),
            PRIMARY.encode().replace(b'<rpm:entry name="x"', b"<rpm:entry "),
            PRIMARY.encode().replace(b'name="(a or (b if c))"', b'name=" "'),
            FILELISTS.encode(),
        ),
        "repomd": (REPOMD.encode(), REPOMD.encode().replace(b"<size>3", b"<size>-3"), b"<a>" * 5000, _UTF_9),
        "updateinfo": (
            (UPDATEINFO % "t").encode(),
            (COMPS % "t").encode(),
            b"<!DOCTYPE a [<!ENTITY x 'y'>]><updates/>",
        ),
        "modules": (
            (modules + DEFAULT).encode(),
            (MODULES % "    - {a: b}\n").encode(),
            (MODULES % "    - a-0:1-1.x8: 64\n").encode(),
            b"a: " + b"[" * 5000,
            b"&a [*a, *a]\n",
        ),
        "rich": (b"(a or (b if c >= 1 else d))", b"(" * 5000, b"(a with)", b"()"),
        "simple_html": (
            PAGE.encode(),
            *(b"<![[", b"<!", b"<a href>x</a>", b"&#xffffffff;"),
            b"<a href='http://[::1/x.whl'>x</a>",
            b"<a href=x.whl data-core-metadata='sha256=00' data-provenance='https://h/p' data-requires-python=''>x</a>",
        ),
        "simple_json": (
            _document(meta={"api-version": "1.1"}, name="x", files=[FILE]),
            _document(meta={"api-version": "1.1"}, files=[FILE | {"url": "http://[::1/x.whl"}]),
            _document(meta=[], files={}),
            _document(files=[FILE | {"hashes": [], "size": 1e400}]),
            _document(files=[FILE | {"core-metadata": {"sha256": "a" * 64}, "provenance": "https://[::1/x"}]),
            _document(files=[FILE | {"dist-info-metadata": True, "requires-python": ">=3.8"}]),
            b'{"files": ' + deep,
        ),
        "wheel": (
            bytes(20) + b".dist-info/METADATA" + bytes(60) + b"PK\1\2" + bytes(30) + b"PK\5\6" + bytes(18),
            _zip("x/__init__.py", "x-1.0.dist-info/METADATA"),
            _zip("../x"),
            _zip("metadata.json", "info-x-1.0-0.tar.zst", "pkg-x-1.0-0.tar.zst", body=b"\x28\xb5\x2f\xfd"),
            _zip("x").replace(b"PK\1\2", b"PK\1\3"),
        ),
        "conda_files": (
            *(one.encode() for one in CONDA_FILES.values()),
            *(b"dependencies: " + b"[" * 5000, b"a: &a [x]\nb: *a", b"dependencies: [!!int 3]", b"a = " + deep),
            b"@EXPLICIT\nhttps://[::1/linux-64/a-1-0.conda#" + b"0" * 32,
            b"channels: ['https://[::1/t/x/']\ndependencies: []",
        ),
        "tar": (
            _tar("lib/x", "include/" + "n" * 95 + ".h"),
            data,
            _sparse(),
            lzma.compress(_tar("x")),
            bz2.compress(_tar("x")),
            _tar("../x"),
            b"\x28\xb5\x2f\xfd" + bytes(20),
        ),
        "bundle": (_bundle(), _tar(MEMBER), bytes(1024), _bundle()[:600]),
        "patches": (patch(OLD, OLD + b"five"), patch(b"x" * 99, OLD + b"five"), b"\x28\xb5\x2f\xfd"),
        "packets": (
            b"\xc2" + bytes([len(_SIGNATURE)]) + _SIGNATURE,
            ARMOR,
            *(b"\xc2\x20\x04\0\x01\x08\0\x01" + bytes([one]) + bytes(20) for one in (0xC0, 0xDF, 0xFE, 0xFF)),
            *(b"\x89\0\x20\x04\0\x01\x08\0\x02\x02" + bytes([one]) for one in (0xC0, 0xFE, 0xFF)),
        ),
        "keys": (
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n",
            b"\x99\0\x0d\x04\0\0\0\0\x01\0\x08\x80\0\x08\x80" + b"\xb4\x01x",
            b"\0\0\0\x20\1\1\0\2KBXf" + bytes(20),
            b"",
        ),
        "libraries": (
            stub("libcudnn.so.8"),
            *(b"\x7fELF\2\1\1" + bytes(60), b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0", b""),
        ),
        "lock": (
            tomli_w.dumps(render_lock(LOCK)).encode(),
            (CONFIG % (SHA[:40], SHA[:40])).encode(),
            *(b"a = " + deep, b"version = " + b"9" * 5000),
        ),
        "documents": (
            render_snapshot(SNAPSHOT),
            render_manifest(MANIFEST),
            render_pointer(Pointer({"dev": Channel(1, 5)}, {1: Written({"snapshot.json": DIGEST}, DIGEST)}, 1)),
            rendered_files({"apt/u/x.deb": DIGEST}),
            render_promotion(_PROMOTION),
            render_backup(_BACKUP),
            render_snapshot(SNAPSHOT).replace(b'"tree"', b'"trea"'),
            json.dumps(want_json(Want(SHA[:40], (Link(1, SHA),), (), (DIGEST,)))).encode(),
            json.dumps(sealed({"a": 1})).encode(),
            deep,
            b'{"a": ' * 50_000,
            b"[]",
            b"9" * 5000,
            b'"\xff"',
        ),
        "redistrib": (
            json.dumps(
                {
                    "release_date": "2025-03-07",
                    "release_label": "9.8.0",
                    "cudnn": {
                        "name": "NVIDIA CUDA Deep Neural Network library",
                        "license": "cudnn",
                        "version": "9.8.0.87",
                        "cuda_variant": ["12"],
                        "linux-x86_64": {
                            "cuda12": {"relative_path": "cudnn/linux-x86_64/x.tar.xz", "sha256": SHA, "size": "9"}
                        },
                    },
                }
            ).encode(),
            deep,
            b"[]",
            b'{"cudnn": {"version": 1, "linux-x86_64": []}}',
        ),
        "repodata": (
            _document(**{"packages.conda": {"x-1-0.conda": {"name": "x", "version": "1", "build": "0", "md5": "x"}}}),
            _document(**{"packages.conda": {"x-1-0.conda": {"name": [], "version": {}, "build": 0}}}),
            deep,
        ),
        "keyring": (
            _keyring(),
            _keyring()[:200],
            write_deb({"Description": "x"}, {f"etc/{one}.list": b"deb" for one in "ab"}, scripts={}, epoch=0),
            b"!<arch>\n",
        ),
        "listings": (
            b"||/ Name      Version    Architecture Description\n+++-=========-==========-============-=====\n" + _DPKG,
            b"libcudnn8-8.0.5.39-1.cuda11.1.x86_64\ntorch==2.0\n# packages in environment at /x:\n#\ncudnn 8.9 h_0 x\n",
            b'[{"name": "x", "version": "1", "channel": 1}]',
            "nvidia-cudnn-cu12==9.1\n".encode("utf-16"),
            deep,
            b'[{"name": [], "version": null}]',
            b"+++-\nii \n",
            b"\xff\xfe\0",
        ),
        **PYTHON,
        **CONDA,
        **FAR,
    }  # fmt: skip
    return every.get(target) or every[target.removeprefix("far_")]
