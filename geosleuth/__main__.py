"""`python -m geosleuth`."""

from geosleuth.cli import main

main()
