"""Tests of orders, their tables and the catalog."""
