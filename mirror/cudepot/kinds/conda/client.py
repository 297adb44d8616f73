"""``cudepot client conda`` and ``client pip``: configuration for clients that see the site and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cudepot.catalog.config.config import Config
from cudepot.catalog.ecosystems import WHEELS, HeldKind
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.depot.history import History
from cudepot.depot.snapshots import shown_snapshot
from cudepot.disk import write_atomic
from cudepot.errors import ConfigError
from cudepot.kinds.conda.rules import client_text as client_conda
from cudepot.ports import Site


@dataclass(frozen=True, slots=True)
class ChannelClient:
    """What was written: ``files`` below ``folder``, for clients of snapshot ``number``."""

    folder: str
    files: tuple[str, ...]
    number: int
    channel: str = ""


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
    _check_shown(snapshot, f"{channel}/", "conda channel", HeldKind.CONDA)
    files = {client_conda.CONDARC: client_conda.condarc(ours.label, base, channel, also)}
    return _written(output, files, snapshot, f"{base}/{channel}")


def client_pip_files(config: Config, history: History, site: Site, *, url: str, output: Path) -> ChannelClient:
    """Write pip's and uv's configuration, laid out as on the client; arguments and errors as above."""
    snapshot, label, base = shown_snapshot(history, site), config.site.label, url.rstrip("/")
    _check_shown(snapshot, f"{WHEELS.index_room}/", "wheel index", HeldKind.WHEEL)
    files = {
        client_conda.PIP: client_conda.pip_conf(label, base),
        client_conda.UV: client_conda.uv_toml(label, base),
    }
    return _written(output, files, snapshot)


def _check_shown(snapshot: Snapshot, folder: str, what: str, kind: str) -> None:
    if not any(path.startswith(folder) for path in snapshot.tree):
        raise ConfigError(
            f"the site shows no {what}",
            hint=f'pin an artifact with `recipe = "cudnn"` and `outputs = ["{kind}"]`, then lock, sync, repackage, '
            "publish",
        )


def _written(output: Path, files: Mapping[str, bytes], snapshot: Snapshot, channel: str = "") -> ChannelClient:
    for name, content in files.items():
        write_atomic(output / name, content)
    return ChannelClient(str(output), tuple(files), snapshot.number, channel)
