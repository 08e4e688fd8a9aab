"""Builds the tables in `geo/data` from their sources: `python -m geo.build --atlas countries-10m.json` (`geo/data/README.md`)."""
