"""docs/nvidia-guide.md has every section of the guides, in NVIDIA's words wherever these are right."""

from __future__ import annotations

import pytest
from tests.guide.sections import ON_PAGE, PAGE, SECTIONS, SITES, Section

_HOLDING = "Stay on a build"
_WINDOWS_DOWNLOAD = "3.2 Downloading"


@pytest.mark.parametrize("section", SECTIONS.values(), ids=lambda one: one.title)
def test_a_section_has_nvidias_lines_or_says_why_not(section: Section) -> None:
    assert section.title in ON_PAGE
    typed, wanted = "".join(section.blocks), section.same.splitlines()
    missing = [line for line in wanted if f"{line}\n" not in typed]
    assert bool(missing or not wanted) == bool(section.differs), missing
    assert section.runs or section.client != "apt-get"


def test_no_block_of_the_page_belongs_to_no_section() -> None:
    with_blocks = {title for title, blocks in ON_PAGE.items() if blocks}
    assert with_blocks - {_HOLDING, _WINDOWS_DOWNLOAD} <= set(SECTIONS)


def test_the_last_table_says_what_is_tried() -> None:
    rows = [f"| Section | {' | '.join(SITES)} | By |", "|---|" + "---|" * (len(SITES) + 1)]
    rows += [_row(one) for one in SECTIONS.values()]
    assert "\n".join(rows) in PAGE.read_text(), "\n" + "\n".join(rows)


def _row(section: Section) -> str:
    cells = [", ".join(one.variables.get("OS", "yes") for one in section.runs if site in one.on) for site in SITES]
    return f"| {' | '.join([section.title, *cells, section.client])} |"
