"""The file beside the volumes: signed, the same each time, and enough where there is neither cudepot nor libzstd."""

from __future__ import annotations

import ctypes.util
import json
from pathlib import Path

import pytest
from simulator.process import ToolError, run
from simulator.sides import FarAlone, Near
from simulator.site_key import SiteKey
from tests.workflows.test_bad_disk import can_mount
from tests.workflows.test_hostile_bundles import read

from cudepot.catalog.site.bundle import Manifest, parse_manifest

NAME = "cudepot-far.pyz"


def manifest(bundle: Path) -> Manifest:
    return parse_manifest(read(bundle.read_bytes())[0][1], "manifest")


def test_gpgv_finds_it_signed_by_the_site_and_sees_one_bit(bundles: Near, site_key: SiteKey, tmp_path: Path) -> None:
    file, signature = bundles.medium / NAME, bundles.medium / f"{NAME}.asc"
    run("gpgv", "--keyring", site_key.keyring, signature, file)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(ToolError, match="BAD signature"):
        run("gpgv", "--keyring", site_key.keyring, signature, tmp_path / NAME)


def test_it_has_the_same_bytes_each_time(bundles: Near, tmp_path: Path) -> None:
    near = bundles.project
    done = near.run("bundle", "export", "--json", str(tmp_path / "full.tar"), "--since", "0", "--with-cudepot").json
    assert [Path(one).name for one in done["far"]] == [NAME, f"{NAME}.asc"]
    for name in (NAME, f"{NAME}.asc"):
        assert (tmp_path / name).read_bytes() == (bundles.medium / name).read_bytes(), name
    run("sha256sum", "-c", "full.SHA256SUMS", cwd=tmp_path)
    assert NAME in (tmp_path / "full.SHA256SUMS").read_text()


def test_a_dry_run_writes_none(bundles: Near, tmp_path: Path) -> None:
    command = ("bundle", "export", str(tmp_path / "x.tar"), "--since", "0", "--with-cudepot", "--dry-run")
    assert NAME in bundles.project.run(*command).out
    assert list(tmp_path.iterdir()) == []


def test_what_travels_with_it_needs_no_zstandard(bundles: Near) -> None:
    assert any(one.base for one in manifest(bundles.medium / "patched.tar").unpacked), "else this shows nothing"
    for name in ("full.tar", "plain.tar"):
        found = manifest(bundles.medium / name)
        packed = {one.packed for one in found.unpacked}
        magic = [data[:4] for _, data in read((bundles.medium / name).read_bytes())[3:]]
        assert packed
        assert not [one for one in found.unpacked if one.base]
        assert b"\x28\xb5\x2f\xfd" not in magic


def without_libzstd() -> tuple[str, ...]:
    """Return what, before a command, takes libzstd from it."""
    name = ctypes.util.find_library("zstd") or ""
    found = next((str(one) for one in Path("/usr/lib").glob(f"*/{name}") if name), "")
    return ("unshare", "-m", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', found) if found else ()


@pytest.mark.skipif(not can_mount() or not without_libzstd(), reason="needs the right to mount, and a libzstd to hide")
def test_where_there_is_no_libzstd_a_patch_waits_and_a_plain_bundle_comes_in(bundles: Near, far: FarAlone) -> None:
    bare = without_libzstd()
    far.run("bundle", "import", str(bundles.medium / "full.tar"), prefix=bare)
    refused = far.fail(3, "bundle", "import", str(bundles.medium / "patched.tar"), prefix=bare)
    assert "no libzstd.so.1" in refused.error
    assert "--with-cudepot" in refused.hint
    far.run("publish", prefix=bare)
    assert far.run("snapshots", "--json").json[-1]["number"] == 1
    done = far.run("bundle", "import", "--json", str(bundles.medium / "plain.tar"), prefix=bare).json
    assert done["imported"] == [2]
    far.run("publish", prefix=bare)
    assert far.run("verify", "--json").json["faults"] == []


def test_where_there_is_no_gpgv_nothing_is_believed(bundles: Near, far: FarAlone, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    far.env["PATH"] = str(tmp_path / "bin")
    told = far.fail(3, "bundle", "import", str(bundles.medium / "full.tar"))
    assert "gpgv cannot be run" in told.error
    assert "gnupg2" in told.hint


def test_the_site_has_the_same_bytes_as_the_near_sides(bundles: Near, far: FarAlone) -> None:
    for name in ("full", "patched"):
        far.take(bundles.medium / f"{name}.tar")
        far.run("publish")
    there, here = (
        {str(one.relative_to(top)): one.read_bytes() for one in top.rglob("*") if one.is_file()}
        for top in (bundles.project.site, far.site)
    )
    assert there == here
    assert json.loads((far.site / "snapshot.json").read_text())["number"] == 2
