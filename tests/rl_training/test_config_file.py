"""Settings from TOML and from the command line: strict, laid over each other, written back as they were."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_training.config import GrpoSettings, OptimiserSettings, TrainSettings
from rl_training.config_checks import problems
from rl_training.config_file import ConfigError, changed, load_settings, paths, settings_of
from rl_training.config_text import differences, settings_digest, settings_text
from rl_training.run_record import RunRecordError, begin, read_record, run_folder


def file(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_fills_the_fields_that_it_names_and_leaves_the_others(tmp_path: Path) -> None:
    text = 'title = "mine"\n[model]\nlora_rank = 8\n[grpo.optimiser]\nlearning_rate = 1\n[reward]\ndistance = 1\n[world]\nbenches = ["practice:easy"]'
    settings = load_settings(file(tmp_path, text))
    assert (settings.title, settings.model.lora_rank, settings.grpo.optimiser.learning_rate) == ("mine", 8, 1.0)
    assert isinstance(settings.grpo.optimiser.learning_rate, float)
    assert settings.reward == {"distance": 1.0}
    assert settings.world.benches == ("practice:easy",)
    assert settings.grpo == dataclasses.replace(GrpoSettings(), optimiser=OptimiserSettings(learning_rate=1.0))
    assert settings.sft == TrainSettings().sft


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[grpo]\nepsilonn = 0.2", "grpo.epsilonn is not a setting (did you mean grpo.epsilon?)"),
        ("[gpro]\ngroup = 8", "gpro is not a setting (did you mean grpo?)"),
        ("[grpo]\nlearning_rate = 1e-6", "did you mean grpo.optimiser.learning_rate?"),
        ("[grpo.optimizer]\nlearning_rate = 1e-6", "grpo.optimizer is not a setting (did you mean grpo.optimiser?)"),
        ("nothing_alike = 1", "is not a setting; tables are model, world"),
        ("[grpo]\ngroup = 8.0", "grpo.group is a whole number, and 8.0 is not one"),
        ("[grpo]\ngroup = true", "grpo.group is a whole number, and True is not one"),
        ('[grpo]\nbeta = "0"', "grpo.beta is a number, and '0' is not one"),
        ("[run]\ntensorboard = 1", "run.tensorboard is true or false, and 1 is not one"),
        ('[world]\nbenches = "practice:easy"', "world.benches is a list"),
        ("[world]\ncurriculum = [0, 1.5]", "world.curriculum is a whole number, and 1.5 is not one"),
        ("model = 3", "model is a table: [model]"),
        ("reward = 3", "reward is a table: [reward]"),
        ('[reward]\ndistance = "much"', "reward.distance is a number"),
        ("[reward]\nbeauty = 1.0", "no part of the reward is called 'beauty'"),
        ("[grpo\n", "is not TOML"),
        ("extends = 3", "extends names one recipe or file"),
        ('extends = "nowhere"', "'nowhere' is no recipe, no file and no run"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as told:
        load_settings(file(tmp_path, text))
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_no_text_or_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(tmp_path / "mine.toml")
    with pytest.raises(ConfigError, match=r"did you mean tiny-cpu\?"):
        load_settings("tinycpu")
    with pytest.raises(ConfigError, match="larger than a configuration"):
        load_settings(file(tmp_path, "#" * 1_000_001))


def test_a_file_is_laid_over_the_one_that_it_extends(tmp_path: Path) -> None:
    file(tmp_path, 'extends = "tiny-cpu"\n[grpo]\ngroup = 6\n[world]\nbenches = ["practice:hard"]', "below.toml")
    settings = load_settings(file(tmp_path, 'extends = "below.toml"\n[grpo]\ntasks = 2'))
    tiny = load_settings("tiny-cpu")
    assert (settings.grpo.group, settings.grpo.tasks, settings.grpo.steps) == (6, 2, tiny.grpo.steps)
    assert settings.world.benches == ("practice:hard",)  # a list is replaced, not joined
    assert settings.model == tiny.model
    with pytest.raises(ConfigError, match="no chain of more than"):
        load_settings(file(tmp_path, 'extends = "mine.toml"'))


def test_changes_are_read_as_the_type_of_the_field() -> None:
    told = ["model.lora_rank=8", "grpo.optimiser.learning_rate=3e-6", "run.tensorboard=no", "title=a = b", "world.benches=a:1, b:2",
            "world.curriculum=0,40", 'world.tools=["zoom"]', "reward.distance=1", "sft.traces="]  # fmt: skip
    settings = changed(TrainSettings(), told)
    assert settings.model.lora_rank == 8
    assert settings.grpo.optimiser.learning_rate == 3e-6
    assert settings.run.tensorboard is False
    assert settings.title == "a = b"
    assert settings.world.benches == ("a:1", "b:2")
    assert settings.world.curriculum == (0, 40)
    assert settings.world.tools == ("zoom",)
    assert settings.reward == {"distance": 1.0}
    assert settings.sft.traces == ()
    assert TrainSettings().model.lora_rank == 16


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("grpo.group", "is not TABLE.FIELD=VALUE"),
        ("grpo.group=eight", "grpo.group"),
        ("grpo.group=8.5", "is not one"),
        ("grpo.grup=8", r"did you mean grpo.group\?"),
        ("grpo=8", "grpo is a table with the fields steps, tasks"),
        ("grpo.group.size=8", "is not a setting"),
        ("reward=1", "reward is a table"),
        ("reward.distance=far", "no value of this field"),
        ("reward.a.b=1", "is not a setting"),
        ("world.curriculum=0,x", "no value of this field"),
        ("world.curriculum=[0, 1", "no value of this field"),
        ("world.curriculum=0.5", "is a whole number"),
        ("reward.distance=1\nb=2", "no value of this field"),
        ("run.tensorboard=maybe", "run.tensorboard"),
        ("nonsense=1", "is not a setting"),
    ],
)
def test_a_change_that_means_nothing_is_refused(change: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        changed(TrainSettings(), [change])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("model.train=some", "model.train is 'some': one of lora, full"),
        ("model.prompt=poem", "model.prompt is 'poem'"),
        ("model.lora_rank=0", "from 1 to"),
        ("world.benches=", "names no benchmark"),
        ("world.held_out=practice:easy:1:2000:train", "is both learned from"),
        ("world.curriculum=5", "from no benchmark at step 0"),
        ("world.curriculum=0,1", "2 numbers for 1 benchmarks"),
        ("world.reader=known", ""),
        ("world.reader=known-ocr", ""),
        ("grpo.group=1", "at least 2 rollouts"),
        ("grpo.epsilon=0.5", "is below grpo.epsilon"),
        ("grpo.beta=-1", "grpo.beta is below 0"),
        ("grpo.temperature=0", "above 0"),
        ("grpo.min_p=1", "grpo.min_p is 1"),
        ("grpo.temperature=nan", "grpo.temperature is nan"),
        ("grpo.max_new_tokens=5000", "grpo.max_new_tokens is 5000: from 1 to 4096"),
        ("sft.optimiser.warmup_steps=201", "from 0 to the 200 steps"),
        ("grpo.optimiser.learning_rate=0", "above 0"),
        ("grpo.optimiser.schedule=stairs", "one of constant, linear, cosine"),
        ("run.keep=0", "run.keep is 0"),
        ("run.backend=verl", "one of trl, accelerate"),
        ("reward.distance=0", "every weight of the reward is 0"),
    ],
)
def test_what_makes_no_sense_is_listed(change: str, words: str) -> None:
    found = problems(changed(TrainSettings(), [change]))
    assert (words in found[0]) if words else (found == [])


def test_several_problems_are_told_together(tmp_path: Path) -> None:
    assert problems(TrainSettings()) == []
    text = '[world]\nreader = "known"\nbenches = ["folder:x"]\nheld_out = []\n[run]\neval_every = 5\nseed = -1'
    with pytest.raises(ConfigError) as told:
        load_settings(file(tmp_path, text))
    for words in ("folder:x is not of the practice world", "asks for evaluations", "run.seed is -1"):
        assert words in str(told.value)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT, int: st.integers(-(10**9), 10**9), bool: st.booleans(), float: st.floats(allow_nan=False, allow_infinity=False),
    tuple[str, ...]: st.lists(_TEXT, max_size=3).map(tuple), tuple[int, ...]: st.lists(st.integers(-9, 9), max_size=3).map(tuple),
}  # fmt: skip


def any_of(cls: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    fields = {f.name: hints[f.name] for f in dataclasses.fields(cls)}
    weights = st.dictionaries(_TEXT, _LEAVES[float], max_size=3)
    return st.builds(cls, **{n: any_of(h) if dataclasses.is_dataclass(h) else _LEAVES.get(h, weights) for n, h in fields.items()})


@given(any_of(TrainSettings))
def test_any_settings_are_read_back_as_they_were_written(settings: TrainSettings) -> None:
    assert settings_of(tomllib.loads(settings_text(settings))) == settings


def test_the_digest_is_of_what_counts() -> None:
    plain = TrainSettings()
    assert settings_digest(plain) == settings_digest(dataclasses.replace(plain, title="x", needs="y"))
    other = changed(plain, ["grpo.group=9", "reward.distance=1.0"])
    assert settings_digest(plain) != settings_digest(other)
    assert differences(plain, other) == {"grpo.group": (8, 9), "reward.distance": (None, 1.0)}


def test_every_field_has_a_path() -> None:
    found = list(paths())
    assert {"title", "grpo.optimiser.learning_rate", "world.benches", "reward"} <= set(found)
    assert len(found) == len(set(found))


def test_a_run_is_written_down_and_can_be_given_again(tmp_path: Path) -> None:
    settings = changed(load_settings("tiny-cpu"), [f"run.out={tmp_path / 'r'}"])
    folder = begin(settings, "grpo")
    assert folder == run_folder(settings, "grpo") == tmp_path / "r" / "grpo"
    assert load_settings(folder) == settings
    told, record = read_record(folder)
    assert (told, record["stage"], record["settings"]) == (settings, "grpo", settings_digest(settings))
    assert {"torch", "transformers"} <= set(record["packages"])
    assert "system" in record["prompts"]
    with pytest.raises(RunRecordError, match="holds a run already: --resume"):
        begin(settings, "grpo")
    longer = changed(settings, ["grpo.steps=500", "run.eval_every=7"])
    assert begin(longer, "grpo", resume=True) == folder
    assert read_record(folder)[1]["began"] == record["began"]
    with pytest.raises(RunRecordError, match=r"other settings: grpo.group \(\d+ before, 9 now\)"):
        begin(changed(settings, ["grpo.group=9"]), "grpo", resume=True)
    assert begin(settings, "sft") != folder
    (folder / "run.json").write_text("[]")
    with pytest.raises(RunRecordError, match="another version"):
        read_record(folder)
    with pytest.raises(RunRecordError, match="no training run"):
        read_record(tmp_path)
