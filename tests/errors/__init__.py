"""What the library says to bad input, through its public names only."""
