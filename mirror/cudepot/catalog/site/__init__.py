"""What a site consists of: snapshots, names, pages, bundles."""
