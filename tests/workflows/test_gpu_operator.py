"""The ConfigMap of the GPU Operator: keys as text beside the repositories that name them, and what Kubernetes reads."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from simulator.keys import Key, KeyHome

from cudepot.errors import ConfigError
from cudepot.openpgp import armored_keys
from cudepot.signing.keys import parse_keys
from cudepot.workflows.export.gpu_operator_text import Operator, config_map, files_of_map, values

SOURCES = "Types: deb\nURIs: http://depot/apt/x/\nSuites: /\nSigned-By: /usr/share/keyrings/acme.gpg\n\nTypes: deb\n"
REPO = "[acme-el9]\nbaseurl=http://depot/yum/el9/\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-acme\n"


def debian(key: bytes) -> dict[str, bytes]:
    return {
        "etc/apt/sources.list.d/acme.sources": SOURCES.encode(),
        "usr/share/keyrings/acme.gpg": key,
        "etc/apt/preferences.d/acme.pref": b"Package: *\n",
        "node-amd64.list": b"x\n",
    }


def test_keys_lie_beside_the_sources_as_text(upstream_key: tuple[KeyHome, Key]) -> None:
    home, key = upstream_key
    folder, texts = files_of_map(debian(home.gpg("--export", key.fingerprint)), ())
    assert folder == "/etc/apt/sources.list.d"
    assert set(texts) == {"acme.sources", "acme.asc"}
    assert "Signed-By: /etc/apt/sources.list.d/acme.asc\n" in texts["acme.sources"]
    assert "trusted" not in texts["acme.sources"]
    (found,) = parse_keys(armored_keys(home.gpg("--export", key.fingerprint)))
    assert found.fingerprint == key.fingerprint


def test_of_rpms_too_and_what_cannot_be_reached_is_empty() -> None:
    client = {
        "etc/yum.repos.d/acme.repo": REPO.encode(),
        "etc/pki/rpm-gpg/RPM-GPG-KEY-acme": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
    }
    folder, texts = files_of_map(client, ("cuda.repo", "acme.repo"))
    assert folder == "/etc/yum.repos.d"
    assert texts["acme.repo"] == REPO.replace(
        "etc/pki/rpm-gpg/RPM-GPG-KEY-acme", "etc/yum.repos.d/RPM-GPG-KEY-acme.asc"
    )
    assert texts["cuda.repo"] == ""
    assert texts["RPM-GPG-KEY-acme.asc"].startswith("-----BEGIN")


def test_of_two_keys_each_keeps_its_own_name_where_one_begins_as_the_other() -> None:
    key = "etc/pki/rpm-gpg/RPM-GPG-KEY-acme"
    client = {
        "etc/yum.repos.d/acme.repo": f"gpgkey=file:///{key}\n       file:///{key}-el9\n".encode(),
        **dict.fromkeys((key, f"{key}-el9"), b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"),
    }
    _, texts = files_of_map(client, ())
    assert set(texts) == {"acme.repo", "RPM-GPG-KEY-acme.asc", "RPM-GPG-KEY-acme-el9.asc"}
    named = [f"file:///etc/yum.repos.d/{name}" for name in ("RPM-GPG-KEY-acme.asc", "RPM-GPG-KEY-acme-el9.asc")]
    assert texts["acme.repo"].removeprefix("gpgkey=").split() == named


def test_it_is_the_config_map_that_kubectl_makes(tmp_path: Path, upstream_key: tuple[KeyHome, Key]) -> None:
    if not (kubectl := shutil.which("kubectl")):
        pytest.skip("kubectl is not installed")
    home, key = upstream_key
    _, texts = files_of_map(debian(home.gpg("--export", key.fingerprint)), ("cuda.list",))
    ours = yaml.safe_load(config_map(Operator("gpu", "repos"), texts, ["said: above"]))
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    asked = [kubectl, "create", "configmap", "repos", "-n", "gpu", "--dry-run=client", "-o", "json"]
    asked += [f"--from-file={tmp_path / name}" for name in texts]
    theirs = json.loads(subprocess.run(asked, capture_output=True, check=True, text=True).stdout)
    theirs["metadata"].pop("creationTimestamp", None)
    assert ours == theirs


def test_values_name_the_map() -> None:
    said = yaml.safe_load(values(Operator("gpu", "repos"), "/etc/yum.repos.d"))
    assert said == {"driver": {"repoConfig": {"configMapName": "repos"}}}


def test_more_than_a_config_map_holds_is_refused() -> None:
    with pytest.raises(ConfigError, match="do not fit into a ConfigMap"):
        files_of_map({"etc/yum.repos.d/acme.repo": REPO.encode() * 20_000}, ())
    with pytest.raises(ConfigError, match="no repositories"):
        files_of_map({"etc/conda/.condarc": b""}, ())
