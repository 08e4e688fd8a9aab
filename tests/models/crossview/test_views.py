"""Strips and unrolled ground: directions stand where they should."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.crossview import aerial_view, ground_view
from models.crossview.aerial_view import rings_m, unrolled
from models.crossview.ground_view import Aim, strip
from models.crossview.shape import COLUMN_DEG, COLUMN_PX, COLUMNS, PIXEL_DEG, POLAR_PX, RINGS, ROWS_ABOVE, window


@pytest.mark.parametrize(
    ("fov", "columns", "middle"), [(11.25, 1, 0), (60, 7, 3), (78.75, 7, 3), (79, 9, 4), (90, 9, 4), (180, 17, 8), (360, 32, 16)]
)
def test_windows(fov, columns, middle):
    assert window(fov) == (columns, middle)


def photo(fov=60.0, size=(320, 240), azimuth=20.0, elevation=0.0):
    """A black photo with a white column at an azimuth from its middle, and a white row at an elevation."""
    picture = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    focal = size[0] / 2 / math.tan(math.radians(fov / 2))
    x = round(size[0] / 2 + focal * math.tan(math.radians(azimuth)))
    y = round(size[1] / 2 - focal * math.tan(math.radians(elevation)))
    picture[:, x - 2 : x + 3] = 255
    picture[y - 2 : y + 3, size[0] // 2 - 3 : size[0] // 2 + 3] = 255
    return picture


def peak(values):
    return float((values * np.arange(len(values))).sum() / values.sum())


@pytest.mark.parametrize("azimuth", [-24.0, 0.0, 20.0])
@pytest.mark.parametrize("turn", [0.0, -5.0, 3.0])
def test_a_direction_of_a_photo_lands_on_its_column(azimuth, turn):
    seen = strip(photo(azimuth=azimuth), Aim(60.0, turn_deg=turn))
    columns, middle = window(60.0)
    row = seen.rgb[ROWS_ABOVE + 5, :, 0].astype(float)
    at = (peak(row) + 0.5) * PIXEL_DEG - (middle + 0.5) * COLUMN_PX * PIXEL_DEG
    assert seen.rgb.shape == (48, columns * COLUMN_PX, 3)
    assert at == pytest.approx(azimuth + turn, abs=0.7)


def test_elevation_and_pitch():
    for pitch in (0.0, 4.0):
        seen = strip(photo(elevation=10.0, azimuth=25.0), Aim(60.0, pitch_deg=pitch))
        middle = seen.rgb.shape[1] // 2
        at = (ROWS_ABOVE - peak(seen.rgb[:, middle, 0].astype(float)) - 0.5) * PIXEL_DEG
        assert at == pytest.approx(10.0 + pitch, abs=0.8)


def test_what_a_photo_does_not_show_is_not_known():
    seen = strip(photo(), Aim(60.0))
    azimuth = (np.arange(seen.known.shape[1]) + 0.5 - seen.known.shape[1] / 2) * PIXEL_DEG
    assert not seen.known[:, np.abs(azimuth) > 30].any()
    assert seen.known[ROWS_ABOVE, np.abs(azimuth) < 29].all()
    assert (seen.rgb[~seen.known] == 0).all()


def test_a_crop_knows_where_it_lies_in_its_photo():
    x, y = np.meshgrid(np.linspace(0, 6, 320), np.linspace(0, 4, 240))
    smooth = (128 + 100 * np.sin(x)[..., None] * np.cos(y[..., None] + np.arange(3))).astype(np.uint8)
    whole, cut = strip(smooth, Aim(60.0)), strip(smooth[60:180, 160:], Aim(60.0, box=(0.5, 0.25, 1.0, 0.75)))
    both = cut.known & whole.known
    assert not cut.known[:, : cut.known.shape[1] // 2 - 1].any()
    assert np.abs(cut.rgb[both].astype(int) - whole.rgb[both]).mean() < 3


def test_a_panorama_goes_around():
    picture = np.zeros((100, 512, 3), dtype=np.uint8)
    picture[:, :10] = picture[:, -10:] = 255  # behind
    seen = strip(picture, Aim(360.0, panorama=True))
    columns = (np.arange(256) + 0.5) * PIXEL_DEG - 16.5 * COLUMN_DEG
    bright = seen.rgb[ROWS_ABOVE, :, 0] > 128
    assert (np.abs((columns[bright] + 360) % 360 - 180) < 8).all()
    assert bright.any()
    cut = strip(picture, Aim(360.0, turn_deg=-180.0, panorama=True, window_deg=60.0))
    assert cut.rgb[ROWS_ABOVE, cut.rgb.shape[1] // 2, 0] == 255


@pytest.mark.parametrize("fov", [5.0, 361.0, float("nan")])
def test_wrong_fields_of_view(fov):
    with pytest.raises(ValueError, match="field of view"):
        strip(photo(), Aim(fov))


def ground(azimuth, metres=30.0, size=160):
    """Black ground with a white disc in a direction from its middle, one metre a pixel."""
    picture = np.zeros((size, size, 3), dtype=np.uint8)
    y, x = np.mgrid[:size, :size] + 0.5
    east, north = metres * math.sin(math.radians(azimuth)), metres * math.cos(math.radians(azimuth))
    picture[np.hypot(x - size / 2 - east, size / 2 - y - north) < 4] = 255
    return picture


@pytest.mark.parametrize("azimuth", [0.0, 45.0, 90.0, 200.0, 359.0])
@pytest.mark.parametrize("turn", [0.0, 30.0])
def test_a_direction_from_above_lands_on_its_column(azimuth, turn):
    seen = unrolled(ground(azimuth), 1.0, 56.0, turn_deg=turn)
    ring = int(np.abs(rings_m(56.0) - 30.0).argmin())
    bright = np.flatnonzero(seen.rgb[ring, :, 0] > 100)
    at = (bright + 0.5) / POLAR_PX * COLUMN_DEG - COLUMN_DEG / 2 + turn
    assert np.abs((at - azimuth + 180) % 360 - 180).max() < 10


def test_another_middle_and_what_lies_outside():
    moved = unrolled(ground(90.0), 1.0, 56.0, east_m=30.0)
    assert moved.rgb[-1, :, 0].min() == 255  # the disc lies under the camera
    assert moved.known[-1].all()
    assert not moved.known[0, COLUMNS * POLAR_PX // 4 - 4 : COLUMNS * POLAR_PX // 4 + 4].any()
    some = unrolled(ground(0.0), 1.0, 56.0, known=np.arange(160)[:, None].repeat(160, 1) >= 80)
    assert not some.known[: RINGS // 2, :8].any()
    assert some.known[: RINGS // 2, 60:68].all()


def test_the_rings_are_the_same_at_other_pixel_sizes():
    import cv2

    fine = cv2.resize(ground(90.0), (640, 640), interpolation=cv2.INTER_NEAREST)
    one, other = unrolled(ground(90.0), 1.0, 56.0), unrolled(fine, 0.25, 56.0)
    assert np.abs(one.rgb.astype(int) - other.rgb).mean() < 4


def test_a_mirrored_pair_is_mirrored_on_both_sides():
    """A thing 40 degrees right of the camera in a mirrored pair stands 40 degrees left, on both sides."""
    for azimuth in (40.0, 100.0):
        polar = aerial_view.mirrored(unrolled(ground(azimuth), 1.0, 56.0))
        other = unrolled(ground(-azimuth), 1.0, 56.0)
        assert np.abs(polar.rgb.astype(int) - other.rgb).mean() < 2
    panorama = np.zeros((100, 512, 3), dtype=np.uint8)
    panorama[:, 300:310] = 255
    for aim in (Aim(360.0, panorama=True), Aim(360.0, panorama=True, window_deg=90.0)):
        mirrored = ground_view.mirrored(strip(panorama, aim))
        other = strip(np.ascontiguousarray(panorama[:, ::-1]), aim)
        assert np.abs(mirrored.rgb.astype(int) - other.rgb).mean() < 1
