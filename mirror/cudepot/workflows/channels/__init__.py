"""Channels of the site: what they show, and names of snapshots."""
