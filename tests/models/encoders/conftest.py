"""The network's graph is kept in a folder of the tests, not in the user's cache."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.encoders.efficientnet_lite import EfficientNetLite


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`$XDG_CACHE_HOME` for all tests of encoders."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def network(cache_home: None) -> EfficientNetLite:
    """EfficientNet-Lite2 with its real weights."""
    return EfficientNetLite.load()
