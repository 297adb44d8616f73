"""``cudepot client windows``: the PowerShell script that installs cuDNN from the site, by conda, wheel or zip."""

from __future__ import annotations

from pathlib import Path

from cudepot.catalog.client_windows import ZIP, WindowsClient, conda_packages, script, windows_wheels
from cudepot.data import data_folder
from cudepot.errors import ConfigError
from cudepot.workflows.channel import is_closed
from cudepot.workflows.client import shown_snapshot
from cudepot.workflows.client_output import write_files
from cudepot.workflows.depot import Depot
from cudepot.workflows.snapshots import lock_of

NAME = "install-cudnn.ps1"


def client_windows_file(depot: Depot, *, url: str, output: Path) -> tuple[Path, WindowsClient, bool]:
    """Write the script for the snapshot that is shown; return where it lies, what it offers, whether it was another.

    Raises:
        ConfigError: nothing is published yet, or nothing for Windows.
    """
    snapshot = shown_snapshot(depot)
    lock = lock_of(depot, snapshot)
    zips = {one.filename: one.digest.sha256 for one in lock.artifacts if ZIP.fullmatch(one.filename)}
    paths = list(snapshot.tree)
    channel = f"conda/{depot.config.site.channel}"
    client = WindowsClient(
        url.rstrip("/"),
        channel,
        snapshot.number,
        conda_packages(paths),
        windows_wheels(paths),
        zips,
        is_closed(depot, snapshot.tree, channel),
    )
    if not client.forms:
        raise ConfigError(
            f"snapshot {snapshot.number} has nothing for Windows",
            hint="pin NVIDIA's zip or win_amd64 wheels with a recipe, then lock, sync, repackage, publish",
        )
    template = (data_folder("channel-config") / "clients" / NAME).read_text("utf-8")
    replaced = write_files(output, {NAME: script(template, client)})
    return output / NAME, client, bool(replaced)
