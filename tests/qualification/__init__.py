"""Tests of gates, tiers and ladders: against the slow twin, their laws, what is refused."""
