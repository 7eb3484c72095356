"""Facts: joined once, refused early."""
