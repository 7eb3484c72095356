"""State: what outlives a run."""
