"""Expressions: bases, conditions and selections, against naive readings."""
