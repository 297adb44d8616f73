"""Sites that are folders of this machine, for a web server to show."""
