"""Runs for other programs, and other systems' outputs as runs."""
