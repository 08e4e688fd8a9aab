"""Builds the data files of `models/data`; run by hand, never at run time."""
