from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.encoders import panorama
from models.encoders.panorama import encode_photo, is_panorama, panorama_views, view_angles
from models.encoders.tiny import Tiny


def _globe(width: int = 1440) -> Image.Image:
    """Longitude's cosine and sine in red and green, latitude in blue."""
    lon = np.radians((np.arange(width) + 0.5) / width * 360 - 180)
    lat = 90 - (np.arange(width // 2) + 0.5) / (width // 2) * 180
    planes = np.empty((width // 2, width, 3))
    planes[..., 0], planes[..., 1] = 127.5 + 127.5 * np.cos(lon), 127.5 + 127.5 * np.sin(lon)
    planes[..., 2] = (lat[:, None] + 90) / 180 * 255
    return Image.fromarray(np.rint(planes).astype(np.uint8))


def _seen(view: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude in degrees that a view's pixels show."""
    red, green, blue = (np.asarray(view)[..., i].astype(np.float64) for i in range(3))
    return np.degrees(np.arctan2(green - 127.5, red - 127.5)), blue / 255 * 180 - 90


@pytest.mark.parametrize(
    ("width", "height", "flagged", "panorama"),
    [(2000, 1000, False, True), (2030, 1000, False, True), (2060, 1000, False, False), (1000, 500, False, False), (1000, 500, True, True),
     (1600, 900, True, False), (1001, 500, False, True)],
)  # fmt: skip
def test_which_pictures_are_panoramas(width: int, height: int, flagged: bool, panorama: bool) -> None:
    assert is_panorama(Image.new("1", (width, height)), flagged) is panorama


@given(st.floats(-720, 720), st.floats(20, 150), st.integers(1, 40))
def test_angles_against_rotated_rays(heading: float, fov: float, size: int) -> None:
    lon, lat = view_angles(size, fov, heading)
    focal = 1 / math.tan(math.radians(fov) / 2)
    row, column = size // 3, size // 2
    x, y = (column + 0.5) / size * 2 - 1, (row + 0.5) / size * 2 - 1
    turn = math.radians(heading)
    ray = (focal * math.sin(turn) + x * math.cos(turn), -y, focal * math.cos(turn) - x * math.sin(turn))
    assert math.radians(lat[row, column]) == pytest.approx(math.atan2(ray[1], math.hypot(ray[0], ray[2])), abs=1e-9)
    difference = math.radians(lon[row, column]) - math.atan2(ray[0], ray[2])
    assert math.cos(difference) == pytest.approx(1, abs=1e-12)
    assert (lon >= -180).all()
    assert (lon < 180).all()


@pytest.mark.parametrize("heading", [0, 45, 90, 179.9, 180, 270, -90])
def test_a_view_shows_what_lies_there(heading: float) -> None:
    (view,) = panorama_views(_globe(), 90, [heading])
    assert view.size == (360, 360)
    lon, lat = _seen(view)
    wanted_lon, wanted_lat = view_angles(360, 90, heading)
    assert np.cos(np.radians(lon - wanted_lon)).min() > math.cos(math.radians(1.0))
    assert np.abs(lat - wanted_lat).max() < 1.0
    assert np.cos(np.radians(lon[179:181, 179:181] - heading)).min() > math.cos(math.radians(1.0))
    assert (lat[:, 180].min(), lat[:, 180].max()) == pytest.approx((-45, 45), abs=1)


def test_the_seam_leaves_no_mark() -> None:
    lon, _ = _seen(panorama_views(_globe(720), 60, [180])[0])
    steps = np.abs(np.diff(np.unwrap(np.radians(lon[60]))))
    assert np.degrees(steps).max() < 1.6


def test_a_large_panorama_gives_views_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panorama, "_LARGEST_VIEW", 100)
    view = panorama_views(_globe(), 90, [90])[0]
    assert view.size == (100, 100)
    lon, lat = _seen(view)
    wanted_lon, wanted_lat = view_angles(100, 90, 90)
    assert np.cos(np.radians(lon - wanted_lon)).min() > math.cos(math.radians(1.5))
    assert np.abs(lat - wanted_lat).max() < 1.5


@pytest.mark.parametrize("fov", [0, -1, 180, 200])
def test_impossible_fields_of_view(fov: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 180"):
        panorama_views(_globe(64), fov)


def test_a_panorama_is_the_mean_of_its_views() -> None:
    globe, tiny = _globe(), Tiny()
    vector = encode_photo(tiny, globe)
    mean = tiny.encode(panorama_views(globe)).mean(axis=0)
    assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert encode_photo(tiny, globe, panorama=False) == pytest.approx(tiny.encode([globe])[0], abs=1e-6)
    small = globe.resize((64, 32))
    assert encode_photo(tiny, small) == pytest.approx(tiny.encode([small])[0], abs=1e-6)
    assert encode_photo(tiny, small, panorama=True).shape == (768,)
