"""What counts as a package's name, and which other bytes a name may get."""

from __future__ import annotations

import pytest

from cudepot.catalog.site.names import Shown, check_names, fresh, known, names_of
from cudepot.digest import Digest
from cudepot.errors import TrustError

A, B, C = (Digest.of(one) for one in (b"a", b"b", b"c"))
WHEEL = "x-1.0-py3-none-any.whl"


def test_a_name_is_what_clients_cache_by() -> None:
    tree = {
        "conda/main/linux-64/x-1-0.conda": A,
        "conda/main/linux-64/repodata.json": B,
        f"wheels/{WHEEL}": B,
        f"wheels/{WHEEL}.metadata": C,
        "apt/up/pool/x.whl": C,
    }
    assert names_of(tree) == {"linux-64/x-1-0.conda": A.sha256, WHEEL: B.sha256}
    moved = {path.replace("/main/", "/other/"): one for path, one in tree.items()}
    assert names_of(moved) == names_of(tree), "another name of the channel is no way round"


def test_the_latest_bytes_stand_last_whatever_the_order_of_lines() -> None:
    record = [Shown(3, {WHEEL: B.sha256}), Shown(1, {WHEEL: A.sha256}), Shown(2, {})]
    assert known(record) == {WHEEL: [A.sha256, B.sha256]}
    assert fresh({WHEEL: A.sha256, "new.whl": A.sha256}, known(record)) == {"new.whl": A.sha256}


def test_other_bytes_are_refused_unless_their_change_was_accepted() -> None:
    before = known([Shown(1, {WHEEL: A.sha256}), Shown(2, {WHEEL: B.sha256})])
    for welcome in (A, B):
        check_names({f"wheels/{WHEEL}": welcome}, before, ())
    with pytest.raises(TrustError, match=f"published with sha256 {B.sha256} and would become {C.sha256}"):
        check_names({f"wheels/{WHEEL}": C}, before, {(A.sha256, C.sha256)})
    check_names({f"wheels/{WHEEL}": C}, before, {(B.sha256, C.sha256)})
