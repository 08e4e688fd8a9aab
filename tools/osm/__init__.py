"""What OpenStreetMap knows of a place: extracts kept in one file each, or an Overpass server, behind one small protocol."""
