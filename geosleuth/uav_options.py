"""Options that the commands of `geosleuth uav` share, and how they become maps, encoders and searches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from geo.area import Box
    from models.aerial.descriptors import Descriptor
    from models.aerial.ground import Ground
    from models.aerial.index import AerialIndex
    from models.aerial.match import Search

PLAIN = ("orientation", "canny", "pixels")
Options = Callable[[Callable[..., Any]], Callable[..., Any]]


def _together(*options: Options) -> Options:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


search_options = _together(
    click.option("--index", "index_file", required=True, type=click.Path(path_type=Path), help="What `uav index` wrote."),
    click.option("--encoder", type=click.Path(path_type=Path), help="What `uav train` wrote, where the index was made with it."),
    click.option("--frame-metres", type=click.FloatRange(1, 20_000), metavar="M", help="Ground that the frame's shorter side covers (a patch of the index)."),
    click.option("--heading", type=float, metavar="DEG", help="Where the top of the frame looks, clockwise from north."),
    click.option("--heading-error", type=click.FloatRange(0, 180), help="How far the heading may be off, degrees (10; 180 without --heading)."),
    click.option("--altitude-scale", type=click.FloatRange(0.1, 10), default=1.0, show_default=True, help="Altitude over the one that --frame-metres was said for."),
    click.option("--scale-error", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="How far that factor may be off, as a share."),
    click.option("--season", type=click.Choice(["winter", "spring", "summer", "autumn"]), help="Search only the map's layers of this season."),
    click.option("--date", "taken", metavar="DATE", help="When the frame was taken: search only the map's layer nearest to it in time of year."),
)  # fmt: skip

tile_options = _together(
    click.option("--tiles", "more_tiles", multiple=True, metavar="TILES", help="The same area on another date; once for each."),
    click.option("--fetch", is_flag=True, help="Allow tiles to be fetched from an address https://…/{z}/{x}/{y}.png."),
    click.option("--attribution", default="", help="Whose map that is, in the words its owner asks for."),
    click.option("--zooms", default="0-19", show_default=True, metavar="LOW-HIGH", help="Zooms that the address has."),
    click.option("--most-tiles", type=click.IntRange(1, 100_000), default=5000, show_default=True, help="Tiles fetched at most."),
    click.option("--pause", type=click.FloatRange(0, 60), default=0.5, show_default=True, help="Seconds between two requests."),
    click.option(
        "--cache", type=click.Path(path_type=Path, file_okay=False), help="Folder for fetched tiles (the user's cache)."
    ),
)


def box_of(area: str) -> Box:
    """The box of `--area`. Raises ValueError."""
    from geo.area import parse_area

    limits = parse_area(area)
    if limits.box is None or limits.countries:
        raise ValueError("the area is a box: south,west,north,east")
    return limits.box


def open_grounds(tiles: str | None, more_tiles: Sequence[str], box: Box, metres_per_pixel: float, metres: float, options: dict[str, Any]) -> list[Ground]:  # fmt: skip
    """The maps that were named, in order. Raises ValueError with one line."""
    from models.aerial.open_ground import open_ground
    from tools.aerial_tiles import is_template

    named = [text for text in (tiles, *more_tiles) if text]
    if not named:
        raise ValueError("name the tiles: a folder, a file or an address")
    return [
        _addressed(text, box, metres_per_pixel, metres, **options) if is_template(text) else open_ground(Path(text))
        for text in named
    ]


def _addressed(template: str, box: Box, metres_per_pixel: float, metres: float, fetch: bool, attribution: str, zooms: str, most_tiles: int,
               pause: float, cache: Path | None) -> Ground:  # fmt: skip
    import platformdirs

    from models.aerial.tiles import TileGround
    from models.aerial.web_mercator import moved
    from tools.aerial_tiles import TileLimits, UrlTiles, check_template, tiles_in, zoom_for

    low, _, high = zooms.partition("-")
    if not (low.isdigit() and high.isdigit() and int(low) <= int(high) <= 24):
        raise ValueError("--zooms are two numbers, as 0-19")
    some = tuple(range(int(low), int(high) + 1))
    zoom = zoom_for(metres_per_pixel, (box.south + box.north) / 2, some)
    south, west = (float(v) for v in moved(box.south, box.west, -metres, -metres))
    north, east = (float(v) for v in moved(box.north, box.east, metres, metres))
    count = tiles_in(south, west, north, east, zoom)
    if count > most_tiles:
        raise ValueError(f"the area takes about {count} tiles of zoom {zoom}, more than --most-tiles {most_tiles}")
    ports = _own_ports(template)
    check_template(template, ports)
    if not fetch:
        raise ValueError(
            f"the area takes about {count} tiles of zoom {zoom} from the network; they are fetched with --fetch, where the server's terms allow it"
        )
    folder = cache or Path(platformdirs.user_cache_dir("geosleuth", appauthor=False)) / "tiles"
    limits = TileLimits(pause_s=pause, most_tiles=most_tiles)
    return TileGround(UrlTiles(template, attribution, folder, some, limits, loopback_ports=ports))


def _own_ports(template: str) -> frozenset[int]:
    """The port of a server on this machine that was named by its number: the person at the keyboard may read what is theirs."""
    import httpx

    try:
        url = httpx.URL(template)
    except httpx.InvalidURL:
        return frozenset()
    return frozenset({url.port}) if url.host in {"127.0.0.1", "localhost", "::1"} and url.port else frozenset()


def descriptor_of(kind: str | None, encoder: Path | None) -> str | Descriptor:
    """A plain descriptor by name, or the learned one of a file. Raises ValueError where the two do not agree."""
    from models.aerial.encoder_file import open_encoder

    if encoder is None:
        if kind is not None and kind not in PLAIN:
            raise ValueError(f"the descriptor {kind} is learned: give the file that `uav train` wrote (--encoder)")
        return kind or PLAIN[0]
    made = open_encoder(encoder)[0]
    if kind is not None and kind != made.name:
        raise ValueError(f"{encoder.name} holds the descriptor {made.name}, not {kind}")
    return made


def opened(index_file: Path, encoder: Path | None) -> AerialIndex:
    """The index, with its encoder where it has one."""
    from models.aerial.encoder_file import open_encoder
    from models.aerial.index import load_index

    return load_index(index_file, open_encoder(encoder)[0] if encoder is not None else None)


def search_of(heading: float | None, error: float | None, scale: float, scale_error: float) -> Search:
    """What is known of how a frame lies."""
    from models.aerial.match import Search

    wide = 180.0 if heading is None else 10.0
    return Search(heading or 0.0, wide if error is None else error, scale=scale, scale_error=scale_error)


def layers_of(index: AerialIndex, season: str | None, taken: str | None) -> list[int] | None:
    """Which dates of the map are searched; None for all. Raises ValueError."""
    from models.aerial.dates import nearest, of_season

    if season and taken:
        raise ValueError("say the season or the date, not both")
    if season:
        return of_season(index.dates, season, float(index.lat.mean()))
    return nearest(index.dates, taken) if taken else None


def progress(noun: str) -> Callable[[int, int], None]:
    """A line on stderr every two seconds, and at the end, with how many a second."""
    began = said = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if done == total or now - said > 2:
            said = now
            click.echo(f"{done} of {total} {noun}, {done / max(now - began, 1e-3):.1f} a second", err=True)

    return report
