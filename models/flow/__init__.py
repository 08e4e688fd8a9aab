"""Riemannian flow matching on the sphere as a geolocator, and its baselines (Around the World in 80 Timesteps, arXiv 2412.06781)."""
