from __future__ import annotations

import importlib.util
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.alignment import geoclip
from models.alignment.geoclip import find_geoclip, load_geoclip, read_gallery
from models.alignment.location_encoder import LocationShape, location_module
from models.alignment.perceptron import trainable
from models.geolocator import ModelError

LOCATION, IMAGE, SCALE = (
    f"model/weights/{name}_weights.pth" for name in ("location_encoder", "image_encoder_mlp", "logit_scale")
)
GALLERY = "model/gps_gallery/coordinates_100K.csv"
CSV = "LAT,LON\n" + "".join(f"{lat},{lon}\n" for lat in range(-60, 61, 10) for lon in range(-180, 180, 20))


def saved(value: Any) -> bytes:
    import torch

    out = io.BytesIO()
    torch.save(value, out)
    return out.getvalue()


@pytest.fixture(scope="module")
def package() -> dict[str, bytes]:
    """The files of the package, with small random towers."""
    import torch

    torch.manual_seed(0)
    location = location_module(LocationShape("equal_earth", (1.0, 16.0), 6, 8, 3, 10))
    return {LOCATION: saved(dict(location.state_dict())), IMAGE: saved(dict(trainable([7, 7, 10]).state_dict())),
            SCALE: saved(torch.tensor(3.681)), GALLERY: CSV.encode()}  # fmt: skip


def wheel(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(f"geoclip/{name}", data)
    return path


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def release(path: Path, files: dict[str, bytes], **config: Any) -> Path:
    import torch
    from safetensors.torch import save_file

    def load(name: str) -> Any:
        return torch.load(io.BytesIO(files[name]), weights_only=True)

    parts = {"location_encoder.": load(LOCATION), "image_encoder.mlp.": load(IMAGE)}
    tensors = {prefix + name: value for prefix, part in parts.items() for name, value in part.items()}
    path.mkdir(exist_ok=True)
    save_file({**tensors, "logit_scale": load(SCALE)}, str(path / "model.safetensors"))
    card = {"model_type": "geoclip-geolocation", "format_version": 1, "gallery_file": "places.csv", "sigma": [1, 16], **config}
    (path / "config.json").write_text(json.dumps(card))
    (path / "places.csv").write_text(CSV)
    return path


def test_every_layout_gives_the_same_model(package: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [wheel(tmp_path / "g.whl", package), folder(tmp_path / "site" / "geoclip", package), tmp_path / "site",
               release(tmp_path / "release", package)]  # fmt: skip
    (tmp_path / "site" / "geoclip" / "__init__.py").write_text("raise RuntimeError('never executed')")
    digests, rows = set(), np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    for source in sources:
        files = find_geoclip(source)
        digests.add(
            (files.location_encoder().digest, files.log_scale(), files.image_tower()(rows).tobytes(), len(files.gallery()[0]))
        )
    assert len(digests) == 1
    assert next(iter(digests))[1] == pytest.approx(3.681)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert find_geoclip().location_encoder().digest == next(iter(digests))[0]


def test_the_image_tower_is_the_sequence_that_was_saved(package: dict[str, bytes], tmp_path: Path) -> None:
    import torch

    tower = trainable([7, 7, 10])
    tower.load_state_dict(torch.load(io.BytesIO(package[IMAGE]), weights_only=True))
    rows = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    with torch.no_grad():
        wanted = tower(torch.from_numpy(rows)).numpy()
    assert find_geoclip(wheel(tmp_path / "g.whl", package)).image_tower()(rows) == pytest.approx(wanted, abs=1e-6)


def test_it_is_a_geolocator(package: dict[str, bytes], tmp_path: Path) -> None:
    model = load_geoclip("d" * 16, wheel(tmp_path / "g.whl", package), cache=tmp_path / "cache")
    assert (model.name, model.encoder, model.encoder_digest, model.text) == ("geoclip", "geoclip", "d" * 16, None)
    assert "not calibrated" in model.rests_on()
    lat, lon = find_geoclip(tmp_path / "g.whl").gallery()
    picture = model.location(lat[100:101], lon[100:101])[0]
    # Its own scores: exp(logit scale) · cosine.
    wanted = np.exp(np.float64(np.float32(3.681))) * (model.location(lat, lon) @ picture)
    assert model.score(picture, lat, lon) == pytest.approx(wanted, abs=1e-4)
    kept = np.exp(model.log_likelihoods(picture))
    assert kept / kept.sum() == pytest.approx(
        np.exp(wanted - wanted.max()) / np.exp(wanted - wanted.max()).sum(), rel=0.03, abs=1e-6
    )
    assert model.evidence(picture).source == "picture:geoclip"
    with pytest.raises(ModelError, match="no text tower"):
        model.text_score(picture, ["x"])


class Attack:
    def __reduce__(self) -> Any:
        return (Path.write_text, (Path("/tmp/geoclip_was_executed"), "x"))


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("archive/data/0", bytes(4 * 2**20))
    return out.getvalue()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: f.pop(LOCATION),
        lambda f: f.update({LOCATION: b"rubbish"}),
        lambda f: f.update({LOCATION: f[LOCATION][: len(f[LOCATION]) // 2]}),
        lambda f: f.update({LOCATION: pickle.dumps(Attack())}),
        lambda f: f.update({LOCATION: saved(Attack())}),
        lambda f: f.update({LOCATION: saved([1, 2])}),
        lambda f: f.update({LOCATION: saved({"LocEnc0.capsule.0.b": "text"})}),
        lambda f: f.update({LOCATION: f[IMAGE]}),
        lambda f: f.update({SCALE: f[IMAGE]}),
        lambda f: f.update({SCALE: saved(__import__("torch").tensor(float("nan")))}),
        lambda f: f.update({SCALE: saved(__import__("torch").tensor(50.0))}),
        lambda f: f.update({GALLERY: b"LAT,LON\n"}),
        lambda f: f.update({GALLERY: b"a,b\n1,2\n"}),
        lambda f: f.update({GALLERY: b"\xff\xfe"}),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_hostile_and_broken_files_are_errors_in_one_line(
    package: dict[str, bytes], tmp_path: Path, spoil: Any, packed: bool
) -> None:
    files = dict(package)
    spoil(files)
    source = wheel(tmp_path / "g.whl", files) if packed else folder(tmp_path / "geoclip", files)
    with pytest.raises(ModelError) as raised:
        load_geoclip("d" * 16, source, cache=tmp_path / "cache")
    assert "\n" not in str(raised.value)
    assert not Path("/tmp/geoclip_was_executed").exists()


def test_what_unpacks_to_too_much_is_refused(package: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geoclip, "_MAX_FILE", 2**20)
    with pytest.raises(ModelError, match="unpacks to more"):
        find_geoclip(folder(tmp_path / "geoclip", {**package, LOCATION: bomb()})).location_encoder()
    for source in (
        wheel(tmp_path / "g.whl", {**package, LOCATION: bytes(2**21)}),
        folder(tmp_path / "geoclip", {LOCATION: bytes(2**21)}),
    ):
        with pytest.raises(ModelError, match="larger than"):
            find_geoclip(source).location_encoder()


def test_sources_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.whl").write_text("no wheel")
    with pytest.raises(ModelError, match="cannot be read"):
        find_geoclip(tmp_path / "text.whl").gallery()
    with pytest.raises(ModelError, match="there is no GeoCLIP in"):
        find_geoclip(tmp_path)
    with pytest.raises(ModelError, match="there is no GeoCLIP in"):
        find_geoclip(tmp_path / "nowhere")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install --no-deps geoclip"):
        find_geoclip()


def test_a_hub_release_that_cannot_be_fetched_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*args: Any, **kwargs: Any) -> str:
        raise OSError("no network\nat all")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ModelError, match=r"owner/name cannot be fetched \(no network at all\)"):
        find_geoclip("owner/name")


def test_a_hub_release_is_fetched_by_its_name(package: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[Any] = []

    def fetched(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(release(tmp_path / "release", package))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    assert find_geoclip("owner/name").location_encoder().dim == 10
    assert asked == [("owner/name", ["config.json", "model.safetensors", "*.csv"])]


@pytest.mark.parametrize(
    ("config", "spoil"),
    [({"model_type": "other"}, None), ({"format_version": 2}, None), ({"gallery_file": "../../etc/passwd.csv"}, None),
     ({"gallery_file": 3}, None), ({}, "config.json"), ({}, "model.safetensors"), ({}, "places.csv")],
)  # fmt: skip
def test_broken_releases_are_errors_in_one_line(
    package: dict[str, bytes], tmp_path: Path, config: Any, spoil: str | None
) -> None:
    path = release(tmp_path / "release", package, **config)
    if spoil:
        (path / spoil).write_bytes(b"{rubbish")
    with pytest.raises(ModelError) as raised:
        load_geoclip("d" * 16, path, cache=tmp_path / "cache")
    assert "\n" not in str(raised.value)


def test_gallery_columns_are_found_by_name() -> None:
    lat, lon = read_gallery(b"id,lon,LAT\r\n7,-179.5,12.25\r\n8,180,-90\r\n")
    assert (lat.tolist(), lon.tolist()) == ([12.25, -90.0], [-179.5, 180.0])


@pytest.mark.parametrize(
    "data", [b"", b"LAT,LON", b"LAT,LON\n1\n", b"LAT,LON\n1,x\n", b"LAT,LON\n91,0\n", b"LAT,LON\nnan,0\n", b"LAT,LON\n0,181\n"]
)
def test_galleries_that_make_no_sense_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        read_gallery(data)
