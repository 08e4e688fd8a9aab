"""What a file says about itself: EXIF, XMP and IPTC tags in one plain form.

Everything here is a claim by whoever wrote the file. Absurd values are left out and named under `doubts`; nothing raises.
Tags: EXIF 2.32 (CIPA DC-008), XMP photoshop and Iptc4xmpCore schemas, IPTC-IIM record 2.
"""

from __future__ import annotations

import math
import re
from typing import Any

from PIL import Image, IptcImagePlugin

_MAX_TEXT = 200
_MAX_XMP = 262_144
_IFD_EXIF, _IFD_GPS = 0x8769, 0x8825
_DATE = re.compile(r"(\d{4})[:\-](\d\d)[:\-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
_XMP_GPS = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,10})?)(?:,(\d{1,2}(?:\.\d{1,10})?))?([NSEW])")
_XMP_TEXT = {"city": "photoshop:City", "region": "photoshop:State", "country": "photoshop:Country",
             "country_code": "Iptc4xmpCore:CountryCode", "place": "Iptc4xmpCore:Location"}  # fmt: skip
_IPTC_TEXT = {"city": (2, 90), "place": (2, 92), "region": (2, 95), "country_code": (2, 100), "country": (2, 101)}


def read_orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or none that exists."""
    try:
        value = _exif(image).get(0x0112, 1)
        return value if isinstance(value, int) and 1 <= value <= 8 else 1
    except Exception:
        return 1


def read_tags(image: Image.Image) -> dict[str, Any]:
    """The tags of a picture that was opened but not decoded, as plain JSON values, each only where the file has it.

    `taken_at` and `gps_time_utc` (ISO 8601 without zone), `utc_offset` (`+02:00`), `make`, `model`, `software`,
    `lat`, `lon` (degrees), `altitude_m`, `direction_deg`, `place`, `city`, `region`, `country`, `country_code`, `thumbnail`,
    and `doubts`, sentences about values that cannot be right.
    """
    tags: dict[str, Any] = {}
    doubts: list[str] = []
    for read in (_read_exif, _read_gps, _read_iptc, _read_xmp):
        try:
            read(image, tags, doubts)
        except Exception as error:  # decoders of hostile tags raise whatever they like
            doubts.append(f"some tags cannot be read ({type(error).__name__})")
    if doubts:
        tags["doubts"] = doubts
    return tags


def _exif(image: Image.Image) -> Image.Exif:
    if image.format == "PNG" and "exif" not in image.info:
        return Image.Exif()  # Pillow would decode the whole picture to look behind it
    return image.getexif()


def _read_exif(image: Image.Image, tags: dict[str, Any], doubts: list[str]) -> None:
    exif = _exif(image)
    detail = exif.get_ifd(_IFD_EXIF)
    for name, value in (("make", exif.get(0x010F)), ("model", exif.get(0x0110)), ("software", exif.get(0x0131))):
        _put_text(tags, name, value)
    for value in (detail.get(0x9003), detail.get(0x9004), exif.get(0x0132)):
        match = _DATE.fullmatch(_text(value))
        if match and "taken_at" not in tags and match[1] != "0000":
            tags["taken_at"] = "{}-{}-{}T{}:{}:{}".format(*match.groups())
    offset = _text(detail.get(0x9011) or detail.get(0x9010))
    if _OFFSET.fullmatch(offset):
        tags["utc_offset"] = offset
    if 0x0201 in exif.get_ifd(1):
        tags["thumbnail"] = True


def _read_gps(image: Image.Image, tags: dict[str, Any], doubts: list[str]) -> None:
    gps = _exif(image).get_ifd(_IFD_GPS)
    if not gps:
        return
    if 2 in gps or 4 in gps:
        lat, lon = _degrees(gps.get(2), gps.get(1)), _degrees(gps.get(4), gps.get(3))
        _put_point(tags, doubts, lat, lon)
        if "lat" in tags and not (_text(gps.get(1)).upper() in {"N", "S"} and _text(gps.get(3)).upper() in {"E", "W"}):
            doubts.append("GPS: the hemisphere is not given")
    _put_altitude(tags, doubts, _number(gps.get(6)), gps.get(5))
    direction = _number(gps.get(17))
    if direction is not None and 0 <= direction <= 360:
        tags["direction_deg"] = round(direction, 1)
    clock = [_number(part) for part in _sequence(gps.get(7))]
    date = re.fullmatch(r"(\d{4})[:\-](\d\d)[:\-](\d\d)", _text(gps.get(29)))
    if date and len(clock) == 3 and all(part is not None and 0 <= part < 60 for part in clock):
        hour, minute, second = (int(part or 0) for part in clock)
        tags["gps_time_utc"] = "{}-{}-{}T".format(*date.groups()) + f"{hour:02d}:{minute:02d}:{second:02d}"


def _put_altitude(tags: dict[str, Any], doubts: list[str], altitude: float | None, reference: object) -> None:
    if altitude is None:
        return
    below = reference in (1, b"\x01", "1")
    altitude = -abs(altitude) if below else altitude
    if -450 <= altitude <= 20_000:
        tags["altitude_m"] = round(altitude, 1)
    else:
        doubts.append(f"GPS: no photo is taken at {altitude:.0f} m")


def _put_point(tags: dict[str, Any], doubts: list[str], lat: float | None, lon: float | None) -> None:
    if lat is None or lon is None:
        doubts.append("GPS: the position is not a number")
    elif abs(lat) > 90 or abs(lon) > 180:
        doubts.append(f"GPS: {lat:.4f}, {lon:.4f} is not a place on the Earth")
    elif abs(lat) < 1e-4 and abs(lon) < 1e-4:
        doubts.append("GPS: 0, 0 is what a receiver without a fix writes")
    else:
        tags["lat"], tags["lon"] = round(lat, 7), round(lon, 7)


def _read_iptc(image: Image.Image, tags: dict[str, Any], doubts: list[str]) -> None:
    if image.format not in {"JPEG", "MPO", "TIFF"} or not ({"photoshop"} & image.info.keys() or image.format == "TIFF"):
        return
    info = IptcImagePlugin.getiptcinfo(image)  # type: ignore[arg-type]
    for name, key in _IPTC_TEXT.items():
        _put_text(tags, name, (info or {}).get(key))


def _read_xmp(image: Image.Image, tags: dict[str, Any], doubts: list[str]) -> None:
    raw = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    packet = raw[:_MAX_XMP].decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)[:_MAX_XMP]
    for name, key in _XMP_TEXT.items():
        _put_text(tags, name, _xmp_value(packet, key))
    point = [_XMP_GPS.fullmatch(_xmp_value(packet, f"exif:GPS{axis}") or "") for axis in ("Latitude", "Longitude")]
    if "lat" not in tags and point[0] and point[1]:
        lat, lon = (_sexagesimal([m[1], m[2], m[3] or "0"], m[4]) for m in point if m)
        _put_point(tags, doubts, lat, lon)


def _xmp_value(packet: str, key: str) -> str | None:
    """One property of an XMP packet, as attribute or element. Not parsed as XML, so that no entity is ever expanded."""
    match = re.search(rf'{key}="([^"<]{{1,400}})"', packet) or re.search(rf"<{key}>([^<]{{1,400}})</{key}>", packet)
    return match[1].strip() if match else None


def _put_text(tags: dict[str, Any], name: str, value: object) -> None:
    text = _text(value)
    if text and name not in tags:
        tags[name] = text


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value[: 2 * _MAX_TEXT].decode("utf-8", "replace")
    return value[: 2 * _MAX_TEXT].replace("\x00", " ").strip()[:_MAX_TEXT] if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, str | bytes) or value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _sequence(value: object) -> tuple[object, ...]:
    if isinstance(value, list | tuple):
        return tuple(value[:3])
    return () if value is None else (value,)


def _degrees(value: object, reference: object) -> float | None:
    parts = [_number(part) for part in _sequence(value)]
    return _sexagesimal(parts, _text(reference).upper()) if parts and None not in parts else None


def _sexagesimal(parts: list[Any], hemisphere: str) -> float:
    degrees: float = sum(float(part) / 60**power for power, part in enumerate(parts))
    return -degrees if hemisphere[:1] in {"S", "W"} else degrees
