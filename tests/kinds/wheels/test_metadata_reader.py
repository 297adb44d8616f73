"""METADATA at the least cost: beside the wheel, by pieces, out of the whole; of sources, and of stubs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from simulator.ml_team import MlTeam
from simulator.python_files import Dist, stub, tar_gz, wheel
from simulator.python_index import PythonIndex, metadata_of
from tests.kinds.wheels.desk import Desk, named, names, of

from cudepot.errors import CudepotError, PinError, TrustError, UpstreamError
from cudepot.store.layout import METADATA

ARM = "torch-2.9.1+cu130-cp312-cp312-manylinux_2_28_aarch64.whl"


def metadata(desk: Desk, index: PythonIndex, project: str = "a") -> bytes:
    reader = desk.reader({"pypi": index.url})
    (file,) = reader.files(project) or ()
    found = reader.metadata(file)
    reader.save()
    return found


def test_metadata_beside_a_wheel_is_taken_and_remembered(desk: Desk, index: PythonIndex) -> None:
    file = wheel(Dist("a", "1.0", ("b>=1",)), size=100_000)
    index.offer(file)
    assert metadata(desk, index) == metadata_of(file)
    assert [one.path.rpartition(".")[2] for one in index.files.requests] == ["metadata"]
    index.forget()
    assert metadata(desk, index) == metadata_of(file)
    assert not index.files.requests, "the next lock reads nothing"


LIES: dict[str, Callable[[PythonIndex, tuple[str, bytes]], object]] = {
    "none": lambda index, file: index.offer(file, core_metadata=None),
    "bare": lambda index, file: index.offer(file, core_metadata="bare"),
    "other": lambda index, file: index.offer(file, served=b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n"),
    "missing": lambda index, file: (index.offer(file), index.files.missing("*.metadata")),
    "endless": lambda index, file: (index.offer(file), index.files.endless("*.metadata")),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("hashed", [True, False])
def test_else_pieces_of_the_wheel_are_read(desk: Desk, index: PythonIndex, lie: str, hashed: bool) -> None:
    file = wheel(Dist("a", "1.0", ("b>=1",)), size=300_000)
    LIES[lie](index, file)
    index.listed(file[0]).sha256 = hashlib.sha256(file[1]).hexdigest() if hashed else ""
    index.rewrite()
    assert metadata(desk, index) == metadata_of(file)
    asked = index.files.seen("*.whl")
    assert {one.status for one in asked} == {206}
    assert 0 < len(asked) <= 2
    index.forget()
    assert metadata(desk, index) == metadata_of(file)
    assert bool(index.files.seen("*.whl")) is not hashed, "without a hash nobody knows which wheel it is"


def test_metadata_that_is_not_what_was_promised_is_named_once_for_an_index(desk: Desk, team: MlTeam) -> None:
    reader = desk.reader(of(team), indexes=(("torch", "torch-cu130"), ("jinja2", "torch-cu130")))
    for project in ("torch", "jinja2"):
        for file in reader.files(project) or ():
            assert b"Checksum-SHA256" not in reader.metadata(file)
    assert len([one for one in desk.said.lines if "not what the index promises" in one]) == 1
    assert b"Requires-Dist: sympy" in reader.metadata(named(reader, "torch", ARM))


def test_a_server_without_pieces_gives_the_whole_wheel_which_stays(desk: Desk, index: PythonIndex) -> None:
    file = wheel(Dist("a", "1.0", ("b>=1",)), size=300_000)
    index.offer(file, core_metadata=None)
    index.files.ranges = False
    assert metadata(desk, index) == metadata_of(file)
    assert "does not serve parts of files" in "".join(desk.said.lines)
    assert hashlib.sha256(file[1]).hexdigest() in {one.name for one in desk.store.objects()}
    index.forget()
    desk.store.at(METADATA).unlink()
    assert metadata(desk, index) == metadata_of(file)
    assert not index.files.requests, "the wheel itself is here"


def test_a_whole_wheel_is_held_to_its_hash(desk: Desk, index: PythonIndex) -> None:
    (file,) = index.add(Dist("a", "1.0"), core_metadata=None)
    index.alter(file.filename)
    index.files.ranges = False
    with pytest.raises(CudepotError, match=r"bytes where|sha256 is"):
        metadata(desk, index)


def test_a_wheel_that_is_gone_is_an_error(desk: Desk, index: PythonIndex) -> None:
    (file,) = index.add(Dist("a", "1.0"), core_metadata=None)
    index.lose(file.filename)
    with pytest.raises(UpstreamError, match="404"):
        metadata(desk, index)


def test_a_wheel_that_is_none_is_refused(desk: Desk, index: PythonIndex) -> None:
    index.offer(wheel(Dist("a", "1.0")), core_metadata=None, hashed=False)
    index.files.replace("*.whl", b"not a zip archive, and long enough to hold its end")
    with pytest.raises(CudepotError):
        metadata(desk, index)


def test_what_one_index_says_of_a_wheel_counts_for_no_other(desk: Desk, tmp_path: Path) -> None:
    file = wheel(Dist("a", "1.0", ("b>=1",)))
    evil = b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n"
    with PythonIndex(tmp_path / "one") as one, PythonIndex(tmp_path / "two") as two:
        two.offer(file)
        one.offer(file, served=evil)
        one.listed(file[0]).core_metadata = hashlib.sha256(evil).hexdigest()
        one.rewrite()
        for name, index, said in (("one", one, evil), ("two", two, metadata_of(file))):
            reader = desk.reader({name: index.url})
            assert reader.metadata((reader.files("a") or ())[0]) == said
            reader.save()


def test_a_damaged_memory_is_read_again(desk: Desk, index: PythonIndex) -> None:
    file = wheel(Dist("a", "1.0"))
    index.offer(file)
    metadata(desk, index)
    digest = hashlib.sha256(metadata_of(file)).hexdigest()
    place = next(one for one in desk.store.objects() if one.name == digest)
    place.chmod(0o644)
    place.write_bytes(bytes(len(metadata_of(file))))
    assert metadata(desk, index) == metadata_of(file)


# sources and stubs

FAKE = """Metadata-Version: 2.1
Name: nvidia-x
Version: 9.3.0.dev1
Summary: A fake package to warn the user they are not installing the correct package.
Author: NVIDIA Corporation
"""


def test_a_version_with_sources_alone_says_what_its_sources_say(desk: Desk, index: PythonIndex) -> None:
    index.add(Dist("a", "1.0"))
    index.add_source(Dist("a", "2.0", ("b>=1", 'c; extra == "x"'), ("x",), ">=3.8"))
    reader = desk.reader({"pypi": index.url})
    file = named(reader, "a", "a-2.0.tar.gz")
    lines = reader.metadata(file).decode().splitlines()
    assert {"Name: a", "Version: 2.0", "Requires-Dist: b>=1", "Provides-Extra: x", "Requires-Python: >=3.8"} <= {*lines}
    index.forget()
    desk.reader({"pypi": index.url}).metadata(file)
    assert not index.files.requests, "the sdist is in the store"


def test_the_sources_of_a_version_with_wheels_are_no_wheel(desk: Desk, index: PythonIndex) -> None:
    index.add(Dist("a", "1.0", ("b",)), "cp39-abi3-win_amd64", source=True)
    reader = desk.reader({"pypi": index.url})
    assert b"Requires-Dist: b" in reader.metadata(named(reader, "a", "a-1.0.tar.gz"))


def test_an_sdist_that_is_not_what_was_promised_is_refused(desk: Desk, index: PythonIndex) -> None:
    listed = index.add_source(Dist("a", "2.0"), core_metadata=None)
    index.files.same_size(f"*{listed.filename}")
    reader = desk.reader({"pypi": index.url})
    with pytest.raises(TrustError):
        reader.metadata((reader.files("a") or ())[0])


def test_a_stub_leads_to_the_index_it_names(desk: Desk, team: MlTeam) -> None:
    reader = desk.reader(of(team))
    assert reader.upstream_of("tensorrt-cu13-libs") == "nvidia-pypi"
    files = reader.files("tensorrt-cu13-libs") or ()
    assert len(files) == 3
    assert all(one.filename.endswith(".whl") for one in files)
    assert b"Requires-Dist: nvidia-cuda-runtime" in reader.metadata(files[0])


def test_a_stub_whose_index_is_not_there_is_named_with_what_to_do(desk: Desk, team: MlTeam) -> None:
    reader = desk.reader({"pypi": team.pypi.url})
    (file,) = reader.files("tensorrt-cu13") or ()
    with pytest.raises(PinError, match="is a stub") as caught:
        reader.metadata(file)
    assert f'url = "{team.nvidia.url}"' in caught.value.hint


def test_for_a_stub_of_nvidias_the_preset_is_named(desk: Desk, index: PythonIndex) -> None:
    index.offer(stub(Dist("tensorrt-libs", "10.1"), "https://pypi.nvidia.com/"))
    reader = desk.reader({"pypi": index.url})
    with pytest.raises(PinError, match="is a stub") as caught:
        reader.metadata(named(reader, "tensorrt-libs", "tensorrt_libs-10.1.tar.gz"))
    assert caught.value.hint == 'add an [[upstream]] with preset = "nvidia/pypi"'


def test_a_version_that_only_holds_a_name_is_not_there(desk: Desk, index: PythonIndex) -> None:
    index.add(Dist("nvidia-x", "1.0"))
    stem = "nvidia_x-9.3.0.dev1"
    index.offer((f"{stem}.tar.gz", tar_gz({f"{stem}/PKG-INFO": FAKE.encode(), f"{stem}/setup.py": b""})))
    reader = desk.reader({"pypi": index.url})
    assert names(reader, "nvidia-x") == ["nvidia_x-1.0-py3-none-any.whl"]


def test_stubs_are_looked_for_only_where_nothing_newer_has_wheels(desk: Desk, index: PythonIndex) -> None:
    index.offer(stub(Dist("a", "1.0"), "https://pypi.nvidia.invalid/"))
    index.add(Dist("a", "2.0"), source=True)
    desk.reader({"pypi": index.url}).files("a")
    assert not index.files.requests
