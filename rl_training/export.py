"""A trained policy as a folder that other programs load: `geosleuth … --policy hf:DIR`, transformers, vLLM, PEFT, the hub.

merged    weights in safetensors with the adapter folded in, config, generation config, tokenizer, processor, chat template
adapter   what was trained alone: of the embedded model as `models/vision_language/adapter.py` keeps it; of others as PEFT does, with
          `weights.safetensors`, which also holds what was trained beside the LoRA

Both hold `geosleuth.json` (how the agent has to drive this policy), `export.json` (where it comes from, digests of the files) and a
model card.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from models.model_folder import write_json
from rl_training.run_record import read_record

if TYPE_CHECKING:
    from agent.policies.policy_card import PolicyCard

FORMAT = 1
ABOUT_FILE = "export.json"
TEMPLATE_FILE = "chat_template.jinja"
CARD_FILE = "README.md"
Kind = Literal["merged", "adapter"]
Load = Callable[[Path], tuple[Any, Any]]
"""A run's trained model and its processor."""
_PICKLED = frozenset({".bin", ".pt", ".pth", ".pkl", ".ckpt"})
_OFFLINE = "the hub cannot be reached"


class ExportError(ValueError):
    """A run that cannot be exported, or a place that it cannot go to; one line."""


def export(
    run: Path,
    into: Path,
    kind: Kind = "merged",
    *,
    load: Load | None = None,
    evaluations: Sequence[Path] = (),
) -> dict[str, Any]:
    """Write the trained policy of `run` to `into`, whole or not at all; an earlier export there is replaced.

    `evaluations` are folders of `geosleuth eval run` whose scores stand in the card beside those of the run itself. Returns what
    `export.json` says. Raises ExportError and RunRecordError, and OSError where the disk refuses.
    """
    from rl_training.model_card import model_card
    from rl_training.policy_model import card_of

    settings, record = read_record(run)
    card = card_of(settings)
    if into.exists() and (not into.is_dir() or (any(into.iterdir()) and not (into / ABOUT_FILE).is_file())):
        raise ExportError(f"{into} is there and is no earlier export: choose another folder")
    model, processor = (load or _load_trained)(run)
    if kind == "adapter" and settings.model.train == "full":
        raise ExportError(f"{run} trained all weights: there is no adapter, export it merged")
    into.parent.mkdir(parents=True, exist_ok=True)
    with _built(into) as folder:
        if kind == "merged":
            _write_merged(model, processor, folder, card)
        else:
            _write_adapter(model, folder, record)
        card.save(folder)
        if pickled := [path.name for path in folder.rglob("*") if path.suffix in _PICKLED]:
            raise ExportError(
                f"the model would be written as {pickled[0]}, which runs code when it is read; only safetensors are exported"
            )
        about = {"format": FORMAT, "kind": kind, "base": settings.model.base, "made": record, "files": digests(folder)}
        write_json(folder / ABOUT_FILE, about)
        (folder / CARD_FILE).write_text(model_card(run, settings, about, evaluations), encoding="utf-8")
    return about


def digests(folder: Path) -> dict[str, dict[str, Any]]:
    """Bytes and SHA-256 of every file, by its path in the folder."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        found[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": sha256}
    return found


def push(folder: Path, repo: str, *, private: bool = True, hub: Any = None) -> str:
    """Upload an export to `OWNER/NAME` on the Hugging Face hub; returns the address. The token is the hub's own affair (`hf auth login`).

    Raises ExportError with one line, which never holds a token.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

    if not (folder / ABOUT_FILE).is_file():
        raise ExportError(f"{folder} is no export: {ABOUT_FILE} is missing")
    try:
        api = hub or HfApi()
        api.create_repo(repo, repo_type="model", private=private, exist_ok=True)
        done = api.upload_folder(
            folder_path=str(folder), repo_id=repo, repo_type="model", commit_message="Trained with geosleuth"
        )
    except HFValidationError as error:
        raise ExportError(f"{repo[:100]!r} is no name of a repository: OWNER/NAME") from error
    except LocalTokenNotFoundError as error:
        raise ExportError("the hub wants to know who you are: hf auth login, or HF_TOKEN") from error
    except OfflineModeIsEnabled as error:
        raise ExportError(f"{_OFFLINE}: HF_HUB_OFFLINE is set; the export is in {folder}") from error
    except HfHubHTTPError as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        why = {401: "it does not know this token", 403: "this token may not write there"}.get(
            status or 0, f"it answered {status or 'nothing'}"
        )
        raise ExportError(f"the hub did not take {repo}: {why}; the export is in {folder}") from error
    except (OSError, _http_error()) as error:
        raise ExportError(f"{_OFFLINE} ({type(error).__name__}); the export is in {folder}") from error
    return str(getattr(done, "repo_url", None) or f"https://huggingface.co/{repo}")


def _http_error() -> type[Exception]:
    import httpx

    return httpx.HTTPError


def _load_trained(run: Path) -> tuple[Any, Any]:
    from rl_training.policy_model import load_trained

    model, processor, _ = load_trained(run)
    return model, processor


def _write_merged(model: Any, processor: Any, folder: Path, card: PolicyCard) -> None:
    """Everything that transformers, vLLM and this program load a model from."""
    from agent.chatml import ChatML

    model = _merged(model)
    model.save_pretrained(str(folder))
    if getattr(model, "generation_config", None) is not None:
        model.generation_config.save_pretrained(str(folder))
    processor.save_pretrained(str(folder))
    tokenizer = getattr(processor, "tokenizer", processor)
    tokenizer.save_pretrained(str(folder))
    if hasattr(processor, "image_processor"):
        processor.image_processor.save_pretrained(str(folder))
    template = getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)
    if ChatML.fits(processor):
        template = ChatML(
            processor, card.tools_as
        ).template()  # other programs then send the tokens that the policy was trained on
    if isinstance(template, str):
        (folder / TEMPLATE_FILE).write_text(template, encoding="utf-8")
    elif not (folder / TEMPLATE_FILE).is_file():
        raise ExportError("the processor has no chat template: other programs could not talk to the policy")


def _merged(model: Any) -> Any:
    """One model without adapter modules, in eval mode."""
    if _embedded(model):
        from models.vision_language.adapter import merged

        return merged(model)
    return (model.merge_and_unload() if hasattr(model, "merge_and_unload") else model).eval()


def _write_adapter(model: Any, folder: Path, record: Mapping[str, Any]) -> None:
    """What was trained and nothing else."""
    if not hasattr(model, "peft_config"):
        raise ExportError("the run has no adapter: export it merged")
    if _embedded(model):
        from models.vision_language.adapter import save_adapter

        save_adapter(model, folder, record)
        return
    from rl_training.checkpoints import save_weights

    model.save_pretrained(str(folder))
    save_weights(model, folder)


def _embedded(model: Any) -> bool:
    """Whether it is the embedded model, in an adapter or not: it alone has token rows to settle."""
    return hasattr(model.get_base_model() if hasattr(model, "get_base_model") else model, "settle")


@contextlib.contextmanager
def _built(into: Path) -> Iterator[Path]:
    """A folder beside `into` that takes its place when all of it is there."""
    temporary = Path(tempfile.mkdtemp(dir=into.parent, prefix=f".{into.name}."))
    try:
        yield temporary
        temporary.chmod(0o755)
        if into.exists():
            shutil.rmtree(into)
        os.replace(temporary, into)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
