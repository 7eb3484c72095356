"""Plans: constructor, plain data and back, the hash."""
