"""Scripts that build the data files of `tools`; run with `python -m tools.build.NAME`."""
