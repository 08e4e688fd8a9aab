"""What the file says about itself, as claims that are checked against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from geo.evidence import Evidence, near
from tools.observation import Arguments, Observation, Tool, ToolContext
from tools.quote import clean, quoted

_NOT_ALLOWED = "Metadata may not be used in this case; rely on what can be seen."
_GPS_SIGMA_KM, _GPS_RELIABILITY, _DOUBTFUL_RELIABILITY = 0.5, 0.9, 0.4
_FIRST_DIGITAL_YEAR = 1990
_LABELS = {
    "taken_at": "Taken", "utc_offset": "Time zone of the camera", "gps_time_utc": "GPS time (UTC)", "make": "Camera maker",
    "model": "Camera model", "software": "Software", "altitude_m": "Altitude (m)", "direction_deg": "Camera direction (°)",
    "place": "Place", "city": "City", "region": "Region", "country": "Country", "country_code": "Country code",
}  # fmt: skip
_EDITORS = (
    "photoshop", "lightroom", "gimp", "picasa", "snapseed", "affinity", "capture one", "darktable", "pixelmator", "acdsee",
    "midjourney", "stable diffusion", "dall", "firefly",
)  # fmt: skip


class ReadMetadataArguments(Arguments):
    """`read_metadata` takes no arguments."""


class ReadMetadata(Tool):
    """EXIF, XMP and IPTC tags. They can be wrong or forged, so a position is strong evidence and no proof."""

    name = "read_metadata"
    description = "Read the photo's own metadata (position, time, camera) and check whether it is plausible."
    arguments = ReadMetadataArguments
    timeout_s = 10.0

    def run(self, arguments: ReadMetadataArguments, context: ToolContext) -> Observation:
        if not context.metadata_allowed:
            return Observation(_NOT_ALLOWED, ok=False, data={"allowed": False})
        tags = context.photo.metadata
        doubts = [clean(str(doubt), 160) for doubt in tags.get("doubts", ())] + _contradictions(tags)
        position = _position(tags)
        shown = {key: _plain(tags[key]) for key in _LABELS if tags.get(key) not in (None, "")}
        said = [f"- {_LABELS[key]}: {quoted(value, 120) if isinstance(value, str) else value}" for key, value in shown.items()]
        if position:
            said.insert(0, f"- Position: {position[0]:.6f}, {position[1]:.6f}")
        if not said and not doubts:
            return Observation("The file carries no metadata.", data={"allowed": True, "tags": {}, "doubts": [], "gps": None})
        notes = _notes(tags)
        words = ["The file claims (claims can be wrong or forged):", *said] if said else ["The file carries no usable metadata."]
        words += ["Doubts:", *(f"- {doubt}" for doubt in doubts)] if doubts else []
        words += [f"- {note}" for note in notes]
        data = {"allowed": True, "tags": shown, "doubts": doubts, "notes": notes, "gps": list(position) if position else None}
        return Observation("\n".join(words), evidence=_evidence(position, doubts), data=data)


def _plain(value: object) -> str | float:
    return value if isinstance(value, int | float) else clean(str(value), 120)


def _position(tags: Mapping[str, Any]) -> tuple[float, float] | None:
    lat, lon = tags.get("lat"), tags.get("lon")
    if not (isinstance(lat, int | float) and isinstance(lon, int | float)):
        return None
    sound = math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180
    return (float(lat), float(lon)) if sound else None


def _evidence(position: tuple[float, float] | None, doubts: list[str]) -> tuple[Evidence, ...]:
    if position is None:
        return ()
    lat, lon = position
    claim = f"the file's GPS tags say {lat:.4f}, {lon:.4f}" + (", with doubts" if doubts else "")
    reliability = _DOUBTFUL_RELIABILITY if any(doubt.startswith("GPS") for doubt in doubts) else _GPS_RELIABILITY
    return (Evidence(near(lat, lon, _GPS_SIGMA_KM), claim, "metadata:gps", ReadMetadata.name, reliability),)


def _contradictions(tags: Mapping[str, Any]) -> list[str]:
    """What does not fit together: times that cannot be, and a clock that disagrees with the position."""
    found = []
    taken, gps_time = _time(tags.get("taken_at")), _time(tags.get("gps_time_utc"))
    if tags.get("taken_at") and taken is None:
        found.append("the time at which it was taken does not exist")
    if taken and taken.year < _FIRST_DIGITAL_YEAR:
        found.append(f"it says {taken.year}, before there were digital cameras")
    if taken and taken > datetime.now() + timedelta(days=2):
        found.append("it was taken in the future")
    offset_h = _offset_h(tags.get("utc_offset"))
    position = _position(tags)
    if position and offset_h is not None and abs((offset_h - position[1] / 15.0 + 12) % 24 - 12) > 4.0:
        found.append(f"GPS: the camera's time zone ({offset_h:+.1f} h) is not that of longitude {position[1]:.1f}")
    if position and taken and gps_time and offset_h is None:
        found += _clock_doubt((taken - gps_time).total_seconds() / 3600.0, position[1])
    return found


def _clock_doubt(ahead_h: float, lon: float) -> list[str]:
    """A camera clock shows the local time of where its owner lives, or of where it is."""
    if abs(ahead_h) > 26:
        return [f"GPS: the camera's clock and the GPS time are {abs(ahead_h) / 24:.0f} days apart"]
    if abs(ahead_h - lon / 15.0) > 4.0:
        return [f"GPS: the camera's clock is {ahead_h:+.1f} h from UTC, which is not the time at longitude {lon:.1f}"]
    return []


def _notes(tags: Mapping[str, Any]) -> list[str]:
    notes = []
    software = str(tags.get("software", "")).lower()
    if any(name in software for name in _EDITORS):
        notes.append("Note: the file was saved by editing software, so it is not as the camera wrote it")
    if tags.get("thumbnail"):
        notes.append("Note: the file holds a thumbnail of its own")
    return notes


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _offset_h(text: object) -> float | None:
    value = str(text or "")
    try:
        hours, minutes = int(value[1:3]), int(value[4:6])
    except ValueError:
        return None
    return (-1.0 if value[0] == "-" else 1.0) * (hours + minutes / 60.0)
