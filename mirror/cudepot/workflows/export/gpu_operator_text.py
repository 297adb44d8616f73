"""The ConfigMap through which the GPU Operator's driver container reads the site's repositories. Pure.

The operator mounts each key of ``data`` as a file of that name into the folder where the container's package manager
looks for repositories (``driver.repoConfig.configMapName``). It has no place of its own for OpenPGP keys
(NVIDIA/gpu-operator issue 2668), so the keys lie beside the repositories, in text, and these name them there: no
``trusted=yes`` is needed. Package managers pass over such a file; apt says so in a notice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cudepot.errors import ConfigError
from cudepot.openpgp import armored_keys

MAP, VALUES = "repo-config.yaml", "values.yaml"
"""Files that are written."""
FOLDERS = ("etc/apt/sources.list.d/", "etc/yum.repos.d/")
"""Where package managers look for repositories, as the operator mounts them."""
MOST = 1 << 20
"""Bytes that a ConfigMap may have (Kubernetes' limit)."""


class Operator(NamedTuple):
    """The GPU Operator of a cluster: its namespace, and what the ConfigMap is called."""

    namespace: str = "gpu-operator"
    name: str = "repo-config"


def files_of_map(client: Mapping[str, bytes], empty: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return the folder that the files are for, absolute, and file → text.

    Args:
        client: configuration of a client of the site, path below the root → content.
        empty: files of the container's own that are to be replaced by empty ones: repositories it cannot reach.

    Raises:
        ConfigError: there are no repositories, or more than a ConfigMap can hold.
    """
    folder = next((one for one in FOLDERS if any(path.startswith(one) for path in client)), "")
    if not folder:
        raise ConfigError("no repositories for debs or rpms", hint="name an environment with `deb` or `rpm`")
    texts = {path.removeprefix(folder): data.decode() for path, data in client.items() if path.startswith(folder)}
    keys = {path: data for path, data in client.items() if any(_named(path).search(text) for text in texts.values())}
    for path in keys:
        texts = {file: _named(path).sub(f"/{folder}{_key_name(path)}", text) for file, text in texts.items()}
    texts |= {_key_name(path): armored_keys(data).decode() for path, data in keys.items()}
    texts |= dict.fromkeys((one for one in empty if one not in texts), "")
    if sum(map(len, texts.values())) > MOST * 9 // 10:
        raise ConfigError(
            "the repositories and keys do not fit into a ConfigMap", hint="split it into two environments"
        )
    return f"/{folder.rstrip('/')}", texts


def _named(path: str) -> re.Pattern[str]:
    """Return what finds a file by its path on the client: whole, for one name may begin as another does."""
    return re.compile(rf"/{re.escape(path)}(?![^\s,])")


def _key_name(path: str) -> str:
    """Return what a key file is called beside the repositories: no package manager takes it for one of them."""
    return path.rpartition("/")[2].removesuffix(".gpg").removesuffix(".asc") + ".asc"


def config_map(operator: Operator, texts: Mapping[str, str], notes: Iterable[str]) -> bytes:
    """Return the ConfigMap as YAML, with what is to be known as comments above it."""
    lines = [*(f"# {one}" for one in notes), "apiVersion: v1", "kind: ConfigMap", "metadata:"]
    lines += [f"  name: {json.dumps(operator.name)}", f"  namespace: {json.dumps(operator.namespace)}", "data:"]
    for name, text in sorted(texts.items()):
        lines += (
            [f"  {json.dumps(name)}: |", *(f"    {line}".rstrip() for line in text.splitlines())]
            if text
            else [f'  {json.dumps(name)}: ""']
        )
    return ("\n".join(lines) + "\n").encode()


def values(operator: Operator, folder: str) -> bytes:
    """Return what the operator's Helm chart is installed with."""
    return f"""\
# helm install gpu-operator ... -n {operator.namespace} -f {VALUES}
driver:
  repoConfig:
    configMapName: {json.dumps(operator.name)}
    # destinationDir: {folder}   # operators before 1.9 ask for it; newer ones know it from the nodes
""".encode()
