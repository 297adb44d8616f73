"""Schedules and manifests for a project: the files that come with cudepot, with this project's names in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from cudepot.errors import ConfigError

KINDS = {
    "systemd": "a hardened service and its timer",
    "cron": "a line for /etc/cron.d",
    "kubernetes": "a CronJob, a server and their volume, for Kustomize",
    "kubernetes-serve": "for a site served out of a bucket: servers, as many as you like, without a volume or key",
    "kubernetes-workers": "for a store in a bucket: a CronJob, Dask's scheduler and four workers, without a volume",
    "prometheus": "alert rules, and promtool's tests of them",
}
_FOLDER, _PROGRAM, _USER, _IMAGE = "/srv/cudepot", "/usr/bin/cudepot", "cudepot", "registry.example.com/cudepot:0.1.0"
"""What the files say as they come: each is of use as it is."""
_GNUPG = "gnupg"
_NO_KEY = re.compile(r" *- name: no-private-key\n.*\n")
"""An item of a manifest that hides the private key from a pod; over a folder that does not exist, no pod starts."""


class Place(NamedTuple):
    """Where and how a project is run.

    Attributes:
        folder: of cudepot.toml.
        program: the command.
        user: who runs it.
        hour, minute: when it is run, every day.
        image: of a container that has cudepot.
        metrics: file that metrics are written to; empty for none.
        gnupg: the GnuPG home with the site's private key, relative to ``folder``; empty where there is none in it.
    """

    folder: str = _FOLDER
    program: str = _PROGRAM
    user: str = _USER
    hour: int = 3
    minute: int = 17
    image: str = _IMAGE
    metrics: str = ""
    gnupg: str = _GNUPG


def filled(kind: str, files: Mapping[str, str], place: Place) -> dict[str, str]:
    """Return the files of one kind with a project's own names.

    Raises:
        ConfigError: a name has blanks or other signs that units, crontabs or shells read as something else.
    """
    if kind not in ("systemd", "cron"):
        return {name: _manifest(text, place) for name, text in files.items()}
    for one in (place.folder, place.program, place.user, place.metrics):
        _check(one)
    return {name: _own(text, place) for name, text in files.items()}


def _manifest(text: str, place: Place) -> str:
    text = text.replace(_IMAGE, place.image).replace('"17 3 * * *"', f'"{_cron(place)}"')
    home = f"{_FOLDER}/{place.gnupg}/"
    return text.replace(f"{_FOLDER}/{_GNUPG}/", home) if place.gnupg else _NO_KEY.sub("", text)


def _own(text: str, place: Place) -> str:
    more = f" --metrics {place.metrics}" if place.metrics else ""
    names = {
        "--wait 1500": f"--wait 1500{more}",
        f"* * * {_USER} ": f"* * * {place.user} ",
        f"User={_USER}\n": f"User={place.user}\n",
        "17 3 * * *": _cron(place),
        "03:17:00": f"{place.hour:02d}:{place.minute:02d}:00",
        _PROGRAM: place.program,
        _FOLDER: place.folder,
    }
    for before, after in names.items():
        text = text.replace(before, after)
    return text


def _cron(place: Place) -> str:
    return f"{place.minute} {place.hour} * * *"


def _check(name: str) -> None:
    if any(sign.isspace() or sign in "%\"'\\$;#" for sign in name):
        raise ConfigError(
            f"{name!r} cannot stand in a unit or crontab", hint="use a folder and a user without blanks and quotes"
        )
