"""Galleries of photos made in code, and the commands as a person or a script calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from geosleuth.gallery import gallery
from geosleuth.gallery.encoders import Encoders
from models.encoders.encoder import EncoderError
from tests.geosleuth.gallery_cases import Colours, Run, photo_folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")

    def make(spec: str) -> Colours:
        if spec not in {"embedded", "colours", "others", "unfree"}:
            raise EncoderError(f"there is no encoder {spec!r}")
        encoder = Colours("ffffffffffffffff" if spec == "others" else "00112233aabbccdd")
        encoder.licence = "CC-BY-NC-4.0" if spec == "unfree" else encoder.licence
        return encoder

    def invoke(*args: object, code: int = 0, **more: Any) -> Result:
        result = CliRunner().invoke(gallery, [str(arg) for arg in args], obj=Encoders(make), **more)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return photo_folder(tmp_path / "trips", 10)


@pytest.fixture
def built(run: Run, photos: Path, tmp_path: Path) -> Path:
    """Gallery `g` of ten photos of two sources, and the folder of the first."""
    more = photo_folder(tmp_path / "more", 4, first_seed=30)
    run("build", photos, more, "--into", "g", "--licence", "CC BY 4.0")
    return photos
