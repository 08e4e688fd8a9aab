"""Learned geolocators: encoders of pictures, galleries of photos whose place is known, and models trained on them."""
