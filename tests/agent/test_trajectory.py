"""The saved line: whole or not at all, and refused in one clear sentence when it is something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.trajectory import StopReason, TrajectoryError, file_name, load, save

GOOD = {"version": 1, "stop": "answered", "photo": "ü.jpg"}


def test_save_and_load(tmp_path: Path) -> None:
    save(GOOD, tmp_path / "deep" / "t.json")
    assert list(load(tmp_path / "deep" / "t.json")) == [GOOD]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["t.json"], "no temporary file is left"


def test_a_value_that_is_no_json_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    save(GOOD, path)
    with pytest.raises(ValueError, match="JSON"):
        save({**GOOD, "seconds": float("nan")}, path)
    assert list(load(path)) == [GOOD]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"version": 1, "stop": "answ', "not JSON"),
        ("[1, 2]", "not a trajectory"),
        ('{"hello": 1}', "not a trajectory"),
        (json.dumps({**GOOD, "version": 99}), "version 99"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(TrajectoryError, match=complaint):
        list(load(tmp_path / "t.json"))


def test_binary_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "t.json", tmp_path / "none.json", tmp_path):
        with pytest.raises(TrajectoryError, match="cannot read"):
            list(load(path))


@given(st.text(max_size=200), st.text("0123456789abcdef", min_size=16, max_size=64))
def test_file_names_are_safe(photo: str, key: str) -> None:
    name = file_name(photo, key)
    assert name.endswith(f"-{key[:16]}.json")
    assert len(name) < 100
    assert not set(name) & set('/\\:*?"<>| \n\x00')
    assert not name.startswith(".")


def test_faults_of_the_world_are_told_apart() -> None:
    assert {s for s in StopReason if s.failed} == {StopReason.POLICY_ERROR, StopReason.PHOTO_ERROR}
