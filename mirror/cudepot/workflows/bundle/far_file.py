"""The far side in one file, beside the volumes of a bundle: ``cudepot_far`` as a zip that any python3 runs, signed.

The same cudepot writes the same bytes each time: members in order, uncompressed, of 1980. The signature is made once
and kept, as those of manifests are. ``docs/adr/0050-far-side-alone.md`` says why.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import NamedTuple

from cudepot.data import far_folder
from cudepot.depot.depot import Signing, SiteVerifier
from cudepot.depot.shipped import load_presets
from cudepot.depot.signatures import kept_signature
from cudepot.digest import Digest
from cudepot.disk import write_atomic
from cudepot.formats.zip_write import ZipWriter

NAME = "cudepot-far.pyz"
_SHEBANG = b"#!/usr/bin/env python3\n"
_MAIN = b"import sys\n\nfrom cudepot_far.__main__ import main\n\nsys.exit(main())\n"


class FarFile(NamedTuple):
    """The file and its signature, as paths and as bytes."""

    path: Path
    data: bytes
    signature_path: Path
    signature: bytes

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.data) + len(self.signature)

    def write(self) -> None:
        """Write both; raise StorageError where the disk refuses."""
        write_atomic(self.path, self.data, mode=0o755)
        write_atomic(self.signature_path, self.signature)

    @property
    def sums(self) -> str:
        """Lines for ``SHA256SUMS``."""
        both = ((self.data, self.path), (self.signature, self.signature_path))
        return "".join(f"{Digest.of(data).sha256}  {path.name}\n" for data, path in both)


def far_file(folder: Path, signing: Signing, site_verifier: SiteVerifier, *, dry_run: bool) -> FarFile:
    """Return the file as it is to be in a folder; nothing is written yet. A dry run keeps no signature.

    Raises:
        ConfigError: the site's key cannot sign.
    """
    path, data = folder / NAME, archive()
    signature = kept_signature(data, signing, site_verifier, NAME, dry_run=dry_run)
    return FarFile(path, data, path.with_name(f"{NAME}.asc"), signature)


def archive() -> bytes:
    """Return the file's bytes."""
    out = io.BytesIO()
    out.write(_SHEBANG)
    writer = ZipWriter(out)
    for name, data in sorted(_members().items()):
        writer.store(name, [data], most=len(data))
    writer.close()
    return out.getvalue()


def _members() -> dict[str, bytes]:
    source = far_folder()
    found = {f"{source.name}/{one.name}": one.read_bytes() for one in source.glob("*.py")}
    keys = sorted(one.fingerprint for one in load_presets().keys.values() if not one.until)
    return {**found, "__main__.py": _MAIN, f"{source.name}/known-keys.json": json.dumps(keys).encode()}
