"""`estimate`: what the picture alone says about the place, by learned models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from pydantic import Field

from geo.area import Area
from geo.belief import Belief
from geo.evidence import Evidence
from geo.naming import NamedPlace, top_places
from geo.sphere import Floats
from tools.observation import Arguments, Observation, Tool, ToolContext, View, refusal
from tools.picture_vectors import MAX_PIXELS, PictureVectors
from tools.quote import clean
from tools.views import view_of_photo

if TYPE_CHECKING:
    from models.geolocator import Geolocator, Vector


_LEAST_RELIABILITY = 0.05
"""A model that is trusted less does not count: the mean over models and neighbours would only be thinned by it."""
_NEXT_TO_NOTHING_BITS = 1.0
_PLACES = 3


@runtime_checkable
class Sampler(Protocol):
    """A geolocator that can also draw places (`models.flow.flow.Flow`)."""

    name: str
    encoder: str
    reliability: float

    def sample(self, vector: Vector, n: int, seed: int = 0) -> tuple[Floats, Floats]:
        """`n` places: latitudes and longitudes [n] in degrees."""
        ...


class EstimateArguments(Arguments):
    """Arguments of `estimate`."""

    view: str = Field("photo", description="`photo` or the id of a crop (`v1`); the whole photo tells most.")


class Estimate(Tool):
    """Asks every learned model that is loaded, and the picture concepts.

    The models look at the same vectors, so that they and the neighbours of `find_similar` share one source: the belief takes their mean and
    does not multiply them. What a classifier recognises is a clue of its own.
    """

    name = "estimate"
    description = (
        "Estimate the place from the picture alone, by learned models (no text is read): what is recognised and which parts of the Earth"
        " it speaks for. Once for the whole photo is enough; a crop is worth it where the photo is mostly foreground."
    )
    arguments = EstimateArguments
    timeout_s: ClassVar[float] = 120.0

    def __init__(
        self, models: Sequence[Geolocator] = (), vectors: Mapping[str, PictureVectors] | None = None, concepts: bool = True
    ) -> None:
        """`vectors` by the spec of the encoder, for every encoder that the models need."""
        self.models, self._vectors, self._concepts = tuple(models), dict(vectors or {}), concepts

    def run(self, arguments: EstimateArguments, context: ToolContext) -> Observation:
        try:
            view = view_of_photo(arguments.view, context)
        except ValueError as error:
            return refusal(clean(str(error), 200))
        lines, evidence, data = [], [], []
        for part in (*self.models, *([None] if self._concepts else [])):
            found, rests_on = self._asked(part, view, context)
            evidence += found
            lines.append(
                f"- {clean(rests_on, 300)}: "
                + ("; ".join(clean(item.claim, 300) for item in found) or "nothing that tells a place")
            )
            data.append({"rests_on": rests_on, "claims": [item.claim for item in found]})
        head = "estimate from the picture alone:" if lines else "estimate: no model is loaded."
        told: dict[str, Any] = {}
        if self.models:
            told, sentence = _localizability(evidence, context.area)
            lines.append(sentence)
        return Observation(
            "\n".join([head, *lines]), evidence=tuple(evidence), data={"parts": data, "view": arguments.view, **told}
        )

    def state(self) -> str:
        return "; ".join(f"{model.name} {model.encoder_digest} {model.rests_on()}" for model in self.models)

    def scores(self, context: ToolContext, lat: Floats, lon: Floats) -> dict[str, Floats]:
        """How well points [n] (degrees) fit the whole photo by each model: log of a relative likelihood, comparable between points alone."""
        view = View("photo")
        return {model.name: model.score(self._vectors[model.encoder].of(view, context), lat, lon) for model in self.models}

    def samples(self, context: ToolContext, n: int, seed: int = 0) -> dict[str, tuple[Floats, Floats]]:
        """`n` places drawn for the whole photo by each model that can draw and is trusted: latitudes and longitudes [n] in degrees."""
        view = View("photo")
        return {
            model.name: model.sample(self._vectors[model.encoder].of(view, context), n, seed)
            for model in self.models
            if isinstance(model, Sampler) and model.reliability >= _LEAST_RELIABILITY
        }

    def _asked(self, model: Geolocator | None, view: View, context: ToolContext) -> tuple[list[Evidence], str]:
        """The evidence of one model, or of the concepts (None), and what it rests on."""
        if model is None:
            return list(concept_evidence(view, context)), "what an ImageNet classifier recognises"
        found = _shared(model.evidence(self._vectors[model.encoder].of(view, context)))
        if found.reliability < _LEAST_RELIABILITY:
            return [], f"{model.rests_on()}, trusted {100 * found.reliability:.1f} %: too little to count"
        return [found], model.rests_on()


def concept_evidence(view: View, context: ToolContext) -> Sequence[Evidence]:
    """Regional evidence from what the classifier is sure of in a view."""
    from models.concepts.concepts import evidence_of
    from models.encoders.efficientnet_lite import EfficientNetLite

    logits = EfficientNetLite.load().classify([context.photo.render(view, MAX_PIXELS)])[0]
    return evidence_of(logits, view=view.id)


def _localizability(evidence: Sequence[Evidence], area: Area | None) -> tuple[dict[str, Any], str]:
    """What the picture tells beyond where photos are taken, in bits, and the places that are left: as data, and in words."""
    belief = Belief.start(area=area).update(*evidence)
    bits, places = belief.gain_bits(), top_places(belief, _PLACES) if evidence else []
    data = {"localizability_bits": round(bits, 3), "places": [place.to_json() for place in places]}
    if bits < _NEXT_TO_NOTHING_BITS:
        return data, f"together: the picture alone tells next to nothing beyond where photos are taken ({bits:.1f} bits)"
    return data, f"together: the picture alone tells {bits:.1f} bits: {', '.join(map(_worded, places))}"


def _worded(place: NamedPlace) -> str:
    return f"{100 * place.probability:.0f} % {place.label()}"


def _shared(evidence: Evidence) -> Evidence:
    """With the source that all models share, and this tool's name."""
    return replace(evidence, source="picture", tool=Estimate.name)
