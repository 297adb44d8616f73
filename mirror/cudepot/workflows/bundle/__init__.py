"""Crossing the air gap."""
