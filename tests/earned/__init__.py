"""What runs earned, as data that outlives them."""
