"""The site's conda channel."""
