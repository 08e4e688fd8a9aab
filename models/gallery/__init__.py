"""Galleries: photos whose place is known, found by likeness."""
