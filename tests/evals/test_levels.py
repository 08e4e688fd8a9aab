"""Level verdicts: points by polygons and distance, words by place ids, both on the answer's own path."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.levels import levels_of_points, levels_of_text, reach_km, resolve
from evals.levels.mentions import find_mentions
from evals.record import Truth
from evals.row import LEVELS
from geo.gazetteer import gazetteer

PARIS = Truth(48.8566, 2.3522, "FR", "Île-de-France", "Paris")
GENEVA = Truth(46.2044, 6.1432, "CH", "Geneva", "Geneva")
SINGAPORE = Truth(1.3521, 103.8198, "SG", "Singapore", "Singapore")
VILLAGE = Truth(62.1117, -7.4353, "FO", "Vágar", "Gásadalur")
NOWHERE = Truth()


def letters(verdicts: Mapping[str, bool | None]) -> str:
    """`yyn`: right country, right region, wrong city; `-` where the truth does not say."""
    return "".join("-" if verdicts[level] is None else "ny"[bool(verdicts[level])] for level in LEVELS)


def truth_at(name: str, **changes: object) -> Truth:
    place = gazetteer().search(name, fuzzy=False)[0].place
    values = {"lat": place.lat, "lon": place.lon, "country": place.country, "region": place.region, "city": place.name} | changes
    return Truth(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("truth", "lat", "lon", "expected"),
    [
        (PARIS, 48.8566, 2.3522, "yyy"),
        (PARIS, 48.87, 2.30, "yyy"),  # another quarter
        (PARIS, 48.93, 2.357, "yyy"),  # Saint-Denis: within the reach of Paris
        (PARIS, 48.80, 2.13, "yyn"),  # Versailles
        (PARIS, 45.76, 4.84, "ynn"),
        (PARIS, 33.66, -95.56, "nnn"),
        (PARIS, np.nan, 2.3, "nnn"),
        (PARIS, 95.0, 2.3, "nnn"),
        (PARIS, np.inf, 2.3, "nnn"),
        (GENEVA, 46.19, 6.25, "nnn"),  # Annemasse, in France
        (SINGAPORE, 1.44, 103.78, "yyy"),
        (SINGAPORE, 1.49, 103.74, "nnn"),  # Johor Bahru
        (VILLAGE, 62.112, -7.43, "yyy"),
        (VILLAGE, 62.01, -6.77, "ynn"),
        (Truth(country="FR"), 48.8, 2.3, "y--"),
        (Truth(48.8566, 2.3522, "FR", None, "Paris"), 48.85, 2.35, "y-y"),
        (NOWHERE, 1.0, 1.0, "---"),
        (NOWHERE, np.nan, np.nan, "---"),
    ],
)
def test_points(truth: Truth, lat: float, lon: float, expected: str) -> None:
    assert letters(levels_of_points([truth], [lat], [lon])[0]) == expected


def test_many_points_are_judged_as_one_by_one() -> None:
    truths, lat, lon = [PARIS, GENEVA, VILLAGE, NOWHERE], [48.8, np.nan, 62.1, 3.0], [2.3, 6.1, -7.4, 3.0]
    alone = [levels_of_points([t], [a], [b])[0] for t, a, b in zip(truths, lat, lon, strict=True)]
    assert levels_of_points(truths, lat, lon) == alone
    with pytest.raises(ValueError, match="4 truths, but 1 latitudes"):
        levels_of_points(truths, [1.0], [2.0])


def test_the_true_point_is_right_even_where_the_polygons_or_regions_disagree_with_the_benchmark() -> None:
    east = Truth(31.78, 35.234, "IL", "Jerusalem", "Jerusalem")
    odd = Truth(38.7223, -9.1393, "PT", "Norte", "Nothing of that name")
    assert [letters(v) for v in levels_of_points([east, odd], [31.78, 38.7223], [35.234, -9.1393])] == ["yyy", "yyy"]


def test_the_reach_of_a_city_grows_with_the_root_of_its_people_between_bounds() -> None:
    assert reach_km([0, 1_000_000, 4_000_000, 10**9]).tolist() == pytest.approx([3.0, 7.0, 14.0, 30.0])
    # The closed form: a disc with 6,500 people per square kilometre.
    assert np.pi * float(reach_km(1_000_000)) ** 2 * 6500 == pytest.approx(1_000_000, rel=0.01)


@given(st.floats(-90, 90), st.floats(-400, 400), st.sampled_from([PARIS, GENEVA, SINGAPORE, VILLAGE]))
def test_verdicts_hold_upward(lat: float, lon: float, truth: Truth) -> None:
    verdicts = levels_of_points([truth], [lat], [lon])[0]
    assert bool(verdicts["city"]) <= bool(verdicts["region"]) <= bool(verdicts["country"])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Munich", "München, Deutschland", "yyy"),
        ("Tokyo", "东京", "yyy"),
        ("Paris", "Paris, Texas", "nnn"),
        ("Paris", "Paris, Île-de-France, France", "yyy"),
        ("Paris", "France, Paris", "yyy"),
        ("Paris", "paris", "yyy"),
        ("Paris", "I cannot tell whether this is Paris or Lyon.", "nnn"),
        ("Paris", "", "nnn"),
        ("Paris", "France", "ynn"),
        ("Paris", "Versailles, Île-de-France", "yyn"),
        ("Lisbon", "Lisbon, Portugal (38.7, -9.1)", "yyy"),
        ("Hanoi", "Not Kunming, this is Hanoi", "yyy"),
        ("Kunming", "Not Kunming, this is Hanoi", "nnn"),
        ("Rome", "maybe Rome, Milan or Turin", "yyy"),
        ("Milan", "maybe Rome, Milan or Turin", "ynn"),
        ("Munich", "Munich, Upper Someland, Germany", "yyy"),
        ("Barcelona", "Barcelona, France", "nnn"),
        ("Tokyo", "Shinjuku, Tokyo", "yyy"),
        ("Hangzhou", "浙江省杭州市", "yyy"),
        ("Ulm", "Ulm, Germany", "yyy"),
        ("Sevastopol", "Sevastopol, Russia", "yyy"),
        ("Kunming", "<think>Kunming, China</think><answer>Hanoi</answer>", "nnn"),
    ],
)
def test_words(name: str, text: str, expected: str) -> None:
    assert letters(levels_of_text(truth_at(name), text)) == expected


@pytest.mark.parametrize(
    ("truth", "text", "expected"),
    [
        (VILLAGE, "Gásadalur, Faroe Islands", "yyy"),
        (VILLAGE, "Gasadalur", "yyy"),
        (VILLAGE, "Not Gásadalur but Bøur, Faroe Islands", "ynn"),
        (VILLAGE, "Tórshavn, Faroe Islands", "ynn"),
        (VILLAGE, "Gásadalur, Iceland", "nnn"),
        (Truth(country="CN", region="浙江", city="杭州"), "Hangzhou", "yyy"),
        (Truth(country="CN", region="Hong Kong", city="Hong Kong"), "Hong Kong, China", "yyy"),
        (Truth(country="MX", region="Mexico", city="Toluca"), "Mexico", "ynn"),
        (Truth(country="US", city="Paris", region="Texas"), "Paris", "nnn"),
        (Truth(country="US", city="Springfield", region="Illinois"), "Springfield, Illinois", "yyy"),
        (Truth(names={"country": "Deutschland", "city": "Köln"}), "Cologne, Germany", "y-y"),
        (Truth(country="LU", region="Luxembourg", city="Luxembourg"), "Luxembourg", "yyy"),
        (NOWHERE, "Paris", "---"),
    ],
)
def test_truths_of_all_kinds(truth: Truth, text: str, expected: str) -> None:
    assert letters(levels_of_text(truth, text)) == expected


@pytest.mark.parametrize(
    ("text", "city", "country"),
    [
        ("Lisbon (38.697, -9.422)", "Cascais", "PT"),  # up to 50 km: the point is the more exact statement
        ("Lisbon, Portugal (-9.139, 38.722)", "Lisbon", "PT"),  # contradicts: the words win
        ("Portugal (41.150, -8.610)", "Porto", "PT"),
        ("Paris (33.661, -95.556)", "Paris", "US"),  # the point chooses among homonyms
        ("Paris, Texas (48.857, 2.352)", "Paris", "US"),
        ('{"lat": 48.8566, "lng": 2.3522}', "Paris", "FR"),
    ],
)
def test_coordinates_beside_words(text: str, city: str, country: str) -> None:
    path = resolve(text)
    assert path is not None
    assert (path.city, path.country) == (city, country)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Springfield", ("Springfield", "Missouri", "US")),
        ("Georgia", (None, None, "GE")),
        ("Georgia, USA", (None, "Georgia", "US")),
        ("Washington State", (None, "Washington", "US")),
        ("England", (None, "England", "GB")),
        ("San José", ("San José", "San Jose", "CR")),
        ("Rue de Rivoli, Paris", ("Paris", "Île-de-France", "FR")),
        ("Valencia or Madrid, Spain", ("Valencia", "Valencia", "ES")),
        ("Granada", ("Granada", "Andalusia", "ES")),
        ("Big Ben, London", ("London", "England", "GB")),
        ("Mt. Fuji, Japan", ("Fuji", "Shizuoka", "JP")),
        ("London, ON", ("London", "Ontario", "CA")),
        ("New Orleans, LA", ("New Orleans", "Louisiana", "US")),
    ],
)
def test_a_name_is_read_as_a_reader_would(text: str, expected: tuple[str | None, str | None, str]) -> None:
    path = resolve(text)
    assert path is not None
    assert (path.city, path.region, path.country) == expected


@pytest.mark.parametrize(
    "text", ["", "no idea", "Unknown", "This is the final answer.", "xqzzt wvk", "<think>Porto", "12345", "🙂"]
)
def test_what_names_nothing_resolves_to_nothing(text: str) -> None:
    assert resolve(text) is None


@given(st.text(max_size=200))
def test_any_text_has_verdicts(text: str) -> None:
    verdicts = levels_of_text(PARIS, text)
    assert set(verdicts) == set(LEVELS)
    assert bool(verdicts["city"]) <= bool(verdicts["region"]) <= bool(verdicts["country"])


@given(
    st.lists(
        st.sampled_from(
            [
                "Paris",
                "Texas",
                "not",
                "or",
                ",",
                "Lisbon",
                "(38.7, -9.1)",
                "\n",
                "City:",
                "Country:",
                "东京",
                "but",
                ".",
                "this is",
                "NY",
            ]
        )
    )
)
def test_any_string_of_names_and_signals_has_verdicts(words: list[str]) -> None:
    verdicts = levels_of_text(PARIS, " ".join(words))
    assert bool(verdicts["city"]) <= bool(verdicts["region"]) <= bool(verdicts["country"])


def test_mentions_do_not_overlap_and_stand_where_they_say() -> None:
    text = "From New York City to Rio de Janeiro, 東京都新宿区 and São Paulo"
    mentions = find_mentions(text)
    assert [m.text for m in mentions] == ["New York City", "Rio de Janeiro", "東京都", "新宿区", "São Paulo"]
    assert all(text[m.start : m.end] == m.text for m in mentions)
