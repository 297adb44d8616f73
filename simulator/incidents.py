"""The recorded incidents of NVIDIA's repositories, to be replayed with their exact shapes and sizes.

Numbers without a prefix are issues of NVIDIA/cuda-repo-management on GitHub, ``NVD`` those of nvidia-docker. Sizes
are bytes: *declared* in the signed Release or in the index, *served* by the server. Packages above 100 kB keep
direction and difference, not the size. Which tests replay which: ``tests/workflows/test_incidents.py``.
"""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulator.apt import FlatRepo
from simulator.debs import EPOCH, simple_deb, write_deb
from simulator.faults import Replace
from simulator.keys import Key, KeyHome
from simulator.rpms import Rpm, write_rpm
from simulator.server import Server

NEWER, OLDER = "index newer than its signature", "index older than its signature"
SAME, OTHER = "same size, other content", "file has another size than its index says"


@dataclass(frozen=True)
class IndexIncident:
    """An index that is not the one its signature means; ``age`` of the signed Release in days."""

    issue: str
    served: int
    declared: int
    kind: str
    age: int = 1
    distro: str = "ubuntu2004/x86_64"

    def __str__(self) -> str:
        return f"{self.issue} {self.served}/{self.declared}"


@dataclass(frozen=True)
class FileIncident:
    """A deb whose bytes are not those of the index."""

    issue: str
    package: str
    version: str
    served: int
    declared: int
    kind: str

    def __str__(self) -> str:
        return f"{self.issue} {self.package} {self.served}/{self.declared}"


INDEXES = [
    IndexIncident("NVD#1328", 32924, 38727, OLDER, 7, "machine-learning/ubuntu1804"),
    IndexIncident("NVD#1343", 213860, 185496, NEWER, 2, "ubuntu1804/x86_64"),
    IndexIncident("#5", 631054, 481481, NEWER, 3),
    IndexIncident("#7 first", 815853, 814314, OLDER, 1, "ubuntu1804/x86_64"),  # longer, and by its date older
    IndexIncident("#7 then", 815853, 815853, SAME, 1, "ubuntu1804/x86_64"),
    IndexIncident("#10", 1127072, 1126689, NEWER),
    IndexIncident("#12", 844033, 845178, OLDER, 1, "ubuntu2204/sbsa"),
    IndexIncident("#15", 1503986, 1514203, OLDER, 5),
    IndexIncident("#17", 2029789, 2026885, NEWER, 2),
    IndexIncident("#24", 1797735, 1778230, NEWER, 1, "ubuntu2204/x86_64"),
    IndexIncident("#25 a", 2731565, 2729198, NEWER, 3),
    IndexIncident("#25 b", 1852870, 1850507, NEWER, 3, "ubuntu2204/x86_64"),
    IndexIncident("#27 a", 1960551, 1942098, NEWER, 1, "ubuntu2204/x86_64"),
    IndexIncident("#27 b", 853674, 833365, NEWER, 1, "ubuntu2404/x86_64"),
    IndexIncident("#28", 853674, 899282, OLDER, 5, "ubuntu2404/x86_64"),
    IndexIncident("#29", 2013637, 2008310, NEWER, 9, "ubuntu2204/x86_64"),
    IndexIncident("#31", 2102689, 2122920, OLDER, 4, "ubuntu2204/x86_64"),
    IndexIncident("#43", 2517795, 2497166, NEWER, 3),
]

FILES = [
    FileIncident("#8", "libcudnn8", "8.4.0.27-1+cuda11.6", 42088, 42088, SAME),  # 420,893,708 bytes both
    FileIncident("#19", "libxnvctrl0", "575.57.08-0ubuntu1", 11564, 36936, OTHER),
    FileIncident("#20 #21", "libxnvctrl0", "575.57.08-0ubuntu1", 11536, 37228, OTHER),
    FileIncident("#22", "nvlink5-575", "575.57.08-1", 2522, 2526, OTHER),
    FileIncident("#35", "cuda-drivers", "590.48.01-1", 2572, 2572, SAME),
    FileIncident("#42", "cublas", "13.1.1-1", 2382, 2386, OTHER),
    FileIncident("voicevox#1720 a", "libcudnn9-cuda-12", "9.1.0.70-1", 85602, 86054, OTHER),  # 85,602,362 / …814
    FileIncident("voicevox#1720 b", "libcudnn9-dev-cuda-12", "9.1.0.70-1", 74936, 74876, OTHER),  # 74,935,844 / …784
]

RPM = FileIncident("#2 KMOD#30", "cuda-compat-10-1", "418.226.00", 57142, 57138, OTHER)  # 5,713,804 / 5,713,800


def incident_rpms(folder: Path) -> tuple[Path, Path]:
    """Write the rpm of ``RPM`` twice and return it as declared and as served: made anew, a few bytes longer."""
    made = []
    for seed, size in enumerate((RPM.declared, RPM.served)):
        into = folder / str(seed)
        into.mkdir(parents=True)
        content = random.Random(seed).randbytes(size - RPM.declared + 50_000)  # lengths of four: so cpio pads them
        files: dict[str, bytes | str] = {"/usr/local/cuda-10.1/compat/libcuda.so.1": content}
        made.append(write_rpm(Rpm(RPM.package, RPM.version, files=files, compression="none"), into))
    return made[0], made[1]


def sized_deb(folder: Path, package: str, version: str, size: int, *, seed: int = 0) -> Path:
    """Write a deb of exactly ``size`` bytes: filled up by a ``_gpgbuilder`` member, as signing it anew changes it."""
    folder.mkdir(parents=True, exist_ok=True)
    deb = write_deb(simple_deb(package, version), folder)
    room = size - len(deb.read_bytes()) - 60
    assert room >= 0, f"{package}: {-room} bytes too many"
    assert room % 2 == 0, "members of an ar archive have even lengths"
    head = f"{'_gpgbuilder':<16}{EPOCH:<12}{0:<6}{0:<6}{'100644':<8}{room:<10}`\n".encode()
    deb.write_bytes(deb.read_bytes() + head + random.Random(seed).randbytes(room))
    assert deb.stat().st_size == size
    return deb


class Repository:
    """One small repository of NVIDIA's form behind a server, a month old, to be taken through an incident.

    Attributes:
        server: serves it (started by the caller).
        repo: the repository; its clock can be set.
        path: where it lies on the server, without a slash at the end.
    """

    def __init__(self, server: Server, keys: KeyHome, key: Key, distro: str = "ubuntu2004/x86_64") -> None:
        self.server, self.path = server, f"/compute/cuda/repos/{distro}"
        self.repo = FlatRepo(server.root / self.path.lstrip("/"), keys, key)
        self.at(days_ago=30)

    @property
    def url(self) -> str:
        """URL with a slash at the end."""
        return f"{self.server.url}{self.path}/"

    def at(self, *, days_ago: float) -> None:
        """Set the clock by which files and Release are dated."""
        self.repo.clock = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days_ago)

    def write_index(self, size: int, *, seed: int = 0) -> None:
        """Write Packages and a Packages.gz of exactly ``size`` bytes, a last stanza being as long as it takes."""
        text = "\n".join(self.repo.stanzas).encode()
        filler, packed = 0, b""
        for _ in range(8):
            padded = text + b"\n" + _filler(filler, seed)
            packed = gzip.compress(padded, compresslevel=0, mtime=0)
            if len(packed) == size:
                break
            filler += size - len(packed)
        assert len(packed) == size, f"an index of {len(packed)} bytes in place of {size}"
        self.repo.tick()
        self.repo.put(self.repo.folder / "Packages", padded)
        self.repo.put(self.repo.folder / "Packages.gz", packed)

    def publish_index(self, size: int, *, seed: int = 0) -> None:
        """Publish an index of that size with Release and signatures."""
        self.write_index(size, seed=seed)
        self.repo.write_release()
        self.repo.sign()

    def replay(self, incident: IndexIncident) -> None:
        """Bring the repository into the state of an incident."""
        if incident.kind == NEWER:
            self.at(days_ago=incident.age)
            self.publish_index(incident.declared)
            self.at(days_ago=incident.age / 2)
            self.write_index(incident.served, seed=1)
            self.repo.write_release()  # new index and Release, while InRelease and Release.gpg are still the old
            return
        self.at(days_ago=incident.age + (0 if incident.kind == SAME else 1))
        self.write_index(incident.served, seed=1)
        for name in ("Packages", "Packages.gz"):
            file = self.repo.folder / name
            self.server.fault(f"{self.path}/{name}", Replace(file.read_bytes(), modified=file.stat().st_mtime))
        self.at(days_ago=incident.age)
        self.publish_index(incident.declared)


def _filler(length: int, seed: int) -> bytes:
    """Return a stanza that nobody asks for, about ``length`` bytes longer than the shortest."""
    text = random.Random(seed).randbytes(max(length, 0) // 2 + 1).hex()[: max(length, 0)]
    return (
        "Package: zz-filler\nVersion: 1\nArchitecture: amd64\nFilename: ./zz.deb\nSize: 1\n"
        f"SHA256: {'0' * 64}\nDescription: {text}\n"
    ).encode()
