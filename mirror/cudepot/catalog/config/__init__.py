"""cudepot.toml as values."""
