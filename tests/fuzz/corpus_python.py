"""What fuzz targets of Python environments begin with: locks, requirement files, sdists and attestations."""

from __future__ import annotations

from simulator.attestations import provenance
from tests.formats.sdist_samples import stub_files, tarred, zipped

_DEEP = b"[" * 100_000  # more than any interpreter's stack
UV_LOCK = b"""version = 1
revision = 5

[[package]]
name = "cudepot-environment"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "a", extra = ["more"] }]

[[package]]
name = "a"
version = "1.0"
source = { registry = "http://127.0.0.1:1/t/simple/" }
resolution-markers = ["python_full_version < '3.13'"]
dependencies = [{ name = "a", version = "1.0", marker = "python_full_version < '3.12.4'" }]
wheels = [{ url = "http://127.0.0.1:1/t/files/a/a-1.0-py3-none-any.whl" }]

[package.optional-dependencies]
more = [{ name = "a" }]
"""

PYTHON: dict[str, tuple[bytes, ...]] = {
    "attestations": (
        provenance("x.whl", b"x"),
        b'{"version": 1, "attestation_bundles": {}}',
        b'{"version": 1, "attestation_bundles": [{"attestations": [{"envelope": {"statement": "W10="}}]}]}',
        b'{"version": ' + _DEEP,
    ),
    "sdists": (
        tarred(stub_files()),
        zipped(stub_files(top="")),
        tarred(stub_files(), ("tool-1.0/x", "PKG-INFO")),
        stub_files(tool='[tool.wheel_stub]\nindex_url = "https://[::1/"')["tool-1.0/pyproject.toml"],
        b"a = " + _DEEP,
    ),
    "uv_locks": (UV_LOCK, UV_LOCK.replace(b"'3.12.4'", b"'x'"), b"version = 1\npackage = 1", b"a = " + _DEEP),
    "wanted_files": (
        b"a[b]==1; python_version < '3' \\\n --hash=sha256:" + b"0" * 64 + b"  # c\n-i https://h/\n",
        b"-r r.txt",
        UV_LOCK.replace(b"wheels = [{ url", b'wheels = [{ hash = "sha256:0", url'),
        b'[project]\ndependencies = ["a"]\n[dependency-groups]\nx = [{include-group = "x"}, "b"]',
        b'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\nwheels = [{hashes = {}}]',
        b"a = " + _DEEP,
    ),
}  # fmt: skip
