"""`geosleuth crossview`: photos from the ground against pictures from above: train a model, index tiles, locate, score."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geosleuth.crossview_options import DATASET, FILE, JSON, PAIRS, ROOT, progress, told
from geosleuth.crossview_score import score_command
from geosleuth.plain_errors import plain_errors

if TYPE_CHECKING:
    from models.crossview.pairs import CrossViewPair
    from models.crossview.search import Found


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def crossview() -> None:
    """Photos from the ground against pictures from above: train a model, index tiles, locate, score."""


@crossview.command("train")
@PAIRS
@DATASET
@ROOT
@click.option("--name", default="crossview", show_default=True, help="What the model is called, or a path.")
@click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change a setting; repeatable. An unknown one lists all."
)
@JSON
@plain_errors
def train_command(
    pairs: Path | None, dataset: str | None, root: Path | None, name: str, changes: Sequence[str], as_json: bool
) -> None:
    """Train on pairs; needs torch. One that was stopped goes on after its last epoch when it is started again."""
    from models.crossview.settings import CrossViewSettings
    from models.crossview.train import train
    from models.model_folder import read_card
    from models.registry import model_folder
    from models.settings_text import with_changes

    settings, folder = with_changes(CrossViewSettings(), changes), model_folder(name)
    learn, source = _training_pairs(pairs, dataset, root)
    train(learn, source, settings, folder, told)
    figures = read_card(folder)["held_out"]
    if as_json:
        click.echo(json.dumps({"model": name, "folder": str(folder), "held_out": figures}, ensure_ascii=False))
        return
    click.echo(
        f"wrote {folder}; R@1 among {figures['tiles']} held-out tiles, by field of view and error of the heading in degrees:"
    )
    click.echo(", ".join(f"{key} {100 * value:.0f} %" for key, value in figures["recall_at_1"].items()))


def _training_pairs(pairs: Path | None, dataset: str | None, root: Path | None) -> tuple[list[CrossViewPair], str]:
    if pairs is not None and dataset is None:
        from models.crossview.pair_file import read_pairs

        found = read_pairs(pairs)
        return found, f"pairs of {pairs.name} ({len(found):,} pairs)"
    if dataset is None or root is None or pairs is not None:
        raise click.UsageError("give --pairs, or --dataset with --root")
    from models.crossview.datasets.open import read_dataset

    learn = read_dataset(dataset, root, "train", told)
    return list(learn.pairs), f"{learn.name} ({len(learn.pairs):,} pairs)"


@crossview.command("index")
@click.argument("tiles", type=click.Path(path_type=Path))
@click.option("--area", required=True, metavar="S,W,N,E", help="Box in degrees; 400 km² at most.")
@click.option(
    "--model", "name", default="crossview", show_default=True, help="A trained model, by name or path; drawn-town is packaged."
)
@click.option(
    "--spacing", type=click.FloatRange(1, 1000), metavar="M", help="Metres between tiles; by default what the model learned."
)
@click.option("--into", required=True, type=FILE, help="File to write.")
@JSON
@plain_errors
def index_command(tiles: Path, area: str, name: str, spacing: float | None, into: Path, as_json: bool) -> None:
    """Index an area of TILES: a folder z/x/y.png, an MBTiles file, or a georeferenced picture. `match_aerial` searches it."""
    from geo.area import parse_area
    from models.aerial.open_ground import open_ground
    from models.crossview.index import build_index
    from models.crossview.model import load_crossview
    from models.crossview.packaged import crossview_folder

    limits = parse_area(area)
    if limits.box is None or limits.countries:
        raise ValueError("the area is a box: south,west,north,east")
    if not into.parent.is_dir():
        raise ValueError(f"{into.parent}: is no folder")
    folder = crossview_folder(name)
    model = load_crossview(folder)
    names = (str(tiles.absolute()), str(folder.absolute()))
    index = build_index(model, open_ground(tiles), limits.box, spacing or model.spacing_m, names, progress("tiles"))
    index.save(into)
    known, every = int(index.seen.sum()), len(index.seen)
    data = {
        "tiles": every,
        "without_picture": every - known,
        "spacing_m": index.spacing_m,
        "bytes": into.stat().st_size,
        "into": str(into),
    }
    click.echo(
        json.dumps(data)
        if as_json
        else f"{known:,} tiles every {index.spacing_m:g} m, {every - known:,} without a picture; {into}"
    )


@crossview.command("locate")
@click.argument("photo", type=FILE)
@click.option("--index", "index_file", required=True, type=FILE, help="What `crossview index` wrote.")
@click.option(
    "--fov",
    type=click.FloatRange(10, 360),
    multiple=True,
    metavar="DEG",
    help="How wide the photo sees; repeatable. 360: a panorama. 60, 72 and 84 by default.",
)
@click.option("--heading", type=float, metavar="DEG", help="Where the photo's middle looks, clockwise from north.")
@click.option(
    "--heading-error",
    type=click.FloatRange(0, 180),
    default=20.0,
    show_default=True,
    help="How far the heading may be off, degrees.",
)
@click.option("--area", metavar="S,W,N,E", help="Search this part of the index only.")
@click.option(
    "--outside",
    type=click.FloatRange(0.001, 0.999),
    default=0.3,
    show_default=True,
    help="Probability beforehand that it was taken elsewhere.",
)
@click.option("--geojson", type=FILE, help="Write the heat-map here.")
@JSON
@plain_errors
def locate_command(photo: Path, index_file: Path, fov: Sequence[float], heading: float | None, heading_error: float, area: str | None,
                   outside: float, geojson: Path | None, as_json: bool) -> None:  # fmt: skip
    """Where PHOTO was taken, or that this cannot be told."""
    from geo.area import parse_area
    from models.aerial.pictures import read_picture
    from models.crossview.ground_view import Aim
    from models.crossview.match import Heading
    from models.crossview.open_search import open_search
    from models.crossview.search import locate

    search, box = open_search(index_file), parse_area(area).box if area else None
    aims = [Aim(wide, panorama=wide >= 360) for wide in fov or (60.0, 72.0, 84.0)]
    picture = read_picture(photo, 50_000_000)
    found = locate(
        search.model,
        search.index,
        picture,
        aims,
        Heading(heading, heading_error),
        ground=search.ground(),
        box=box,
        outside=outside,
    )
    click.echo(json.dumps(_as_json(found)) if as_json else _in_words(found))
    if geojson is not None:
        lat, lon = search.index.points()
        tiles = [(y, x, p) for y, x, p in zip(lat.tolist(), lon.tolist(), found.probability_N.tolist(), strict=True) if p > 1e-6]
        features = [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [round((x + 180) % 360 - 180, 7), round(y, 7)]},
                     "properties": {"probability": p}} for y, x, p in tiles]  # fmt: skip
        geojson.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def _as_json(found: Found) -> dict[str, Any]:
    places = [{"lat": round(p.lat, 7), "lon": round(p.lon, 7), "heading_deg": round(p.heading_deg, 1), "probability": round(p.probability, 5),
               "likeness": round(p.likeness, 3)} for p in found.places]  # fmt: skip
    return {
        "sure": found.sure,
        "outside": round(found.outside, 5),
        "fov_deg": found.fov_deg,
        "tiles": found.tiles,
        "places": places,
    }


def _in_words(found: Found) -> str:
    best = found.best
    place = f"{best.lat:.6f}, {best.lon:.6f}, looking to {best.heading_deg:.0f}° ({100 * best.probability:.0f} %)"
    first = place if found.sure else f"I do not know; the likeliest place is {place}"
    lines = [f"{first}; elsewhere {100 * found.outside:.0f} %; field of view {found.fov_deg:.0f}°"]
    lines += [f"{n}. {p.lat:.6f}, {p.lon:.6f}: {100 * p.probability:.1f} %" for n, p in enumerate(found.places[1:], 2)]
    return "\n".join(lines)


crossview.add_command(score_command)
