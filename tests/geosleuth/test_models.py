"""`geosleuth models` on a small gallery, and what `locate` makes of galleries and models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from evals.synthetic_earth import EarthSettings, SyntheticEarth
from geosleuth.cli import app
from models.gallery.catalogue import GalleryCard, gallery_folder, write_card
from models.gallery.flat import FlatGallery
from models.gallery.gallery import Row
from models.registry import load_geolocator, model_folder, models_for
from tests.tools.gallery_cases import build, photo, picture


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a gallery of synthetic vectors."""
    root = tmp_path_factory.mktemp("data")
    photos = SyntheticEarth(EarthSettings(dim=32, noise=0.1, looks_strength=0.2)).photos(900, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOSLEUTH_DATA", str(root))
        folder = gallery_folder("earth")
        write_card(folder, GalleryCard(photos.encoder, photos.encoder_digest, 32, "flat:store"))
        store = FlatGallery(folder / "store", dim=32, encoder_digest=photos.encoder_digest, create=True)
        rows = [
            Row(str(i), float(photos.lat[i]), float(photos.lon[i]), photos.country[i], photos.region[i], photos.city[i])
            for i in range(len(photos))
        ]
        store.add(rows, photos.vectors)
        store.close()
    return root


@pytest.fixture(autouse=True)
def there(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(data))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("kind", "settings"), [("geocells", ["epochs=6"]), ("alignment", ["epochs=2", "hidden=64", "dim=32", "features=32"])]
)
def test_a_model_is_trained_listed_shown_and_found_again(kind: str, settings: list[str]) -> None:
    changes = [part for change in settings for part in ("--set", change)]
    done = call("models", "train", kind, "--data", "earth", "--json", *changes)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["model"] == f"{kind}-earth"
    assert told["validation"]["photos"] > 30
    assert told["validation"]["bits"] > 0.0
    assert "900 photos of gallery earth" in done.stderr
    listed = json.loads(call("models", "list", "--json").stdout)
    assert f"{kind}-earth" in {model["name"] for model in listed["models"]}
    assert "embedded" in listed["encoders"]
    shown = call("models", "show", f"{kind}-earth")
    assert "gallery earth (900 photos)" in shown.stdout
    card = json.loads(call("models", "show", f"{kind}-earth", "--json").stdout)
    assert card["validation"] == told["validation"]
    model = load_geolocator(f"{kind}-earth")
    assert f"{kind}-earth" in models_for(model.encoder_digest)
    asked = SyntheticEarth(EarthSettings(dim=32, noise=0.1, looks_strength=0.2)).photos(3, 5)
    evidence = model.evidence(asked.vectors[0])
    assert 0 < evidence.reliability < 1
    assert np.isfinite(model.score(asked.vectors[0], asked.lat, asked.lon)).all()
    assert model_folder(f"{kind}-earth").is_dir()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "geocells", "--data", "nowhere"), "no gallery"),
        (("train", "geocells", "--data", "earth", "--set", "speed=1"), "fields are"),
        (("train", "oracle", "--data", "earth"), "oracle"),
        (("show", "nothing"), "nothing"),
        (("show", "../up"), "../up"),
        (("get", "oracle"), "oracle"),
        (("get", "clip:nobody/nothing"), "nobody/nothing"),
    ],
)
def test_mistakes_end_with_one_line(arguments: tuple[str, ...], words: str) -> None:
    done = call("models", *arguments)
    assert done.exit_code != 0
    assert words in done.output
    assert "Traceback" not in done.output


def test_locate_looks_into_a_gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    build("drawn", 30)
    picture("PT", 500).save(tmp_path / "photo.png")
    done = call("locate", str(tmp_path / "photo.png"), "--gallery", "drawn", "--json", "--quiet", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    claims = {entry["tool"]: entry["claim"] for entry in told["evidence"]}
    assert "around “Porto, PT”" in claims["find_similar"]
    trajectory = json.loads(Path(told["trajectory"]).read_text())
    assert any(name.startswith("retrieval:PT/") for candidate in trajectory["candidates"] for name in candidate["provenance"])
    assert trajectory["tools"]["galleries"] == ["drawn"]
    missing = call("locate", str(tmp_path / "photo.png"), "--gallery", "nowhere")
    assert missing.exit_code == 2
    assert "no gallery 'nowhere'" in missing.output
    assert photo("PT", 500).sha256


def test_anew_never_removes_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    done = call("models", "train", "geocells", "--data", "earth", "--name", f"{tmp_path}/precious", "--anew")
    assert done.exit_code == 2
    assert "left alone" in done.output
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "years of work"


def test_galleries_are_copied_and_calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(tmp_path))
    build("drawn", 20)
    measured = call("gallery", "calibrate", "drawn")
    assert measured.exit_code == 0, measured.output
    assert "calibrated on 60 photos" in measured.output
    copied = call("gallery", "copy", "drawn", "--into", "twin", "--store", "lance")
    assert copied.exit_code == 0, copied.output
    assert "copied 60 photos" in copied.output
    from models.gallery.catalogue import open_named

    one, two = open_named("drawn"), open_named("twin")
    assert one.card.calibration == two.card.calibration != {}
    assert (two.card.store, two.store.count()) == ("lance:store", 60)
    np.testing.assert_allclose(np.sort(one.store.points()[0]), np.sort(two.store.points()[0]))
    few = tmp_path / "few"
    monkeypatch.setenv("GEOSLEUTH_DATA", str(few))
    build("small", 5)
    assert "not calibrated" in call("gallery", "calibrate", "small").output
