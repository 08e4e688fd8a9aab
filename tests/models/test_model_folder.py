"""Models are kept whole or not at all, and nothing in their files is executed."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from models.geolocator import ModelError
from models.model_folder import models_folder, read_arrays, read_card, write_model
from models.registry import load_geolocator, model_folder, model_names, models_for


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_model(tmp_path / "m", {"kind": "geocells", "encoder": "embedded"}, {"a": np.arange(5, dtype=np.float32)})
    assert read_card(tmp_path / "m") == {"version": 1, "kind": "geocells", "encoder": "embedded"}
    np.testing.assert_array_equal(read_arrays(tmp_path / "m")["a"], np.arange(5, dtype=np.float32))
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["arrays.npz", "model.json"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 9, "kind": "geocells"}', '{"version": 1}', "\ud800"])
def test_a_card_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(ModelError) as error:
        read_card(tmp_path)
    assert "\n" not in str(error.value)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match="cannot be read"):
        read_arrays(tmp_path)
    (tmp_path / "arrays.npz").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ModelError, match="cannot be read"):
        read_arrays(tmp_path)


def test_models_are_found_by_name_under_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    assert models_folder() == tmp_path / "models"
    assert model_names() == []
    write_model(model_folder("one"), {"kind": "geocells", "encoder_digest": "aa"}, {})
    write_model(model_folder("two"), {"kind": "alignment", "encoder_digest": "bb"}, {})
    (tmp_path / "models" / "broken").mkdir()
    (tmp_path / "models" / "broken" / "model.json").write_text("{")
    assert model_names() == ["broken", "one", "two"]
    assert models_for("aa") == ["one"]


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a b", "x" * 100])
def test_names_that_could_leave_the_folder_are_no_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    with pytest.raises(ModelError):
        load_geolocator(name)


def test_an_unknown_kind_is_said(tmp_path: Path) -> None:
    write_model(tmp_path / "m", {"kind": "oracle"}, {})
    with pytest.raises(ModelError, match="oracle"):
        load_geolocator(str(tmp_path / "m"))
