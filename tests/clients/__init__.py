"""Real clients (apt, pip, uv, conda's solver, a plain web server) that never look at the host's configuration."""
