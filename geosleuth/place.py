"""`geosleuth place`: coordinates to places and names to coordinates, without a network."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from geo.area import Area
    from geo.gazetteer import Location, Match

_CHUNK = 20_000
_LONGEST_LINE = 1000


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, metavar="[LAT LON | NAME | -]")
@click.option("--area", metavar="AREA", help="Look for names only here: country codes (FR,DE) or south,west,north,east.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="Most candidates for a name.")
@click.pass_context
def place(ctx: click.Context, words: tuple[str, ...], area: str | None, as_json: bool, limit: int) -> None:
    """What lies at LAT LON, or where NAME is. Without an argument, or with -, one question a line is read from standard input."""
    unknown = next((word for word in words if word.startswith("--") or (word.startswith("-") and word[1:2].isalpha())), None)
    if unknown:
        raise click.UsageError(f"no such option: {unknown}", ctx)
    where = _area(area, ctx)
    if words in {(), ("-",)}:
        lines: Iterable[str] = (line.decode("utf-8", "replace") for line in sys.stdin.buffer)
        pretty = False
    else:
        lines = [" ".join(words)]
        pretty = sys.stdout.isatty() and not as_json
    failed = False
    for chunk in answers(lines, where, limit):
        wrong = [answer for answer in chunk if "error" in answer]
        failed |= bool(wrong)
        if as_json:
            click.echo("\n".join(json.dumps(answer, ensure_ascii=False) for answer in chunk))
        elif pretty and not wrong and "candidates" in chunk[0]:
            _table(chunk[0]["candidates"])
        else:
            click.echo("".join(f"{_line(answer)}\n" for answer in chunk if "error" not in answer), nl=False)
            click.echo("".join(f"{answer['input']}: {answer['error']}\n" for answer in wrong), nl=False, err=True)
    if failed:
        sys.exit(1)


def answers(lines: Iterable[str], area: Area | None, limit: int) -> Iterator[list[dict[str, Any]]]:
    """One answer a line, in order and in chunks, whose coordinates are looked up together. Empty lines have none."""
    from geo.coordinates import parse_coordinates
    from geo.gazetteer import gazetteer

    stream = iter(lines)
    # The first questions are answered one by one, so that a person who types sees an answer at once.
    sizes = iter([1] * 20)
    while chunk := [line.strip()[:_LONGEST_LINE] for line in islice(stream, next(sizes, _CHUNK))]:
        chunk = [line for line in chunk if line]
        points = [_point(line) or parse_coordinates(line) for line in chunk]
        given = [point for point in points if point]
        found = gazetteer().reverse_many([p[0] for p in given], [p[1] for p in given]) if given else None
        row = iter(range(len(given)))
        results = [_location_json(found.location(next(row))) if point and found is not None else _named(line, area, limit)
                   for line, point in zip(chunk, points, strict=True)]  # fmt: skip
        if results:
            yield results


def _named(line: str, area: Area | None, limit: int) -> dict[str, Any]:
    """The answer for a line that is no coordinates."""
    from geo.gazetteer import gazetteer

    if not any(c.isalpha() for c in line):
        return {"input": line[:100], "error": "these are no coordinates: give latitude (-90 to 90) and longitude in degrees"}
    matches = gazetteer().search(line, area=area, limit=limit)
    return _name_json(line, matches) if matches else {"input": line[:100], "error": "no place is called this"}


def _point(line: str) -> tuple[float, float] | None:
    """Two plain numbers, the common case, without the cost of reading every way of writing coordinates."""
    parts = line.replace(",", " ").split()
    try:
        lat, lon = (float(part) for part in parts)
    except ValueError:
        return None
    plain = abs(lat) <= 90 and abs(lon) <= 180 and line.count(",") <= 1 and (" " in line or "\t" in line or "." in line)
    return (lat, lon) if plain else None


def _area(text: str | None, ctx: click.Context) -> Area | None:
    if text is None:
        return None
    from geo.area import parse_area
    from geo.gazetteer import gazetteer

    try:
        return parse_area(text, frozenset(gazetteer().country_codes))
    except ValueError as error:
        raise click.UsageError(str(error), ctx) from error


def _location_json(here: Location) -> dict[str, Any]:
    distance = None if math.isnan(here.distance_km) else round(here.distance_km, 3)
    return {"country": here.country, "country_name": here.country_name, "region": here.region, "city": here.city,
            "lat": here.lat, "lon": here.lon, "distance_km": distance}  # fmt: skip


def _name_json(name: str, matches: list[Match]) -> dict[str, Any]:
    best = matches[0].place
    return {
        "input": name, "country": best.country, "country_name": best.country_name, "region": best.region,
        "city": best.name if matches[0].how not in {"country", "region"} else None,
        "lat": round(best.lat, 5), "lon": round(best.lon, 5), "distance_km": 0.0,
        "candidates": [{"name": m.place.name, "country": m.place.country, "region": m.place.region, "lat": round(m.place.lat, 5),
                        "lon": round(m.place.lon, 5), "population": m.place.population, "matched_name": m.matched_name,
                        "how": m.how, "score": round(m.score, 4)} for m in matches],
    }  # fmt: skip


def _table(candidates: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("place", "region", "country", "lat", "lon", "people", "how", box=None, header_style="bold")
    for c in candidates:
        table.add_row(escape(c["name"]), escape(c["region"] or ""), c["country"] or "", f"{c['lat']:.4f}", f"{c['lon']:.4f}",
                      f"{c['population']:,}", c["how"])  # fmt: skip
    Console().print(table)


def _line(answer: dict[str, Any]) -> str:
    """`Porto, Portugal (0.4 km from Porto)`, or coordinates and a name."""
    parts = [answer["city"], answer["region"], answer["country_name"] or "international waters"]
    name = ", ".join(part for i, part in enumerate(parts) if part and part not in parts[:i])
    if "candidates" in answer:
        return f"{answer['lat']:.5f}, {answer['lon']:.5f}  {name}"
    return name if answer["distance_km"] is None else f"{name} ({answer['distance_km']:.1f} km from {answer['city']})"
