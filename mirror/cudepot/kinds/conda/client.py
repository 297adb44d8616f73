"""``cudepot client conda``: configuration that leaves conda the site's channel alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import HeldKind
from cudepot.depot.history import History
from cudepot.depot.snapshots import shown_snapshot
from cudepot.kinds.channel_client import ChannelClient, check_shown, written
from cudepot.kinds.conda.rules.client_text import CONDARC, condarc
from cudepot.ports import Site


def client_conda_files(
    config: Config, history: History, site: Site, *, url: str, output: Path, also: Sequence[str] = ()
) -> ChannelClient:
    """Write conda's configuration, laid out as on the client.

    Args:
        config: cudepot.toml.
        history: the snapshots of the store.
        site: the site.
        url: where clients reach ``site/current``.
        output: folder the file goes into; made when missing.
        also: URLs of channels that clients may use beside the site's.

    Raises:
        ConfigError: nothing is published yet, or the site has no conda channel.
    """
    snapshot, ours, base = shown_snapshot(history, site), config.site, url.rstrip("/")
    channel = f"conda/{ours.channel}"
    check_shown(snapshot, f"{channel}/", "conda channel", HeldKind.CONDA)
    files = {CONDARC: condarc(ours.label, base, channel, also)}
    return written(output, files, snapshot, f"{base}/{channel}")
