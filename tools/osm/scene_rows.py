"""Elements as the matcher of scenes needs them: laid out for distances, loaded once."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tools.osm.distance import Shapes, between_laid_out
from tools.osm.filters import Filter
from tools.osm.scene_rarity import Size, size_of
from tools.osm.shape import EARTH_RADIUS_M, UNITS, IntBox, boxes_around
from tools.osm.store import Columns, OsmStore

_KEPT = 30_000
_IN_MEMORY = 50_000
"""Elements of a kind up to which their boxes are compared in memory, not looked up in the file each time."""


@dataclass(frozen=True, eq=False)
class Row:
    """One element."""

    id: int
    box: IntBox
    lat: float
    lon: float
    size: Size
    shapes: Shapes
    """Its shape alone."""

    @property
    def half_diagonal_m(self) -> float:
        """Half of the diagonal of its box."""
        south, west, north, east = (value / UNITS for value in self.box)
        high, wide = math.radians(north - south), math.radians(east - west) * math.cos(math.radians((south + north) / 2.0))
        return math.hypot(high, wide) * EARTH_RADIUS_M / 2.0

    def distance_m(self, other: Row, at_most_m: float) -> float:
        """Metres to another element, edge to edge; infinity above `at_most_m`."""
        if self.is_point:
            return float(other.shapes.nearest(self.lat, self.lon)[0][0])
        if other.is_point:
            return float(self.shapes.nearest(other.lat, other.lon)[0][0])
        return between_laid_out(self.shapes, other.shapes, at_most_m)

    @property
    def is_point(self) -> bool:
        return len(self.shapes.owner) == 1 and self.size.perimeter_m == 0.0


class Rows:
    """Elements of an extract, the last `_KEPT` of them in memory."""

    def __init__(self, store: OsmStore) -> None:
        self._store = store
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._columns: dict[tuple[Filter, ...], Columns | None] = {}

    def get(self, ids: Iterable[int]) -> list[Row]:
        """Elements by row number, in that order."""
        wanted = [int(row) for row in ids]
        missing = np.array(sorted({row for row in wanted if row not in self._rows}), dtype=np.int64)
        if len(missing):
            self._load(missing)
        found = [self._rows[row] for row in wanted]
        while len(self._rows) > _KEPT:
            self._rows.popitem(last=False)
        return found

    def near(self, filters: tuple[Filter, ...], row: Row, metres: float) -> list[int]:
        """Elements that any filter holds for and whose box is within a distance of that of an element."""
        if filters not in self._columns:
            few = self._store.estimate(filters) <= _IN_MEMORY
            self._columns[filters] = self._store.columns(self._store.ids(filters, most=None)) if few else None
        columns = self._columns[filters]
        boxes = boxes_around(row.box, metres)
        if columns is None:
            return [int(found) for found in self._store.ids(filters, boxes)]
        held = np.zeros(len(columns.id), dtype=np.bool_)
        for south, west, north, east in boxes:
            box = columns.box
            held |= (box[:, 0] <= north) & (box[:, 2] >= south) & (box[:, 1] <= east) & (box[:, 3] >= west)
        return [int(found) for found in columns.id[held]]

    def _load(self, ids: np.ndarray) -> None:
        columns = self._store.columns(ids)
        for i, shape in enumerate(self._store.shapes(ids)):
            south, west, north, east = columns.box[i].tolist()
            size = size_of(float(columns.length_m[i]), float(columns.area_m2[i]))
            self._rows[int(ids[i])] = Row(int(ids[i]), (south, west, north, east), float(columns.lat[i]), float(columns.lon[i]), size,
                                          Shapes.of([shape]))  # fmt: skip
