"""Slow, obvious twins of the fast functions: dicts, loops and exact fractions."""
