"""Ranking of pooled candidates by how near they are to the truth (GeoRanker, arXiv 2505.13731)."""
