"""`geosleuth gallery list` and `geosleuth gallery drop`."""

from __future__ import annotations

import json

import click

from geosleuth.plain_errors import plain_errors


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a gallery.")
@plain_errors
def list_command(as_json: bool) -> None:
    """Galleries by name, with their size, encoder and sources."""
    from models.gallery.catalogue import galleries_folder, names

    found = names()
    for name in found:
        _show(name, as_json)
    if not found:
        click.echo(f"there is no gallery in {galleries_folder()}: geosleuth gallery build SOURCE --into NAME", err=True)


def _show(name: str, as_json: bool) -> None:
    from models.gallery.catalogue import gallery_folder, open_named, read_card

    rows, problem = None, ""
    card = None
    try:
        card = read_card(gallery_folder(name))
        gallery = open_named(name)
        try:
            rows = gallery.store.count()
        finally:
            gallery.store.close()
    except (ValueError, OSError) as error:  # the others are still listed
        problem = " ".join(str(error).split())
    if as_json:
        line = {"name": name, "rows": rows, "encoder": card.encoder if card else None, "store": card.store if card else None,
                "sources": list(card.sources) if card else [], "created": card.created if card else None, "problem": problem}  # fmt: skip
        click.echo(json.dumps(line, ensure_ascii=False))
        return
    size = f"{rows:>9,} photos" if rows is not None else click.style("   cannot be opened", fg="yellow")
    click.echo(
        f"{click.style(name, bold=True):<20} {size}  {card.encoder if card else ''}  {', '.join(card.sources) if card else ''}"
    )
    if problem:
        click.echo(f"  {problem}")


@click.command("drop")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@plain_errors
def drop_command(name: str, yes: bool) -> None:
    """Delete gallery NAME: its rows, vectors and thumbnails. The photos that it was built of stay."""
    from geosleuth.gallery.opening import alone
    from geosleuth.gallery.removal import card_to_remove, remove_gallery
    from models.gallery.catalogue import gallery_folder

    folder = gallery_folder(name)
    card = card_to_remove(folder)
    about = f"built of {', '.join(card.sources) or 'no source'}" if card else "whose gallery.json is damaged"
    if not yes:
        click.confirm(f"Delete gallery {folder.name} ({folder}, {about})?", abort=True)
    with alone(name):
        left = remove_gallery(folder)
    click.echo(f"deleted gallery {folder.name}", err=True)
    if left:
        click.echo(
            f"{folder} stays: {', '.join(path.name for path in left[:5])} {'are' if len(left) > 1 else 'is'} not the gallery's",
            err=True,
        )
    if card is None:
        click.echo("its gallery.json is damaged: if its rows were on a Qdrant server, they stay there", err=True)
    elif card.store.startswith("qdrant:"):
        click.echo(f"its collection on the server stays: {card.store}", err=True)
