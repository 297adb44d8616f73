"""Rows: odd ways to write the stanzas of a Packages index: white space, names of fields, bytes."""

from __future__ import annotations

import re

from tests.judge.apt_repo import Odd, sub
from tests.judge.changes import OURS, line, one, pattern, with_another
from tests.judge.table import Table

TABLE = Table()


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
    with_another(repo)
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
    with_another(repo)
    repo.index = sub("\n", "\r\n")


@TABLE.row()
def cr_lf_on_some_lines(repo: Odd) -> None:
    one(repo, sub("Version: 1.0\n", "Version: 1.0\r\n"), pattern("(Filename: .*)\n", "\\1\r\n"))


@TABLE.row(pin=OURS)
def empty_lines_before_and_behind(repo: Odd) -> None:
    with_another(repo)
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
