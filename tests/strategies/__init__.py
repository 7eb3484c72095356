"""Strategies of the property tests, one module a topic."""
