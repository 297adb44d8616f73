"""Rows: names of files, duplicates, and the forms in which an index is served."""

from __future__ import annotations

import bz2
import gzip
import lzma

from simulator.apt import PACK
from simulator.debs import simple_deb
from tests.judge.apt_repo import Odd, sub
from tests.judge.changes import OURS, another, dists, one, only, pattern, text_of
from tests.judge.table import Table

TABLE = Table()


def _another(repo: Odd) -> bytes:
    return text_of(repo).replace(b"Package: tool", b"Package: other")


# names of files


@TABLE.row()
def file_name_with_a_dot(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "tool.deb", listed="./tool.deb")]


@TABLE.row()
def file_name_with_dots_and_slashes(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "pool/tool.deb", listed=".//pool//./tool.deb")]


@TABLE.row(both="a path that begins with a slash leads out of the repository: none is ever followed")
def file_name_that_is_absolute(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "tool.deb", listed="/tool.deb")]


@TABLE.row()
def file_name_that_climbs(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "tool.deb", listed="../file_name_that_climbs/tool.deb")]


@TABLE.row()
def file_name_that_climbs_within(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "tool.deb", listed="pool/../tool.deb")]


@TABLE.row()
def file_name_with_blanks(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "my tool.deb")]


@TABLE.row()
def file_name_with_percent(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "tool%41%.deb")]


@TABLE.row()
def file_name_with_an_escaped_slash(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "pool%2ftool.deb")]


@TABLE.row()
def file_name_with_signs_of_urls(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "tool?a=b&c#d+e~f.deb")]


@TABLE.row()
def file_name_with_umlauts(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "töol.deb")]


@TABLE.row(both="a backslash is a folder to some systems: such a name is never written")
def file_name_with_a_backslash(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "pool\\tool.deb")]


@TABLE.row()
def file_name_without_ending(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "pool/tool")]


@TABLE.row()
def file_name_that_is_very_long(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, f"{'x' * 200}.deb")]


@TABLE.row()
def file_name_that_is_not_served(repo: Odd) -> None:
    repo.index = pattern("Filename: .*", "Filename: gone.deb")


# duplicates


@TABLE.row()
def file_name_with_two_slashes(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "pool/tool.deb", listed="pool//tool.deb")]


@TABLE.row()
def file_name_with_a_dot_within(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "a/b/tool.deb", listed="a/./b/tool.deb")]


@TABLE.row()
def same_stanza_twice(repo: Odd) -> None:
    repo.index = lambda text: text + b"\n" + text


@TABLE.row()
def same_package_at_two_places(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "a/tool.deb"), repo.put(repo.bench.deb, "b/tool.deb")]


@TABLE.row()
def same_version_with_other_bytes(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "a/tool.deb"), repo.put(another(), "b/tool.deb")]


@TABLE.row(pin="the repost stands last, and is the only one that can be served: it is taken, and lock says so")
def other_bytes_under_one_name(repo: Odd) -> None:
    first = repo.put(repo.bench.deb)
    repo.stanzas = [first, repo.put(another())]


# forms of the index


@TABLE.row()
def empty_index(repo: Odd) -> None:
    repo.index = lambda _: b""


@TABLE.row()
def index_of_one_newline(repo: Odd) -> None:
    repo.index = lambda _: b"\n"


@TABLE.row()
def plain_index_only(repo: Odd) -> None:
    repo.forms = ("",)


@TABLE.row()
def gz_only(repo: Odd) -> None:
    repo.forms, repo.listed = (".gz",), ("", ".gz")


@TABLE.row()
def xz_only(repo: Odd) -> None:
    repo.forms, repo.listed = (".xz",), ("", ".xz")


@TABLE.row()
def bz2_only(repo: Odd) -> None:
    repo.forms, repo.listed = (".bz2",), ("", ".bz2")


@TABLE.row()
def zst_only(repo: Odd) -> None:
    repo.forms, repo.listed = (".zst",), ("", ".zst")


@TABLE.row(both="nobody serves .lzma alone any more: it is not read")
def lzma_only(repo: Odd) -> None:
    repo.forms = ()
    only(repo, "Packages.lzma", lzma.compress(text_of(repo), lzma.FORMAT_ALONE))


@TABLE.row(pin=OURS)
def plain_is_not_named(repo: Odd) -> None:
    repo.forms = (".gz",)


@TABLE.row()
def no_index_is_named(repo: Odd) -> None:
    repo.forms = ()
    repo.beside = {"Other": b"nothing\n"}


@TABLE.row()
def index_is_named_and_not_served(repo: Odd) -> None:
    repo.after = lambda: [file.unlink() for file in repo.root.glob("Packages*")]


@TABLE.row()
def index_is_served_and_not_named(repo: Odd) -> None:
    repo.forms, text = (), text_of(repo)
    repo.beside = {"Other": b"nothing\n"}
    repo.after = lambda: repo.write("Packages", text)


@TABLE.row()
def index_is_not_what_the_release_says(repo: Odd) -> None:
    repo.after = lambda: [file.write_bytes(b"Package: other\n") for file in repo.root.glob("Packages*")]


@TABLE.row()
def index_is_no_gz(repo: Odd) -> None:
    repo.forms = ()
    only(repo, "Packages.gz", b"this is not compressed\n")


@TABLE.row()
def gz_in_two_parts(repo: Odd) -> None:
    text = text_of(repo)
    repo.forms = ()
    only(repo, "Packages.gz", gzip.compress(text[:100]) + gzip.compress(text[100:]))


@TABLE.row(both="bytes behind the end of an index are damage, or made to mislead")
def gz_with_more_behind(repo: Odd) -> None:
    repo.forms = ()
    only(repo, "Packages.gz", gzip.compress(text_of(repo)) + b"and more")


@TABLE.row(pin=OURS)
def bz2_in_two_parts(repo: Odd) -> None:
    text = text_of(repo)
    repo.forms = ()
    only(repo, "Packages.bz2", bz2.compress(text[:100]) + bz2.compress(text[100:]))


@TABLE.row(pin=OURS)
def plain_says_another_than_gz(repo: Odd) -> None:
    repo.forms = ("",)
    repo.beside = {"Packages.gz": PACK[".gz"](_another(repo))}


@TABLE.row(pin=OURS)
def xz_says_another_than_plain(repo: Odd) -> None:
    repo.beside = {"Packages.xz": PACK[".xz"](_another(repo))}


@TABLE.row()
def gz_says_another_than_xz_and_plain(repo: Odd) -> None:
    repo.forms = ("", ".xz")
    repo.beside = {"Packages.gz": PACK[".gz"](_another(repo))}


@TABLE.row()
def zst_says_another_than_xz_and_plain(repo: Odd) -> None:
    repo.forms = ("", ".xz")
    repo.beside = {"Packages.zst": PACK[".zst"](_another(repo))}


@TABLE.row(pin=OURS)
def xz_says_another_than_zst_and_plain(repo: Odd) -> None:
    repo.forms = ("", ".zst")
    repo.beside = {"Packages.xz": PACK[".xz"](_another(repo))}


@TABLE.row()
def gz_says_another_than_bz2_and_plain(repo: Odd) -> None:
    repo.forms = ("", ".bz2")
    repo.beside = {"Packages.gz": PACK[".gz"](_another(repo))}


@TABLE.row(pin=OURS)
def bz2_says_another_than_gz_and_plain(repo: Odd) -> None:
    repo.beside = {"Packages.bz2": PACK[".bz2"](_another(repo))}


@TABLE.row()
def zst_says_another_than_gz_and_plain(repo: Odd) -> None:
    repo.beside = {"Packages.zst": PACK[".zst"](_another(repo))}


@TABLE.row(pin=OURS)
def plain_is_not_named_in_dists(repo: Odd) -> None:
    dists(repo)
    repo.forms = (".gz",)


@TABLE.row()
def index_with_a_byte_order_mark(repo: Odd) -> None:
    one(repo, lambda text: b"\xef\xbb\xbf" + text)


@TABLE.row()
def package_in_all_only(repo: Odd) -> None:
    dists(repo)
    text = repo.put(simple_deb("tool", "1.0", "all")).encode()
    repo.stanzas = [""]
    repo.beside = {"main/binary-all/Packages": text}
    repo.release = sub("Architectures: amd64", "Architectures: all amd64")
