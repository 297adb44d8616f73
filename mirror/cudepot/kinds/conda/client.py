"""``cudepot client conda|mamba|pixi``: configuration that leaves these the site's channels alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import CONDA, HeldKind
from cudepot.catalog.lock import LockedUpstream
from cudepot.depot.history import History
from cudepot.depot.snapshots import shown_snapshot
from cudepot.kinds.channel_client import ChannelClient, check_environment, check_shown, written
from cudepot.kinds.conda.rules.client_text import TOOLS, Seen
from cudepot.kinds.conda.rules.settings import ChannelSettings
from cudepot.kinds.conda.rules.solution import index_of
from cudepot.ports import Site


def client_conda_files(
    config: Config,
    history: History,
    site: Site,
    *,
    tool: str,
    url: str,
    output: Path,
    also: Sequence[str] = (),
    environment: str = "",
) -> ChannelClient:
    """Write a program's configuration, laid out as on the client.

    Args:
        config: cudepot.toml.
        history: the snapshots of the store.
        site: the site.
        tool: one of :data:`TOOLS`.
        url: where clients reach ``site/current``.
        output: folder the files go into; made when missing.
        also: URLs of channels that clients may use beside the site's.
        environment: the channel of this environment alone; empty for the site's own.

    Raises:
        ConfigError: nothing is published yet, or the site has no such channel.
    """
    snapshot, ours, base = shown_snapshot(history, site), config.site, url.rstrip("/")
    folder = index_of(environment) if environment else f"{CONDA.room}/{ours.channel}/"
    if environment:
        check_environment(snapshot, environment, folder)
    check_shown(snapshot, folder, "conda channel", HeldKind.CONDA)
    channel, alias = f"{base}/{folder}".rstrip("/"), f"{base}/{CONDA.room}"
    channels = (channel, *(one.rstrip("/") for one in also))
    seen = Seen(ours.label, base, alias, channels, mirrored(config, snapshot.upstreams))
    return written(output, TOOLS[tool](seen), snapshot, channel)


def mirrored(config: Config, upstreams: Iterable[LockedUpstream]) -> dict[str, str]:
    """Return URL → name of the channels that a snapshot has, the places that have the same files included."""
    there = {one.name: one.url for one in upstreams if one.row is CONDA}
    settings = {one.name: one.settings for one in config.upstreams}
    others = {
        url: name for name in there if isinstance(one := settings.get(name), ChannelSettings) for url in one.mirrors
    }
    return {url.rstrip("/"): name for url, name in {**others, **{url: name for name, url in there.items()}}.items()}
