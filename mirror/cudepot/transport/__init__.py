"""Where bytes come from: HTTP, folders, volumes; and how they are served."""
