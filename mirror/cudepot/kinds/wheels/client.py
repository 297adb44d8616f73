"""``cudepot client pip``: configuration for Python's installers that leaves them the site's index alone."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import WHEELS, HeldKind
from cudepot.depot.history import History
from cudepot.depot.snapshots import shown_snapshot
from cudepot.kinds.channel_client import ChannelClient, check_environment, check_shown, written
from cudepot.kinds.wheels.rules.client_text import client_files
from cudepot.kinds.wheels.rules.members import index_of
from cudepot.ports import Site


def client_pip_files(
    config: Config, history: History, site: Site, *, url: str, output: Path, environment: str = ""
) -> ChannelClient:
    """Write configuration for pip, uv, pdm, pipenv and poetry, laid out as on the client.

    Args:
        config: cudepot.toml.
        history: the snapshots of the store.
        site: the site.
        url: where clients reach ``site/current``.
        output: folder the files go into; made when missing.
        environment: the index of this environment alone; empty for that of all wheels.

    Raises:
        ConfigError: nothing is published yet, or the site has no such index.
    """
    snapshot, label, base = shown_snapshot(history, site), config.site.label, url.rstrip("/")
    index = index_of(environment) if environment else f"{WHEELS.index_room}/"
    if environment:
        check_environment(snapshot, environment, index)
    check_shown(snapshot, index, "wheel index", HeldKind.WHEEL)
    return written(output, client_files(label, f"{base}/{index}"), snapshot)
