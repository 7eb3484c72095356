"""Checks of the project itself: imports, names, sizes, documents."""
