"""The main job end to end, with real clients."""
