"""Tests of corrections: what was earned is a function of the facts now known."""
