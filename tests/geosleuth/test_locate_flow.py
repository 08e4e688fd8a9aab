"""A flow from its training to the map: `models train flow`, `locate --model`, what `estimate` says, and the points that it draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from geo.gazetteer import gazetteer
from geo.sphere import haversine_km, unit_vectors
from geosleuth.cli import app
from models.encoders.tiny import Tiny
from models.gallery.catalogue import GalleryCard, gallery_folder, write_card
from models.gallery.flat import FlatGallery
from models.gallery.gallery import Row
from tests.agent.test_report import block, parsed

SMALL = (
    "objective=mixture",
    "dim=32",
    "depth=2",
    "steps=200",
    "batch=64",
    "warmup=20",
    "ema=0.95",
    "judged_every=100",
    "lr=0.003",
    "divide_prior=false",
    "validation_share=0.03",
)
"""A mixture of bells in the flow's place: the same interface, its likelihood in closed form, so that seconds are enough."""
PORTO = 41.15, -8.61


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def coloured(lat: float, lon: float) -> Image.Image:
    """A picture whose sky tells where it was taken."""
    red, green, blue = (int(v) for v in 127.5 + 120.0 * unit_vectors(lat, lon))
    image = Image.new("RGB", (64, 64), (red, green, blue))
    image.paste((128, 128, 128), (0, 40, 64, 64))
    return image


def gallery_of_towns(n: int) -> None:
    """The gallery `towns`: one picture of each of the largest places."""
    places = gazetteer()
    rows = np.argsort(-places.population.astype(np.int64), kind="stable")[:n]
    lat, lon = places.place_lat[rows].astype(float), places.place_lon[rows].astype(float)
    folder, tiny = gallery_folder("towns"), Tiny()
    write_card(folder, GalleryCard("tiny", Tiny.digest, Tiny.dim, "flat:store"))
    store = FlatGallery(folder / "store", dim=Tiny.dim, encoder_digest=Tiny.digest, create=True)
    store.add(
        [Row(str(i), lat[i], lon[i], "", "", "") for i in range(n)],
        tiny.encode([coloured(*at) for at in zip(lat, lon, strict=True)]),
    )
    store.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a gallery of pictures from all over the Earth and a model trained on it, and a photo that is not in the gallery."""
    root = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOSLEUTH_DATA", str(root))
        gallery_of_towns(1000)
        done = call("models", "train", "flow", "--data", "towns", "--json", *(part for one in SMALL for part in ("--set", one)))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["model"] == "flow-towns"
    coloured(*PORTO).save(root / "photo.png")
    return root


@pytest.fixture(autouse=True)
def there(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GEOSLEUTH_DATA", str(data))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def located(data: Path, folder: Path, *options: object) -> dict[str, Any]:
    done = call(
        "locate", data / "photo.png", "--model", "flow-towns", "--json", "--quiet", "--offline", "--out", folder, *options
    )
    assert done.exit_code == 0, done.output
    trajectory: dict[str, Any] = json.loads(Path(json.loads(done.stdout)["trajectory"]).read_text())
    return trajectory


def test_the_flow_is_asked_and_says_what_is_useful(data: Path, tmp_path: Path) -> None:
    made = located(data, tmp_path / "out")
    step = next(step for step in made["steps"] if step["tool"] == "estimate")
    assert "mixture of von Mises-Fisher distributions, trained on gallery towns (1,000 photos): flow flow-towns: " in step["text"]
    assert "bits over a uniform Earth" in step["text"]
    last = step["text"].splitlines()[-1]
    bits = step["data"]["localizability_bits"]
    assert bits > 0.3, "it is trusted as far as its towns cover the Earth"
    assert last.startswith("together: the picture alone tells ")
    assert f"{bits:.1f} bits" in last
    assert {place["country"] for place in step["data"]["places"]} & {"PT", "ES"}
    (entry,) = [entry for entry in made["ledger"] if entry["claim"].startswith("flow flow-towns")]
    assert entry["tool"] == "estimate"
    assert entry["for_answer_bits"] > 0
    assert haversine_km(*PORTO, made["best_guess"]["lat"], made["best_guess"]["lon"]) < 1500
    assert made["outlook"]["told_bits"][0] == pytest.approx(made["outlook"]["gain_bits"], abs=0.002)
    assert "samples" not in made
    assert "samples" not in made["limits"]


def test_points_of_the_belief_and_the_flow_are_drawn(data: Path, tmp_path: Path) -> None:
    report, geojson = tmp_path / "r.html", tmp_path / "r.geojson"
    made = located(data, tmp_path / "out", "--samples", "60", "--report", report, "--geojson", geojson)
    assert (made["samples"]["n"], made["limits"]["samples"], list(made["samples"]["models"])) == (60, 60, ["flow-towns"])
    points = np.array(made["samples"]["models"]["flow-towns"])
    assert points.shape == (60, 2)
    assert np.median(haversine_km(*PORTO, points[:, 0], points[:, 1])) < 1500
    drawn = block(parsed(report.read_text()), "map-1")["samples"]
    assert [one["label"] for one in drawn] == ["the belief", "flow-towns"]
    assert [len(one["at"]) for one in drawn] == [120, 120]
    features = [f for f in json.loads(geojson.read_text())["features"] if f["properties"]["role"] == "samples"]
    assert [f["properties"]["source"] for f in features] == ["belief", "flow-towns"]
    assert features[1]["geometry"]["coordinates"] == points[:, ::-1].tolist()
    assert np.ravel(np.array(features[0]["geometry"]["coordinates"])[:, ::-1]).tolist() == drawn[0]["at"]
    assert {f["properties"]["photo"] for f in features} == {str(data / "photo.png")}


def test_points_are_drawn_without_a_model(data: Path, tmp_path: Path) -> None:
    done = call(
        "locate",
        data / "photo.png",
        "--model",
        "none",
        "--json",
        "--quiet",
        "--offline",
        "--samples",
        "7",
        "--geojson",
        tmp_path / "r.geojson",
    )
    assert done.exit_code == 0, done.output
    features = [f for f in json.loads((tmp_path / "r.geojson").read_text())["features"] if f["properties"]["role"] == "samples"]
    assert [(f["properties"]["source"], len(f["geometry"]["coordinates"])) for f in features] == [("belief", 7)]
