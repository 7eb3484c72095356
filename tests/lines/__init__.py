"""Sheets, cells, tallies, batches of lines, and the second check."""
