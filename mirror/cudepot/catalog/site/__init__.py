"""What a site consists of and holds for its clients: snapshots, files, names, packages, bundles."""
