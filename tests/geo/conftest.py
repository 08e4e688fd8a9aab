"""Property tests on the Earth: no deadlines, since the time of a machine is nobody's property."""

from hypothesis import settings

settings.register_profile("geo", deadline=None, max_examples=50)
settings.load_profile("geo")
