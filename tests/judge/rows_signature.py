"""Rows: odd signatures."""

from __future__ import annotations

from tests.judge.apt_repo import Odd, sub
from tests.judge.table import Table

TABLE = Table()
BEGIN, END = b"-----BEGIN PGP SIGNATURE-----\n", b"-----END PGP SIGNATURE-----\n"


def detached(repo: Odd) -> None:
    """Serve no InRelease."""
    repo.roots = ("Release", "Release.gpg")


@TABLE.row()
def inline_only(repo: Odd) -> None:
    repo.roots = ("InRelease",)


@TABLE.row()
def detached_only(repo: Odd) -> None:
    detached(repo)


@TABLE.row()
def release_without_signature(repo: Odd) -> None:
    repo.roots = ("Release",)


@TABLE.row()
def empty_lines_behind_the_signature(repo: Odd) -> None:
    repo.inrelease = lambda text: text + b"\n\n"


@TABLE.row()
def white_space_behind_the_signature(repo: Odd) -> None:
    repo.inrelease = lambda text: text + b" \t\n"


@TABLE.row()
def no_newline_behind_the_signature(repo: Odd) -> None:
    repo.inrelease = lambda text: text.rstrip(b"\n")


@TABLE.row()
def words_behind_the_signature(repo: Odd) -> None:
    repo.inrelease = lambda text: text + b"Origin: me\n"


@TABLE.row()
def empty_line_before_the_message(repo: Odd) -> None:
    repo.inrelease = lambda text: b"\n" + text


@TABLE.row()
def words_before_the_message(repo: Odd) -> None:
    repo.inrelease = lambda text: b"Origin: me\n" + text


@TABLE.row()
def byte_order_mark_before_the_message(repo: Odd) -> None:
    repo.inrelease = lambda text: b"\xef\xbb\xbf" + text


@TABLE.row()
def inline_with_cr_lf(repo: Odd) -> None:
    repo.inrelease = sub("\n", "\r\n")


@TABLE.row()
def blanks_behind_the_marks(repo: Odd) -> None:
    repo.inrelease = sub("-----\n", "----- \t\n")


@TABLE.row()
def words_between_message_and_signature(repo: Odd) -> None:
    repo.inrelease = sub(BEGIN, b"Origin: me\n" + BEGIN)


@TABLE.row()
def one_signature_of_two_by_a_stranger(repo: Odd) -> None:
    repo.signers = (repo.bench.stranger, repo.bench.key)


@TABLE.row()
def signed_by_a_stranger(repo: Odd) -> None:
    repo.signers = (repo.bench.stranger,)


@TABLE.row()
def two_blocks_of_signatures(repo: Odd) -> None:
    repo.inrelease = lambda text: text + BEGIN + text.partition(BEGIN)[2]


@TABLE.row()
def two_messages(repo: Odd) -> None:
    repo.inrelease = lambda text: text + text


@TABLE.row()
def message_without_signature(repo: Odd) -> None:
    repo.inrelease = lambda text: text.partition(BEGIN)[0]


@TABLE.row()
def signature_cut_short(repo: Odd) -> None:
    repo.inrelease = lambda text: text.partition(END)[0]


@TABLE.row()
def signature_over_sha1(repo: Odd) -> None:
    repo.digest = "SHA1"


@TABLE.row(both="apt of Debian 13 (sqv) takes no SHA-224 any more")
def signature_over_sha224(repo: Odd) -> None:
    repo.digest = "SHA224"


@TABLE.row()
def signature_over_sha256(repo: Odd) -> None:
    repo.digest = "SHA256"


@TABLE.row()
def lines_that_begin_with_a_dash(repo: Odd) -> None:
    repo.release = sub("Label: Odd\n", "Label: Odd\n-Dashed: yes\n-----Marked: yes\n")


@TABLE.row()
def more_escaped_than_has_to_be(repo: Odd) -> None:
    repo.inrelease = sub("Label: Odd\n", "- Label: Odd\n")


@TABLE.row()
def comments_in_the_armor(repo: Odd) -> None:
    repo.inrelease = sub(BEGIN, BEGIN + b"Version: GnuPG v1\nComment: made by hand\n")


@TABLE.row()
def headers_of_the_message_that_apt_does_not_know(repo: Odd) -> None:
    repo.inrelease = sub("Hash: SHA512\n", "Hash: SHA512\nComment: made by hand\n")


@TABLE.row()
def no_hash_header(repo: Odd) -> None:
    repo.inrelease = sub("Hash: SHA512\n", "")


@TABLE.row()
def lines_that_are_not_escaped(repo: Odd) -> None:
    repo.inrelease = sub("Hash: SHA512\n", "Hash: SHA512\nNotDashEscaped: You need GnuPG to verify this message\n")


@TABLE.row()
def another_text_than_was_signed(repo: Odd) -> None:
    repo.inrelease = sub("Label: Odd\n", "Label: Even\n")


@TABLE.row()
def blanks_at_the_ends_of_signed_lines(repo: Odd) -> None:
    repo.inrelease = sub("Label: Odd\n", "Label: Odd  \n")


@TABLE.row()
def page_in_place_of_the_signed_root(repo: Odd) -> None:
    repo.inrelease = lambda _: b"<!DOCTYPE html>\n<html><body>log in</body></html>\n"


@TABLE.row()
def empty_root(repo: Odd) -> None:
    repo.inrelease = lambda _: b""


@TABLE.row(
    whole="apt looks at InRelease alone, but a client of another kind may take the other root: both have to hold"
)
def bad_signature_beside_a_good_root(repo: Odd) -> None:
    repo.detached = lambda _: repo.bench.keys.detach(b"another text", repo.bench.key)


@TABLE.row()
def made_in_the_future(repo: Odd) -> None:
    repo.when = "20400101T000000!"


@TABLE.row()
def binary_signature(repo: Odd) -> None:
    detached(repo)
    repo.detached = lambda text: repo.bench.keys.gpg("--dearmor", data=text)


@TABLE.row()
def two_detached_signatures(repo: Odd) -> None:
    detached(repo)
    repo.detached = lambda text: text + text


@TABLE.row()
def words_before_the_detached_signature(repo: Odd) -> None:
    detached(repo)
    repo.detached = lambda text: b"Signature of this repository:\n" + text


@TABLE.row()
def words_behind_the_detached_signature(repo: Odd) -> None:
    detached(repo)
    repo.detached = lambda text: text + b"that was it\n"


@TABLE.row()
def empty_line_behind_the_detached_signature(repo: Odd) -> None:
    detached(repo)
    repo.detached = lambda text: text + b"\n"


@TABLE.row()
def detached_signature_cut_short(repo: Odd) -> None:
    detached(repo)
    repo.detached = lambda text: text.partition(END)[0]


@TABLE.row()
def detached_signature_with_cr_lf(repo: Odd) -> None:
    detached(repo)
    repo.detached = sub("\n", "\r\n")


@TABLE.row()
def message_in_place_of_a_detached_signature(repo: Odd) -> None:
    detached(repo)
    repo.detached = lambda _: repo.bench.keys.gpg(
        "--armor", "--sign", "--local-user", repo.bench.key.fingerprint, data=b"Origin: me\n"
    )
