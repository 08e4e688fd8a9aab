"""The model card: valid front matter, figures from files alone, nothing in it that a stranger's text can break."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rl_training.config import TrainSettings
from rl_training.config_file import changed, load_settings
from rl_training.model_card import measured, model_card
from rl_training.run_record import made_with

FILES = {"model.safetensors": {"bytes": 1234, "sha256": "ab" * 32}}


def about(settings: TrainSettings, kind: str = "merged") -> dict[str, Any]:
    return {"kind": kind, "made": made_with(settings, "grpo"), "files": FILES}


def front(card: str) -> dict[str, Any]:
    return dict(yaml.safe_load(card.split("---\n")[1]))


def scores(folder: Path, **metrics: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    systems = {"hf:x|y": {"n": 50, "metrics": metrics}}
    (folder / "scores.json").write_text(json.dumps({"run": {"benchmark": "practice:easy:1:50:held-out"}, "systems": systems}))
    return folder


def test_the_front_matter_names_base_licence_and_data(tmp_path: Path) -> None:
    known = front(model_card(tmp_path, load_settings("embedded"), about(load_settings("embedded"))))
    assert known["license"] == "apache-2.0"
    assert known["base_model"] == ["HuggingFaceTB/SmolLM2-135M-Instruct"]
    assert "datasets" not in known
    settings = changed(TrainSettings(), ["model.base=some/model", "world.benches=osv5m,practice:easy"])
    other = front(model_card(tmp_path, settings, about(settings)))
    assert (other["license"], other["license_name"]) == ("other", "as-base-model")
    assert other["base_model"] == ["some/model"]
    assert other["datasets"] == ["osv5m/osv5m"]
    assert other["pipeline_tag"] == "image-text-to-text"
    local = changed(TrainSettings(), ["model.base=./folder/model"])
    assert "base_model" not in front(model_card(tmp_path, local, about(local)))


def test_the_card_says_how_it_was_made_and_what_it_is_not(tmp_path: Path) -> None:
    settings = load_settings("tiny-cpu")
    card = model_card(tmp_path, settings, about(settings, "adapter"))
    for words in ("GRPO on its own investigations", "the adapter alone", "Drawn street scenes are a test bed", "private people", "group = ",
                  'reader = "known"', "seed 0", f"sha256 `{'ab' * 32}`", "1,234 bytes", "CC0-1.0", "GeoNames (CC BY 4.0)", "held-out",
                  "Nothing was measured yet", made_with(settings, "grpo")["settings"]):  # fmt: skip
        assert words in card, words


def test_figures_come_from_scores_with_intervals(tmp_path: Path) -> None:
    value = {"value": 0.5, "low": 0.36, "high": 0.64, "n": 50}
    scores(tmp_path / "run" / "eval" / "step", country=value)
    scores(tmp_path / "other", median_km={"value": 123.4, "low": 80.0, "high": None, "n": 48})
    text = measured(tmp_path / "run", [tmp_path / "other", tmp_path / "other"])
    assert "50.0 % [36.0, 64.0]" in text
    assert "123 km [80.0, ∞] of 48" in text
    assert "hf:x\\|y" in text
    assert text.count("practice:easy:1:50:held-out") == 2  # the same file twice counts once
    assert "geoscore" not in text


def test_held_out_figures_come_from_the_log(tmp_path: Path) -> None:
    rows = [
        {"step": 0, "eval/reward": 0.25, "eval/country": 0.1},
        {"step": 5, "loss": 1.0},
        {"step": 9, "eval/reward": 0.5, "eval/country": 0.3},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = measured(tmp_path)
    assert "10.0 % (step 0)" in text
    assert "30.0 % (step 9)" in text
    assert "0.25 (step 0)" in text
    assert "loss" not in text


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"run": {}, "systems": {"a": 1}}',
        '{"systems": {}}',
        '{"run": {}, "systems": {"a": {"n": "x", "metrics": {}}}}',
    ],
)
def test_broken_scores_are_told_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "scores.json").write_text(content)
    with pytest.raises(ValueError, match="cannot be read as scores"):
        measured(tmp_path)


def test_an_evaluation_without_scores_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="geosleuth eval score"):
        measured(tmp_path, [tmp_path])


def test_texts_of_strangers_stay_texts(tmp_path: Path) -> None:
    settings = changed(TrainSettings(), ["title=a\n---\nlicense: mit", "model.base=a/b\n---", "world.benches=folder:x```"])
    card = model_card(tmp_path, settings, about(settings))
    assert front(card)["license"] == "other"
    assert front(card)["base_model"] == ["a/b\n---"]
    assert "# a --- license: mit" in card
    assert card.count("```") % 2 == 0
    assert "folder:x```" not in card


def test_folders_of_this_machine_are_nobodys_business(tmp_path: Path) -> None:
    told = [f"run.out={tmp_path}/secret/run", "model.adapter=/home/me/secret/sft", "world.benches=folder:/home/me/secret/photos",
            "world.held_out=geobench:/home/me/secret/bench", "model.base=/home/me/secret/qwen", "sft.traces=/home/me/secret/traces"]  # fmt: skip
    settings = changed(TrainSettings(), told)
    card = model_card(tmp_path, settings, about(settings))
    assert "secret" not in card
    for words in ('out = "run"', 'adapter = "sft"', "folder:photos", "geobench:bench", 'base = "qwen"', 'traces = ["traces"]'):
        assert words in card, words


def test_traces_are_named_with_their_teacher(tmp_path: Path) -> None:
    manifest = {"format": 1, "files": {}, "teacher": {"name": "informed", "knew": "the clues"}, "counts": {"kept": 3, "records": 4},
                "licences": {"CC0-1.0": 3}, "benchmark": "practice:easy:1:4:train"}  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    settings = changed(TrainSettings(), [f"sft.traces={tmp_path},{tmp_path / 'gone'}"])
    card = model_card(tmp_path, settings, about(settings))
    assert "traces of the teacher `informed`, who knew the clues: 3 of 4 kept, over `practice:easy:1:4:train`" in card
    assert "CC0-1.0 (3)" in card
