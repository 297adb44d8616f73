"""The container image: what its definition promises, and the image that the real buildah makes of it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser
from simulator.process import run
from tests.clients import buildah, chroot
from tests.clients.buildah import Buildah
from tests.packaging.installed import ROOT

from cudepot import __version__

DEFINITION = ROOT / "containers/Containerfile"
NEEDS = ("ca-certificates", "gpg", "gpg-agent", "gpgv", "libglib2.0-0", "python3", "python3-venv")
_WHY_NOT = chroot.why_not() or buildah.why_not()
TRY = """\
set -e
id -u; cudepot --version; /opt/cudepot/bin/python -c "import createrepo_c"; test ! -w /opt/cudepot
cudepot init --no-input --label x > /dev/null
cudepot serve --bind 0.0.0.0 --json > /tmp/said & server=$!
until [ -s /tmp/said ]; do sleep 0.2; done
python3 -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/healthz', timeout=60).status)"
kill $server
du -sk /opt/cudepot | cut -f1
"""


def test_the_definition_ends_as_a_user_with_a_volume_and_a_check_of_health() -> None:
    parsed = DockerfileParser(fileobj=BytesIO(DEFINITION.read_bytes()))
    last: dict[str, str] = {one["instruction"]: one["value"] for one in parsed.structure}
    assert last["USER"] == "10001:10001"
    assert last["VOLUME"] == last["WORKDIR"] == "/project"
    assert "/healthz" in last["HEALTHCHECK"]
    assert json.loads(last["ENTRYPOINT"]) == ["cudepot"]
    assert json.loads(last["CMD"])[0] == "serve"
    installs = [one["value"] for one in parsed.structure if "pip install" in one["value"]]
    assert all(
        "--require-hashes" in one or "--no-index" in one
        for one in " ".join(installs).split("&&")
        if "pip install" in one
    )


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The folder of a release, and beside it all that is needed, so that the image is built without an index."""
    folder = tmp_path / "release"
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, timeout=600)
    shutil.copy(ROOT / "scripts/locked/run.txt", folder / "requirements.txt")
    get = (sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--only-binary", ":all:")
    run(*get, "--dest", folder / "wheelhouse", "-r", folder / "requirements.txt", timeout=1800)
    return folder


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Buildah]:
    with Buildah(tmp_path / "buildah") as one:
        yield one


@pytest.mark.slow
@pytest.mark.lengthy
@pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
def test_buildah_makes_an_image_that_serves_as_a_plain_user(release: Path, builder: Buildah, tmp_path: Path) -> None:
    try:
        base = builder.image(chroot.make_base(tmp_path, *NEEDS), "debian")
    except chroot.NoBaseError as error:
        pytest.skip(str(error))
    given = [f"BASE={base}", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/release/wheelhouse"]
    options = ("--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker", "--tag", "cudepot")
    arguments = [word for one in given for word in ("--build-arg", one)]
    builder.run("bud", *options, *arguments, "--file", DEFINITION, release)
    about = json.loads(builder.run("inspect", "--type", "image", "cudepot").stdout)["Docker"]["config"]
    assert (about["User"], list(about["Volumes"]), about["WorkingDir"]) == ("10001:10001", ["/project"], "/project")
    assert about["Healthcheck"]["Test"][0] == "CMD"
    (builder.folder / "told").chmod(0o777)  # what is said comes by a file, written by the image's user
    said = builder.inside("cudepot", "sh", "-c", TRY)
    assert said.split("\n")[:3] == ["10001", f"cudepot {__version__}", "200"]
    assert 50_000 < int(said.split("\n")[3]) < 500_000, "kB that cudepot and all it needs take"
