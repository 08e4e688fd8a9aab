"""An exported policy behind OpenAI's chat completions, by `transformers serve` with all its options:

python -m rl_training.serve_with_transformers DIR --port 8000
geosleuth locate photo.jpg --policy openai:DIR --base-url http://127.0.0.1:8000/v1

It needs transformers[serving]. Pictures are named by address in requests, and that server fetches them: leave it on the loopback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

AS_TEXT = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {"content": {"close_pattern": r"\s*(?:<\|im_end\|>|<\|endoftext\|>)", "content": "text"}},
}
"""How replies are read: as the text that they are. Calls are found in it by `agent/reply.py`, which mends them; that server answers
status 500 to a call that is not quite JSON."""


def prepare() -> None:
    """Make `transformers serve` know, in this process, the embedded model and processors that do without torchvision."""
    from transformers import AutoModelForMultimodalLM
    from transformers.cli.serving.model_manager import ModelManager
    from transformers.models.auto.modeling_auto import MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES

    from models.vision_language.embedded import MODEL_TYPE, EmbeddedConfig, EmbeddedVL, register

    register()
    AutoModelForMultimodalLM.register(EmbeddedConfig, EmbeddedVL, exist_ok=True)
    MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES[MODEL_TYPE] = EmbeddedVL.__name__
    ModelManager._load_processor = _processor


def _processor(manager: Any, source: str, gguf_file: str | None = None) -> Any:
    """In place of AutoProcessor, which asks for a Qwen-VL's video part and so for torchvision; `source` is NAME@REVISION."""
    from agent.policies.transformers_vl import load_processor

    processor = load_processor(source.rpartition("@")[0])
    processor.tokenizer.response_template = AS_TEXT
    return processor


def main(arguments: Sequence[str]) -> None:
    """`transformers serve` with these arguments, until it is stopped."""
    from transformers.cli.transformers import app

    prepare()
    app(["serve", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
