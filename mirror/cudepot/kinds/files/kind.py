"""Plain files as a kind: archives and installers that upstreams of other kinds have, published as they are."""

from __future__ import annotations

from cudepot.kinds.kind import Kind

KIND = Kind(showing="cudepot.kinds.files.shows")
