"""What the pages of a wheel index name is what the site shows: wheels, METADATA, provenance, in both forms."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cudepot.catalog.site.snapshot import Snapshot
from cudepot.digest import Digest
from cudepot.formats.simple_write import PublishedWheel, render_project_html, render_project_json
from cudepot.kinds.wheels.verify import faults
from cudepot.store.local import LocalStore

NAME, ROOT = "a-1+l-py3-none-any.whl", "simple/a/index.json"
WHEEL, METADATA, OTHER = Digest.of(b"wheel"), Digest.of(b"metadata"), Digest.of(b"other")


@pytest.mark.parametrize("changed", ["", ".metadata", ".provenance"])
@pytest.mark.parametrize("gone", [True, False])
def test_what_is_not_as_a_page_says_is_a_fault(tmp_path: Path, changed: str, gone: bool) -> None:
    store = LocalStore(tmp_path, create=True)
    wheel = PublishedWheel(
        "a", "1+l", NAME, WHEEL, METADATA.sha256, provenance=f"https://site.invalid/m/{NAME}.provenance"
    )
    pages = {"json": render_project_json("a", [wheel], "../../wheels/")}
    pages["html"] = render_project_html("a", [wheel], "../../wheels/")
    tree = {f"simple/a/index.{form}": store.add_bytes(text) for form, text in pages.items()}
    files = {"": WHEEL, ".metadata": METADATA, ".provenance": OTHER}
    tree |= {f"wheels/{NAME}{end}": digest for end, digest in files.items()}
    snapshot = cast(Snapshot, SimpleNamespace(tree=tree))
    assert list(faults(store, snapshot, ROOT)) == []
    path = f"wheels/{NAME}{changed}"
    if gone:
        del tree[path]
    elif changed == ".provenance":
        return  # pages do not say its hash: the signed snapshot does
    else:
        tree[path] = OTHER
    said = [f"simple/a/index.{form}: {NAME}{changed} does not match this page" for form in ("json", "html")]
    assert list(faults(store, snapshot, ROOT)) == said
