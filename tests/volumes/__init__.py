"""Tests of measures: each against its slow twin, its laws, what is refused."""
