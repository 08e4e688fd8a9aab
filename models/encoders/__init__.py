"""From pictures to unit vectors."""
