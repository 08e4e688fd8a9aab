"""Candidates in a ranker's order: reordered with their scores, never changed otherwise, never lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage
from PIL import Image

from agent.case import Case
from agent.graph import build_graph
from agent.photo import open_photo
from agent.policies import Policy
from agent.policies.scripted import Scripted
from agent.rank import ranked, seen_in
from models.gallery.catalogue import GalleryCard, NamedGallery
from models.gallery.thumbnails import FILE, Thumbnails, jpeg_thumbnail
from models.geolocator import ModelError
from models.ranker.scorer import Ranking, Seen
from tests.rl_training.reward_cases import StillPhoto
from tools.find_similar import FindSimilar

RESULT = {"belief": {"entropy_bits": 12.0}, "best_guess": {"lat": 41.0, "lon": -8.0}}


class ByLatitude:
    name = "by latitude"
    looks = False

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def rank(self, candidates: Sequence[Any], belief: Any = None) -> Ranking:
        if self.fails:
            raise ModelError("no weights")
        assert belief.entropy_bits == 12.0
        scores = np.array([candidate.lat for candidate in candidates])
        return Ranking(scores, np.full(len(scores), 1 / len(scores)), np.full(len(scores), 0.25))


def candidates(*latitudes: float) -> list[dict[str, Any]]:
    return [
        {"lat": lat, "lon": 5.0, "name": "n", "provenance": ["belief"], "probability": 0.1, "parts": {"belief": -1.0}}
        for lat in latitudes
    ]


def test_the_order_is_the_rankers_and_scores_are_kept() -> None:
    given = candidates(10.0, 50.0, 30.0)
    found = ranked(given, RESULT, ByLatitude())
    assert [one["lat"] for one in found] == [50.0, 30.0, 10.0]
    assert found[0]["parts"] == {"belief": -1.0, "ranker": 50.0, "ranker_within25": 0.25}
    assert given[0]["parts"] == {"belief": -1.0}


@pytest.mark.parametrize(
    ("given", "ranker"),
    [([], ByLatitude()), (candidates(10.0, 50.0), ByLatitude(fails=True)), (candidates(95.0, 50.0), ByLatitude())],
)
def test_what_cannot_be_ranked_stays_as_it_is(given: list[dict[str, Any]], ranker: ByLatitude) -> None:
    assert ranked(given, RESULT, ranker) == given


class ByRed:
    """Looks: the redder a candidate's photo, the better."""

    name = "by red"
    looks = True
    shown: Seen | None = None

    def rank(self, candidates: Sequence[Any], belief: Any = None, seen: Seen | None = None) -> Ranking:
        if seen is None or seen.photo is None:
            raise ModelError("needs the photo")
        self.shown = seen
        scores = np.array(
            [0.0 if picture is None else float(np.asarray(picture)[..., 0].mean()) for picture in seen.candidate_photos]
        )
        return Ranking(scores, np.full(len(scores), 1 / len(scores)), np.full(len(scores), 0.25))


@pytest.fixture
def gallery(tmp_path: Path) -> FindSimilar:
    """`find_similar` in a gallery with two thumbnails; it is never searched here."""
    thumbnails = Thumbnails(tmp_path / FILE)
    thumbnails.put_many(
        [(name, jpeg_thumbnail(Image.new("RGB", (30, 20), colour))) for name, colour in (("grey", "#444"), ("red", "#f22"))]
    )
    thumbnails.close()
    card = GalleryCard("tiny", "e" * 16, 16, "flat:store")
    return FindSimilar(NamedGallery("g", tmp_path, card, None), None)  # type: ignore[arg-type]


STEPS = [{"tool": "find_similar", "data": {"hits": [{"id": name, "similarity": 0.5} for name in ("grey", "red", "gone")]}}]


def test_a_ranker_that_looks_is_shown_the_photos(gallery: FindSimilar, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "#2244aa").save(tmp_path / "photo.jpg")
    given = candidates(10.0, 20.0, 30.0)
    for candidate, source in zip(given, ("retrieval:grey", "retrieval:red", "retrieval:gone"), strict=True):
        candidate["provenance"] = [source]
    ranker = ByRed()
    see = seen_in(open_photo(tmp_path / "photo.jpg"), {"find_similar": gallery}, STEPS, max_pixels=10_000)
    assert [one["lat"] for one in ranked(given, RESULT, ranker, see)] == [20.0, 10.0, 30.0]
    assert ranker.shown is not None
    assert ranker.shown.photo is not None
    assert ranker.shown.photo.width * ranker.shown.photo.height <= 10_000
    assert [picture is None for picture in ranker.shown.candidate_photos] == [False, False, True]
    assert list(ranker.shown.places) == ["n", "n", "n"]
    assert ranked(given, RESULT, ranker) == given, "without the photo nothing is ranked"
    assert [one["lat"] for one in ranked(given, RESULT, ByLatitude(), see)] == [30.0, 20.0, 10.0], "this one is shown nothing"


def test_without_a_gallery_there_are_no_photos_of_candidates(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "photo.jpg")
    seen = seen_in(open_photo(tmp_path / "photo.jpg"), {}, STEPS)([{**candidates(1.0)[0], "provenance": ["retrieval:red"]}])
    assert list(seen.candidate_photos) == [None]


class Breaks(ByLatitude):
    def rank(self, *asked: Any, **more: Any) -> Ranking:
        raise RuntimeError("no memory")


class Hangs(ByLatitude):
    def __init__(self) -> None:
        self.free = threading.Event()

    def rank(self, *asked: Any, **more: Any) -> Ranking:
        self.free.wait(60)
        raise ModelError("nobody waits any more")


@pytest.mark.parametrize("kind", [Breaks, Hangs])
def test_a_ranker_that_fails_or_hangs_ends_no_investigation(kind: type[ByLatitude], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.conclude.RANKER_SECONDS", 0.2)
    place = {"place": "Porto", "lat": 41.15, "lon": -8.61, "radius_km": 10, "probability": 0.8}
    call = {"name": "answer", "args": {"candidates": [place], "reason": "a sign"}, "id": "1", "type": "tool_call"}
    ranker = kind()
    case = Case(StillPhoto(), Policy("none", Scripted(replies=[AIMessage("", tool_calls=[call])])), {}, ranker=ranker)
    result = asyncio.run(build_graph().ainvoke(case.start(), context=case))["result"]
    assert result["candidates"]
    assert all("ranker" not in candidate["parts"] for candidate in result["candidates"])
    if isinstance(ranker, Hangs):
        ranker.free.set()
