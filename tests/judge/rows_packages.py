"""Rows: odd Packages indexes, and packages that are not what their index says."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re

from tests.judge.apt_repo import Change, Odd, sub
from tests.judge.rows_release import dists
from tests.judge.table import Table
from tests.upstream.debs import Deb, simple_deb

TABLE = Table()
OURS = "the site has an index of its own, which clients can read"
MISLABELLED = "the index says what the deb does not: clients would get what nobody asked for"
OTHER = "another build of it\n A package for tests."


def one(repo: Odd, *changes: Change) -> None:
    """Let the index be that of the package, changed."""

    def index(text: bytes) -> bytes:
        for change in changes:
            text = change(text)
        return text

    repo.index = index


def pattern(what: str, new: str) -> Change:
    """Return what replaces a pattern, of which there must be one."""

    def change(text: bytes) -> bytes:
        found, times = re.subn(what.encode(), new.encode(), text)
        assert times, f"{what} is not there: the row would not be odd"
        return found

    return change


def line(text: str) -> Change:
    """Return what puts a line before the description."""
    return sub("Description:", f"{text}\nDescription:")


# white space


@TABLE.row()
def blank_line_in_a_description(repo: Odd) -> None:
    one(repo, sub(" A package for tests.\n", " A package for tests.\n \n More of it.\n"))


@TABLE.row()
def tab_line_in_a_description(repo: Odd) -> None:
    one(repo, sub(" A package for tests.\n", " A package for tests.\n\t\n More of it.\n"))


@TABLE.row()
def blank_line_in_a_description_before_more_fields(repo: Odd) -> None:
    one(repo, sub("Version:", "Comment: odd\n \n\t \n more\nVersion:"))


@TABLE.row()
def blank_line_between_stanzas(repo: Odd) -> None:
    _with_another(repo)
    repo.index = sub("\n\nPackage:", "\n \nPackage:")


@TABLE.row()
def form_feed_begins_a_line(repo: Odd) -> None:
    one(repo, sub(" A package for tests.\n", "\f A package for tests.\n"))


@TABLE.row()
def carriage_return_begins_a_line(repo: Odd) -> None:
    one(repo, sub("Version:", "\rVersion:"))


@TABLE.row()
def index_with_cr_lf(repo: Odd) -> None:
    one(repo, sub("\n", "\r\n"))


@TABLE.row()
def two_stanzas_with_cr_lf(repo: Odd) -> None:
    _with_another(repo)
    repo.index = sub("\n", "\r\n")


@TABLE.row()
def cr_lf_on_some_lines(repo: Odd) -> None:
    one(repo, sub("Version: 1.0\n", "Version: 1.0\r\n"), pattern("(Filename: .*)\n", "\\1\r\n"))


@TABLE.row(pin=OURS)
def empty_lines_before_and_behind(repo: Odd) -> None:
    _with_another(repo)
    repo.index = lambda text: b"\n\n\n" + text.replace(b"\n\n", b"\n\n\n\n") + b"\n\n\n"


@TABLE.row()
def no_newline_at_the_end(repo: Odd) -> None:
    one(repo, lambda text: text.rstrip(b"\n"))


@TABLE.row()
def begins_with_an_indented_line(repo: Odd) -> None:
    one(repo, lambda text: b" indented\n" + text)


@TABLE.row()
def no_blanks_behind_colons(repo: Odd) -> None:
    one(repo, sub(": ", ":"))


@TABLE.row()
def many_blanks_behind_colons(repo: Odd) -> None:
    one(repo, sub(": ", ":  \t "))


@TABLE.row()
def blanks_at_the_ends_of_lines(repo: Odd) -> None:
    one(repo, sub("\n", "  \t\n"))


@TABLE.row()
def blanks_before_colons(repo: Odd) -> None:
    one(repo, pattern("(?m)^(Package|Version|Filename|SHA256):", "\\1 :"))


@TABLE.row()
def values_on_the_next_line(repo: Odd) -> None:
    one(repo, pattern("(?m)^(Package|Version|Filename|Size|SHA256): ", "\\1:\n "))


# fields


@TABLE.row()
def fields_in_lower_case(repo: Odd) -> None:
    one(repo, lambda text: re.sub(rb"(?m)^[A-Z][A-Za-z0-9-]*:", lambda found: found[0].lower(), text))


@TABLE.row()
def fields_in_capitals(repo: Odd) -> None:
    one(repo, lambda text: re.sub(rb"(?m)^[A-Z][A-Za-z0-9-]*:", lambda found: found[0].upper(), text))


@TABLE.row()
def latin_1_in_the_maintainer(repo: Odd) -> None:
    one(repo, sub("Maintainer: cudatools", b"Maintainer: J\xf6rg"))


@TABLE.row()
def utf_8_in_the_maintainer(repo: Odd) -> None:
    one(repo, sub("Maintainer: cudatools", "Maintainer: Jörg"))


@TABLE.row()
def latin_1_in_a_field_name(repo: Odd) -> None:
    one(repo, line("Stra\udcdfe: yes".encode(errors="surrogateescape").decode("latin-1")))


@TABLE.row()
def nul_in_the_description(repo: Odd) -> None:
    one(repo, sub(" A package for tests.", b" A package\0for tests."))


@TABLE.row()
def comment(repo: Odd) -> None:
    one(repo, lambda text: b"# made by hand\n" + text)


@TABLE.row()
def comment_with_a_colon(repo: Odd) -> None:
    one(repo, lambda text: b"# note: made by hand\n" + text)


@TABLE.row()
def comment_in_the_middle(repo: Odd) -> None:
    one(repo, line("# made by hand"))


@TABLE.row()
def line_without_colon(repo: Odd) -> None:
    one(repo, line("nonsense"))


@TABLE.row()
def line_without_colon_before_the_name_of_the_file(repo: Odd) -> None:
    one(repo, sub("Filename:", "nonsense\nFilename:"))


@TABLE.row()
def line_without_colon_at_the_end(repo: Odd) -> None:
    one(repo, lambda text: text + b"nonsense\n")


@TABLE.row()
def line_of_a_colon(repo: Odd) -> None:
    one(repo, line(": nothing"))


@TABLE.row()
def field_name_of_two_words(repo: Odd) -> None:
    one(repo, line("Two words: yes"))


@TABLE.row()
def empty_field(repo: Odd) -> None:
    one(repo, line("Homepage:"))


@TABLE.row()
def file_name_twice_the_last_is_right(repo: Odd) -> None:
    one(repo, sub("Filename:", "Filename: wrong.deb\nFilename:"))


@TABLE.row()
def file_name_twice_the_first_is_right(repo: Odd) -> None:
    one(repo, pattern("(Filename: .*\n)", "\\1Filename: wrong.deb\n"))


@TABLE.row()
def version_twice_the_last_is_right(repo: Odd) -> None:
    one(repo, sub("Version: 1.0", "Version: 0.9\nVersion: 1.0"))


@TABLE.row()
def sum_twice_the_last_is_right(repo: Odd) -> None:
    one(repo, sub("SHA256:", f"SHA256: {'0' * 64}\nSHA256:"))


@TABLE.row()
def same_field_twice(repo: Odd) -> None:
    one(repo, pattern("(SHA256: .*\n)", "\\1\\1"))


@TABLE.row(pin=OURS)
def huge_field(repo: Odd) -> None:
    one(repo, line("Comment: " + "x" * 3_000_000))


@TABLE.row()
def long_stanza_of_many_fields(repo: Odd) -> None:
    one(repo, line("\n".join(f"X-{number}: yes" for number in range(2000))))


# what installing needs


@TABLE.row()
def no_size(repo: Odd) -> None:
    one(repo, pattern("Size: [0-9]+\nSHA", "SHA"))


@TABLE.row()
def wrong_size(repo: Odd) -> None:
    one(repo, pattern("Size: [0-9]+\nSHA", "Size: 12\nSHA"))


@TABLE.row()
def size_with_zeros(repo: Odd) -> None:
    one(repo, pattern("Size: ([0-9]+)\nSHA", "Size: 000\\1\nSHA"))


@TABLE.row()
def size_with_a_plus(repo: Odd) -> None:
    one(repo, pattern("Size: ([0-9]+)\nSHA", "Size: +\\1\nSHA"))


@TABLE.row()
def size_that_is_none(repo: Odd) -> None:
    one(repo, pattern("Size: [0-9]+\nSHA", "Size: small\nSHA"))


@TABLE.row()
def size_below_zero(repo: Odd) -> None:
    one(repo, pattern("Size: ([0-9]+)\nSHA", "Size: -\\1\nSHA"))


@TABLE.row()
def installed_size_that_is_none(repo: Odd) -> None:
    one(repo, pattern("Installed-Size: [0-9]+", "Installed-Size: small"))


@TABLE.row()
def no_sum(repo: Odd) -> None:
    one(repo, pattern("SHA256: .*\n", ""))


@TABLE.row()
def wrong_sum(repo: Odd) -> None:
    one(repo, pattern("SHA256: .*", "SHA256: " + "0" * 64))


@TABLE.row()
def short_sum(repo: Odd) -> None:
    one(repo, pattern("SHA256: .{8}", "SHA256: "))


@TABLE.row(pin=OURS)
def sum_in_capitals(repo: Odd) -> None:
    one(repo, lambda text: re.sub(rb"SHA256: .*", lambda found: found[0].upper(), text))


@TABLE.row()
def sha512_only(repo: Odd) -> None:
    one(repo, pattern("SHA256: .*", f"SHA512: {_hash(repo, 'sha512')}"))


@TABLE.row()
def sha1_only(repo: Odd) -> None:
    one(repo, pattern("SHA256: .*", f"SHA1: {_hash(repo, 'sha1')}"))


@TABLE.row()
def md5_only(repo: Odd) -> None:
    one(repo, pattern("SHA256: .*", f"MD5sum: {_hash(repo, 'md5')}"))


@TABLE.row()
def all_sums(repo: Odd) -> None:
    sums = {"MD5sum": "md5", "SHA1": "sha1", "SHA512": "sha512"}
    one(repo, line("\n".join(f"{name}: {_hash(repo, kind)}" for name, kind in sums.items())))


@TABLE.row(pin=OURS)
def wrong_md5_beside_a_right_sha256(repo: Odd) -> None:
    one(repo, line("MD5sum: " + "0" * 32))


@TABLE.row(pin=OURS)
def wrong_sha512_beside_a_right_sha256(repo: Odd) -> None:
    one(repo, line("SHA512: " + "0" * 128))


@TABLE.row(pin=OURS)
def broken_sha512_beside_a_right_sha256(repo: Odd) -> None:
    one(repo, line("SHA512: nonsense"))


@TABLE.row()
def no_package(repo: Odd) -> None:
    one(repo, pattern("Package: .*\n", ""))


@TABLE.row()
def no_version(repo: Odd) -> None:
    one(repo, pattern("Version: .*\n", ""))


@TABLE.row(pin="nothing says which machines it is for")
def no_architecture(repo: Odd) -> None:
    one(repo, pattern("Architecture: .*\n", ""))


@TABLE.row()
def no_file_name(repo: Odd) -> None:
    one(repo, pattern("Filename: .*\n", ""))


@TABLE.row()
def stanza_of_nothing_beside(repo: Odd) -> None:
    one(repo, lambda text: text + b"\nComment: nothing\n")


@TABLE.row()
def stanza_without_version_beside(repo: Odd) -> None:
    one(repo, lambda text: text + b"\nPackage: other\nArchitecture: amd64\nDescription: of no version\n")


@TABLE.row()
def stanza_without_file_beside(repo: Odd) -> None:
    one(repo, lambda text: text + b"\nPackage: other\nArchitecture: amd64\nVersion: 1\nDescription: of no file\n")


@TABLE.row()
def name_in_capitals(repo: Odd) -> None:
    one(repo, sub("Package: tool", "Package: Tool"))


@TABLE.row()
def name_with_an_underscore(repo: Odd) -> None:
    repo.package = "my_tool"
    one(repo, sub("Package: tool", "Package: my_tool"))


@TABLE.row()
def odd_version_beside(repo: Odd) -> None:
    repo.pin = "tool=1.0"
    repo.index = lambda text: text + b"\n" + text.replace(b"Version: 1.0", b"Version: 2.2_x")


@TABLE.row(pin=MISLABELLED)
def odd_version_is_the_only_one(repo: Odd) -> None:
    one(repo, sub("Version: 1.0", "Version: 1.0_x"))


@TABLE.row(pin=MISLABELLED)
def version_with_a_blank_in_it(repo: Odd) -> None:
    one(repo, sub("Version: 1.0", "Version: 1.0 x"))


@TABLE.row(pin=MISLABELLED)
def version_that_begins_with_a_letter(repo: Odd) -> None:
    one(repo, sub("Version: 1.0", "Version: v1.0"))


@TABLE.row()
def version_with_epoch_and_tilde(repo: Odd) -> None:
    _deb(repo, "3:1.0~rc1+cuda11.1-1")


@TABLE.row()
def version_with_an_epoch_that_its_file_has(repo: Odd) -> None:
    _deb(repo, "3:1.0", "tool_3:1.0_amd64.deb")


@TABLE.row()
def version_with_an_escaped_epoch_in_its_file(repo: Odd) -> None:
    _deb(repo, "3:1.0", "tool_3%3a1.0_amd64.deb")


@TABLE.row()
def architecture_all(repo: Odd) -> None:
    deb = simple_deb("tool", "1.0", "all")
    repo.stanzas = [repo.put(deb)]


@TABLE.row()
def architecture_of_another_machine_beside(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb), repo.put(simple_deb("tool", "1.0", "arm64"))]


@TABLE.row()
def architecture_that_nobody_knows_beside(repo: Odd) -> None:
    repo.index = lambda text: text + b"\n" + text.replace(b"Architecture: amd64", b"Architecture: linux-any")


@TABLE.row()
def index_says_amd64_of_a_package_for_all(repo: Odd) -> None:
    repo.stanzas = [repo.put(simple_deb("tool", "1.0", "all"))]
    repo.index = sub("Architecture: all", "Architecture: amd64")


@TABLE.row()
def index_says_all_of_a_package_for_amd64(repo: Odd) -> None:
    repo.index = sub("Architecture: amd64", "Architecture: all")


@TABLE.row(pin=MISLABELLED)
def index_says_another_version(repo: Odd) -> None:
    repo.index = sub("Version: 1.0", "Version: 1.1")


@TABLE.row()
def index_says_another_name(repo: Odd) -> None:
    repo.package = "other"
    repo.index = sub("Package: tool", "Package: other")


@TABLE.row(pin=OURS)
def index_says_other_dependencies(repo: Odd) -> None:
    repo.index = line("Depends: nothing-here")


# relations


@TABLE.row()
def relation_without_blanks(repo: Odd) -> None:
    repo.stanzas = [repo.put(_needing("lib(>=1.0)")), repo.put(simple_deb("lib", "1.0"))]


@TABLE.row()
def relation_over_several_lines(repo: Odd) -> None:
    repo.stanzas = [repo.put(_needing("lib,\n more\n (>= 1)")), repo.put(simple_deb("lib", "1.0"))]
    repo.stanzas.append(repo.put(simple_deb("more", "1.0")))


@TABLE.row(pin=OURS)
def relation_with_empty_parts(repo: Odd) -> None:
    repo.stanzas = [repo.put(_needing("lib")), repo.put(simple_deb("lib", "1.0"))]
    repo.index = sub("Depends: lib", "Depends: lib, ,")


@TABLE.row()
def relation_nobody_can_read(repo: Odd) -> None:
    repo.stanzas = [repo.put(_needing("lib")), repo.put(simple_deb("lib", "1.0"))]
    repo.index = sub("Depends: lib", "Depends: lib (1.0)")


@TABLE.row(pin=OURS)
def relation_nobody_can_read_beside(repo: Odd) -> None:
    repo.index = lambda text: text + b"\n" + text.replace(b"Package: tool", b"Package: other\nDepends: (")


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
def same_stanza_twice(repo: Odd) -> None:
    repo.index = lambda text: text + b"\n" + text


@TABLE.row()
def same_package_at_two_places(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "a/tool.deb"), repo.put(repo.bench.deb, "b/tool.deb")]


@TABLE.row()
def same_version_with_other_bytes(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb, "a/tool.deb"), repo.put(_another(), "b/tool.deb")]


@TABLE.row(pin="the repost stands last, and is the only one that can be served: it is taken, and lock says so")
def other_bytes_under_one_name(repo: Odd) -> None:
    first = repo.put(repo.bench.deb)
    repo.stanzas = [first, repo.put(_another())]


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
    _only(repo, "Packages.lzma", lzma.compress(_text(repo), lzma.FORMAT_ALONE))


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
    repo.forms, text = (), _text(repo)
    repo.beside = {"Other": b"nothing\n"}
    repo.after = lambda: repo.write("Packages", text)


@TABLE.row()
def index_is_not_what_the_release_says(repo: Odd) -> None:
    repo.after = lambda: [file.write_bytes(b"Package: other\n") for file in repo.root.glob("Packages*")]


@TABLE.row()
def index_is_no_gz(repo: Odd) -> None:
    repo.forms = ()
    _only(repo, "Packages.gz", b"this is not compressed\n")


@TABLE.row()
def gz_in_two_parts(repo: Odd) -> None:
    text = _text(repo)
    repo.forms = ()
    _only(repo, "Packages.gz", gzip.compress(text[:100]) + gzip.compress(text[100:]))


@TABLE.row(both="bytes behind the end of an index are damage, or made to mislead")
def gz_with_more_behind(repo: Odd) -> None:
    repo.forms = ()
    _only(repo, "Packages.gz", gzip.compress(_text(repo)) + b"and more")


@TABLE.row(pin=OURS)
def bz2_in_two_parts(repo: Odd) -> None:
    text = _text(repo)
    repo.forms = ()
    _only(repo, "Packages.bz2", bz2.compress(text[:100]) + bz2.compress(text[100:]))


@TABLE.row()
def plain_says_another_than_gz(repo: Odd) -> None:
    repo.forms = ("",)
    repo.beside = {"Packages.gz": gzip.compress(_text(repo).replace(b"Package: tool", b"Package: other"))}


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


def _text(repo: Odd) -> bytes:
    return repo.put(repo.bench.deb).encode()


def _only(repo: Odd, name: str, data: bytes) -> None:
    """Serve one form of the index, made by hand; the plain one is named, as apt wants it, and not served."""
    repo.beside = {name: data, "Packages": _text(repo)}
    repo.after = (repo.root / "Packages").unlink


def _hash(repo: Odd, kind: str) -> str:
    return hashlib.new(kind, repo.bench.deb.read_bytes(), usedforsecurity=False).hexdigest()


def _with_another(repo: Odd) -> None:
    repo.stanzas = [repo.put(repo.bench.deb), repo.put(simple_deb("zebra", "1.0"))]


def _deb(repo: Odd, version: str, name: str = "") -> None:
    repo.version = version
    repo.stanzas = [repo.put(simple_deb("tool", version), name)]


def _needing(relation: str) -> Deb:
    return simple_deb("tool", "1.0", Depends=relation)


def _another() -> Deb:
    return simple_deb("tool", "1.0", Description=OTHER)
