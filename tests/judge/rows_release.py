"""Rows: odd Release files, whose text is signed as it is."""

from __future__ import annotations

import re

from tests.judge.apt_repo import Odd, ago, sub
from tests.judge.changes import dists
from tests.judge.table import Table

TABLE = Table()


@TABLE.row()
def nothing_odd(repo: Odd) -> None:
    pass


@TABLE.row()
def nothing_odd_in_dists(repo: Odd) -> None:
    dists(repo)


@TABLE.row()
def second_line_not_indented(repo: Odd) -> None:
    repo.release = sub("Label: Odd\n", "Label: Odd\nDescription: of two lines\nthe second not indented\n")


@TABLE.row()
def line_without_colon_at_the_end(repo: Odd) -> None:
    repo.release = lambda text: text + b"and nothing more\n"


@TABLE.row()
def sums_behind_a_line_without_colon(repo: Odd) -> None:
    repo.release = sub("SHA256:\n", "nonsense\nSHA256:\n")


OURS = "the site has an index of its own, which clients can read"
UNDATED = "an old copy could not be told from a new one; `undated = true` takes it"


@TABLE.row(both=UNDATED)
def no_date(repo: Odd) -> None:
    repo.date = ""


@TABLE.row()
def no_date_and_undated(repo: Odd) -> None:
    repo.date, repo.wanted = "", {"undated": True}


@TABLE.row()
def iso_date(repo: Odd) -> None:
    repo.date = "2024-05-01T12:00:00Z"


@TABLE.row()
def date_in_cest(repo: Odd) -> None:
    repo.date = ago(hours=4).replace("+0000", "+0200")


@TABLE.row()
def date_in_cest_by_name(repo: Odd) -> None:
    repo.date = ago(hours=4).replace("+0000", "CEST")


@TABLE.row()
def date_in_est_by_name(repo: Odd) -> None:
    repo.date = ago(hours=9).replace("+0000", "EST")


@TABLE.row()
def date_of_long_ago_in_cest(repo: Odd) -> None:
    repo.date = "Wed, 01 May 2024 12:00:00 CEST"


@TABLE.row()
def date_in_gmt(repo: Odd) -> None:
    repo.date = ago(hours=4).replace("+0000", "GMT")


@TABLE.row()
def date_in_z(repo: Odd) -> None:
    repo.date = ago(hours=4).replace("+0000", "Z")


@TABLE.row()
def date_in_minus_zero(repo: Odd) -> None:
    repo.date = ago(hours=4).replace("+0000", "-0000")


@TABLE.row()
def date_without_zone(repo: Odd) -> None:
    repo.date = ago(hours=4).replace(" +0000", "")


@TABLE.row()
def date_of_asctime(repo: Odd) -> None:
    repo.date = "Wed May  1 12:00:00 2024"


@TABLE.row()
def date_of_rfc_850(repo: Odd) -> None:
    repo.date = "Wednesday, 01-May-24 12:00:00 GMT"


@TABLE.row()
def date_without_weekday(repo: Odd) -> None:
    repo.date = "01 May 2024 12:00:00 GMT"


@TABLE.row()
def date_with_a_wrong_weekday(repo: Odd) -> None:
    repo.date = "Sun, 01 May 2024 12:00:00 GMT"


@TABLE.row()
def date_with_one_digit(repo: Odd) -> None:
    repo.date = "Wed, 1 May 2024 12:00:00 GMT"


@TABLE.row()
def date_without_seconds(repo: Odd) -> None:
    repo.date = "Wed, 01 May 2024 12:00 GMT"


@TABLE.row()
def date_with_more_behind(repo: Odd) -> None:
    repo.date = "Wed, 01 May 2024 12:00:00 GMT and more"


@TABLE.row()
def date_with_blanks_around(repo: Odd) -> None:
    repo.date = "   Wed,  01 May 2024  12:00:00 UTC  "


@TABLE.row(both=UNDATED)
def date_of_no_day(repo: Odd) -> None:
    repo.date = "Wed, 32 May 2024 12:00:00 GMT"


@TABLE.row(both=UNDATED)
def date_in_german(repo: Odd) -> None:
    repo.date = "Mi, 01 Mai 2024 12:00:00 GMT"


@TABLE.row()
def date_in_german_and_undated(repo: Odd) -> None:
    repo.date, repo.wanted = "Mi, 01 Mai 2024 12:00:00 GMT", {"undated": True}


@TABLE.row()
def date_in_the_future(repo: Odd) -> None:
    repo.date = ago(days=-3)


@TABLE.row()
def date_some_seconds_ahead(repo: Odd) -> None:
    repo.date = ago(seconds=-5)


@TABLE.row()
def valid_until_is_over(repo: Odd) -> None:
    repo.head |= {"Valid-Until": ago(hours=1)}


@TABLE.row()
def valid_until_is_to_come(repo: Odd) -> None:
    repo.head |= {"Valid-Until": ago(hours=-24)}


@TABLE.row()
def valid_until_is_no_date(repo: Odd) -> None:
    repo.head |= {"Valid-Until": "next week"}


@TABLE.row()
def valid_until_is_over_in_cest(repo: Odd) -> None:
    repo.head |= {"Valid-Until": ago(hours=-1).replace("+0000", "+0200")}


@TABLE.row()
def valid_until_is_to_come_in_cest(repo: Odd) -> None:
    repo.head |= {"Valid-Until": ago(hours=-24).replace("+0000", "+0200")}


@TABLE.row()
def release_fields_in_other_case(repo: Odd) -> None:
    dists(repo)
    repo.release = lambda text: sub("SHA256:", "sha256:")(
        sub("Date:", "DATE:")(sub("Components:", "components:")(text))
    )


@TABLE.row()
def release_with_cr_lf(repo: Odd) -> None:
    repo.release = sub("\n", "\r\n")


@TABLE.row()
def release_with_a_byte_order_mark(repo: Odd) -> None:
    repo.release = lambda text: b"\xef\xbb\xbf" + text


@TABLE.row()
def release_with_latin_1(repo: Odd) -> None:
    repo.release = sub("Label: Odd", b"Label: Stra\xdfe")


@TABLE.row()
def release_with_a_comment(repo: Odd) -> None:
    repo.release = lambda text: b"# made by hand\n" + text


@TABLE.row()
def release_with_a_comment_with_a_colon(repo: Odd) -> None:
    repo.release = sub("Label: Odd\n", "Label: Odd\n# note: made by hand\n")


@TABLE.row()
def release_begins_with_an_empty_line(repo: Odd) -> None:
    repo.release = lambda text: b"\n\n" + text


@TABLE.row()
def release_of_two_stanzas(repo: Odd) -> None:
    repo.release = sub("SHA256:\n", "\nSHA256:\n")


@TABLE.row()
def release_with_a_second_stanza_of_no_use(repo: Odd) -> None:
    repo.release = lambda text: text + b"\nOrigin: another\n"


@TABLE.row()
def release_with_a_line_of_white_space(repo: Odd) -> None:
    repo.release = sub("SHA256:\n", " \nSHA256:\n")


@TABLE.row()
def release_with_tabs(repo: Odd) -> None:
    repo.release = lambda text: text.replace(b"\n ", b"\n\t").replace(b": ", b":\t")


@TABLE.row()
def release_without_blanks_behind_colons(repo: Odd) -> None:
    repo.release = sub(": ", ":")


@TABLE.row()
def release_with_an_empty_field(repo: Odd) -> None:
    repo.head |= {"Codename": ""}


@TABLE.row()
def release_with_blanks_before_a_colon(repo: Odd) -> None:
    repo.release = sub("SHA256:", "SHA256 :")


@TABLE.row()
def release_with_sums_beside_the_name(repo: Odd) -> None:
    repo.sums = ("SHA256",)
    repo.release = sub("SHA256:\n ", "SHA256: ")


@TABLE.row(pin=OURS)
def release_with_sums_in_capitals(repo: Odd) -> None:
    def change(text: bytes) -> bytes:
        head, _, sums = text.partition(b"SHA256:\n")
        return head + b"SHA256:\n" + sums.upper().replace(b"PACKAGES", b"Packages").replace(b".GZ", b".gz")

    repo.release = change


@TABLE.row()
def release_with_sha512_only(repo: Odd) -> None:
    repo.sums = ("SHA512",)


@TABLE.row()
def release_with_all_sums(repo: Odd) -> None:
    repo.sums = ("MD5Sum", "SHA1", "SHA256", "SHA512")


@TABLE.row()
def release_with_sha1_only(repo: Odd) -> None:
    repo.sums = ("SHA1",)


@TABLE.row()
def release_with_md5_only(repo: Odd) -> None:
    repo.sums = ("MD5Sum",)


@TABLE.row(pin=OURS)
def release_with_a_wrong_md5(repo: Odd) -> None:
    repo.release = lambda text: re.sub(rb"(?m)^ [0-9a-f]{32} ", b" " + b"0" * 32 + b" ", text)


@TABLE.row(pin=OURS)
def release_with_a_wrong_sha512(repo: Odd) -> None:
    repo.sums = ("SHA256", "SHA512")
    repo.release = lambda text: re.sub(rb"(?m)^ [0-9a-f]{128} ", b" " + b"0" * 128 + b" ", text)


@TABLE.row(pin=OURS)
def release_with_a_broken_sha512(repo: Odd) -> None:
    repo.sums = ("SHA256", "SHA512")
    repo.release = lambda text: re.sub(rb"(?m)^ [0-9a-f]{128} ", b" nonsense ", text)


@TABLE.row()
def release_with_sha256_twice(repo: Odd) -> None:
    repo.sums = ("SHA256",)
    repo.release = lambda text: text + b"SHA256:\n" + text.partition(b"SHA256:\n")[2]


@TABLE.row()
def release_with_an_empty_sha256_behind(repo: Odd) -> None:
    repo.sums = ("SHA256",)
    repo.release = lambda text: text + b"SHA256:\n"


@TABLE.row()
def release_with_an_entry_of_two_words(repo: Odd) -> None:
    repo.release = lambda text: text + b" " + b"0" * 64 + b" 12\n"


@TABLE.row()
def release_with_an_entry_of_four_words(repo: Odd) -> None:
    repo.release = lambda text: text + b" " + b"0" * 64 + b" 12 some file\n"


@TABLE.row()
def release_with_a_size_that_is_none(repo: Odd) -> None:
    repo.release = lambda text: text + b" " + b"0" * 64 + b" many other\n"


@TABLE.row()
def release_with_a_short_hash(repo: Odd) -> None:
    repo.release = lambda text: text + b" 0123 12 other\n"


@TABLE.row()
def release_naming_an_absolute_path(repo: Odd) -> None:
    repo.release = lambda text: text + b" " + b"0" * 64 + b" 12 /etc/passwd\n"


@TABLE.row()
def release_naming_a_path_outside(repo: Odd) -> None:
    repo.release = lambda text: text + b" " + b"0" * 64 + b" 12 ../../other\n"


@TABLE.row()
def release_naming_what_is_not_served(repo: Odd) -> None:
    repo.release = lambda text: text + b" " + b"0" * 64 + b" 12 extra/Other\n"


@TABLE.row()
def release_naming_its_files_with_a_dot(repo: Odd) -> None:
    repo.release = sub(" Packages", " ./Packages")


@TABLE.row()
def release_naming_a_file_twice(repo: Odd) -> None:
    repo.sums = ("SHA256",)
    repo.release = lambda text: text + text.partition(b"SHA256:\n")[2]


@TABLE.row()
def release_naming_a_file_twice_with_other_sums(repo: Odd) -> None:
    repo.release = lambda text: text + b" " + b"0" * 64 + b" 12 Packages\n " + b"0" * 64 + b" 12 Packages.gz\n"


@TABLE.row()
def release_with_a_nul_byte(repo: Odd) -> None:
    repo.release = sub("Label: Odd", b"Label: O\0d")


@TABLE.row()
def release_with_a_very_long_line(repo: Odd) -> None:
    repo.head |= {"Description": "x" * 15_000}


@TABLE.row()
def release_that_is_empty(repo: Odd) -> None:
    repo.release = lambda _: b"\n"
