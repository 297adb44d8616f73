"""Configuration for Python clients that see the site alone: pip, uv, pdm, pipenv and poetry. Pure.

Formats: pip's configuration files, uv's ``[[index]]``, pdm's site-wide configuration. Of pipenv and poetry only the
environment reaches every project: poetry reads it with poetry-plugin-pypi-mirror.
"""

from __future__ import annotations

import tomli_w

from cudepot.kinds.rules.client_head import head

PIP, UV, PDM = "etc/pip.conf", "etc/uv/uv.toml", "etc/xdg/pdm/config.toml"


def client_files(label: str, index: str) -> dict[str, bytes]:
    """Return all files by their path on the client; ``index`` is the URL of the only index, with a slash."""
    profile = f"etc/profile.d/{label}-python.sh"
    texts = {
        PIP: f"[global]\nindex-url = {index}\n",
        UV: tomli_w.dumps({"index": [{"name": label, "url": index, "default": True}]}),
        PDM: tomli_w.dumps({"pypi": {"url": index}}),
        profile: f"export PIPENV_PYPI_MIRROR={index}\nexport POETRY_PYPI_MIRROR_URL={index}\n",
    }
    return {path: (head(label, path) + text).encode() for path, text in texts.items()}
