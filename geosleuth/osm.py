"""`geosleuth osm`: extracts of OpenStreetMap, and what is near a point or lies together as described."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from tools.observation import Observation
    from tools.osm.build import Tally

_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
_LARGEST_QUERY = 100_000
_EVERY = 100_000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def osm() -> None:
    """Extracts of OpenStreetMap. An extract has a name, or is a file (a path with a slash in it)."""


@osm.command("build")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--into", "name", metavar="NAME", help="Name of the extract, or a path with a slash in it; that of the file by default."
)
@_JSON
@plain_errors
def build_command(source: Path, name: str | None, as_json: bool) -> None:
    """Make an extract of SOURCE (.osm.pbf, .osm, .osm.bz2), such as a country of Geofabrik's, or replace one."""
    from tools.osm.build import build_store
    from tools.osm.catalogue import extract_path
    from tools.osm.store import OsmStore

    target = extract_path(name or _stem(source))
    with _told() as told:
        tally = build_store(source, target, told)
    about = OsmStore(target).about()
    if as_json:
        click.echo(json.dumps({**about.to_json(), "path": str(target), "left_out": dict(tally.left_out)}, ensure_ascii=False))
        return
    left = "".join(f"; {count:,} {reason} left out" for reason, count in sorted(tally.left_out.items()))
    click.echo(
        f"extract {about.name}: {tally.kept:,} elements{left}; as of {about.snapshot or 'an unknown day'}; {about.licence}"
    )


@osm.command("list")
@_JSON
@plain_errors
def list_command(as_json: bool) -> None:
    """Extracts by name."""
    from tools.osm.catalogue import extract_names
    from tools.osm.element import OsmError
    from tools.osm.store import OsmStore

    for name in extract_names():
        try:
            about = OsmStore.named(name).about()
            line: dict[str, Any] = about.to_json()
            text = f"{about.elements or 0:,} elements, as of {about.snapshot or 'an unknown day'}"
        except OsmError as error:
            line, text = {"name": name, "problem": str(error)}, str(error)
        click.echo(json.dumps(line, ensure_ascii=False) if as_json else f"{click.style(name, bold=True)}  {text}")
    if not extract_names() and not as_json:
        click.echo("there is no extract yet: geosleuth osm build FILE.osm.pbf --into NAME")


@osm.command("info")
@click.argument("name")
@_JSON
@plain_errors
def info_command(name: str, as_json: bool) -> None:
    """What extract NAME holds, of which day it is, and where it comes from."""
    from tools.osm.store import OsmStore

    store = OsmStore.named(name)
    about = store.about()
    kinds = {kind: int(store.meta.get(kind, "0")) for kind in ("nodes", "ways", "relations")}
    data = {**about.to_json(), **kinds, "path": str(store.path), "bytes": store.path.stat().st_size}
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    south, west, north, east = data["box"]
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    click.echo(f"{click.style(about.name, bold=True)}  {about.elements or 0:,} elements with tags ({counts})")
    click.echo(f"  as of     {about.snapshot or 'an unknown day'}")
    click.echo(f"  box       {south:.5f}, {west:.5f} to {north:.5f}, {east:.5f}")
    click.echo(f"  source    {about.source} (SHA-256 {about.sha256})")
    click.echo(f"  file      {store.path} ({data['bytes'] / 1e6:.1f} MB)")
    click.echo(f"  licence   {about.licence}")


@osm.command("nearby", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("lat", type=float)
@click.argument("lon", type=float)
@click.option("--radius", type=click.FloatRange(1, 5000), default=500.0, show_default=True, help="Metres around the point.")
@click.option(
    "--what", multiple=True, metavar="FILTER", help="pharmacy, amenity=restaurant, shop, name=…, height>20 m; may be repeated."
)
@click.option("--limit", type=click.IntRange(1, 40), default=20, show_default=True, help="Most elements.")
@_JSON
@plain_errors
def nearby_command(name: str, lat: float, lon: float, radius: float, what: Sequence[str], limit: int, as_json: bool) -> None:
    """What lies around LAT LON, the nearest first."""
    from tools.nearby import Nearby, NearbyArguments
    from tools.osm.store import OsmStore

    if len(what) > 8:
        raise click.UsageError("at most 8 filters are looked for at once")
    arguments = NearbyArguments(lat=lat, lon=lon, radius_m=radius, what=list(what), limit=limit)
    _show(Nearby(OsmStore.named(name)).ask(arguments), as_json)


@osm.command("scene")
@click.argument("name")
@click.argument("query", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--limit", type=click.IntRange(1, 20), default=10, show_default=True, help="Most places.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=60.0, show_default=True, help="Longest search.")
@_JSON
@plain_errors
def scene_command(name: str, query: Path, limit: int, seconds: float, as_json: bool) -> None:
    """Places where the scene of the JSON file QUERY (- for standard input) is found, the rarest first.

    The file holds entities, relations and area, as in docs/openstreetmap.md.
    """
    from tools.osm.scene_query import parse_scene
    from tools.osm.store import OsmStore
    from tools.search_scene import SceneArguments, SearchScene

    scene = parse_scene(_query(query))
    arguments = SceneArguments(entities=scene.entities, relations=scene.relations, area=scene.area, limit=limit)
    _show(SearchScene(OsmStore.named(name), seconds).ask(arguments), as_json)


def _query(path: Path) -> Any:
    """The JSON of a query file. Raises ValueError with one line, and OSError."""
    try:
        if str(path) == "-":
            text = sys.stdin.read(_LARGEST_QUERY + 1)
        else:
            with path.open(encoding="utf-8") as file:
                text = file.read(_LARGEST_QUERY + 1)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text") from None
    if len(text) > _LARGEST_QUERY:
        raise ValueError(f"{path} is too long for a query")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {' '.join(str(error).split())[:100]}") from None


def _show(answer: Observation, as_json: bool) -> None:
    """The answer, or the reason why there is none. Raises ValueError for that."""
    if not answer.ok:
        raise ValueError(answer.text)
    click.echo(json.dumps(dict(answer.data), ensure_ascii=False) if as_json else answer.text)


def _stem(source: Path) -> str:
    """`helsinki-centre` for `…/helsinki-centre.osm.pbf`; Geofabrik's `-latest` is no part of a name."""
    name = source.name
    for ending in (".pbf", ".bz2", ".gz", ".osm"):
        name = name.removesuffix(ending)
    return name.removesuffix("-latest")


@contextmanager
def _told() -> Iterator[Any]:
    """What a build shows on stderr: a spinner on a terminal, plain lines elsewhere."""
    from rich.console import Console

    err = Console(stderr=True, highlight=False, soft_wrap=True)
    if not sys.stderr.isatty():
        said = [0]

        def note(tally: Tally) -> None:
            if tally.read // _EVERY > said[0]:
                said[0] = tally.read // _EVERY
                err.print(f"{tally.step}: {tally.read:,} elements with tags")

        yield note
        return
    with err.status("reading") as status:
        yield lambda tally: status.update(f"{tally.step}: {tally.read:,} elements with tags")
