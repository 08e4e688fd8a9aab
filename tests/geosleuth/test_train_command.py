"""`geosleuth train` as a user meets it: settings, runs that go on, curves, export; the training itself is injected."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from geosleuth.cli import app
from geosleuth.train.screen import Screen
from geosleuth.train.trainers import Trainers
from rl_training.config import TrainSettings
from rl_training.metrics_log import Told, read_metrics


class Fake:
    """Trains nothing, tells of `steps` steps from `first` on, and then fails where asked to."""

    def __init__(self, steps: int = 3, first: int = 0, error: Exception | None = None) -> None:
        self.steps, self.first, self.error = steps, first, error
        self.asked: list[tuple[TrainSettings, Path]] = []

    def __call__(self, settings: TrainSettings, folder: Path, told: Told) -> None:
        self.asked.append((settings, folder))
        told({"rows": 1200})
        for step in range(self.first, self.steps):
            told(
                {
                    "step": step,
                    "of": self.steps,
                    "loss": 1.0 / (step + 1),
                    "reward": 0.1 * step,
                    "end/answered": 0.5,
                    "tool/zoom": 0.25,
                }
            )
        told({"step": self.steps - 1, "eval/reward": 0.5, "eval/country": 0.25})
        if self.error:
            raise self.error


def train(*words: object, code: int = 0, **parts: Any) -> Result:
    found = CliRunner().invoke(app, ["train", *map(str, words)], obj=Trainers(**parts))
    assert found.exit_code == code, found.output + repr(found.exception)
    return found


@pytest.fixture
def out(tmp_path: Path) -> str:
    return f"run.out={tmp_path / 'run'}"


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)


def test_recipes_are_listed_and_printed() -> None:
    text = train("recipes").output
    assert "tiny-cpu" in text
    assert "unmeasured" in text
    listed = {recipe["name"]: recipe for recipe in json.loads(train("recipes", "--json").stdout)["recipes"]}
    assert [Path(path).name for path in listed["qwen-vl-7b-8gpu"]["beside"]] == [
        "qwen-vl-7b-8gpu.fsdp2.yaml",
        "qwen-vl-7b-8gpu.zero3.yaml",
    ]
    assert Path(listed["embedded"]["file"]).is_file()
    assert tomllib.loads(train("recipes", "tiny-cpu").stdout)["model"]["base"] == "tiny"
    assert "did you mean" in train("recipes", "tinycpu", code=2).output


@pytest.mark.parametrize("stage", ["sft", "grpo"])
def test_a_run_is_kept_told_and_summed_up(stage: str, tmp_path: Path, out: str) -> None:
    fake = Fake()
    parts: dict[str, Any] = {stage: fake}
    done = train(stage, "tiny-cpu", "--set", out, "--set", "run.tensorboard=false", "--set", "grpo.group=6", "--json", **parts)
    ((settings, folder),) = fake.asked
    assert (settings.grpo.group, folder) == (6, tmp_path / "run" / stage)
    told = json.loads(done.stdout)
    assert (told["stage"], told["run"], told["step"]) == (stage, str(folder), 2)
    assert told["facts"] == {"rows": 1200}
    assert "rows 1,200" in done.stderr
    assert told["best"] == {"metric": "eval/reward", "step": 2, "value": 0.5}
    assert tomllib.loads((folder / "settings.toml").read_text())["grpo"]["group"] == 6
    assert [row["step"] for row in read_metrics(folder)] == [0, 1, 2, 2]
    assert f"{stage}: held out after step 2: reward 0.5, country 0.25" in done.stderr
    assert "3 of 3 steps, loss 0.333, reward 0.2, answered 0.5, zoom 0.25" in done.stderr


def test_a_run_goes_on_only_when_asked_to_and_with_the_same_settings(tmp_path: Path, out: str) -> None:
    words = ("grpo", "tiny-cpu", "--set", out, "--set", "run.tensorboard=false", "--set", "grpo.group=4", "-q")
    train(*words, grpo=Fake(2, error=ValueError("the tools are gone")), code=2)
    assert "--resume goes on" in train(*words, code=2, grpo=Fake()).output
    other = train(*words, "--resume", "--set", "grpo.group=8", code=2, grpo=Fake())
    assert "other settings: grpo.group (4 before, 8 now)" in other.output
    fake = Fake(4, first=1)
    done = train(*words, "--resume", "--set", "grpo.steps=99", grpo=fake)
    assert fake.asked[0][0].grpo.steps == 99
    assert [row["step"] for row in read_metrics(tmp_path / "run" / "grpo")] == [0, 1, 2, 3, 3]
    assert "best held-out reward: 0.5 after step 3" in done.output
    train("grpo", tmp_path / "run" / "grpo", "--resume", "-q", grpo=Fake(4, first=3))  # the run is a configuration itself


def test_one_line_for_what_is_wrong(tmp_path: Path, out: str) -> None:
    assert "did you mean grpo.group?" in train("grpo", "tiny-cpu", "--set", "grpo.grup=3", code=2).output
    assert "at least 2 rollouts" in train("grpo", "tiny-cpu", "--set", "grpo.group=1", code=2).output
    failed = train("sft", "tiny-cpu", "--set", out, code=2, sft=Fake(0, error=ValueError("no traces are there")))
    assert failed.output.strip().splitlines()[-1] == "Error: no traces are there"
    full = train("sft", "tiny-cpu", "--set", out, "--resume", code=1, sft=Fake(0, error=OSError(28, "No space left on device")))
    assert "No space left on device" in full.output


def test_settings_are_checked_without_a_run(tmp_path: Path, out: str) -> None:
    text = train("grpo", "embedded", "--set", out, "--check", grpo=lambda *_: pytest.fail("nothing is trained")).stdout
    assert tomllib.loads(text)["run"]["out"] == str(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_not_installed_is_named(out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name in {"trl", "peft"} else real(name, *more))
    told = train("grpo", "embedded", "--set", out, "--set", "run.backend=trl", code=2, grpo=Fake())
    assert "training needs trl, peft: pip install 'geosleuth[train]'" in told.output
    train("grpo", "tiny-cpu", "--set", out, "--set", "run.tensorboard=false", "-q", grpo=Fake())  # it needs neither


def test_only_the_first_of_several_processes_writes(tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    fake = Fake()
    assert train("grpo", "tiny-cpu", "--set", out, grpo=fake).output == ""
    assert fake.asked[0][1] == tmp_path / "run" / "grpo"
    assert not (tmp_path / "run").exists()


def test_curves_of_one_run_and_of_several(tmp_path: Path) -> None:
    for seed in (0, 1):
        train(
            "grpo", "tiny-cpu", "--set", f"run.out={tmp_path / str(seed)}", "--set", "run.tensorboard=false", "-q", grpo=Fake(9)
        )
    runs = [tmp_path / str(seed) / "grpo" for seed in (0, 1)]
    train("curves", runs[0])
    with Image.open(runs[0] / "curves.png") as picture:
        assert picture.width == 1520
    train("curves", *runs, "--into", tmp_path / "both.png", "--title", "two seeds")
    assert (tmp_path / "both.png").stat().st_size > 10_000
    assert "metrics.jsonl cannot be read" in train("curves", tmp_path, code=2).output


class Model:
    generation_config = None

    def eval(self) -> Model:
        return self

    def save_pretrained(self, folder: str) -> None:
        (Path(folder) / "model.safetensors").write_bytes(b"weights")


def test_a_run_is_exported_and_uploaded(tmp_path: Path, out: str) -> None:
    train("sft", "tiny-cpu", "--set", out, "--set", "run.tensorboard=false", "-q", sft=Fake())
    run, told = tmp_path / "run" / "sft", []
    processor = SimpleNamespace(save_pretrained=lambda folder: None, chat_template="t")
    hub = SimpleNamespace(create_repo=lambda repo, **more: told.append((repo, more["private"])),
                          upload_folder=lambda **more: SimpleNamespace(repo_url="https://hub/me/policy"))  # fmt: skip
    parts: dict[str, Any] = {"load": lambda folder: (Model(), processor), "hub": hub}
    done = train("export", run, "--into", tmp_path / "p", "--push", "me/policy", "--json", **parts)
    about = json.loads(done.stdout)
    assert (about["kind"], about["pushed"], told) == ("merged", "https://hub/me/policy", [("me/policy", True)])
    assert "reward" in (tmp_path / "p" / "README.md").read_text()
    assert "hf:" in train("export", run, "--into", tmp_path / "p", **parts).output
    assert "there is no adapter" in train("export", run, "--into", tmp_path / "q", "--adapter", code=2, **parts).output
    assert "no training run" in train("export", tmp_path, "--into", tmp_path / "q", code=2, **parts).output


def test_traces_are_collected_and_go_on(tmp_path: Path) -> None:
    call = {"name": "answer", "args": {"candidates": [{"lat": 38.72, "lon": -9.14, "radius_km": 10, "probability": 0.8}]}}
    (tmp_path / "teacher.json").write_text(json.dumps([{"content": "Lisbon.", "tool_calls": [call]}]))
    folder = tmp_path / "traces"
    words = (
        "collect",
        "--policy",
        f"scripted:{tmp_path / 'teacher.json'}",
        "--bench",
        "practice:easy:1:1:train",
        "--out",
        folder,
        "--workers",
        1,
    )
    first = json.loads(train(*words, "--keep", "all", "--json").stdout)
    assert (first["records"], first["missing"], first["stopped"]) == (1, 0, "")
    assert first["kept"] + sum(first["dropped"].values()) == 1
    assert (folder / "traces.jsonl").is_file()
    before = (folder / "run" / "trajectories.jsonl").read_bytes()
    again = train(*words, "--keep", "right")
    assert (folder / "run" / "trajectories.jsonl").read_bytes() == before  # no record is run twice
    assert f"{folder}: 0 of 1 kept; dropped: 1 " in again.output


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--policy", "nobody"), "no policy is called"),
        (("--keep", "best"), "best"),
        (("--bench", "nowhere"), "no benchmark is called"),
        (("--search", "ddgs"), "say --online"),
        (("--config", "tinycpu"), "did you mean tiny-cpu"),
    ],
)
def test_collecting_says_what_is_wrong(tmp_path: Path, more: tuple[str, str], words: str) -> None:
    given = {"--policy": "checklist", "--bench": "practice:easy:1:1:train", "--out": str(tmp_path / "t")} | dict([more])
    told = train("collect", *(part for pair in given.items() for part in pair), code=2)
    assert words in told.output


def test_the_screen_shows_a_step_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 9.0, 10.0, 11.0])
    with Screen("grpo", terminal=False, clock=lambda: next(seconds)) as screen:
        for step in range(4):
            screen({"step": step, "of": 9, "loss": 0.5})
    shown = capsys.readouterr().err.splitlines()
    assert shown == ["grpo: 1 of 9 steps, loss 0.5", "grpo: 3 of 9 steps, loss 0.5"]


def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen("grpo", terminal=True) as screen:
        screen({"step": 0, "of": 2, "loss": 0.5})
        screen({"step": 0, "eval/reward": 0.25})
    assert "held out after step 0: reward 0.25" in capsys.readouterr().err
