"""Small rpms for tests of formats: made by rpmbuild, signed by rpmsign."""

from __future__ import annotations

from pathlib import Path

from simulator.keys import Key, KeyHome
from simulator.process import clean_env, run

_SPEC = """Name: {name}
Version: {version}
Release: {release}
Summary: A sample & <more>
License: Unknown
{more}
%description
A sample.
%install
mkdir -p %{{buildroot}}/usr/share/{name}
head -c 3000 /dev/urandom > %{{buildroot}}/usr/share/{name}/data
%files
/usr/share/{name}
"""


def build_rpm(
    folder: Path, name: str, version: str, release: str = "1", *, arch: str = "x86_64", more: str = ""
) -> Path:
    """Build one rpm; ``more`` is added to the head of its spec."""
    top = folder / "rpmbuild"
    top.mkdir(parents=True, exist_ok=True)
    spec = top / f"{name}.spec"
    spec.write_text(_SPEC.format(name=name, version=version, release=release, more=more))
    defined = ["--define", f"_topdir {top}", "--define", f"_rpmdir {folder}", "--define", "_rpmfilename %{NVRA}.rpm"]
    run("rpmbuild", "-bb", "--quiet", "--target", arch, *defined, spec)
    return folder / f"{name}-{version}-{release}.{arch}.rpm"


def sign_rpm(rpm: Path, home: KeyHome, key: Key, *, digest: str = "sha256") -> Path:
    """Sign an rpm in place."""
    defined = ["--define", f"_gpg_name {key.fingerprint}", "--define", f"_gpg_digest_algo {digest}"]
    env = clean_env(GNUPGHOME=str(home.path))
    run("rpmsign", "--define", "__gpg /usr/bin/gpg", *defined, "--addsign", rpm, env=env)
    return rpm
