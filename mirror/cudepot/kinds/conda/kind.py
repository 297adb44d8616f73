"""The site's conda channel as a kind: of packages that are made here."""

from __future__ import annotations

from cudepot.kinds.kind import Kind

KIND = Kind(showing="cudepot.kinds.conda.shows")
