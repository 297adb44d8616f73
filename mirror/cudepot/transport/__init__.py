"""Where bytes come from and go to: HTTP, folders, sites."""
