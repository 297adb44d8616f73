"""What ``add`` and ``remove`` do to cudepot.toml, and locking it at once."""
