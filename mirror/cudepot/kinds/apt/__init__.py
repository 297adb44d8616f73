"""apt repositories: read, locked, mirrored, published, proved, configured on clients."""
