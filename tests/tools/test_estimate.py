"""`estimate`: learned models and recognised concepts, with what they rest on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.belief import Belief
from geo.evidence import Evidence, Kernels, near
from geo.sphere import Floats
from models.encoders.tiny import Tiny
from tests.tools.gallery_cases import context, photo
from tools.estimate import Estimate, EstimateArguments
from tools.picture_vectors import PictureVectors


class Fixed:
    """A geolocator that always says the same."""

    encoder, encoder_digest = "tiny", Tiny.digest

    def __init__(self, name: str, lat: float, lon: float) -> None:
        self.name, self._at = name, (lat, lon)

    def rests_on(self) -> str:
        return f"{self.name}, trained on nothing"

    def density(self, vector: NDArray[np.float32]) -> Kernels:
        return near(*self._at, 50.0)

    def evidence(self, vector: NDArray[np.float32]) -> Evidence:
        assert vector.shape == (Tiny.dim,)
        return Evidence(self.density(vector), f"{self.name} says here", f"picture:{self.name}", "other", 0.8)

    def score(self, vector: NDArray[np.float32], lat: Floats, lon: Floats) -> Floats:
        return -np.abs(lat - self._at[0])


def test_models_share_one_source_so_that_they_do_not_multiply() -> None:
    tool = Estimate([Fixed("a", 10.0, 10.0), Fixed("b", 50.0, 10.0)], {"tiny": PictureVectors(Tiny())}, concepts=False)
    found = tool.run(EstimateArguments(), context(photo("PT", 1)))
    assert found.ok
    assert [item.source for item in found.evidence] == ["picture", "picture"]
    assert {item.tool for item in found.evidence} == {"estimate"}
    assert "a, trained on nothing" in found.text
    assert [part["claims"] for part in found.data["parts"]] == [["a says here"], ["b says here"]]
    belief = Belief.start().update(*found.evidence)
    assert belief.mass_within(10.0, 10.0, 200.0) == pytest.approx(0.4, abs=0.05)


def test_a_model_that_is_hardly_trusted_does_not_thin_the_others() -> None:
    class Doubtful(Fixed):
        def evidence(self, vector: NDArray[np.float32]) -> Evidence:
            return replace(super().evidence(vector), reliability=0.01)

    tool = Estimate([Fixed("a", 10.0, 10.0), Doubtful("b", 50.0, 10.0)], {"tiny": PictureVectors(Tiny())}, concepts=False)
    found = tool.run(EstimateArguments(), context(photo("PT", 1)))
    assert [item.claim for item in found.evidence] == ["a says here"]
    assert "trusted 1.0 %: too little to count" in found.text


def test_without_anything_loaded_it_says_so() -> None:
    found = Estimate([], {}, concepts=False).run(EstimateArguments(), context(photo("PT", 1)))
    assert "no model is loaded" in found.text


def test_an_unknown_view_gets_one_sentence() -> None:
    found = Estimate([], {}).run(EstimateArguments(view="v9"), context(photo("PT", 1)))
    assert not found.ok


def test_a_drawing_is_recognised_as_nothing_in_particular_or_weakly(tmp_path: Path) -> None:
    found = Estimate().run(EstimateArguments(), context(photo("PT", 1)))
    assert found.ok
    assert "what an ImageNet classifier recognises" in found.text
    assert all(item.source.startswith("picture") and item.reliability <= 0.6 for item in found.evidence)


def test_scores_of_candidates_by_every_model() -> None:
    tool = Estimate([Fixed("a", 10.0, 10.0)], {"tiny": PictureVectors(Tiny())}, concepts=False)
    scores = tool.scores(context(photo("PT", 1)), np.array([10.0, 13.0]), np.array([0.0, 0.0]))
    assert list(scores) == ["a"]
    np.testing.assert_allclose(scores["a"], [0.0, -3.0])


def test_the_words_tell_how_much_the_picture_tells_and_where() -> None:
    tool = Estimate([Fixed("a", 48.21, 16.37)], {"tiny": PictureVectors(Tiny())}, concepts=False)
    found = tool.run(EstimateArguments(), context(photo("AT", 1)))
    bits = Belief.start().update(*found.evidence).gain_bits()
    assert bits > 4
    assert found.data["localizability_bits"] == pytest.approx(bits, abs=1e-3)
    assert found.data["places"][0]["country"] == "AT"
    share = 100 * found.data["places"][0]["probability"]
    assert f"together: the picture alone tells {bits:.1f} bits: {share:.0f} % Vienna area (AT)" in found.text


def test_a_picture_that_tells_nothing_is_said_to() -> None:
    class Doubtful(Fixed):
        def evidence(self, vector: NDArray[np.float32]) -> Evidence:
            return replace(super().evidence(vector), reliability=0.01)

    tool = Estimate([Doubtful("a", 10.0, 10.0)], {"tiny": PictureVectors(Tiny())}, concepts=False)
    found = tool.run(EstimateArguments(), context(photo("PT", 1)))
    assert found.text.endswith("tells next to nothing beyond where photos are taken (0.0 bits)")
    assert found.data["places"] == []
    assert "together" not in Estimate([], {}).run(EstimateArguments(), context(photo("PT", 1))).text


def test_points_are_drawn_by_models_that_can_and_are_trusted() -> None:
    class Draws(Fixed):
        reliability = 0.5

        def sample(self, vector: NDArray[np.float32], n: int, seed: int = 0) -> tuple[Floats, Floats]:
            assert vector.shape == (Tiny.dim,)
            return np.full(n, self._at[0]), np.full(n, self._at[1])

    class Doubtful(Draws):
        reliability = 0.01

    models = [Fixed("a", 1.0, 2.0), Draws("b", 10.0, 20.0), Doubtful("c", 30.0, 40.0)]
    drawn = Estimate(models, {"tiny": PictureVectors(Tiny())}, concepts=False).samples(context(photo("PT", 1)), 3)
    assert list(drawn) == ["b"]
    np.testing.assert_array_equal(drawn["b"], [[10.0] * 3, [20.0] * 3])
