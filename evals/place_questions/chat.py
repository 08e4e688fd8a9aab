"""A chat model as an answerer: the question as text, and where wanted what OpenStreetMap has around the coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.place_questions.answerer import Asked, PlaceAnswer
from evals.place_questions.reading import cited_in
from evals.place_questions.template import asked_kind, asked_radius_m
from geo.gazetteer import gazetteer
from tools.nearby import Nearby, NearbyArguments
from tools.osm.store import OsmStore
from tools.quote import clean, clean_lines

if TYPE_CHECKING:
    from agent.policies import Policy

MAX_ANSWER = 4_000
_SHOWN = 12


class Chat:
    """Asks a policy's model one question at a time. A fault of the model or its server is an answer with an error."""

    def __init__(self, policy: Policy, store: OsmStore | None = None) -> None:
        """With an extract, each question comes with what is nearest of the kind it asks for."""
        self._model, self._nearby = policy.model, Nearby(store) if store is not None else None
        self.name = f"{policy.name}{'+nearby' if store is not None else ''}"

    def answer(self, asked: Asked) -> PlaceAnswer:
        from langchain_core.messages import HumanMessage

        try:
            reply = self._model.invoke([HumanMessage(self.prompt(asked))])
        except Exception as error:  # any fault of a model or its server is the world's, never the end of the run
            return PlaceAnswer("", error=clean(f"{type(error).__name__}: {error}", 200))
        text = clean_lines(str(reply.text), MAX_ANSWER)
        return PlaceAnswer(text, cited_in(text))

    def prompt(self, asked: Asked) -> str:
        """What the model is sent: coordinates, what is around them, the question."""
        parts = []
        if asked.lat is not None and asked.lon is not None:
            here = gazetteer().reverse(asked.lat, asked.lon)
            where = ", ".join(name for name in (here.city, here.region, here.country_name) if name)
            subject = "The photo was taken" if asked.photo else "The point is"
            parts.append(f"{subject} at {asked.lat:.5f}, {asked.lon:.5f} ({clean(where, 120) or 'at sea'}).")
            if self._nearby is not None:
                arguments = NearbyArguments(lat=asked.lat, lon=asked.lon, radius_m=asked_radius_m(asked), limit=_SHOWN,
                                            what=list(asked_kind(asked) or ())[:8])  # fmt: skip
                parts.append(f"From OpenStreetMap:\n{self._nearby.ask(arguments).text}\nAfter your answer, cite the elements it rests on, "
                             "such as (node/123).")  # fmt: skip
        return "\n\n".join([*parts, asked.text()])
