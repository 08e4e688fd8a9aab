"""The drawn town: what is seen from its streets stands where the view from above shows it."""

from __future__ import annotations

import numpy as np
import pytest

from evals.drawn_crossview import GROUND, DrawnTown, from_above, repainted
from evals.drawn_crossview_pairs import drawn_photos, write_town_pairs
from evals.drawn_ground import Light
from evals.drawn_street import Camera, Weather, street_view
from evals.drawn_town_plan import ROAD, WATER, Layers
from geo.area import Box
from models.crossview.pair_file import read_pairs
from models.crossview.pictures import FilePictures

RED = np.array([[250, 20, 20]], dtype=np.float32)
CLEAR = Weather("summer", Light(haze=0.0), next(year for year in range(99) if (repainted(RED, year) == RED).all()))


@pytest.fixture(scope="module")
def town():
    return DrawnTown(47.0, 8.0, 17, 2, seed=5)


def plain(high=10.0, at=(100, 60), half=4, side=200):
    """Grass with one red house: columns and rows of its middle, a pixel is a metre."""
    surface, thing, height = (
        np.zeros((side, side), np.uint8),
        np.zeros((side, side), np.int32),
        np.zeros((side, side), np.float32),
    )
    part = (slice(at[1] - half, at[1] + half), slice(at[0] - half, at[0] + half))
    thing[part], height[part] = 1, high
    return Layers(surface, thing, height, RED, RED, np.array([False]), np.zeros((0, 2)))


def red(picture):
    return (picture[..., 0] > 110) & (picture[..., 1] < 70)


@pytest.mark.parametrize(
    ("x", "y", "azimuth"), [(100, 100, 0.0), (60, 60, 90.0), (100, 20, 180.0), (140, 60, 270.0), (140, 100, 315.0)]
)
def test_a_house_stands_in_its_direction(x, y, azimuth):
    seen = red(street_view(plain(), 1.0, Camera(x, y, azimuth, 360.0), CLEAR, (360, 180)))
    columns = np.flatnonzero(seen.any(axis=0))
    assert abs(columns.mean() - 179.5) < 2
    photo = red(street_view(plain(), 1.0, Camera(x, y, azimuth + 10, 60.0), CLEAR, (200, 150)))
    focal = 100 / np.tan(np.radians(30))
    assert abs(np.flatnonzero(photo.any(axis=0)).mean() - (99.5 - focal * np.tan(np.radians(10)))) < 5
    away = red(street_view(plain(), 1.0, Camera(x, y, azimuth + 180, 60.0), CLEAR, (200, 150)))
    assert not away.any()


@pytest.mark.parametrize("high", [6.0, 12.0])
def test_its_height_is_that_of_perspective(high):
    far = 36.0  # from the camera to the wall
    picture = street_view(plain(high), 1.0, Camera(100, 100, 0.0, 60.0), CLEAR, (200, 150))
    rows = np.flatnonzero(red(picture)[:, 98:102].any(axis=1))
    focal = 100 / np.tan(np.radians(30))
    assert rows.min() == pytest.approx(75 - focal * (high - 1.6) / far, abs=3)
    assert rows.max() == pytest.approx(75 + focal * 1.6 / far, abs=3)


def test_what_stands_behind_is_hidden():
    land = plain(4.0)
    land.thing[80:84, 90:110], land.height_m[80:84, 90:110] = -1, 12.0
    assert not red(street_view(land, 1.0, Camera(100, 100, 0.0, 30.0), CLEAR, (100, 75)))[:, 40:60].any()


def test_places_and_points_are_inverse_and_lie_in_the_box(town):
    lat, lon = town.place(100.0, 300.0)
    assert town.point(lat, lon) == pytest.approx((100.0, 300.0), abs=1e-3)
    assert Box(*town.box).contains(lat, lon)
    assert town.place(0.0, 0.0) == pytest.approx((town.box[2], town.box[1]), abs=1e-6)


def test_the_same_seed_draws_the_same_town_and_another_one_another(town):
    again, other = DrawnTown(47.0, 8.0, 17, 2, seed=5), DrawnTown(47.0, 8.0, 17, 2, seed=6)
    assert (again.layers.thing == town.layers.thing).all()
    assert (again.picture() == town.picture()).all()
    assert (other.layers.thing != town.layers.thing).mean() > 0.1


def test_houses_stand_on_no_road_and_cameras_in_no_house(town):
    layers = town.layers
    assert len(layers.walls) > 30
    assert not np.isin(layers.surface[layers.thing > 0], (ROAD, WATER)).any()
    for x, y in (town.cameras(40, 1) / town.metres_per_pixel).astype(int):
        assert layers.thing[y, x] == 0
        assert layers.surface[y, x] != WATER


def test_seasons_and_years_change_colours_alone(town):
    summer, winter = (from_above(town.layers, town.metres_per_pixel, season, Light(), 0) for season in ("summer", "winter"))
    assert winter.mean() > summer.mean() + 10
    walls = repainted(town.layers.walls, 3)
    assert 0.02 < (walls != town.layers.walls).any(axis=1).mean() < 0.35
    assert set(GROUND) == {"summer", "autumn", "winter", "spring"}


def test_pairs_are_pictures_with_their_truth(town, tmp_path):
    pairs = read_pairs(write_town_pairs(town, tmp_path, 3, seed=1, looks=2))
    assert len(pairs) == 6
    assert len({pair.place for pair in pairs}) == 3
    for pair in pairs:
        assert (pair.kind, pair.fov_deg, pair.reference.offset_px) == ("panorama", 360.0, (0.0, 0.0))
        assert pair.at == pytest.approx((pair.reference.lat, pair.reference.lon))
    assert FilePictures(pairs).query(0).shape == (72, 256, 3)
    # The middle of the picture from above is where the camera stands.
    whole, alike = (
        town.picture().astype(float).mean(axis=2),
        dict.fromkeys([(dx, dy) for dx in (-12, 0, 12) for dy in (-12, 0, 12)], 0.0),
    )
    for i, pair in enumerate(pairs):
        x, y = (round(v / town.metres_per_pixel) for v in town.point(*pair.at))
        part = FilePictures(pairs).reference(i).astype(float)[60:140, 60:140].mean(axis=2)
        for dx, dy in alike:
            alike[dx, dy] += np.corrcoef(whole[y + dy - 40 : y + dy + 40, x + dx - 40 : x + dx + 40].ravel(), part.ravel())[0, 1]
    assert max(alike, key=lambda shift: alike[shift]) == (0, 0)


def test_photos_know_where_they_look(town):
    photos = list(drawn_photos(town, 3, 0, 75.0))
    assert [p.picture.shape for p in photos] == [(180, 240, 3)] * 3
    assert all(Box(*town.box).contains(p.lat, p.lon) for p in photos)
    assert [p.picture.shape for p in drawn_photos(town, 1, 0, 180.0)] == [(128, 256, 3)]
