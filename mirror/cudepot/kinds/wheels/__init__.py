"""Python package indexes (PEP 503, 691): locked, published, exported."""
