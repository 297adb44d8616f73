"""``cudepot client windows``: the PowerShell script that installs one cuDNN from the site, by conda, wheel or zip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from cudepot.catalog.ecosystems import HeldKind
from cudepot.catalog.site.choice import Choice, selected
from cudepot.catalog.site.holdings import Held, SiteFacts
from cudepot.catalog.site.snapshot import Snapshot
from cudepot.data import data_folder
from cudepot.depot.depot import Depot
from cudepot.depot.snapshots import lock_of, shown_snapshot
from cudepot.errors import ConfigError, PinError
from cudepot.kinds.conda.export import conda_set
from cudepot.kinds.wheels.export import wheel_set
from cudepot.store.local import LocalStore
from cudepot.user_files import write_user_files
from cudepot.workflows.export.export import facts_of
from cudepot.workflows.export.windows_text import (
    WindowsClient,
    choices,
    for_windows,
    one_cudnn,
    one_zip,
    script,
    windows_zips,
)

NAME = "install-cudnn.ps1"
PLATFORM = "win-64"


def client_windows_file(
    depot: Depot, *, url: str, output: Path, choice: Choice
) -> tuple[Path, WindowsClient, bool, list[str]]:
    """Write the script for the snapshot that is shown.

    Returns:
        Where it lies, what it offers, whether it was another before, and what is to be said about it.

    Raises:
        ConfigError: nothing is published yet, or nothing for Windows.
        PinError: it is not clear which cuDNN is meant, or the choice is about nothing.
    """
    snapshot = shown_snapshot(depot.history, depot.site())
    site = facts_of(depot, snapshot)
    site = replace(site, held=for_windows(site.held, windows_zips(lock_of(depot.store, snapshot))))
    if not site.held:
        raise ConfigError(
            f"snapshot {snapshot.number} has nothing for Windows",
            hint="pin NVIDIA's zip or win_amd64 wheels with a recipe, then run lock, sync, repackage and publish",
        )
    forms, notes = _forms(depot.store, snapshot, site, choice)
    client = _client(site, snapshot, url.rstrip("/"), forms)
    if client.zip and not client.path:
        notes.append(f'{client.zip} is not on the site, so users must bring it: add "mirror" to `outputs` of its pin')
    template = (data_folder("channel-config") / "clients" / NAME).read_text("utf-8")
    replaced = write_user_files(output, {NAME: script(template, client)})
    return output / NAME, client, bool(replaced), notes


def _forms(
    store: LocalStore, snapshot: Snapshot, site: SiteFacts, choice: Choice
) -> tuple[dict[str, Sequence[Held]], list[str]]:
    """Return form → its packages with what they need, and a note where that is not all on the site."""
    found: dict[str, Sequence[Held]] = {}
    notes: list[str] = []
    for kind, mine in choices(site.held, replace(choice, platform=PLATFORM)).items():
        if kind == HeldKind.CONDA:
            found[HeldKind.CONDA], _ = conda_set(store, snapshot, site, mine)
        elif kind == HeldKind.WHEEL:
            found[HeldKind.WHEEL] = wheel_set(store, snapshot, site, mine, complete=False)
            try:
                wheel_set(store, snapshot, site, mine, complete=True)
            except PinError as error:
                notes.append(f"wheels: {error}: pip must find it in another index")
        else:
            found["zip"] = (one_zip(selected(site.held, (kind,), mine)),)
    return found, notes


def _client(site: SiteFacts, snapshot: Snapshot, url: str, forms: dict[str, Sequence[Held]]) -> WindowsClient:
    version, cuda = one_cudnn(forms)
    client = WindowsClient(
        url,
        site.channel,
        snapshot.number,
        version,
        cuda,
        tuple(f"{one.name}={one.version}={one.build}" for one in forms.get(HeldKind.CONDA, ())),
        tuple(dict.fromkeys(f"{one.name}=={one.version}" for one in forms.get(HeldKind.WHEEL, ()))),
        closed=site.closed,
    )
    for one in forms.get("zip", ()):
        path = quote(one.path) if one.path in snapshot.tree else ""
        client = replace(client, zip=one.path.rpartition("/")[2], sha256=one.digest.sha256, path=path)
    return client
