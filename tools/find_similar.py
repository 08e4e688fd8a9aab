"""`find_similar`: photos of a gallery that look like the photo, and where they were taken."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from geo.area import Area, parse_area
from geo.evidence import Evidence, near
from geo.sphere import haversine_km
from models.gallery.gallery import GalleryError
from tools.observation import WHOLE, Arguments, Observation, Tool, ToolContext, View, refusal
from tools.picture_vectors import PictureVectors
from tools.quote import clean, quoted
from tools.sheets import contact_sheet, keep_sheet
from tools.views import next_view_id, view_of_photo

if TYPE_CHECKING:
    from models.gallery.catalogue import NamedGallery
    from models.gallery.gallery import Hit, Where
    from models.gallery.own_density import OwnDensity
    from models.knn_evidence import Calibration

_SEARCHED = 120
_SAME_SIGMA_KM, _SAME_RELIABILITY = 0.5, 0.95
"""A photo that is in the gallery itself was taken where the gallery says, as far as its labels can be trusted."""
_AREA_KM = 50.0
_DATA_HITS = 30
_COPY_SIMILARITY = 0.8
"""Copies look more alike than this to every encoder."""
_CROP_TRUST = 0.5
"""What a gallery measured holds for whole photos; a crop is trusted half as far."""


class SimilarArguments(Arguments):
    """Arguments of `find_similar`."""

    view: str = Field("photo", description="`photo` or the id of a crop (`v1`): a crop of a building finds the building.")
    area: str | None = Field(
        None, description="Only photos from here: country codes (FR,DE) or south,west,north,east in degrees.", max_length=120
    )
    count: int = Field(8, ge=1, le=20, description="How many to show.")


class FindSimilar(Tool):
    """Looks a view up in a gallery. The neighbours' places are evidence, as far as the gallery's calibration trusts them."""

    name = "find_similar"
    description = (
        "Look for similar photos whose place is known: the likest ones as a numbered contact sheet with place, similarity and source, and"
        " where they lie as evidence. With `area` only photos from there are shown, to compare a hypothesis; that adds no evidence."
    )
    arguments = SimilarArguments
    timeout_s: ClassVar[float] = 120.0

    def __init__(self, gallery: NamedGallery, vectors: PictureVectors, *, leave_out_copies: bool = False) -> None:
        """`leave_out_copies`: the photo itself and its copies in the gallery do not count, as evaluations need it."""
        self.gallery, self.vectors, self._leave_out = gallery, vectors, leave_out_copies

    def run(self, arguments: SimilarArguments, context: ToolContext) -> Observation:
        try:
            view = view_of_photo(arguments.view, context)
            area = _narrowed(context.area, arguments.area)
        except ValueError as error:
            return refusal(clean(str(error), 200))
        try:
            hits = self._search(view, context, area, _SEARCHED)
        except GalleryError as error:
            return Observation(f"{self.name} failed: {clean(str(error), 200)}", ok=False, data={"error": "GalleryError"})
        where = f" in {area.to_text()}" if area else ""
        count = self.gallery.store.count()
        head = f"find_similar in gallery {quoted(self.gallery.name, 60)} ({count:,} photos){where}"
        if not hits:
            return Observation(
                f"{head}: {f'no photo{where}' if count else 'the gallery is empty'}.",
                data={"hits": [], "rests_on": self.rests_on()},
            )
        shown = hits[: arguments.count]
        evidence = () if arguments.area else self._evidence(hits, view, context)
        lines = [head, *(f"{i}. {_line(hit)}" for i, hit in enumerate(shown, 1))]
        mode = _mode(hits)
        lines.append(f"the neighbours' density peaks at {mode[0]:.4f}, {mode[1]:.4f}")
        lines += [f"evidence: {item.claim} (trusted {100 * item.reliability:.0f} %)" for item in evidence]
        if not evidence:
            why = (
                "the area was asked for"
                if arguments.area
                else "photos of this gallery that are no more alike do not tell the place"
            )
            lines.append(f"no evidence: {why}")
        views = self._sheet(shown, context)
        lines += [f"{view.id} shows them." for view in views]
        data = {"hits": [_json(hit) for hit in hits[:_DATA_HITS]], "mode": list(mode), "rests_on": self.rests_on(), "view": arguments.view,
                "area": area.to_text() if area else None}  # fmt: skip
        return Observation("\n".join(lines), evidence=evidence, views=views, data=data)

    def similar(self, context: ToolContext, k: int) -> list[dict[str, Any]]:
        """The `k` likest photos of the whole photo: id, lat, lon, place and similarity each."""
        return [_json(hit) for hit in self._search(View("photo"), context, context.area, max(k, _SEARCHED))[:k]]

    def rests_on(self) -> str:
        """What the tool's evidence is made of, in one line."""
        from models.knn_density import KnnSettings

        known = self.calibration
        measured = (
            f"calibrated on {known.queries:,} of them"
            if known.queries
            else f"published settings (k = {KnnSettings.k}), not calibrated"
        )
        return (
            f"gallery {self.gallery.name}: {self.gallery.store.count():,} photos seen by {self.gallery.card.encoder}, {measured}"
        )

    def state(self) -> str:
        return json.dumps([self.gallery.name, self.gallery.store.count(), self.gallery.card.to_json()], sort_keys=True)

    @cached_property
    def calibration(self) -> Calibration:
        """The gallery's own, or the published numbers."""
        from models.knn_evidence import calibration_of

        return calibration_of(self.gallery.card)

    @cached_property
    def _own(self) -> OwnDensity | None:
        from models.gallery.own_density import own_density

        return own_density(self.gallery) if self.calibration.divide_density else None

    def _search(self, view: View, context: ToolContext, area: Area | None, k: int) -> list[Hit]:
        from models.gallery.gallery import Where

        vector = self.vectors.of(view, context)
        own = frozenset({context.photo.sha256})
        where: Where = Where.in_area(area, exclude_sha256=own if self._leave_out else frozenset())
        hits = self.gallery.store.search(vector[None, :], k, where)[0]
        if context.area and context.area.box:
            hits = [hit for hit in hits if context.area.box.contains(hit.row.lat, hit.row.lon)]
        copies = {hit.row.id for hit in _copies(hits, context)} if self._leave_out else set()
        return [hit for hit in hits if hit.row.id not in copies]

    def _evidence(self, hits: Sequence[Hit], view: View, context: ToolContext) -> tuple[Evidence, ...]:
        from models.knn_evidence import neighbour_evidence

        same = _copies(hits, context) if view.box == WHOLE else []
        if same:
            row = same[0].row
            claim = f"this very photo is in gallery {self.gallery.name}: {quoted(_place(same[0]), 120)}"
            kernels = near(row.lat, row.lon, _SAME_SIGMA_KM)
            source = f"copy:{self.gallery.name}"  # that it is the same picture is no reading of its looks
            cited = (f"{self.gallery.name}/{clean(row.id, 120)}",)
            return (Evidence(kernels, claim, source, FindSimilar.name, _SAME_RELIABILITY, cited),)
        claim = f"similar photos in gallery {self.gallery.name}: {_summary(hits[: self.calibration.k], self.calibration)}"
        scale = 1.0 if view.box == WHOLE else _CROP_TRUST
        found = neighbour_evidence(hits, self.calibration, self._own, self.gallery.name, claim, scale)
        return (found,) if found else ()

    def _sheet(self, hits: Sequence[Hit], context: ToolContext) -> tuple[View, ...]:
        """A view that shows the thumbnails; none where there are none."""
        from models.gallery.thumbnails import open_thumbnails

        pictures = open_thumbnails(self.gallery.folder, [hit.row.id for hit in hits])
        handle = keep_sheet(contact_sheet(pictures)) if any(pictures) else None
        return (View(next_view_id(context), WHOLE, sheet=handle),) if handle else ()


def _mode(hits: Sequence[Hit]) -> tuple[float, float]:
    """Where Revisiting IM2GPS would say that the photo was taken: the mode of its density, snapped to a neighbour."""
    from models.knn_density import NeighbourDensity

    return NeighbourDensity.of(hits).guess()


def _narrowed(own: Area | None, asked: str | None) -> Area | None:
    """The case's area with the one that was asked for. Raises ValueError where both contradict each other or it cannot be read."""
    if not asked:
        return own
    from geo.gazetteer import gazetteer

    area = parse_area(asked, frozenset(gazetteer().country_codes))
    if own is None:
        return area
    countries = area.countries & own.countries if area.countries and own.countries else area.countries or own.countries
    if not countries and (area.countries and own.countries):
        raise ValueError(f"The case is limited to {own.to_text()}; ask for photos from there.")
    return Area(countries, area.box or own.box)


def _copies(hits: Sequence[Hit], context: ToolContext) -> list[Hit]:
    """The hits that are the same file, or the same picture in another size or encoding."""
    from models.gallery.marks import SAME_BITS, bits_between

    alike = [hit for hit in hits if hit.similarity > _COPY_SIMILARITY or hit.row.sha256 == context.photo.sha256]
    marks = _marks_of(context) if any(hit.row.marks for hit in alike) else ""
    bits = [0 if hit.row.sha256 == context.photo.sha256 else bits_between(hit.row.marks, marks) for hit in alike]
    return [hit for hit, apart in zip(alike, bits, strict=True) if apart is not None and apart <= SAME_BITS]


def _marks_of(context: ToolContext) -> str:
    from models.gallery.marks import hex_marks, picture_hashes

    return hex_marks(*picture_hashes(context.photo.render(View("photo"), 512 * 512)))


def _line(hit: Hit) -> str:
    row = hit.row
    more = [f"taken {clean(row.time, 20)[:10]}"] if row.time else []
    more += [f"source {quoted(row.source, 40)}"] if row.source else []
    more += [f"licence {quoted(row.licence, 40)}"] if row.licence else []
    return f"{hit.similarity:.3f} {quoted(_place(hit), 120)} ({row.lat:.4f}, {row.lon:.4f})" + "".join(
        f"; {part}" for part in more
    )


def _place(hit: Hit) -> str:
    row = hit.row
    return clean(", ".join(dict.fromkeys(part for part in (row.city, row.region, row.country) if part)) or "at sea", 120)


def _summary(hits: Sequence[Hit], calibration: Calibration) -> str:
    """`61 % around Porto, Porto District, PT (5 photos), 20 % around …`: the neighbours' weights, gathered within 50 km."""
    from models.knn_density import neighbour_weights

    weight = neighbour_weights(np.array([hit.similarity for hit in hits]), calibration.power)
    lat, lon = (np.array([getattr(hit.row, axis) for hit in hits]) for axis in ("lat", "lon"))
    left: NDArray[np.bool_] = np.ones(len(hits), dtype=np.bool_)
    parts: list[tuple[float, str]] = []
    while left.any() and len(parts) < 3:
        lead = int(np.argmax(np.where(left, weight, -1.0)))
        here = left & (haversine_km(lat[lead], lon[lead], lat, lon) <= _AREA_KM)
        parts.append(
            (
                float(weight[here].sum()),
                f"around {quoted(_place(hits[lead]), 120)} ({int(here.sum())} photo{'s' if here.sum() > 1 else ''})",
            )
        )
        left &= ~here
    told = [f"{100 * share:.0f} % {words}" for share, words in sorted(parts, key=lambda part: -part[0]) if share >= 0.05]
    return ", ".join(told) or f"spread over {len(hits)} photos of many places"


def _json(hit: Hit) -> dict[str, Any]:
    row = hit.row
    return {"id": row.id, "lat": row.lat, "lon": row.lon, "place": _place(hit), "similarity": round(hit.similarity, 4),
            "picture": clean(row.picture, 300), "licence": clean(row.licence, 80), "attribution": clean(row.attribution, 120)}  # fmt: skip
