"""Who sponsored whom when."""
