"""`geosleuth classes` as a person or a script calls it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from evals.drawn_classes import CLASSES, write_drawn_classes
from geosleuth.class_command import classes

WAYS = {"ground_to_aerial", "aerial_to_ground"}


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    write_drawn_classes(folder, 4)
    return folder


def run(*args, code=0):
    result = CliRunner().invoke(classes, ["score", *map(str, args)])
    assert result.exit_code == code, result.output
    return result


def one_line(result):
    [line] = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    return line


def test_without_training(drawn):
    done = run(drawn, "--encoder", "tiny")
    said = json.loads(done.stdout)
    assert said["classes"] == list(CLASSES)
    assert (said["test_pictures"], said["unreadable"], said["encoder"]["name"]) == (48, 0, "tiny")
    assert set(said["scores"]) == {"chance", "encoder"}
    assert set(said["scores"]["encoder"]) == WAYS
    assert said["scores"]["chance"]["ground_to_aerial"]["p_at_1"] == pytest.approx(1 / 6)
    assert "48 of 48 test pictures" in done.stderr


def test_a_head_is_trained_kept_and_used(drawn, tmp_path):
    pytest.importorskip("torch")
    done = run(
        drawn,
        "--encoder",
        "tiny",
        "--train",
        "--set",
        "steps=20",
        "--set",
        "loss=softmax",
        "--save",
        tmp_path / "head",
        "--seed",
        3,
    )
    said = json.loads(done.stdout)
    assert (said["training_pictures"], said["test_pictures"]) == (24, 24)
    assert set(said["scores"]) == {"chance", "encoder", "encoder_centred", "head"}
    assert "step 20 of 20, loss " in done.stderr
    again = json.loads(run(drawn, "--head", tmp_path / "head").stdout)
    assert again["encoder"]["name"] == "tiny"
    assert set(again["scores"]) == {"chance", "encoder", "head"}
    assert "the head was trained on vectors of tiny" in one_line(
        run(drawn, "--head", tmp_path / "head", "--encoder", "embedded", code=2)
    )


def test_pictures_that_cannot_be_read_are_counted(tmp_path):
    write_drawn_classes(tmp_path / "set", 1)
    (tmp_path / "set/ground/river/ground0000.png").write_bytes(b"no picture")
    said = json.loads(run(tmp_path / "set", "--encoder", "tiny").stdout)
    assert (said["test_pictures"], said["unreadable"]) == (11, 1)
    assert "river/ground0000.png" in said["unreadable_first"][0]
    assert said["scores"]["encoder"]["aerial_to_ground"]["unanswerable"] == 1


def test_errors_are_one_line(drawn, tmp_path):
    assert "is no folder" in one_line(run(tmp_path / "nowhere", code=2))
    assert "has no ground pictures" in one_line(run(tmp_path, code=2))
    assert "give --train or --head, not both" in one_line(run(drawn, "--train", "--head", tmp_path, code=2))
    assert "--save and --set go with --train" in one_line(run(drawn, "--set", "dim=4", code=2))
    assert "loss is one of triplet" in one_line(run(drawn, "--train", "--set", "loss=none", code=2))
    assert "holds no trained model" in one_line(run(drawn, "--head", tmp_path, code=2))
    assert "there is no encoder 'nothing'" in one_line(run(drawn, "--encoder", "nothing", code=2))


def test_it_is_registered():
    from geosleuth.cli import app

    shown = CliRunner().invoke(app, ["classes", "score", "--help"])
    assert shown.exit_code == 0
    assert "mAP, P@k, R@k and NDCG@k" in shown.output
