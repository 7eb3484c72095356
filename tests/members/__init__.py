"""Tests of typed columns and of the members table."""
