"""More rows for the table of odd yum repositories: the forms of metadata that createrepo_c writes beside plain ones."""

from __future__ import annotations

import tempfile
from pathlib import Path

from simulator.odd_yum import OddYum, Record
from simulator.process import run
from tests.kinds.yum.odd_rows import Make, Odd, gone

PLAIN = ("primary", "filelists", "other")
FORMS = {"zck": ("--zck", ".xml.zck"), "db": ("--database", ".sqlite.bz2")}


def beside(form: str) -> Make:
    """Add what createrepo_c writes in another form as well."""

    def make(odd: OddYum) -> None:
        option, ending = FORMS[form]
        with tempfile.TemporaryDirectory(prefix="odd-") as name:
            run("createrepo_c", "--quiet", "--workers", "1", option, "--outputdir", name, odd.folder)
            for kind in PLAIN:
                (path,) = Path(name).glob(f"repodata/*-{kind}{ending}")
                href = f"repodata/{kind}{ending}"
                odd.records[f"{kind}_{form}"] = Record(odd.records[kind].data, packed=path.read_bytes(), href=href)

    return make


def alone(form: str) -> Make:
    """Leave that form only."""

    def make(odd: OddYum) -> None:
        beside(form)(odd)
        for kind in PLAIN:
            del odd.records[kind]

    return make


ROWS: dict[str, Odd] = {
    "zchunk beside": Odd(beside("zck")),
    "zchunk alone": Odd(alone("zck"), "only of primary_zck", "only of primary_zck", dnf=False),
    "zchunk not served": Odd(gone("primary_zck")),
    "databases beside": Odd(beside("db")),
    "databases alone": Odd(alone("db"), "only of primary_db", "only of primary_db", dnf=False),
}
