"""Pins and client settings in the formats of other tools."""
