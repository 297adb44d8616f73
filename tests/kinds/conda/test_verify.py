"""`verify` follows an index of the channel to every package it names, in whichever format that is."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

import pytest

from cudepot.depot.depot import Depot
from cudepot.digest import Digest
from cudepot.kinds.conda.verify import faults

FOLDER = "conda/forge/linux-64/"
ONE, OTHER = Digest.of(b"one"), Digest.of(b"other")


@pytest.mark.parametrize(("part", "file"), [("packages.conda", "x-1-0.conda"), ("packages", "x-1-0.tar.bz2")])
def test_a_package_that_is_not_the_named_one_is_a_fault(part: str, file: str) -> None:
    index = {"packages.conda": {}} | {part: {file: {"sha256": ONE.sha256, "size": ONE.size}}}
    text = json.dumps(index).encode()
    depot = cast(Depot, SimpleNamespace(store=SimpleNamespace(read=lambda _: text)))
    root = f"{FOLDER}repodata.json"
    for shown, said in ((ONE, []), (OTHER, [f"{root}: {file} does not match this index"])):
        assert list(faults(depot.store, {root: Digest.of(text), FOLDER + file: shown}, root)) == said
