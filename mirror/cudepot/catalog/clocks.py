"""How far two machines' clocks may be apart before one of them counts as wrong."""

from __future__ import annotations

import datetime

CLOCKS_APART = datetime.timedelta(minutes=5)
"""What is dated later than that was dated by a wrong clock, and no client with a right one has taken it."""
