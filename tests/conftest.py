"""Tests keep what they cache, and look for galleries and models, in a folder of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "GEOSLEUTH_DATA"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield
