"""Semantic geocells (PIGEON): classification of the Earth and refinement inside the best cells."""
