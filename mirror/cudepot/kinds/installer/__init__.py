"""Local installers: a deb or rpm that holds a repository."""
