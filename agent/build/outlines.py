"""Make `agent/report/outlines.json`, the countries that the report's map draws.

    python -m agent.build.outlines countries-50m.json agent/report/outlines.json

Source: `countries-50m.json` of the npm package world-atlas 2.0.2 (ISC licence): Natural Earth 4.1 at 1:50 million (public domain)
as TopoJSON. Its rings run across the antimeridian; here they are cut there. Needs the dependency group `data`.

The file holds the quantum in degrees and for each country its name, the `[lon, lat]` of its label, the size of its largest part
in degrees (the square root of its area) and its rings. A ring is a text: differences of longitude and latitude in quanta, zigzag
coded and packed as `agent/report/pack.py` says.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.report.pack import pack_numbers

QUANTUM_DEG = 0.005

Point = tuple[float, float]


def main(source: str, target: str) -> None:
    """Read the TopoJSON file `source` and write `target`."""
    topology = json.loads(Path(source).read_text(encoding="utf-8"))
    arcs = _arcs(topology)
    countries = [_country(item, arcs) for item in topology["objects"]["countries"]["geometries"]]
    countries.sort(key=lambda c: -c["size"])
    data = {
        "source": "Natural Earth 1:50m (public domain) by world-atlas 2.0.2",
        "quantum_deg": QUANTUM_DEG,
        "countries": countries,
    }
    Path(target).write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def _arcs(topology: Mapping[str, Any]) -> list[list[Point]]:
    """The arcs in degrees: TopoJSON stores differences of whole numbers."""
    (scale_x, scale_y), (move_x, move_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * scale_x + move_x, y * scale_y + move_y))
        arcs.append(points)
    return arcs


def _country(item: Mapping[str, Any], arcs: Sequence[list[Point]]) -> dict[str, Any]:
    import antimeridian
    from shapely import MultiPolygon, Polygon, maximum_inscribed_circle
    from shapely.geometry.polygon import orient

    polygons = [item["arcs"]] if item["type"] == "Polygon" else item["arcs"]
    parts: list[Any] = []
    for rings in polygons:
        outer, *holes = [_ring(ring, arcs) for ring in rings]
        fixed = antimeridian.fix_polygon(Polygon(outer, holes), fix_winding=True)
        parts += fixed.geoms if isinstance(fixed, MultiPolygon) else [fixed]
    largest = max(parts, key=_size)
    middle = maximum_inscribed_circle(largest).coords[0]
    rings = [ring.coords for part in parts for ring in (orient(part).exterior, *orient(part).interiors)]
    return {
        "name": item["properties"]["name"],
        "label": [round(middle[0], 2), round(middle[1], 2)],
        "size": round(_size(largest), 2),
        "rings": [text for text in map(_packed, rings) if text],
    }


def _ring(indices: Iterable[int], arcs: Sequence[list[Point]]) -> list[Point]:
    """Arcs joined end to start; `~i` is arc i backwards."""
    points: list[Point] = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        points += arc[1:] if points else arc
    return points


def _size(polygon: Any) -> float:
    return math.sqrt(polygon.area * math.cos(math.radians(polygon.centroid.y)))


def _packed(points: Iterable[Sequence[float]]) -> str:
    """A closed ring in quanta; points that fall together are written once. Empty where fewer than three are left."""
    quanta: list[tuple[int, int]] = []
    for point in points:
        here = (round(point[0] / QUANTUM_DEG), round(point[1] / QUANTUM_DEG))
        if not quanta or here != quanta[-1]:
            quanta.append(here)
    if len(quanta) < 4:
        return ""
    x = y = 0
    numbers = []
    for here in quanta[:-1]:
        numbers += [_zigzag(here[0] - x), _zigzag(here[1] - y)]
        x, y = here
    return pack_numbers(numbers)


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


if __name__ == "__main__":
    main(*sys.argv[1:])
