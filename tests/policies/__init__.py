"""Policies: level commission's constructor, and policies of one's own."""
