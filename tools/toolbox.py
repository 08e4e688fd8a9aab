"""The tools of a case, made from settings."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.observation import Tool

if TYPE_CHECKING:
    from models.gallery.catalogue import NamedGallery
    from tools.find_similar import FindSimilar
    from tools.picture_vectors import PictureVectors

_ADDRESS = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class ToolSettings:
    search: str = "offline"
    """Search backend: `offline`, `ddgs`, `searxng:URL`, `tavily`, `brave`, `replay:FILE`, `record:FILE:BACKEND`."""
    geocoder: str = "gazetteer"
    """`gazetteer`, or `nominatim` for OpenStreetMap's public server."""
    offline: bool = False
    """Whether the network is out of bounds, whatever the other settings say."""
    galleries: tuple[str, ...] = ()
    """Galleries, by name or folder, that `find_similar` looks in; the first is the one that is called so, others have a suffix."""
    models: tuple[str, ...] = ("auto",)
    """Trained models that `estimate` asks, by name or folder; `auto` are all those that were trained on one of the galleries."""
    concepts: bool = True
    """Whether `estimate` also says what an ImageNet classifier recognises."""
    osm: str = ""
    """OpenStreetMap: an extract by name or path, or `overpass` or `overpass:URL` for a server; empty for none."""
    aerial: str = ""
    """Index of aerial pictures (`geosleuth crossview index`) that `match_aerial` searches; empty for none."""
    leave_out_copies: bool = False
    """Whether the photo itself and its copies in a gallery do not count: for evaluations."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def make_tools(settings: ToolSettings, metadata: bool = False, said: str = "") -> dict[str, Tool]:
    """The tools by name. `read_metadata` is among them only where metadata may be used; addresses that the user `said` may be read.

    Raises ValueError when the settings contradict each other or name what does not exist.
    """
    from tools.find_place import FindPlace
    from tools.nominatim import Nominatim
    from tools.read_metadata import ReadMetadata
    from tools.read_page import ReadPage
    from tools.read_text import ReadText
    from tools.reverse_geocode import ReverseGeocode
    from tools.search_web import SearchWeb
    from tools.sun import Sun
    from tools.web.backends import make_backend
    from tools.zoom import Zoom

    if settings.geocoder not in {"gazetteer", "nominatim"}:
        raise ValueError(f"no geocoder is called {settings.geocoder!r}; use gazetteer or nominatim")
    online = Nominatim() if settings.geocoder == "nominatim" and not settings.offline else None
    tools: list[Tool] = [
        Zoom(),
        ReadText(),
        FindPlace(nominatim=online),
        ReverseGeocode(nominatim=online),
        SearchWeb(make_backend(settings.search, offline=settings.offline)),
        Sun(),
        ReadPage(allowed_urls=_ADDRESS.findall(said), offline=settings.offline),
        *_picture_tools(settings),
        *_osm_tools(settings),
        *_aerial_tools(settings),
    ]
    if metadata:
        tools.append(ReadMetadata())
    return {tool.name: tool for tool in tools}


def similar_photos(
    gallery: NamedGallery, *, leave_out_copies: bool = False, vectors: PictureVectors | None = None
) -> FindSimilar:
    """`find_similar` for one gallery. Raises ValueError where its encoder cannot be had, or has other weights than the gallery was made with."""
    from tools.find_similar import FindSimilar

    vectors = vectors or _vectors_of({}, gallery.card.encoder, gallery.card.encoder_digest, f"gallery {gallery.name}")
    return FindSimilar(gallery, vectors, leave_out_copies=leave_out_copies)


def _picture_tools(settings: ToolSettings) -> list[Tool]:
    """`estimate` and a `find_similar` for each gallery. Raises ValueError where a gallery, a model or an encoder cannot be had."""
    from models.gallery.catalogue import open_named
    from models.registry import load_geolocator, models_for
    from tools.estimate import Estimate

    shared: dict[str, PictureVectors] = {}
    opened = [open_named(name) for name in settings.galleries]
    similar: list[Tool] = []
    for number, gallery in enumerate(opened, 1):
        of = _vectors_of(shared, gallery.card.encoder, gallery.card.encoder_digest, f"gallery {gallery.name}")
        tool = similar_photos(gallery, leave_out_copies=settings.leave_out_copies, vectors=of)
        if number > 1:
            tool.name = f"{tool.name}_{number}"  # type: ignore[misc]
        similar.append(tool)
    automatic = [name for gallery in opened for name in models_for(gallery.card.encoder_digest, gallery.name)]
    names = dict.fromkeys(one for name in settings.models for one in (automatic if name == "auto" else [name]))
    models = [load_geolocator(name) for name in names]
    for model in models:
        _vectors_of(shared, model.encoder, model.encoder_digest, f"model {model.name}")
    estimate: list[Tool] = [Estimate(models, shared, settings.concepts)] if models or settings.concepts else []
    return [*estimate, *similar]


def _osm_tools(settings: ToolSettings) -> list[Tool]:
    """`nearby`, and `search_scene` where there is an extract. Raises ValueError where there is none of that name."""
    if not settings.osm:
        return []
    from tools.nearby import Nearby
    from tools.osm.overpass import Overpass
    from tools.osm.store import OsmStore
    from tools.search_scene import SearchScene

    kind, _, url = settings.osm.partition(":")
    if kind == "overpass":
        if settings.offline:
            raise ValueError("an Overpass server cannot be asked offline; give an extract (geosleuth osm build)")
        return [Nearby(Overpass(url) if url else Overpass())]
    store = OsmStore.named(settings.osm)
    return [Nearby(store), SearchScene(store)]


def _aerial_tools(settings: ToolSettings) -> list[Tool]:
    """`match_aerial` where there is an index. Raises ValueError where it cannot be used."""
    if not settings.aerial:
        return []
    from models.crossview.open_search import open_search
    from tools.match_aerial import MatchAerial

    return [MatchAerial(open_search(Path(settings.aerial).expanduser()))]


def _vectors_of(shared: dict[str, PictureVectors], encoder: str, digest: str, what: str) -> PictureVectors:
    """The vectors by an encoder, made on first use. Raises ValueError where the weights that are here are not those of the digest."""
    from models.encoders.make import make_encoder
    from tools.picture_vectors import PictureVectors

    if encoder not in shared:
        shared[encoder] = PictureVectors(make_encoder(encoder))
    if shared[encoder].encoder.digest != digest:
        raise ValueError(f"{what} was made with other weights of the encoder {encoder!r} than those that are here; make it again")
    return shared[encoder]
