"""Decisions that several kinds share, without touching anything outside."""
