"""Class-level retrieval between ground and aerial pictures: pictures of the same kind of place, not of the same place."""
