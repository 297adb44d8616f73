"""Rows: what installing needs of a stanza: sums, sizes, versions, architectures, relations."""

from __future__ import annotations

import re

from simulator.debs import simple_deb
from tests.judge.apt_repo import Odd, sub
from tests.judge.changes import MISLABELLED, OURS, hash_of, line, needing, one, pattern, tool
from tests.judge.table import Table

TABLE = Table()
INSIDE = "apt takes it; what dpkg installs is called otherwise, and a whole mirror does not open packages"


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
    one(repo, pattern("SHA256: .*", f"SHA512: {hash_of(repo, 'sha512')}"))


@TABLE.row()
def sha1_only(repo: Odd) -> None:
    one(repo, pattern("SHA256: .*", f"SHA1: {hash_of(repo, 'sha1')}"))


@TABLE.row()
def md5_only(repo: Odd) -> None:
    one(repo, pattern("SHA256: .*", f"MD5sum: {hash_of(repo, 'md5')}"))


@TABLE.row()
def all_sums(repo: Odd) -> None:
    sums = {"MD5sum": "md5", "SHA1": "sha1", "SHA512": "sha512"}
    one(repo, line("\n".join(f"{name}: {hash_of(repo, kind)}" for name, kind in sums.items())))


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


@TABLE.row(quiet=INSIDE)
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
    tool(repo, "3:1.0~rc1+cuda11.1-1")


@TABLE.row()
def version_with_an_epoch_that_its_file_has(repo: Odd) -> None:
    tool(repo, "3:1.0", "tool_3:1.0_amd64.deb")


@TABLE.row()
def version_with_an_escaped_epoch_in_its_file(repo: Odd) -> None:
    tool(repo, "3:1.0", "tool_3%3a1.0_amd64.deb")


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


@TABLE.row(quiet=INSIDE)
def index_says_another_name(repo: Odd) -> None:
    repo.package = "other"
    repo.index = sub("Package: tool", "Package: other")


@TABLE.row(pin=OURS, quiet="a whole mirror does not know what the distribution provides")
def index_says_other_dependencies(repo: Odd) -> None:
    repo.index = line("Depends: nothing-here")


# relations


@TABLE.row()
def relation_without_blanks(repo: Odd) -> None:
    repo.stanzas = [repo.put(needing("lib(>=1.0)")), repo.put(simple_deb("lib", "1.0"))]


@TABLE.row()
def relation_over_several_lines(repo: Odd) -> None:
    repo.stanzas = [repo.put(needing("lib,\n more\n (>= 1)")), repo.put(simple_deb("lib", "1.0"))]
    repo.stanzas.append(repo.put(simple_deb("more", "1.0")))


@TABLE.row(pin=OURS)
def relation_with_empty_parts(repo: Odd) -> None:
    repo.stanzas = [repo.put(needing("lib")), repo.put(simple_deb("lib", "1.0"))]
    repo.index = sub("Depends: lib", "Depends: lib, ,")


@TABLE.row()
def relation_nobody_can_read(repo: Odd) -> None:
    repo.stanzas = [repo.put(needing("lib")), repo.put(simple_deb("lib", "1.0"))]
    repo.index = sub("Depends: lib", "Depends: lib (1.0)")


@TABLE.row(pin=OURS)
def relation_nobody_can_read_beside(repo: Odd) -> None:
    repo.index = lambda text: text + b"\n" + text.replace(b"Package: tool", b"Package: other\nDepends: (")


@TABLE.row(pin=OURS)
def relation_that_begins_with_a_comma(repo: Odd) -> None:
    repo.stanzas = [repo.put(needing("lib")), repo.put(simple_deb("lib", "1.0"))]
    repo.index = sub("Depends: lib", "Depends: , lib")


@TABLE.row()
def relation_that_ends_in_a_comma(repo: Odd) -> None:
    repo.stanzas = [repo.put(needing("lib")), repo.put(simple_deb("lib", "1.0"))]
    repo.index = sub("Depends: lib", "Depends: lib,")


@TABLE.row(pin=OURS)
def relation_with_an_architecture_in_brackets(repo: Odd) -> None:
    repo.stanzas = [repo.put(needing("lib")), repo.put(simple_deb("lib", "1.0"))]
    repo.index = sub("Depends: lib", "Depends: lib [amd64]")


@TABLE.row()
def relation_with_an_operator_and_no_version(repo: Odd) -> None:
    repo.stanzas = [repo.put(needing("lib")), repo.put(simple_deb("lib", "1.0"))]
    repo.index = sub("Depends: lib", "Depends: lib (>= )")


@TABLE.row()
def relation_on_a_name_of_odd_signs(repo: Odd) -> None:
    repo.index = line("Suggests: Lib_x@y")


@TABLE.row()
def conflict_nobody_can_read(repo: Odd) -> None:
    repo.index = line("Conflicts: other other")


@TABLE.row()
def provided_name_nobody_can_read(repo: Odd) -> None:
    repo.index = line("Provides: tools (= 1")
