"""Where a store is, unless in the folder it works in."""
