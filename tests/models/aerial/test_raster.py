"""GeoTIFFs of other systems, turned, of 16 bits, with holes and overviews."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from models.aerial.ground import image_at
from models.aerial.open_ground import open_ground

rasterio = pytest.importorskip("rasterio")
from rasterio.enums import ColorInterp, Resampling  # noqa: E402
from rasterio.transform import Affine  # noqa: E402
from rasterio.warp import transform  # noqa: E402

from models.aerial.raster import RasterGround  # noqa: E402

UTM = "EPSG:32631"
EAST, NORTH = 500_000.0, 5_000_000.0  # 3° E, about 45.15° N: grid north is true north


def middle_of(path):
    with rasterio.open(path) as data:
        x, y = data.transform.c, data.transform.f
        x += data.transform.a * data.width / 2 + data.transform.b * data.height / 2
        y += data.transform.d * data.width / 2 + data.transform.e * data.height / 2
        lon, lat = transform(data.crs, "EPSG:4326", [x], [y])
    return lat[0], lon[0]


def write(path, bands, matrix=None, crs=UTM, **options):
    """Bands [n, height, width] with pixels of a metre."""
    matrix = matrix or Affine.translation(EAST, NORTH) @ Affine.scale(1.0, -1.0)
    count, height, width = bands.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", driver="GTiff", width=width, height=height, count=count, dtype=bands.dtype, crs=crs, transform=matrix, **options) as data:  # fmt: skip
            data.write(bands)
    return path


def half_red(dtype=np.uint8, high=250):
    bands = np.zeros((3, 400, 400), dtype)
    bands[0, :, :200], bands[1, :, 200:] = high, high
    return bands


def test_another_system(tmp_path):
    path = write(tmp_path / "utm.tif", half_red())
    patch = image_at(open_ground(path), *middle_of(path), 100.0, 100)
    assert patch.known.all()
    assert (patch.rgb[:, :48, 0] > 200).all()
    assert (patch.rgb[:, 52:, 1] > 200).all()
    assert isinstance(open_ground(path), RasterGround)
    assert not image_at(open_ground(path), 10.0, 3.0, 100.0, 16).known.any()


def test_a_turned_picture_and_a_patch_turned_with_it(tmp_path):
    matrix = Affine.translation(EAST, NORTH) @ Affine.rotation(-30.0) @ Affine.scale(1.0, -1.0)
    path = write(tmp_path / "turned.tif", half_red(), matrix)
    patch = image_at(open_ground(path), *middle_of(path), 100.0, 100, 30.0)
    assert (patch.rgb[:, :48, 0] > 200).all()
    assert (patch.rgb[:, 52:, 1] > 200).all()
    assert (image_at(open_ground(path), *middle_of(path), 100.0, 100).rgb[[10, 90], [30, 70], 0] > 200).tolist() == [True, False]


def test_sixteen_bits_are_stretched_between_the_darkest_and_brightest_two_per_cent(tmp_path):
    values = np.tile(np.linspace(5000, 9000, 400), (1, 400, 1)).astype(np.uint16)
    values[:, :, -1] = 65_000  # a glint does not darken the rest
    path = write(tmp_path / "deep.tif", values)
    ground = open_ground(path)
    row = image_at(ground, *middle_of(path), 396.0, 396).rgb[200, :, 0].astype(int)
    assert (row[5], row[-5]) == (0, 255) or (row[5] < 5 and row[-5] > 250)
    assert 115 < row[198] < 140
    assert "values 50" in ground.about
    assert "shown as 0 to 255" in ground.about


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_what_has_no_data_is_masked(tmp_path, dtype):
    bands = half_red(dtype, 900) + np.asarray(100, dtype)
    bands[:, :150] = 0
    path = write(tmp_path / "holes.tif", bands, nodata=0)
    patch = image_at(open_ground(path), *middle_of(path), 200.0, 200)
    assert not patch.known[:46].any()
    assert patch.known[56:].all()
    assert not patch.rgb[:40].any()
    if dtype == np.float32:
        bands[:, 300:] = np.nan
        assert not image_at(open_ground(write(path, bands)), *middle_of(path), 300.0, 300).known[260:].any()
    write(path, np.zeros((1, 50, 50), dtype), nodata=0)
    with pytest.raises(ValueError, match=r"holes\.tif: shows nothing"):
        open_ground(path)


def test_overviews_are_taken_for_coarse_patches(tmp_path):
    path = write(tmp_path / "over.tif", half_red(), tiled=True, blockxsize=128, blockysize=128)
    with rasterio.open(path, "r+") as data:
        data.build_overviews([4], Resampling.nearest)
        data.update_tags(ns="rio_overview", resampling="nearest")
    fine = image_at(open_ground(path), *middle_of(path), 380.0, 32)
    assert fine.known.all()
    assert (fine.rgb[:, :14, 0] > 200).all()


def test_tables_of_colours_and_named_bands(tmp_path):
    path = write(tmp_path / "table.tif", np.repeat(np.array([[3, 7]], np.uint8), 200, axis=1).repeat(400, axis=0)[None])
    with rasterio.open(path, "r+") as data:
        data.write_colormap(1, {3: (250, 0, 0, 255), 7: (0, 0, 250, 255)})
    patch = image_at(open_ground(path), *middle_of(path), 100.0, 50)
    assert tuple(patch.rgb[25, 5]) == (250, 0, 0)
    assert tuple(patch.rgb[25, 45]) == (0, 0, 250)
    path = write(tmp_path / "bgr.tif", half_red()[::-1].copy(), photometric="MINISBLACK")
    with rasterio.open(path, "r+") as data:
        data.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red]
    assert tuple(image_at(open_ground(path), *middle_of(path), 100.0, 50).rgb[25, 5]) == (250, 0, 0)


@pytest.mark.parametrize("west", [-180.0, 0.0, 160.0])
def test_degrees_on_either_turn_and_across_the_antimeridian(tmp_path, west):
    path = write(
        tmp_path / "degrees.tif", half_red()[:, :100], Affine.translation(west, 10.0) @ Affine.scale(0.1, -0.1), "EPSG:4326"
    )
    lat, lon = 5.0, west + 20.0  # 180 for the last one
    for turned in (lon, lon - 360.0, lon + 360.0):
        if abs(turned) <= 360:
            patch = image_at(open_ground(path), lat, turned, 19_000.0, 20)
            assert patch.known.all()
            assert patch.rgb[10, [0, 19], 0].tolist() == [250, 0]


def test_what_is_refused(tmp_path):
    plain = write(tmp_path / "plain.tif", half_red(), Affine.identity(), None)
    with pytest.raises(ValueError, match=r"plain\.tif: says nowhere where it lies"):
        RasterGround(plain)
    path = write(tmp_path / "utm.tif", half_red())
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"utm\.tif: is "):
        image_at(RasterGround(path), *middle_of(path), 400.0, 400)
    (tmp_path / "none.tif").write_bytes(b"II*\0rubbish")
    with pytest.raises(ValueError, match=r"none\.tif: is no GeoTIFF") as error:
        RasterGround(tmp_path / "none.tif")
    assert "\n" not in str(error.value)
    (tmp_path / "other.tif").write_text('<VRTDataset rasterXSize="5" rasterYSize="5"></VRTDataset>')
    with pytest.raises(ValueError, match="is no GeoTIFF"):
        RasterGround(tmp_path / "other.tif")
    with pytest.raises(ValueError, match="complex"):
        RasterGround(write(tmp_path / "waves.tif", np.zeros((1, 9, 9), np.complex64)))
