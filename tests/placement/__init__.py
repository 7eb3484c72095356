"""Tests of placements: given places, rules, matrices and boards."""
