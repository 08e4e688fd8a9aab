"""GeoTIFFs through rasterio as ground: any system, turned pictures, 16 bits, overviews, masks; only the wanted part is read.

rasterio is optional (`pip install "geosleuth[raster]"`). Files are opened by GDAL's GeoTIFF driver alone, so that none can point to other files or
addresses. Pictures of more than 8 bits are stretched: the darkest and brightest 2 % of all known values, over all three colours together,
become black and white, so that colours keep their proportions; how is said in `about`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.aerial.ground import Patch, resampled
from models.aerial.web_mercator import Floats

_MOST_READ = 4096  # pixels along a side of one patch, after overviews
_STRETCHED_FROM = 1024  # pixels along the longer side that a stretch is measured on
_TAIL_PERCENT = 2.0
_KNOTS = 17  # points along a side that are projected; the others lie between them
_MOST_SIDE = 2_000_000


@dataclass(frozen=True)
class Bands:
    """Which bands are shown, and how their values become 8 bits."""

    rows: tuple[int, ...]
    """One band (grey, or a palette) or three; rasterio counts from 1."""
    palette: NDArray[np.uint8] | None
    """[256, 3] where the band is a table of colours."""
    low: float
    high: float
    """Values that become 0 and 255."""


class RasterGround:
    """An open GeoTIFF. Not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self.path, self.data = path, _opened(path)
        self.bands = _bands(self.data, path)
        self.about = _about(self.data, self.bands)

    def sample(self, lat: Floats, lon: Floats, metres_per_pixel: float) -> Patch:
        """Colours at points; outside the picture and where it has no data nothing is known."""
        x, y = self._pixels(lat, lon)
        nothing = Patch(np.zeros((*lat.shape, 3), dtype=np.uint8), np.zeros(lat.shape, dtype=bool), 0)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return nothing
        step = max(_spread(x, y), 1e-6)  # pixels of the picture from one wanted point to the next
        pad = 2 * math.ceil(step) + 2
        left, top = (
            int(np.clip(math.floor(v.min()) - pad, 0, size)) for v, size in ((x, self.data.width), (y, self.data.height))
        )
        right, bottom = (
            int(np.clip(math.ceil(v.max()) + pad, 0, size)) for v, size in ((x, self.data.width), (y, self.data.height))
        )
        if right <= left or bottom <= top:
            return nothing
        shrink = max(step, 1.0)
        size = max(round((bottom - top) / shrink), 1), max(round((right - left) / shrink), 1)
        if max(size) > _MOST_READ:
            raise ValueError(f"{self.path.name}: the patch takes more than {_MOST_READ} pixels of the picture a side")
        rgb, known = self._read((left, top, right, bottom), size)
        rgb, sure = resampled(rgb, known, (x - left) * size[1] / (right - left), (y - top) * size[0] / (bottom - top), 1)
        return Patch(rgb, sure, 0)

    def _pixels(self, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
        """Continuous pixels of points [height, width]; projected on a coarse grid, and between its points by straight lines."""
        import cv2

        height, width = lat.shape
        rows, columns = (np.linspace(0, n - 1, min(n, _KNOTS)) for n in (height, width))
        near = np.ix_(np.rint(rows).astype(int), np.rint(columns).astype(int))
        x, y = _projected(self.data, lat[near], lon[near])
        if (height, width) == x.shape:
            return x, y
        at_x, at_y = np.meshgrid(_between(np.rint(columns), width), _between(np.rint(rows), height))
        grid = [cv2.remap(v - v.mean(), at_x, at_y, cv2.INTER_LINEAR) + v.mean() for v in (x, y)]
        return np.asarray(grid[0], dtype=np.float64), np.asarray(grid[1], dtype=np.float64)

    def _read(self, window: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        from rasterio.enums import Resampling
        from rasterio.windows import Window

        left, top, right, bottom = window
        part = Window(left, top, right - left, bottom - top)
        smooth = Resampling.nearest if self.bands.palette is not None else Resampling.average
        try:
            values = self.data.read(
                list(self.bands.rows), window=part, out_shape=(len(self.bands.rows), *size), resampling=smooth
            )
            mask = self.data.dataset_mask(window=part, out_shape=size) > 0
        except _failures() as error:
            raise ValueError(f"{self.path.name}: is damaged or cut short ({' '.join(str(error).split())[:80]})") from None
        return _as_rgb(values, self.bands), mask & np.isfinite(values.astype(np.float64)).all(axis=0)


def _opened(path: Path) -> Any:
    try:
        import rasterio
    except ModuleNotFoundError:
        raise ValueError(f'{path.name}: this GeoTIFF needs rasterio: pip install "geosleuth[raster]"') from None
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            data = rasterio.open(path.absolute(), driver="GTiff")
    except _failures() as error:
        raise ValueError(f"{path.name}: is no GeoTIFF that can be read ({' '.join(str(error).split())[:80]})") from None
    numbers = np.array(data.transform[:6])
    if data.crs is None or data.transform.is_identity:
        raise ValueError(f"{path.name}: says nowhere where it lies: no system, or no transformation")
    if not np.isfinite(numbers).all() or data.transform.is_degenerate or max(data.width, data.height) > _MOST_SIDE:
        raise ValueError(f"{path.name}: has a georeference that is no map")
    if not np.isfinite(_centre(data)).all():
        raise ValueError(f"{path.name}: is in a system that cannot be turned into latitude and longitude")
    return data


def _failures() -> tuple[type[Exception], ...]:
    """What GDAL raises through rasterio; some of it is no RasterioError."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    return RasterioError, CPLE_BaseError, MemoryError


def _centre(data: Any) -> tuple[float, float]:
    """Longitude and latitude of a picture's middle; infinite where that is none."""
    from rasterio.warp import transform

    try:
        lon, lat = transform(
            data.crs, "EPSG:4326", *([float(v)] for v in _applied(data.transform, data.width / 2, data.height / 2))
        )
    except _failures():
        return math.inf, math.inf
    return float(lon[0]), float(lat[0])


def _bands(data: Any, path: Path) -> Bands:
    """The colours of a picture: by what its bands are called, or the first three, or the first one."""
    from rasterio.enums import ColorInterp

    kinds = {kind: n for n, kind in reversed(list(enumerate(data.colorinterp, 1)))}
    colours = tuple(kinds[kind] for kind in (ColorInterp.red, ColorInterp.green, ColorInterp.blue) if kind in kinds)
    rows = colours if len(colours) == 3 else tuple(range(1, 4)) if data.count >= 3 else (1,)
    palette = None
    if kinds.get(ColorInterp.palette) == 1 and data.dtypes[0] == "uint8":
        rows, palette = (1,), np.zeros((256, 3), dtype=np.uint8)
        for value, colour in data.colormap(1).items():
            palette[value] = colour[:3]
    if any(np.dtype(data.dtypes[row - 1]).kind not in "uif" for row in rows):
        raise ValueError(f"{path.name}: has values of the kind {data.dtypes[rows[0] - 1]}, which are not read")
    if all(data.dtypes[row - 1] == "uint8" for row in rows):
        return Bands(rows, palette, 0.0, 255.0)
    return Bands(rows, None, *_stretch(data, rows, path))


def _stretch(data: Any, rows: tuple[int, ...], path: Path) -> tuple[float, float]:
    shrink = max(max(data.width, data.height) / _STRETCHED_FROM, 1.0)
    size = max(round(data.height / shrink), 1), max(round(data.width / shrink), 1)
    try:
        values = data.read(list(rows), out_shape=(len(rows), *size)).astype(np.float64)
        mask = data.dataset_mask(out_shape=size) > 0
    except _failures() as error:
        raise ValueError(f"{path.name}: is damaged or cut short ({' '.join(str(error).split())[:80]})") from None
    # Zero in all bands is how borders are filled where nobody said so: no reason to call it the darkest ground.
    known = values[:, mask & np.isfinite(values).all(axis=0) & (values != 0).any(axis=0)]
    if not known.size:
        raise ValueError(f"{path.name}: shows nothing: all of it is without data")
    low, high = (float(v) for v in np.percentile(known, (_TAIL_PERCENT, 100 - _TAIL_PERCENT)))
    return low, high if high > low else low + 1.0


def _as_rgb(values: NDArray[Any], bands: Bands) -> NDArray[np.uint8]:
    """Bands [1 or 3, height, width] as RGB [height, width, 3]."""
    if bands.palette is not None:
        return np.asarray(bands.palette[values[0]])
    if values.dtype != np.uint8:
        share = (values.astype(np.float64) - bands.low) / (bands.high - bands.low)
        values = np.clip(np.nan_to_num(share) * 255.0, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(values.transpose(1, 2, 0), (*values.shape[1:], 3)))


def _about(data: Any, bands: Bands) -> str:
    system = data.crs.to_string()
    text = f"{data.width}×{data.height} pixels, {system if len(system) < 40 else 'a system of its own'}, bands {'+'.join(map(str, bands.rows))}"
    return (
        text if bands.high == 255.0 and bands.low == 0.0 else f"{text}, values {bands.low:g} to {bands.high:g} shown as 0 to 255"
    )


def _projected(data: Any, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
    """Continuous pixels of points; infinite where the system does not reach."""
    from rasterio.warp import transform

    wrapped = (lon + 180.0) % 360.0 - 180.0
    try:
        east, north = transform("EPSG:4326", data.crs, wrapped.ravel(), lat.ravel())
    except _failures():
        return np.full(lat.shape, np.inf), np.full(lat.shape, np.inf)
    x, y = _applied(~data.transform, np.array(east), np.array(north))
    if data.crs.is_geographic and data.transform.b == 0:
        turn = 360.0 / abs(data.transform.a)
        x = x + turn * np.round((x[0] - x) / turn)  # in one piece across the antimeridian
        x = x - turn * np.round((x.mean() - data.width / 2) / turn)  # on the turn that lies nearest to the picture's middle
    return np.asarray(x, dtype=np.float64).reshape(lat.shape), np.asarray(y, dtype=np.float64).reshape(lat.shape)


def _applied(matrix: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """An affine matrix on numbers or arrays."""
    return matrix.a * x + matrix.b * y + matrix.c, matrix.d * x + matrix.e * y + matrix.f


def _between(knots: Floats, n: int) -> NDArray[np.float32]:
    """Where each of n points lies between the knots, as an index."""
    return np.interp(np.arange(n), knots, np.arange(len(knots))).astype(np.float32)


def _spread(x: Floats, y: Floats) -> float:
    """About how many pixels of the picture neighbouring points [height, width] lie apart."""
    if min(x.shape) < 2:
        return 1.0
    down = math.hypot(float(x[-1, 0] - x[0, 0]), float(y[-1, 0] - y[0, 0])) / (x.shape[0] - 1)
    along = math.hypot(float(x[0, -1] - x[0, 0]), float(y[0, -1] - y[0, 0])) / (x.shape[1] - 1)
    return float(min(down, along))
