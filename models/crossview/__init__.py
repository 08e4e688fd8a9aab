"""Photos from the ground against pictures from above: twin encoders, an index of an area, a map of where a photo was taken."""
