"""Records the world and the answers anew: ``python -m tests.golden.record``.

Only for a day on which an answer is meant to change; the commit says which, and why. Writes ``recorded.tar.zst`` and
``answers/``. Two clocks that stand still, so that all but the signatures comes out the same on any day.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard
from simulator.cudnn import CudnnRelease, licence
from simulator.debs import simple_deb, write_deb
from simulator.installers import write_installer
from simulator.keys import KeyHome
from simulator.nvidia import Artifacts
from simulator.redistrib import write_redistrib
from simulator.server import Server
from simulator.yum import RhelArtifacts
from tests.golden.answers import answers
from tests.golden.world import Golden, configuration

from simulator import cudnn

HERE = Path(__file__).parent
RECORDED, ANSWERS = HERE / "recorded.tar.zst", HERE / "answers"
NINE = CudnnRelease("9.8.0.87", "12")
PADDING, VOLUME = 4096, "200000"
"""Bytes that make libraries large, here as few as still travel; and the most bytes of a volume: several come of it."""
MADE = ("store", "site", "cudepot.lock")
"""What the verbs leave in a project; without them it is as it was before the first day."""


def build(base: Path) -> None:
    """Write ``upstream``, ``gnupg`` and a ``project`` that has not run yet below ``base``."""
    scratch, project = base / "scratch", base / "project"
    nvidia, rhel = Artifacts(scratch / "nvidia"), RhelArtifacts(scratch / "rhel")
    for site in (nvidia.site, rhel.site):
        shutil.copytree(site, base / "upstream", dirs_exist_ok=True)
    (base / "upstream/redist").mkdir()
    write_redistrib(base / "upstream/redist", NINE)
    for name in ("downloads", "keys", "installer"):
        (project / name).mkdir(parents=True)
    shutil.copy2(nvidia.releases["11.1"].archive, project / "downloads")
    write_deb(simple_deb("hello", "1.0"), project / "downloads")
    made = write_installer(scratch, nvidia.keys, nvidia.key, *nvidia.releases["11.1"].debs)
    installer = shutil.copy2(made, project / "installer")
    keys = {"apt.pub": nvidia.key, "rpm.pub": rhel.key, "old.pub": rhel.old_key}
    for name, key in keys.items():
        (project / "keys" / name).write_bytes(key.armored)
    eula = {hashlib.sha256(licence(one)).hexdigest() for one in (nvidia.releases["11.1"].release, NINE)}
    prints = {name: key.fingerprint for name, key in keys.items()}
    digest = hashlib.sha256(Path(installer).read_bytes()).hexdigest()
    (project / "cudepot.toml").write_text(configuration(_site_key(base / "gnupg"), prints, sorted(eula), digest))
    nvidia.keys.close()
    rhel.keys.close()
    shutil.rmtree(scratch)


def _site_key(folder: Path) -> str:
    """Make the site's key, its home being copied to ``folder`` once no agent has it; return the fingerprint."""
    with KeyHome() as home:
        key = home.generate("Site Mirror <mirror@example.com>")
        with home.copy() as still:
            shutil.copytree(still.path, folder)
        return key.fingerprint


@contextmanager
def opened(base: Path) -> Iterator[Golden]:
    """Serve ``base/upstream`` and give the project in ``base/project``, the key's home being under a short path."""
    toml = base / "project/cudepot.toml"
    with Server(base / "upstream") as server, KeyHome() as home:
        shutil.copytree(base / "gnupg", home.path, dirs_exist_ok=True)
        toml.write_text(re.sub(r'gnupg = ".*"', f'gnupg = "{home.path}"', toml.read_text()))
        yield Golden(base / "project", server.url)


def first_day(golden: Golden, medium: Path) -> dict[str, str]:
    """Take the project through its first day, up to a bundle on ``medium``, and return the answers."""
    golden.run("init")
    golden.publish()
    medium.mkdir(exist_ok=True)
    golden.run("bundle", "export", str(medium / "first.tar"), "--since", "0", "--split", VOLUME)
    return answers(golden, medium)


def half_imported(golden: Golden, medium: Path) -> None:
    """Make a far side beside the project that has all volumes of the bundle but the last."""
    base = golden.base
    keys = re.findall(r'keys = \["(\w{40})"', (base / "cudepot.toml").read_text())
    keys += re.findall(r'", "(\w{40})"\]', (base / "cudepot.toml").read_text())
    named = [word for one in dict.fromkeys(keys) for word in ("--upstream-key", one)]
    far = Golden(base.parent / "far", golden.env["http_proxy"])
    far.base.mkdir()
    unsigned = [word for one in ("downloads", "installer") for word in ("--unsigned-upstream", one)]
    far.run("init", "--from-site", str(base / "site/current/keys/site.asc"), "--label", "acme", *named, *unsigned)
    volumes = sorted(medium.glob("*.tar"))
    far.run("bundle", "import", *map(str, volumes[:-1]), codes=(0, 3, 9))


def unpack(base: Path) -> None:
    """Unpack what was recorded below ``base``."""
    with (
        RECORDED.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        tar.extractall(base, filter="fully_trusted")


def _pack(base: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("upstream", "gnupg", "project", "medium", "far"):
            tar.add(base / name, name)
    how = zstandard.ZstdCompressionParameters.from_level(19, enable_ldm=True, window_log=25)
    RECORDED.write_bytes(zstandard.ZstdCompressor(compression_params=how).compress(packed.getvalue()))


def main() -> None:
    """Write the archive and the answers."""
    cudnn.PADDING = PADDING  # the archive lies in the repository
    with tempfile.TemporaryDirectory(prefix="golden-") as folder:
        base = Path(folder)
        build(base)
        with opened(base) as golden:
            found = first_day(golden, base / "medium")
            half_imported(golden, base / "medium")
        _pack(base)
    ANSWERS.mkdir(exist_ok=True)
    for name, text in found.items():
        (ANSWERS / name).write_text(text)


if __name__ == "__main__":
    main()
