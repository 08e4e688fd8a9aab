"""`geosleuth uav index` and `geosleuth uav train`: what is made from tiles before a flight."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.plain_errors import plain_errors
from geosleuth.uav_options import box_of, descriptor_of, open_grounds, progress, tile_options

if TYPE_CHECKING:
    from models.aerial.ground import Ground
    from models.aerial.index import AerialIndex


@click.command("index")
@click.argument("tiles", required=False)
@tile_options
@click.option(
    "--date", "dates", multiple=True, metavar="DATE", help="When the tiles were taken (2023-06), once for each, in order."
)
@click.option("--area", required=True, metavar="S,W,N,E", help="Box in degrees.")
@click.option("--metres", type=click.FloatRange(10, 20_000), default=200.0, show_default=True, help="How wide a patch is.")
@click.option("--spacing", type=click.FloatRange(1, 10_000), default=50.0, show_default=True, help="Metres between patches.")
@click.option(
    "--descriptor",
    "kind",
    type=click.Choice(["orientation", "canny", "pixels", "autoencoder", "contrastive"]),
    help="How patches are compared (orientation).",
)
@click.option("--encoder", type=click.Path(path_type=Path), help="What `uav train` wrote, for the last two.")
@click.option(
    "--calibrate",
    "frames",
    type=click.IntRange(0, 10_000),
    default=40,
    show_default=True,
    help="Frames to set the threshold with; 0 for the published 1.13.",
)
@click.option(
    "--heading-error",
    type=click.FloatRange(0, 180),
    default=180.0,
    show_default=True,
    help="Of those frames: as wide as frames will be searched.",
)
@click.option("--into", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@plain_errors
def index_command(tiles: str | None, more_tiles: tuple[str, ...], dates: tuple[str, ...], area: str, metres: float, spacing: float, kind: str | None,
                  encoder: Path | None, frames: int, heading_error: float, into: Path, **addressed: Any) -> None:  # fmt: skip
    """Index TILES: a folder z/x/y.png, an MBTiles or PMTiles file, a GeoTIFF, a picture with a world file, or an address with {z}, {x}, {y}."""
    from models.aerial.calibrate import calibrate
    from models.aerial.descriptors import PATCH_PIXELS
    from models.aerial.index import build_index
    from models.aerial.match import Search

    box = box_of(area)
    _check_folder(into)
    made = descriptor_of(kind, encoder)
    if dates and len(dates) != bool(tiles) + len(more_tiles):
        raise ValueError("give as many dates as maps, in the same order, or none")
    pixels = PATCH_PIXELS if isinstance(made, str) else made.pixels
    grounds = open_grounds(tiles, more_tiles, box, metres / pixels, metres, addressed)
    index = build_index(grounds, box, metres, spacing, made, progress("patches"), dates, _attribution(grounds))
    if frames:
        search = Search(heading_error_deg=heading_error)
        index = index.with_calibration(calibrate(index, grounds, search, frames, progress=progress("calibration frames")))
    index.save(into)
    _say(index, grounds, into)


def _attribution(grounds: Sequence[Ground]) -> str:
    """The words of the owners of fetched maps, each once."""
    told = (str(getattr(getattr(ground, "source", None), "attribution", "")) for ground in grounds)
    return "; ".join(dict.fromkeys(text for text in told if text))


def _say(index: AerialIndex, grounds: Sequence[Ground], into: Path) -> None:
    card, missing = index.card, sum(len(getattr(ground, "missing", ())) for ground in grounds)
    unseen = sum(card["missing"])
    read = len(index.seen) * len(index.layers) - unseen
    of_dates = f" on {len(index.layers)} dates" if len(index.layers) > 1 else ""
    click.echo(
        f"{read} patches of {card['metres']:g} m every {card['spacing_m']:g} m{of_dates}, {unseen} without a picture, {missing} tiles missing; {into}"
    )
    for ground in grounds:
        if getattr(ground, "about", ""):
            click.echo(f"map: {ground.about}")  # type: ignore[attr-defined]
    if card["attribution"]:
        click.echo(f"map: {card['attribution']}")
    known = card["calibration"]
    if known:
        click.echo(
            f"calibration: {known['right']:.0%} of {known['frames']} recoloured frames within {card['spacing_m']:g} m; confidence above {known['threshold']:.2f} is told"
        )


@click.command("train")
@click.argument("tiles", required=False)
@tile_options
@click.option(
    "--kind",
    type=click.Choice(["contrastive", "autoencoder"]),
    default="contrastive",
    show_default=True,
    help="The better one, or the published one.",
)
@click.option("--area", required=True, metavar="S,W,N,E", help="Box in degrees; best not the one that will be searched.")
@click.option("--metres", type=click.FloatRange(10, 20_000), default=200.0, show_default=True, help="How wide a patch is.")
@click.option(
    "--minutes", type=click.FloatRange(0.01, 100_000), default=20.0, show_default=True, help="Processor time to train for."
)
@click.option("--steps", type=click.IntRange(1, 10_000_000), default=2000, show_default=True, help="Steps at most.")
@click.option(
    "--size",
    type=click.Choice(["published", "small"]),
    default="published",
    show_default=True,
    help="Of the auto-encoder: 70 million numbers, or 4 million.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--into", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@plain_errors
def train_command(tiles: str | None, more_tiles: tuple[str, ...], kind: str, area: str, metres: float, minutes: float, steps: int, size: str, seed: int,
                  into: Path, **addressed: Any) -> None:  # fmt: skip
    """Train a descriptor on TILES; with --tiles of other dates of the same area it learns what seasons change."""
    from models.aerial.encoder_training import train_autoencoder, train_contrastive

    box = box_of(area)
    _check_folder(into)
    grounds = open_grounds(tiles, more_tiles, box, metres / 256, metres, addressed)
    report = progress("steps")
    if kind == "contrastive":
        trained = train_contrastive(into, grounds, box, metres, steps, minutes * 60, seed, lambda step, loss: report(step, steps))
    else:
        trained = train_autoencoder(
            into, grounds, box, metres, steps, minutes * 60, seed, size == "small", lambda step, loss: report(step, steps)
        )
    told = ", ".join(f"{name} {value}" for name, value in trained.items())
    click.echo(f"{kind}: {told}; {into}")


def _check_folder(into: Path) -> None:
    if not into.parent.is_dir():
        raise ValueError(f"{into.parent}: is no folder")
