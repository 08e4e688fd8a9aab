"""A small gallery of drawn photos, for the tools that look pictures up."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from agent.photo import PhotoFile
from models.encoders.tiny import Tiny
from models.gallery.catalogue import GalleryCard, NamedGallery, gallery_folder, open_named, write_card
from models.gallery.flat import FlatGallery
from models.gallery.gallery import Row
from models.gallery.marks import hex_marks, picture_hashes
from models.gallery.thumbnails import FILE, Thumbnails, jpeg_thumbnail
from tools.observation import ToolContext, View

PLACES = {"PT": (41.15, -8.61, "Porto"), "AT": (48.21, 16.37, "Vienna"), "JP": (35.68, 139.69, "Tokyo")}
_SKY = {"PT": (90, 150, 240), "AT": (180, 190, 200), "JP": (240, 180, 190)}
_GROUND = {"PT": (220, 150, 70), "AT": (70, 120, 60), "JP": (60, 60, 90)}


def picture(country: str, number: int) -> Image.Image:
    """A landscape of the country; each number has another horizon and some blots."""
    rng = np.random.default_rng(number)
    image = Image.new("RGB", (192, 144), _SKY[country])
    image.paste(_GROUND[country], (0, 70 + int(rng.integers(-8, 9)), 192, 144))
    for _ in range(6):
        x, y = int(rng.integers(0, 160)), int(rng.integers(0, 110))
        image.paste(tuple(int(v) for v in rng.integers(0, 255, 3)), (x, y, x + 24, y + 20))
    return image


def photo(country: str, number: int) -> PhotoFile:
    buffer = io.BytesIO()
    picture(country, number).save(buffer, "PNG")
    return PhotoFile(Path(f"{country}{number}.png"), buffer.getvalue())


def build(name: str = "drawn", each: int = 30) -> NamedGallery:
    """A gallery of photos of all countries, under $GEOSLEUTH_DATA."""
    folder, tiny = gallery_folder(name), Tiny()
    write_card(folder, GalleryCard("tiny", Tiny.digest, Tiny.dim, "flat:store"))
    store = FlatGallery(folder / "store", dim=Tiny.dim, encoder_digest=Tiny.digest, create=True)
    thumbnails = Thumbnails(folder / FILE)
    for country, (lat, lon, city) in PLACES.items():
        photos = [photo(country, number) for number in range(each)]
        shown = [one.render(View("photo")) for one in photos]
        rows = [
            Row(f"{country}/{i}", lat + 0.01 * i, lon, country, "", city, time=f"201{i % 10}-05-01", source="drawn", licence="CC0-1.0",
                picture=f"https://example.org/{country}/{i}.png", sha256=one.sha256, marks=hex_marks(*picture_hashes(image)))
            for i, (one, image) in enumerate(zip(photos, shown, strict=True))
        ]  # fmt: skip
        store.add(rows, tiny.encode(shown))
        thumbnails.put_many([(row.id, jpeg_thumbnail(image)) for row, image in zip(rows, shown, strict=True)])
    store.close()
    thumbnails.close()
    return open_named(name)


def context(of: PhotoFile, **more: object) -> ToolContext:
    return ToolContext(of, {"photo": View("photo")}, **more)  # type: ignore[arg-type]
