"""Hot loops as pure functions of arrays."""
