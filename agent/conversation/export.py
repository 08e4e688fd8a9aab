"""A case as files: the HTML report, GeoJSON, KML, its trajectories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from agent.answer import label_of
from agent.conversation.case_file import CaseFile
from agent.conversation.whole import Whole
from geo.belief import Belief
from geo.export import to_geojson

KINDS = {
    "report": ("report.html", "text/html; charset=utf-8"),
    "geojson": ("belief.geojson", "application/geo+json"),
    "kml": ("belief.kml", "application/vnd.google-earth.kml+xml"),
    "trajectory": ("trajectory.jsonl", "application/x-ndjson"),
}
"""File name and media type of each kind."""


def exported(kind: str, file: CaseFile, whole: Whole, folder: Path) -> bytes:
    """The case as one of `KINDS`; `folder` is the store's. Raises KeyError for another kind."""
    if kind == "report":
        from agent.report import report_html

        photos = [folder / photo.file for photo in file.photos if photo.trajectory]
        return report_html(trajectories(file, whole), photos).encode()
    if kind == "trajectory":
        lines = (json.dumps(one, ensure_ascii=False, allow_nan=False) for one in trajectories(file, whole))
        return "".join(line + "\n" for line in lines).encode()
    result = whole.result()
    if kind == "geojson":
        return json.dumps(to_geojson(whole.belief(), result["alternatives"], result["answer"]), ensure_ascii=False).encode()
    if kind == "kml":
        return to_kml(whole.belief(), result, file.title).encode()
    raise KeyError(kind)


def trajectories(file: CaseFile, whole: Whole) -> list[dict[str, Any]]:
    """The trajectory of each photo with the ledger and the answer of the whole case, so that each stands for all that is known.

    None names a folder: what is exported is handed on.
    """
    said = "; ".join(statement.claim for statement in file.stated())
    ledger, result = whole.with_bits(), whole.result()
    return [
        {**photo.trajectory, **result, "label": label_of(result["best_guess"]), "ledger": ledger, "path": "",
         "context": "; ".join(filter(None, (file.context, said))), "photo": photo.name, "normalisers": []}
        for photo in file.photos if photo.trajectory
    ]  # fmt: skip


def to_kml(belief: Belief, result: Mapping[str, Any], title: str) -> str:
    """KML 2.2 (OGC 07-147r2): the 50 % and 90 % regions, the candidates and the answer."""
    features = to_geojson(belief, result["alternatives"], result["answer"])["features"]
    marks = "".join(_placemark(feature) for feature in features)
    styles = (
        '<Style id="region"><LineStyle><color>ffb36b1f</color><width>1.5</width></LineStyle><PolyStyle><color>40b36b1f</color></PolyStyle></Style>'
        '<Style id="answer"><IconStyle><color>ff1f3fd6</color><scale>1.3</scale></IconStyle></Style>'
        '<Style id="candidate"><IconStyle><scale>0.9</scale></IconStyle></Style>'
    )
    name = escape(title or "Geosleuth")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>{name}</name>{styles}{marks}</Document></kml>\n'


def _placemark(feature: Mapping[str, Any]) -> str:
    own, geometry = feature["properties"], feature["geometry"]
    if own["role"] == "credible region":
        name, style = f"smallest region with {100 * own['share']:.0f} %", "region"
        polygons = "".join(_polygon(rings) for rings in geometry["coordinates"])
        shape = f"<MultiGeometry>{polygons}</MultiGeometry>"
    else:
        share = f" {100 * float(own.get('probability') or 0):.0f} %"
        name = label_of(own) + share if own["role"] == "answer" else f"{own.get('rank', '')}. {label_of(own)}{share}"
        style = own["role"]
        lon, lat = geometry["coordinates"]
        shape = f"<Point><coordinates>{lon},{lat}</coordinates></Point>"
    return f"<Placemark><name>{escape(name)}</name><styleUrl>#{style}</styleUrl>{shape}</Placemark>"


def _polygon(rings: Sequence[Sequence[Sequence[float]]]) -> str:
    outer = " ".join(f"{lon},{lat}" for lon, lat in rings[0])
    return f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{outer}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
