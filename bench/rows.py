"""What a bench gives: one row per piece of work, the same form for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        bench, work: what was measured, on what.
        ours_s: seconds cudepot took.
        peers: seconds of others at the same work.
        limit_s: seconds of the part nobody can save (hashing, compressing), measured alone; 0 when none was.
        rss_mb: peak resident memory of cudepot's own process, in 10^6 bytes.
        child_rss_mb: the same of the largest of its children (gpg).
        requests: HTTP requests made; -1 when nobody counted.
        peer_requests: the same of others.
    """

    bench: str
    work: str
    ours_s: float
    peers: Mapping[str, float] = field(default_factory=dict)
    limit_s: float = 0.0
    rss_mb: float = 0.0
    child_rss_mb: float = 0.0
    requests: int = -1
    peer_requests: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the row as it is printed by ``--json``."""
        best = min(self.peers.values(), default=0.0)
        return {
            "bench": self.bench,
            "work": self.work,
            "ours_s": round(self.ours_s, 3),
            "peers": {name: round(seconds, 3) for name, seconds in self.peers.items()},
            "limit_s": round(self.limit_s, 3),
            "ratio_best_peer": round(self.ours_s / best, 2) if best else None,
            "ratio_limit": round(self.ours_s / self.limit_s, 2) if self.limit_s else None,
            "rss_mb": round(self.rss_mb),
            "child_rss_mb": round(self.child_rss_mb),
            **({"requests": self.requests} if self.requests >= 0 else {}),
            **({"peer_requests": dict(self.peer_requests)} if self.peer_requests else {}),
        }


def rows_of(parts: Mapping[tuple[str, ...], Callable[[], Iterable[Row]]], only: str) -> list[Row]:
    """Do the parts of a bench that give wanted rows; return those rows.

    Args:
        parts: names of the rows a part gives → the part.
        only: what the names of wanted rows have in them; empty for all.
    """
    asked = [part for works, part in parts.items() if any(only in one for one in works)]
    return [row for part in asked for row in part() if only in row.work]


def table(rows: list[Row]) -> str:
    """Return the rows as a table for people."""
    head = f"{'work':44} {'ours':>8} {'best peer':>22} {'limit':>8} {'RSS':>7} {'child':>7} {'requests':>8}"
    lines = [head]
    for row in rows:
        peer = min(row.peers.items(), key=lambda one: one[1], default=("", 0.0))
        best = f"{peer[0]} {peer[1]:.2f} s" if peer[0] else "-"
        limit = f"{row.limit_s:.2f} s" if row.limit_s else "-"
        count = str(row.requests) if row.requests >= 0 else "-"
        lines.append(
            f"{row.work:44} {row.ours_s:6.2f} s {best:>22} {limit:>8} {row.rss_mb:4.0f} MB {row.child_rss_mb:4.0f} MB"
            f" {count:>8}"
        )
    return "\n".join(lines)
