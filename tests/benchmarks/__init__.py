"""Tests of the benchmarks: small runs, no clocks."""
