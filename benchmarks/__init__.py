"""Benchmarks: ratios against peers run in the same process on the same answer, and memory."""
