"""Scripts that make the data files of this package; run by hand, not needed at run time."""
