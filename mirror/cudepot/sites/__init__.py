"""Site kinds: each a folder here and a row in the registry. A kind knows how a site is written, shown and read."""
