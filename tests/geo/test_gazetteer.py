"""The gazetteer: names to places, points to places, shares of cells, the prior, the command."""

from __future__ import annotations

import json
import math

import healpix
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area import Area, parse_area
from geo.cells import base_cells
from geo.gazetteer import Gazetteer, gazetteer
from geo.names import fold, fold_lines
from geo.prior import photo_density
from geo.sphere import EARTH_AREA_KM2, haversine_km
from geosleuth.place import place


@pytest.fixture(scope="module")
def places() -> Gazetteer:
    return gazetteer()


@pytest.mark.parametrize(
    ("lat", "lon", "country", "city"),
    [
        (52.5163, 13.3777, "DE", "Berlin"), (48.8584, 2.2945, "FR", "Paris"), (40.758, -73.9855, "US", "New York City"),
        (40.7357, -74.1724, "US", "Newark"), (41.1409, -8.6132, "PT", "Porto"), (41.13, -8.61, "PT", "Vila Nova de Gaia"),
        (51.5014, -0.1419, "GB", "London"), (-33.8568, 151.2153, "AU", "Sydney"), (41.9022, 12.4539, "VA", "Vatican City"),
        (44.6, 33.52, "UA", "Sevastopol"), (27.15, -13.2, "EH", "Laayoune"), (-54.8, -68.3, "AR", "Ushuaia"),
        (78.22, 15.63, "SJ", "Longyearbyen"), (42.6629, 21.1655, "XK", "Pristina"), (-29.31, 27.48, "LS", "Maseru"),
        (4.175, 73.509, "MV", "Male"), (-90, 0, "AQ", None), (-75, 60, "AQ", None),
    ],
)  # fmt: skip
def test_reverse(places: Gazetteer, lat: float, lon: float, country: str, city: str | None) -> None:
    here = places.reverse(lat, lon)
    assert (here.country, here.city and fold(here.city)) == (country, city and fold(city))
    assert here.country_name == places.countries[country].name
    assert (here.lat, here.lon) == (lat, lon)
    if here.place is None:
        assert math.isnan(here.distance_km)
    else:
        assert here.distance_km == pytest.approx(
            float(haversine_km(lat, lon, here.place.lat, here.place.lon)), rel=1e-3, abs=0.01
        )


def test_far_at_sea_there_is_no_country_but_a_nearest_place(places: Gazetteer) -> None:
    nemo = places.reverse(-48.876, -123.393)
    assert (nemo.country, nemo.country_name, nemo.region) == (None, None, None)
    assert nemo.place is not None
    assert 2500 < nemo.distance_km < 2900
    off_cannes = places.reverse(43.4, 7.0)
    assert off_cannes.country == "FR"
    assert places.country_index_at(43.4, 7.0).tolist() == [-1]


def test_wrong_coordinates_are_refused(places: Gazetteer) -> None:
    for lat, lon in ((91.0, 0.0), (-123.0, 45.0), (math.nan, 0.0), (0.0, math.inf)):
        with pytest.raises(ValueError, match="latitude"):
            places.reverse(lat, lon)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=12))
def test_reverse_many_is_polygon_first_then_the_nearest_place_of_that_country(points: list[tuple[float, float]]) -> None:
    places = gazetteer()
    lat, lon = np.array(points).T
    found = places.reverse_many(lat, lon)
    polygon = places.country_index_at(lat, lon)
    home = np.array([places.country_codes.index(places.place(i).country or "") for i in found.nearest_index])
    for i in range(len(found)):
        every = haversine_km(lat[i], lon[i], places.place_lat, places.place_lon)
        if polygon[i] >= 0:
            assert found.country_index[i] == polygon[i]
            allowed = _members(places, int(polygon[i]))
            every = every[allowed] if len(allowed) else every
        elif every.min() > 50:
            assert found.country_index[i] == -1
        else:
            assert found.country_index[i] == home[i]
        assert found.nearest_km[i] == pytest.approx(every.min(), rel=1e-5, abs=1e-3)
        assert found.location(i).country == (
            places.country_codes[found.country_index[i]] if found.country_index[i] >= 0 else None
        )


def _members(places: Gazetteer, country: int) -> np.ndarray:
    return np.flatnonzero(places._reverse.country == country)


def test_the_city_of_a_city_is_itself(places: Gazetteer) -> None:
    assert np.array_equal(places._city[places._city], places._city)
    assert 0.5 < np.mean(places._city == np.arange(len(places))) < 1


@pytest.mark.parametrize(
    ("query", "name", "country", "how"),
    [
        ("Porto", "Porto", "PT", "exact"), ("MÜNCHEN", "Munich", "DE", "alternative"), ("munchen", "Munich", "DE", "alternative"),
        ("北京", "Beijing", "CN", "alternative"), ("Αθήνα", "Athens", "GR", "alternative"),
        ("Москва", "Moscow", "RU", "alternative"), ("القاهرة", "Cairo", "EG", "alternative"),
        ("東京", "Tokyo", "JP", "alternative"), ("서울", "Seoul", "KR", "alternative"),
        ("sao paulo", "São Paulo", "BR", "exact"), ("Paris", "Paris", "FR", "exact"), ("Paris, Texas", "Paris", "US", "exact"),
        ("Springfield, IL", "Springfield", "US", "exact"), ("New York", "New York City", "US", "alternative"),
        ("Deutschland", "Germany", "DE", "country"), ("Japon", "Japan", "JP", "country"), ("Georgia", "Georgia", "GE", "country"),
        ("Bayern", "Bavaria", "DE", "region"), ("Toscana", "Tuscany", "IT", "region"), ("Lisbn", "Lisbon", "PT", "fuzzy"),
        ("Reykjavk", "Reykjavík", "IS", "fuzzy"), ("Hambrug", "Hamburg", "DE", "fuzzy"),
    ],
)  # fmt: skip
def test_search(places: Gazetteer, query: str, name: str, country: str, how: str) -> None:
    best = places.search(query)[0]
    assert (best.place.name, best.place.country, best.how) == (name, country, how)
    assert 0 < best.score <= 1
    assert (best.score == 1) == (how in {"exact", "country"})


def test_search_in_an_area(places: Gazetteer) -> None:
    assert places.search("Paris", area=Area(frozenset({"US"})))[0].place.country == "US"
    assert all(m.place.country == "US" for m in places.search("Paris", area=Area(frozenset({"US"}))))
    assert places.search("Porto", area=parse_area("41,-9,42,-8"))[0].place.country == "PT"
    assert places.search("Porto", area=parse_area("60,10,61,11"), fuzzy=False) == []


def test_labels(places: Gazetteer) -> None:
    assert places.search("Munich")[0].place.label() == "Munich, Bavaria, DE"
    assert places.search("Germany")[0].place.label() == "Germany"
    assert places.search(places.search("Munich")[0].place.label())[0].place.name == "Munich"


@pytest.mark.parametrize("text", ["", " ", "\n", ",", ", ,", "!!!", "\x00", "\ud800", "a" * 10_000, "，" * 300, "x,y,z" * 30])
def test_names_that_are_none(places: Gazetteer, text: str) -> None:
    assert places.search(text) == []
    assert places.lookup_many([text]) == [[]]
    assert places.country_code(text) is None
    assert not places.same_place(text, text) or fold(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_searched_for(text: str) -> None:
    matches = gazetteer().search(text, limit=3)
    assert len(matches) <= 3
    assert all(0 < m.score <= 1 and m.place.name for m in matches)
    exact = gazetteer().lookup_many([text], limit=3)[0]
    assert all(fold(m.matched_name) == fold(text) for m in exact)


def test_lookup_many_agrees_with_search(places: Gazetteer) -> None:
    names = ["Lisboa", "nonsense of no place", "Wien", "日本", ""]
    assert places.lookup_many(names) == [places.search(name, fuzzy=False) for name in names]
    assert [bool(m) for m in places.lookup_many(names)] == [True, False, True, True, False]


@pytest.mark.parametrize(
    ("name", "code"),
    [("Deutschland", "DE"), ("Czech Republic", "CZ"), ("Czechia", "CZ"), ("USA", "US"), ("UK", "GB"), ("U.S.", "US"),
     ("日本", "JP"), ("Россия", "RU"), ("pt", "PT"), ("PRT", "PT"), ("Holland", "NL"), ("Côte d’Ivoire", "CI"), ("Kosovo", "XK"),
     ("Türkiye", "TR"), ("South Korea", "KR"), ("España", "ES"), ("Atlantis", None), ("Porto", None), ("", None)],
)  # fmt: skip
def test_country_code(places: Gazetteer, name: str, code: str | None) -> None:
    assert places.country_code(name) == code


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [("München", "Munich", True), ("北京", "Beijing", True), ("Wien", "Vienna", True), ("Bombay", "Mumbai", True),
     ("Kiev", "Kyiv", True), ("Paris", "Paris, Texas", False), ("Paris", "Paris, France", True),
     ("Lisbon", "Porto", False), ("Porto", "PORTO", True),
     ("", "", False), ("Nowhere at all", "Lisbon", False)],
)  # fmt: skip
def test_same_place(places: Gazetteer, a: str, b: str, same: bool) -> None:
    assert places.same_place(a, b) is same
    assert places.same_place(b, a) is same


@pytest.mark.parametrize(
    ("a", "b", "country", "same"),
    [("Bayern", "Bavaria", "DE", True), ("Porto District", "Porto", "PT", True), ("Genève", "Geneva", "CH", True),
     ("Ile de France", "Île-de-France", "FR", True), ("Bavaria", "Saxony", "DE", False), ("CA", "California", "US", True),
     ("Toscana", "Tuscany", "Italy", True), ("", "Bavaria", "DE", False), ("Texas", "California", "US", False)],
)  # fmt: skip
def test_same_region(places: Gazetteer, a: str, b: str, country: str, same: bool) -> None:
    assert places.same_region(a, b, country) is same


def test_same_country(places: Gazetteer) -> None:
    assert places.same_country("Deutschland", "DE")
    assert places.same_country("UK", "Great Britain")
    assert not places.same_country("Austria", "Australia")
    assert not places.same_country("", "")


def test_countries(places: Gazetteer) -> None:
    portugal = places.countries["PT"]
    assert (portugal.iso3, portugal.capital, portugal.tld, portugal.phone, portugal.neighbours) == (
        "PRT",
        "Lisbon",
        ".pt",
        "351",
        ("ES",),
    )
    assert places.country_names("PT")[0] == "Portugal"
    assert len(places.country_codes) == 250
    for country in places.countries.values():
        assert -90 <= country.lat <= 90
        assert -180 <= country.lon <= 180
        assert country.name in places.country_names(country.code)


@pytest.mark.parametrize(("code", "least", "most"), [("PT", 0.97, 1.08), ("CH", 0.97, 1.04), ("SG", 0.5, 3), ("RU", 0.97, 1.03)])
def test_region_share_sums_to_the_area(places: Gazetteer, code: str, least: float, most: float) -> None:
    cells = base_cells()
    share = places.region_share({code: 1.0}, cells.lat, cells.lon, cells.side_km)
    assert 0 <= share.min() <= share.max() <= 1
    total = share.sum() * EARTH_AREA_KM2 / len(cells)
    assert least < total / places.countries[code].area_km2 < most


def test_no_country_with_places_vanishes(places: Gazetteer) -> None:
    cells = base_cells()
    for code, country in places.countries.items():
        share = places.region_share({code: 1.0}, cells.lat, cells.lon, cells.side_km)
        if code not in {"BV", "HM", "UM"}:
            assert share.max() > 1e-4, code
            assert haversine_km(cells.lat, cells.lon, country.lat, country.lon)[share > 0.02].min(initial=0) < 400, code


def test_region_share_of_regions(places: Gazetteer) -> None:
    cells = base_cells()
    ticino = places.region_share({"CH.TI": 1.0}, cells.lat, cells.lon, cells.side_km)
    assert ticino.sum() * EARTH_AREA_KM2 / len(cells) == pytest.approx(2812, rel=0.3)
    mixed = places.region_share(
        {"CH.TI": 1.0, "CH": 0.25, "Atlantis": 1.0, "CH.??": 1.0}, [46.01, 47.37, 48.85], [8.96, 8.54, 2.35], 1.0
    )
    assert mixed.tolist() == [1.0, 0.25, 0.0]
    assert places.region_share({}, [46.0], [9.0], [90.0]).tolist() == [0.0]
    assert places.region_share({"PT": 1.0}, [41.15, 41.15], [-8.61, -8.61], [0.4, 6000.0])[1] < 0.01


def test_fine_cells_keep_beaches_and_islets(places: Gazetteer) -> None:
    male = places.region_share({"MV": 1.0}, [4.175, 4.175, 3.0], [73.509, 73.509, 90.0], [0.4, 92.0, 0.4])
    assert male[0] == 1.0
    assert male[1] > 0.001
    assert male[2] == 0.0


def test_prior_is_a_density_with_mean_one_at_every_order() -> None:
    for order in (3, 6, 8):
        lon, lat = healpix.pix2ang(1 << order, np.arange(12 * 4**order), nest=True, lonlat=True)
        density = photo_density(lat, lon, math.sqrt(EARTH_AREA_KM2 / (12 * 4**order)))
        assert density.min() > 0
        assert density.mean() == pytest.approx(1.0, rel=1e-9)


def test_prior_prefers_cities_to_deserts_to_the_sea() -> None:
    paris, creuse, sahara, ocean, pole = photo_density([48.86, 46.0, 23.0, 30.0, -85.0], [2.35, 2.0, 10.0, -40.0, 0.0], 1.0)
    assert paris > creuse > sahara > ocean >= 0.04
    assert pole == pytest.approx(ocean, rel=0.1)


@pytest.mark.parametrize(
    ("name", "folded"),
    [("Saint-Étienne", "saint etienne"), ("L'Aquila", "laquila"), ("Łódź", "lodz"), ("Straße", "strasse"),
     ("İstanbul", "istanbul"), ("ＡＢＣ", "abc"), (" -- ", ""), ("a\nb", "a b"), ("กรุงเทพ", "กรุงเทพ"), ("مُحَمَّد", "محمد")],
)  # fmt: skip
def test_fold(name: str, folded: str) -> None:
    assert fold(name) == folded


@given(st.lists(st.text(max_size=20).map(lambda text: text.replace("\n", "")), min_size=1, max_size=5))
def test_folding_lines_is_folding_each(names: list[str]) -> None:
    assert fold_lines("\n".join(names)).split("\n") == [fold(name) for name in names]


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)


def run(*arguments: str, text: str | None = None) -> tuple[int, list[str], str]:
    result = CliRunner().invoke(place, arguments, input=text)
    return result.exit_code, result.stdout.splitlines(), result.stderr


def test_command_with_coordinates() -> None:
    code, lines, _ = run("-33.9", "18.4", "--json")
    answer = json.loads(lines[0])
    assert (code, answer["country"], answer["city"], answer["lat"], answer["lon"]) == (0, "ZA", "Cape Town", -33.9, 18.4)
    assert list(answer) == ["country", "country_name", "region", "city", "lat", "lon", "distance_km"]
    assert run("41.15 -8.61")[1][0].startswith("Porto")
    assert run("-90", "0")[1] == ["Antarctica"]


def test_command_with_names() -> None:
    code, lines, _ = run("Paris", "--area", "US", "--json", "--limit", "2")
    answer = json.loads(lines[0])
    assert (code, answer["country"], len(answer["candidates"])) == (0, "US", 2)
    assert run("New", "York")[1][0].endswith("United States")
    assert run("Nosuchplaceanywhere")[0] == 1


def test_command_with_many_lines() -> None:
    text = "".join(f"{lat} {lon}\n" for lat, lon in zip(np.linspace(40, 42, 50), np.linspace(-9, -8, 50), strict=True))
    code, lines, errors = run("--json", text=text + "\nWien\n1 2 3\n91 400\n48.85,2.35\n")
    answers = [json.loads(line) for line in lines]
    assert code == 1
    assert len(answers) == 54
    assert answers[50]["city"] == "Vienna"
    assert all("error" in answer for answer in answers[51:53])
    assert answers[53]["city"] == "Paris"
    assert errors == ""
    code, lines, errors = run("-", text="1 2 3\n48.85,2.35\n")
    assert (code, len(lines), errors.count("\n")) == (1, 1, 1)


@pytest.mark.parametrize("arguments", [("--nonsense",), ("-x", "1"), ("Paris", "--area", "QQ"), ("Paris", "--limit", "0")])
def test_command_refuses_bad_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[0] == 2
