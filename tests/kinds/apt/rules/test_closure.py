"""Which packages a set of pins needs: virtual packages, alternatives, exact chains, held pins, machines."""

from __future__ import annotations

import pytest

from cudepot.errors import PinError
from cudepot.formats.apt import PackageIndex
from cudepot.kinds.apt.rules.closure import select
from cudepot.kinds.apt.rules.installable import Selection, Wishes
from cudepot.kinds.apt.rules.offers import Offers
from cudepot.kinds.apt.rules.pins import DebPin


def index(*packages: str) -> PackageIndex:
    """Return an index of packages given as ``name version [arch] | Field: text | …``."""
    texts = []
    for number, text in enumerate(packages):
        head, *fields = (part.strip() for part in text.split("|| "))
        name, version, arch = (*head.split(), "amd64")[:3]
        rows = [f"Package: {name}", f"Version: {version}", f"Architecture: {arch}", *fields]
        rows += [f"Filename: ./{name}_{version}_{arch}_{number}.deb", "Size: 1", f"SHA256: {number:064x}"]
        texts.append("\n".join(rows))
    return PackageIndex("\n\n".join(texts).encode(), "x")


def chosen(found: Selection) -> list[str]:
    """Return what was chosen as ``name version arch (why)``."""
    return [f"{one.name} {one.version} {one.architecture} ({why})" for one, why in found.chosen.values()]


def resolve(
    packages: PackageIndex,
    *pins: str | DebPin,
    machines: tuple[str, ...] = ("amd64",),
    boundary: tuple[str, ...] = (),
) -> Selection:
    parsed = [DebPin.parse(one) if isinstance(one, str) else one for one in pins]
    return select(Offers([packages]), Wishes("u", parsed, machines, boundary))


def test_a_pin_without_a_version_means_the_newest() -> None:
    packages = index("a 1.9", "a 1.10", "a 1.10~rc1", "a 2 arm64", "b 1")
    assert chosen(resolve(packages, "a")) == ["a 1.10 amd64 (pin)"]


def test_a_pin_with_a_glob_means_all_that_match() -> None:
    packages = index("a 8.0.4", "a 8.0.5+cuda11", "a 8.0.5+cuda10", "a 8.1")
    assert chosen(resolve(packages, "a=8.0.5*")) == ["a 8.0.5+cuda11 amd64 (pin)", "a 8.0.5+cuda10 amd64 (pin)"]


def test_an_exact_chain_is_followed_per_version() -> None:
    packages = index(
        "dev 1+cuda11 || Depends: run (= 1+cuda11)", "dev 1+cuda10 || Depends: run (= 1+cuda10)",
        "run 1+cuda11", "run 1+cuda10", "run 2+cuda11",
    )  # fmt: skip
    assert set(chosen(resolve(packages, "dev=1+*"))) == {
        "dev 1+cuda11 amd64 (pin)", "dev 1+cuda10 amd64 (pin)",
        "run 1+cuda11 amd64 (needed by dev)", "run 1+cuda10 amd64 (needed by dev)",
    }  # fmt: skip


def test_a_dependency_is_followed_to_the_newest_that_fits_and_on_from_there() -> None:
    packages = index(
        "a 1 || Pre-Depends: b (<< 3)", "b 1", "b 2 || Depends: c", "b 3", "c 1 || Depends: a",
    )  # fmt: skip
    assert chosen(resolve(packages, "a")) == [
        "a 1 amd64 (pin)", "b 2 amd64 (needed by a)", "c 1 amd64 (needed by b)",
    ]  # fmt: skip


def test_alternatives_are_tried_in_order_and_one_is_enough() -> None:
    packages = index("a 1 || Depends: absent | b | c", "b 1", "c 1")
    assert chosen(resolve(packages, "a")) == ["a 1 amd64 (pin)", "b 1 amd64 (needed by a)"]
    assert chosen(resolve(packages, "a", "c")) == ["a 1 amd64 (pin)", "c 1 amd64 (pin)"]


def test_real_packages_come_before_providers() -> None:
    packages = index("a 1 || Depends: v", "p 9 || Provides: v", "v 1")
    assert "v 1 amd64 (needed by a)" in chosen(resolve(packages, "a"))


def test_a_virtual_package_is_met_by_a_provider() -> None:
    packages = index("a 1 || Depends: v", "p 1 || Provides: other, v", "p 2 || Provides: v")
    assert "p 2 amd64 (needed by a)" in chosen(resolve(packages, "a"))


def test_only_a_provision_with_a_version_meets_a_dependency_with_one() -> None:
    packages = index("a 1 || Depends: v (>= 2)", "p 9 || Provides: v", "q 1 || Provides: v (= 2)")
    assert "q 1 amd64 (needed by a)" in chosen(resolve(packages, "a"))
    (finding,) = resolve(index("a 1 || Depends: v (>= 2)", "p 9 || Provides: v"), "a").findings
    assert str(finding) == "a 1 (Depends: v (>= 2)): there is p 9 for v"


def test_a_dependency_on_a_pinned_package_keeps_to_the_pin() -> None:
    packages = index("a 1 || Depends: b", "b 1", "b 2")
    assert chosen(resolve(packages, "b=1", "a")) == ["b 1 amd64 (pin)", "a 1 amd64 (pin)"]
    (finding,) = resolve(index("a 1 || Depends: b (>= 2)", "b 1", "b 2"), "b=1", "a").findings
    assert str(finding) == "a 1 (Depends: b (>= 2)): there is b 1, b 2, and pins leave out some"


def test_what_the_index_lacks_is_left_to_the_distribution() -> None:
    found = resolve(index("a 1 || Depends: libc6 (>= 2.17), b | c"), "a")
    assert found.external == {"libc6 (>= 2.17)", "b | c"}


def test_what_is_there_in_the_wrong_version_only_is_an_error() -> None:
    (finding,) = resolve(index("a 1 || Depends: b (= 2)", "b 1", "b 3"), "a").findings
    assert str(finding) == "a 1 (Depends: b (= 2)): there is b 1, b 3"
    assert resolve(index("a 1 || Depends: b (= 2) | c", "b 1"), "a").external == {"b (= 2) | c"}


def test_of_duplicates_the_last_is_kept() -> None:
    found = resolve(index("a 1", "a 1 || Depends: b", "b 1", "b 1"), "a")
    files = [one.filename for one, _ in found.chosen.values()]
    assert files == ["a_1_amd64_1.deb", "b_1_amd64_3.deb"]


def test_every_machine_gets_its_own_dependencies() -> None:
    packages = index(
        "dev 1 || Depends: run (= 1)", "run 1", "dev 1 arm64 || Depends: run (= 1)", "run 1 arm64",
    )  # fmt: skip
    assert set(chosen(resolve(packages, "dev", machines=("amd64", "arm64")))) == {
        "dev 1 amd64 (pin)", "dev 1 arm64 (pin)", "run 1 amd64 (needed by dev)", "run 1 arm64 (needed by dev)",
    }  # fmt: skip
    assert set(chosen(resolve(packages, "dev"))) == {"dev 1 amd64 (pin)", "run 1 amd64 (needed by dev)"}


def test_packages_for_all_machines_get_their_dependencies_for_each() -> None:
    packages = index("meta 1 all || Depends: run, doc", "run 1", "run 1 arm64", "doc 1 all", "run 2 ppc64el")
    assert set(chosen(resolve(packages, "meta", machines=("amd64", "arm64")))) == {
        "meta 1 all (pin)", "doc 1 all (needed by meta)",
        "run 1 amd64 (needed by meta)", "run 1 arm64 (needed by meta)",
    }  # fmt: skip


def test_a_dependency_there_for_another_machine_only_is_external() -> None:
    found = resolve(index("a 1 || Depends: b", "b 1 arm64"), "a")
    assert found.external == {"b"}


@pytest.mark.parametrize(("pin", "hint"), [("libcudnn8=9", "versions of libcudnn8 there: 8.9, 8.10"),
                                           ("libcudnn7", "similar names there: libcudnn8"),
                                           ("zzz", "check the name")])  # fmt: skip
def test_a_pin_that_matches_nothing_says_what_is_there(pin: str, hint: str) -> None:
    with pytest.raises(PinError, match=pin) as caught:
        resolve(index("libcudnn8 8.10", "libcudnn8 8.9", "a 1"), pin)
    assert caught.value.hint.startswith(hint)


def test_pins_are_written_as_they_are_read() -> None:
    assert str(DebPin.parse(" a = 1* ")) == "a=1*"
    assert str(DebPin.parse("a")) == "a"
    assert str(DebPin.parse("a", "11.1", ("arm64",))) == "a (CUDA 11.1; arm64)"


# CUDA variants, architectures, globs


def variants() -> PackageIndex:
    return index(
        "libcudnn8 8.0.5.39-1+cuda11.1", "libcudnn8 8.9.7.29-1+cuda11.8", "libcudnn8 8.9.7.29-1+cuda12.2",
        "libcudnn8-dev 8.0.5.39-1+cuda11.1 || Depends: libcudnn8 (= 8.0.5.39-1+cuda11.1)",
        "libcudnn9-cuda-12 9.12.0.46-1 || Provides: libcudnn9", "libcudnn9-cuda-13 9.12.0.46-1 || Provides: libcudnn9",
        "libcudnn8 8.9.7.29-1+cuda12.2 arm64", "cuda-toolkit 12.2-1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "cuda", "versions"),
    [
        ("libcudnn8", "11.1", ["8.0.5.39-1+cuda11.1"]),
        ("libcudnn8", "11", ["8.9.7.29-1+cuda11.8"]),
        ("libcudnn8=*", "11", ["8.9.7.29-1+cuda11.8"]),
        ("libcudnn8=8*", "11", ["8.0.5.39-1+cuda11.1", "8.9.7.29-1+cuda11.8"]),
        ("libcudnn9*", "12", ["9.12.0.46-1"]),
        ("libcudnn9*", "12.9", ["9.12.0.46-1"]),
        ("libcudnn*", "12.2", ["8.9.7.29-1+cuda12.2", "9.12.0.46-1"]),
    ],
)
def test_a_cuda_variant_is_what_version_or_name_says(name: str, cuda: str, versions: list[str]) -> None:
    found = resolve(variants(), DebPin.parse(name, cuda))
    assert sorted(one.version for one, _ in found.chosen.values()) == versions
    assert not any("cuda-13" in one.name for one, _ in found.chosen.values())


@pytest.mark.parametrize(("name", "cuda"), [("libcudnn8", "1"), ("libcudnn8", "10.2"), ("cuda-toolkit", "12.2"),
                                            ("libcudnn9-cuda-12", "13"), ("libcudnn9-cuda-12", "1")])  # fmt: skip
def test_what_does_not_say_the_variant_is_not_taken(name: str, cuda: str) -> None:
    with pytest.raises(PinError, match=rf"pin '{name} \(CUDA {cuda}\)' matches nothing"):
        resolve(variants(), DebPin.parse(name, cuda))


@pytest.mark.parametrize(
    ("version", "hint", "found"),
    [
        ("8.9.7.29", "write libcudnn8=8.9.7.29-*", {"8.9.7.29-1+cuda11.8", "8.9.7.29-1+cuda12.2"}),
        ("=8.9.7.29", "write libcudnn8=8.9.7.29-*", {"8.9.7.29-1+cuda11.8", "8.9.7.29-1+cuda12.2"}),
        ("8.9", "write libcudnn8=8.9.*", {"8.9.7.29-1+cuda11.8", "8.9.7.29-1+cuda12.2"}),
        ("8.9.7.29-1.cuda12.2", "write libcudnn8=8.9.7.29-1+cuda12.2", {"8.9.7.29-1+cuda12.2"}),
        ("3.1", "write libcudnn8=2:3.1-*", {"2:3.1-4"}),
    ],
)
def test_a_version_without_its_revision_gets_a_hint_that_helps(version: str, hint: str, found: set[str]) -> None:
    packages = index(*(f"libcudnn8 {one}" for one in ("8.9.7.29-1+cuda11.8", "8.9.7.29-1+cuda12.2", "2:3.1-4")))
    with pytest.raises(PinError) as caught:
        resolve(packages, f"libcudnn8={version}")
    assert caught.value.hint == hint
    followed = resolve(packages, hint.removeprefix("write "))
    assert {one.version for one, _ in followed.chosen.values()} == found


def test_a_hint_names_what_the_pins_cuda_and_architecture_allow() -> None:
    packages = index("a 1.0-1+cuda11.1", "a 1.0.2-1+cuda12.2", "a 1.0-3+cuda12.2 arm64")
    with pytest.raises(PinError) as caught:
        resolve(packages, DebPin.parse("a=1.0", "12.2"))
    assert caught.value.hint == "write a=1.0.*"
    assert chosen(resolve(packages, DebPin.parse("a=1.0.*", "12.2"))) == ["a 1.0.2-1+cuda12.2 amd64 (pin)"]
    with pytest.raises(PinError) as caught:
        resolve(packages, "a=9.0")
    assert caught.value.hint.startswith("versions of a there: ")


def test_a_dependency_keeps_to_the_variant_of_its_pin() -> None:
    packages = index("a 1 || Depends: run", "run 1+cuda11.1", "run 2+cuda12.2")
    found = resolve(packages, "a", DebPin.parse("run=*", "11.1"))
    assert chosen(found) == ["a 1 amd64 (pin)", "run 1+cuda11.1 amd64 (pin)"]


def test_a_glob_over_names_means_the_newest_of_each() -> None:
    packages = index("libx 1", "libx 2", "libx-dev 1", "liby 3", "lib 1")
    assert chosen(resolve(packages, "libx*")) == ["libx 2 amd64 (pin)", "libx-dev 1 amd64 (pin)"]
    with pytest.raises(PinError, match=r"pin 'libz\*' matches nothing"):
        resolve(packages, "libz*")


def test_a_glob_holds_dependencies_too() -> None:
    packages = index("libx-dev 1 || Depends: libx (>= 1)", "libx 1", "libx 2")
    assert "libx 1 amd64 (pin)" in chosen(resolve(packages, "libx*=1"))
    assert "libx 2 amd64 (needed by libx-dev)" not in chosen(resolve(packages, "libx*=1"))


def test_a_pin_may_want_some_architectures_only() -> None:
    packages = index("a 1", "a 1 arm64", "b 1", "b 2 arm64 || Depends: c", "c 1", "c 1 arm64", "c 2 all")
    both = ("amd64", "arm64")
    assert chosen(resolve(packages, DebPin.parse("a", "", ("arm64",)), machines=both)) == ["a 1 arm64 (pin)"]
    assert chosen(resolve(packages, DebPin.parse("b", "", ("arm64",)), machines=both)) == [
        "b 2 arm64 (pin)", "c 2 all (needed by b)",
    ]  # fmt: skip


def test_the_newest_is_that_of_each_machine() -> None:
    packages = index("a 2", "a 1", "a 1 arm64", "m 1", "m 2 all")
    assert chosen(resolve(packages, "a", machines=("amd64", "arm64"))) == ["a 2 amd64 (pin)", "a 1 arm64 (pin)"]
    assert chosen(resolve(packages, "m", machines=("amd64", "arm64"))) == ["m 2 all (pin)"]


# virtual packages and the boundary


def test_a_chain_of_meta_packages_ends_at_the_provider_that_is_wanted() -> None:
    packages = index(
        "app 1 || Depends: libcudnn9",
        "cudnn9-cuda-12 9.12.0-1 || Depends: libcudnn9-dev-cuda-12 (>= 9.12.0.46)",
        "libcudnn9-dev-cuda-12 9.12.0.46-1 || Depends: libcudnn9-cuda-12 (= 9.12.0.46-1)",
        "libcudnn9-cuda-13 9.12.0.46-1 || Provides: libcudnn9",
        "libcudnn9-cuda-12 9.12.0.46-1 || Provides: libcudnn9",
    )
    found = resolve(packages, "app", "cudnn9-cuda-12")
    assert {one.name for one, _ in found.chosen.values()} == {
        "app", "cudnn9-cuda-12", "libcudnn9-dev-cuda-12", "libcudnn9-cuda-12",
    }, "what meets libcudnn9 already is not joined by the other provider"  # fmt: skip
    assert found.external == set()


def test_a_virtual_package_cannot_be_pinned_and_its_providers_are_named() -> None:
    with pytest.raises(PinError) as caught:
        resolve(variants(), "libcudnn9")
    assert "virtual package" in caught.value.hint
    assert "libcudnn9-cuda-12, libcudnn9-cuda-13" in caught.value.hint


def test_the_boundary_is_not_crossed() -> None:
    packages = index(
        "a 1 || Depends: libc6 (>= 2.17), libgcc-s1, b | libc6, libc6 (>= 9), v",
        "libc6 2.36 || Depends: libcrypt1", "libgcc-s1 12", "libcrypt1 4", "b 1", "libgcc-v 1 || Provides: v",
    )  # fmt: skip
    found = resolve(packages, "a", boundary=("libc6", "lib*gcc*"))
    assert chosen(found) == ["a 1 amd64 (pin)"]
    assert found.external == {"libc6 (>= 2.17)", "libgcc-s1", "b | libc6", "libc6 (>= 9)", "v"}


def test_a_pin_beyond_the_boundary_is_still_a_pin() -> None:
    packages = index("a 1 || Depends: libc6", "libc6 2.36 || Depends: libgcc-s1", "libgcc-s1 12")
    found = resolve(packages, "a", "libc6", boundary=("lib*",))
    assert chosen(found) == ["a 1 amd64 (pin)", "libc6 2.36 amd64 (pin)"]
    assert found.external == {"libgcc-s1"}
