"""Whether a closed way is an area or a line that ends where it began.

After https://wiki.openstreetmap.org/wiki/Overpass_turbo/Polygon_Features, shortened to the keys that are in common use.
"""

from __future__ import annotations

from collections.abc import Mapping

_ALWAYS = frozenset({
    "building", "building:part", "landuse", "amenity", "shop", "tourism", "office", "craft", "place", "historic", "military", "boundary",
    "public_transport", "ruins", "landcover", "healthcare", "club", "allotments", "indoor", "area:highway", "emergency",
})  # fmt: skip
_BUT_NOT = {
    "leisure": frozenset({"track", "slipway"}),
    "natural": frozenset({"coastline", "cliff", "ridge", "arete", "tree_row", "valley", "earth_bank"}),
    "man_made": frozenset({"cutline", "embankment", "pipeline", "goods_conveyor"}),
    "aeroway": frozenset({"taxiway", "runway", "jet_bridge"}),
}
_ONLY = {
    "waterway": frozenset({"riverbank", "dock", "boatyard", "dam"}),
    "power": frozenset({"plant", "substation", "generator", "transformer", "switchgear"}),
    "railway": frozenset({"station", "turntable", "roundhouse", "platform"}),
    "highway": frozenset({"services", "rest_area", "platform"}),
}


def is_area(tags: Mapping[str, str]) -> bool:
    """Whether a closed way with these tags is an area."""
    said = tags.get("area")
    if said in {"yes", "no"}:
        return said == "yes"
    if any(tags.get(key, "no") != "no" for key in _ALWAYS):
        return True
    if any(tags.get(key, "no") not in {"no", *out} for key, out in _BUT_NOT.items()):
        return True
    return any(tags.get(key) in values for key, values in _ONLY.items())
