"""Benchmarks, metrics, runs and reports."""
