"""Performance against peers and the physical limit, measured in the same run: ``scripts/bench NAME [--json]``."""
