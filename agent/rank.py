"""Pooled candidates in the order of a learned ranker (GeoRanker, arXiv 2505.13731), each with its scores.

The ranker reads what the belief has multiplied in already, so that its scores order candidates and are never evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from models.ranker.candidates import BeliefSummary, Candidate
    from models.ranker.scorer import Ranking, Seen
    from tools.observation import Photo, Tool


class CandidateRanker(Protocol):
    """`models.ranker.ranker.Ranker`, `models.ranker.vlm_ranker.VlmRanker`, or what may take their place."""

    @property
    def name(self) -> str: ...

    @property
    def looks(self) -> bool:
        """Whether it needs to be shown pictures."""
        ...

    def rank(self, candidates: Sequence[Candidate], belief: BeliefSummary | None = None, seen: Seen | None = None) -> Ranking: ...


def ranked(
    candidates: Sequence[Mapping[str, Any]],
    result: Mapping[str, Any],
    ranker: CandidateRanker,
    see: Callable[[Sequence[Mapping[str, Any]]], Seen] | None = None,
) -> list[dict[str, Any]]:
    """The candidates, the best first, with the parts `ranker` (log odds of being the nearest) and `ranker_within25` (probability).

    `see` shows a ranker that looks what can be seen of them. They stay as they are where one of them cannot be read or the ranker fails.
    """
    from models.geolocator import ModelError
    from models.ranker.candidates import BeliefSummary, read_candidates

    as_before = [dict(candidate) for candidate in candidates]
    try:
        read = read_candidates(as_before)
        if not read or len(read) != len(as_before):
            return as_before
        belief = BeliefSummary.read(result.get("belief"), result.get("best_guess"))
        seen = see(as_before) if see is not None and ranker.looks else None
        ranking = ranker.rank(read, belief, seen) if seen is not None else ranker.rank(read, belief)
    except ModelError:
        return as_before
    for row, candidate in enumerate(as_before):
        own = {"ranker": round(float(ranking.scores[row]), 4), "ranker_within25": round(float(ranking.within25[row]), 4)}
        candidate["parts"] = {**candidate["parts"], **own}
    return [as_before[int(row)] for row in ranking.order]


def seen_in(
    photo: Photo, tools: Mapping[str, Tool], steps: Sequence[Mapping[str, Any]], max_pixels: int = 1024 * 1024
) -> Callable[[Sequence[Mapping[str, Any]]], Seen]:
    """What shows a ranker the photo of a case and the thumbnails of the gallery photos that suggested its candidates.

    Raises ModelError, when it is called, where the photo cannot be rendered.
    """
    from agent.photo import PhotoError
    from models.gallery.thumbnails import open_thumbnails
    from models.geolocator import ModelError
    from models.ranker.of_trajectory import names, photo_rows, pictures
    from models.ranker.scorer import Seen
    from tools.find_similar import FindSimilar
    from tools.observation import View

    def of_tool(name: str, ids: Sequence[str]) -> Mapping[str, Any]:
        tool = tools.get(name)
        if not isinstance(tool, FindSimilar):
            return {}
        return dict(zip(ids, open_thumbnails(tool.gallery.folder, ids), strict=True))

    def see(candidates: Sequence[Mapping[str, Any]]) -> Seen:
        try:
            shown = photo.render(View("photo"), max_pixels)
        except (PhotoError, ValueError) as error:
            raise ModelError(f"the ranker cannot look at the photo: {error}") from error
        return Seen(shown, pictures(photo_rows(candidates, steps), of_tool), names(candidates))

    return see
