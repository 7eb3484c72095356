"""Tests of periods, zones and instants."""
