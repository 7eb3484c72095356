"""Margins and caps: what their constructors accept."""
