"""Two plans on the same facts."""
