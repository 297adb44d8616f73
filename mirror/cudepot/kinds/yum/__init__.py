"""yum repositories: read, locked, mirrored, published, proved, configured on clients."""
