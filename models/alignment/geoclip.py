"""GeoCLIP's public weights (arXiv 2309.16020, MIT): found in a wheel, a folder, the installed package or a hub release; loaded as an alignment.

Nothing of the package is imported or executed, and nothing is unpickled but tensors.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats
from models.alignment.alignment import Alignment
from models.alignment.gallery_embeddings import candidates_of
from models.alignment.location_encoder import LocationEncoder
from models.alignment.perceptron import Arrays, Perceptron, numbers
from models.geolocator import ModelError
from models.torch_file import line_of, read_torch
from models.training_data import Told, silent

TRAINED_ON = "MediaEval 2016 (MP-16) by the authors of GeoCLIP"
RELIABILITY = 0.6
"""Of the evidence as long as it is not calibrated: a guess on the careful side."""
_WEIGHTS = "model/weights/"
_GALLERY = "model/gps_gallery/coordinates_100K.csv"
_MAX_FILE = 256 * 2**20
_MAX_ROWS = 1_000_000
_ENCODER = "image_encoder.mlp."
_LOCATION = "location_encoder."


@dataclass(frozen=True, eq=False)
class GeoClipFiles:
    """Where GeoCLIP's files are, and what is in them. Every method raises ModelError with one line for what cannot be read or does not fit."""

    place: str
    """For people: the path they are in."""
    read: Callable[[str], bytes]
    """The bytes of a file by its name below the root."""
    release: bool
    """Whether they are laid out as a hub release (`config.json`, `model.safetensors`) and not as in the package."""

    def image_tower(self) -> Perceptron:
        """768 → 768 → 512, on the projected image features of CLIP ViT-L/14."""
        return Perceptron.of_sequence(self._part(_ENCODER, f"{_WEIGHTS}image_encoder_mlp_weights.pth"), "")

    def location_encoder(self) -> LocationEncoder:
        """The location tower on the Equal Earth map."""
        return LocationEncoder.of("equal_earth", self._part(_LOCATION, f"{_WEIGHTS}location_encoder_weights.pth"))

    def log_scale(self) -> float:
        """The learned log scale."""
        arrays = (
            self._release_arrays()
            if self.release
            else _torch_arrays(self.read(f"{_WEIGHTS}logit_scale_weights.pth"), "logit_scale")
        )
        value = float(numbers(arrays, "logit_scale", 0))
        if not 0.0 < value <= math.log(1000.0):
            raise ModelError(f"the scale of {self.place} makes no sense: exp({value:g})")
        return value

    def gallery(self) -> tuple[Floats, Floats]:
        """Latitudes and longitudes [n] of the candidate places."""
        name = str(self._config().get("gallery_file")) if self.release else _GALLERY
        if self.release and not re.fullmatch(r"[\w.-]{1,100}\.csv", name):
            raise ModelError(f"{self.place}: config.json names no gallery")
        return read_gallery(self.read(name))

    def _part(self, prefix: str, name: str) -> Arrays:
        if not self.release:
            return _torch_arrays(self.read(name))
        return {key[len(prefix) :]: array for key, array in self._release_arrays().items() if key.startswith(prefix)}

    def _release_arrays(self) -> Arrays:
        self._config()
        try:
            from safetensors.numpy import load

            return dict(load(self.read("model.safetensors")))
        except ImportError as error:
            raise ModelError("a hub release needs the package safetensors") from error
        except ModelError:
            raise
        except Exception as error:  # safetensors has an error of its own in Rust, beside KeyError and ValueError
            raise ModelError(f"{self.place}: model.safetensors cannot be read ({line_of(error)})") from error

    def _config(self) -> dict[str, Any]:
        try:
            config = json.loads(self.read("config.json"))
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{self.place}: config.json cannot be read ({line_of(error)})") from error
        if not isinstance(config, dict) or config.get("model_type") != "geoclip-geolocation" or config.get("format_version") != 1:
            raise ModelError(f"{self.place} is no release of GeoCLIP in the format 1")
        return config


def find_geoclip(source: Path | str | None = None) -> GeoClipFiles:
    """Find the files in a wheel (`geoclip-1.3.0-py3-none-any.whl`), an unpacked folder of it, a hub release (a folder or `owner/name`), or,
    without a source, the installed package. Raises ModelError where there are none.
    """
    if source is None:
        found = importlib.util.find_spec("geoclip")
        if found is None or not found.origin:
            raise ModelError(
                "GeoCLIP is not installed: pip install --no-deps geoclip==1.3.0, or name its wheel, its folder or a hub release"
            )
        return _in_folder(Path(found.origin).parent)
    path = Path(source).expanduser()
    if path.is_file():
        return _in_wheel(path)
    if path.is_dir():
        return _in_folder(path)
    if isinstance(source, str) and re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}", source):
        return _in_folder(_downloaded(source))
    raise ModelError(f"there is no GeoCLIP in {source}")


def load_geoclip(
    encoder_digest: str,
    source: Path | str | None = None,
    *,
    encoder: str = "geoclip",
    cache: Path | None = None,
    told: Told = silent,
) -> Alignment:
    """GeoCLIP as a geolocator whose pictures come from an encoder that gives its unit image vectors of 512 numbers.

    Its gallery is encoded at the first call and kept in `cache` (the user's cache folder). Temperature and reliability are not
    calibrated: `calibration.calibrated` does that with photos of one's own. Needs torch to read the package's weights. Raises ModelError.
    """
    files = find_geoclip(source)
    location = files.location_encoder()
    candidates = candidates_of(location, *files.gallery(), cache, told)
    return Alignment(
        name="geoclip", encoder=encoder, encoder_digest=encoder_digest, image=Perceptron(), location=location, candidates=candidates,
        log_scale=files.log_scale(), reliability=RELIABILITY, trained_on=TRAINED_ON,
    )  # fmt: skip


def read_gallery(data: bytes) -> tuple[Floats, Floats]:
    """The columns LAT and LON [n] of a CSV file. Raises ModelError for anything else, coordinates that make no sense included."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
        header = [name.strip().upper() for name in lines[0].split(",")] if lines else []
        columns = (header.index("LAT"), header.index("LON"))
        if not 1 <= len(lines) - 1 <= _MAX_ROWS:
            raise ValueError(f"{len(lines) - 1} rows")
        points = np.loadtxt(lines[1:], delimiter=",", usecols=columns, ndmin=2, comments=None)
    except (ValueError, IndexError) as error:
        raise ModelError(f"the gallery cannot be read ({line_of(error)})") from error
    lat, lon = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
    if not len(lat) or not (np.abs(lat) <= 90.0).all() or not (np.abs(lon) <= 180.0).all():
        raise ModelError("the gallery holds coordinates that make no sense")
    return lat, lon


def _in_wheel(path: Path) -> GeoClipFiles:
    def read(name: str) -> bytes:
        try:
            with zipfile.ZipFile(path) as wheel, wheel.open(f"geoclip/{name}") as file:
                data = file.read(_MAX_FILE + 1)
        except KeyError:
            raise ModelError(f"{path.name} holds no geoclip/{name}") from None
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
            raise ModelError(f"{path.name} cannot be read ({line_of(error)})") from error
        return _bounded(data, name)

    return GeoClipFiles(str(path), read, release=False)


def _in_folder(path: Path) -> GeoClipFiles:
    release = (path / "config.json").is_file()
    root = path / "geoclip" if not release and (path / "geoclip" / "model").is_dir() else path
    if not release and not (root / _WEIGHTS).is_dir():
        raise ModelError(f"there is no GeoCLIP in {path}: neither {_WEIGHTS} nor config.json")

    def read(name: str) -> bytes:
        try:
            with (root / name).open("rb") as file:
                data = file.read(_MAX_FILE + 1)
        except OSError as error:
            raise ModelError(f"{root / name} cannot be read ({line_of(error)})") from error
        return _bounded(data, name)

    return GeoClipFiles(str(path), read, release)


def _downloaded(repository: str) -> Path:
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(repository, allow_patterns=["config.json", "model.safetensors", "*.csv"]))
    except ImportError as error:
        raise ModelError("a hub release needs the package huggingface_hub") from error
    except Exception as error:  # offline, unknown, private: the hub's client has a family of errors for it, and httpx another
        raise ModelError(f"{repository} cannot be fetched ({line_of(error)})") from error


def _bounded(data: bytes, name: str) -> bytes:
    if len(data) > _MAX_FILE:
        raise ModelError(f"{name} is larger than {_MAX_FILE // 2**20} MB")
    return data


def _torch_arrays(data: bytes, single: str = "") -> dict[str, NDArray[Any]]:
    """The tensors of a file that torch wrote; one tensor alone gets the name `single`."""
    state = read_torch(data, "the weights file", _MAX_FILE)
    try:
        named = {single: state} if single else dict(state)
        return {str(name): tensor.detach().numpy() for name, tensor in named.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"the weights file cannot be read ({line_of(error)})") from error
