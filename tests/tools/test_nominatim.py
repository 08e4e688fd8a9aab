import json
import threading
from pathlib import Path

import pytest

from tests.tools.loopback import loopback, reply
from tools.nominatim import GeocoderRefused, GeocoderUnavailable, Nominatim, default_user_agent
from tools.web.pace import Pace

PORTO = {
    "osm_type": "relation", "osm_id": 3459013, "lat": "41.1502", "lon": "-8.6103", "type": "city", "importance": 0.7,
    "name": "Porto", "display_name": "Porto, Portugal", "boundingbox": ["41.138", "41.186", "-8.691", "-8.552"],
    "address": {"city": "Porto", "county": "Porto", "country": "Portugal", "country_code": "pt"},
}  # fmt: skip


def geocoder(server, folder: Path, **settings) -> Nominatim:
    return Nominatim(
        domain=f"127.0.0.1:{server.port}", scheme="http", cache_folder=folder, pace=settings.pop("pace", Pace(0.0)), **settings
    )


def test_a_search_is_asked_once_by_name_and_kept_on_disk(tmp_path):
    with loopback({"/search": reply(200, json.dumps([PORTO]), "application/json")}) as server:
        [place] = geocoder(server, tmp_path).search("Pôrto", ["PT"])
        again = geocoder(server, tmp_path).search(" PORTO ", ["PT"])
        assert len(server.seen) == 1
        path, headers = server.seen[0]
    assert again == [place]
    assert (place.name, place.country, place.region, place.city, place.lat, place.lon) == (
        "Porto",
        "PT",
        "Porto",
        "Porto",
        41.1502,
        -8.6103,
    )
    assert place.url == "https://www.openstreetmap.org/relation/3459013"
    assert 10 < place.extent_km < 16
    assert headers["user-agent"] == default_user_agent()
    assert headers["user-agent"].startswith("geosleuth/")
    assert "countrycodes=pt" in path


def test_another_country_or_a_point_farther_away_is_another_question(tmp_path):
    answers = {"/search": reply(200, "[]", "application/json"), "/reverse": reply(200, json.dumps(PORTO), "application/json")}
    with loopback(answers) as server:
        asked = geocoder(server, tmp_path)
        assert asked.search("Porto") == asked.search("Porto", ["BR"]) == []
        assert asked.reverse(41.150001, -8.610001) == asked.reverse(41.150002, -8.610002)
        assert asked.reverse(41.151, -8.61).city == "Porto"
        assert len(server.seen) == 4


def test_nothing_at_a_point_is_none(tmp_path):
    with loopback({"/reverse": reply(200, '{"error": "Unable to geocode"}', "application/json")}) as server:
        assert geocoder(server, tmp_path).reverse(0.0, -30.0) is None


def test_rows_that_are_not_as_documented_are_skipped(tmp_path):
    with loopback(
        {"/search": reply(200, json.dumps([PORTO | {"importance": None, "address": None, "boundingbox": None}]))}
    ) as server:
        [place] = geocoder(server, tmp_path).search("Porto")
    assert (place.country, place.extent_km, place.importance) == (None, 0.0, 0.0)
    with loopback({"/search": reply(200, json.dumps([{"display_name": "no point"}, PORTO]))}) as server:
        assert [found.name for found in geocoder(server, tmp_path / "other").search("Porto")] == ["Porto"]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (reply(403, "blocked"), GeocoderRefused),
        (reply(429, "slow down"), GeocoderRefused),
        (reply(500, "oops"), GeocoderUnavailable),
        (reply(503, "oops"), GeocoderUnavailable),
        (reply(200, "<html>"), GeocoderUnavailable),
        (reply(200, "[3]"), GeocoderUnavailable),
        (lambda handler: handler.server.stopped.wait(2), GeocoderUnavailable),
    ],
)
def test_refusals_and_faults_are_typed_and_not_kept(tmp_path, answer, failure):
    with loopback({"/search": answer}) as server, pytest.raises(failure, match="the online geocoder"):
        geocoder(server, tmp_path, timeout_s=0.3).search("Porto")
    with loopback({"/search": reply(200, json.dumps([PORTO]))}) as server:
        assert len(geocoder(server, tmp_path).search("Porto")) == 1


def test_a_closed_port_is_unavailable_and_soon_left_alone(tmp_path):
    with loopback({}) as server:
        closed = geocoder(server, tmp_path)
    for _ in range(3):
        with pytest.raises(GeocoderUnavailable, match="could not be asked"):
            closed.search("Porto")
    with pytest.raises(GeocoderUnavailable, match="left alone"):
        closed.search("Porto")


def test_a_broken_cache_costs_a_request_and_no_more(tmp_path):
    (tmp_path / "nominatim.sqlite").write_text("this is no database" * 100)
    with loopback({"/search": reply(200, json.dumps([PORTO]))}) as server:
        asked = geocoder(server, tmp_path)
        assert asked.search("Porto") == asked.search("Porto")
        assert len(server.seen) == 2


def test_all_threads_share_one_pace(tmp_path):
    slept = []
    pace = Pace(1.0, clock=lambda: 0.0, sleep=slept.append)
    with loopback({"/search": reply(200, "[]")}) as server:
        askers = [geocoder(server, tmp_path, pace=pace) for _ in range(2)]
        threads = [threading.Thread(target=askers[i % 2].search, args=(f"place {i}",)) for i in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(slept) == [1.0, 2.0, 3.0, 4.0]
    assert Nominatim()._turn is Nominatim(domain="nominatim.example.org")._turn
    assert Nominatim()._turn.interval_s >= 1.0
