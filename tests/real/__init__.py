"""Checks on real purchases, skipped where the data is absent."""
