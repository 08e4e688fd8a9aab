"""Image, GPS and text towers in one space (GeoCLIP, G3)."""
