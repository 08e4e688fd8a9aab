"""`sun` as a policy calls it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from geo.belief import belief_from
from geo.evidence import Evidence, Regions
from geo.shadow import SunSeen
from geo.shadow_pixels import Camera, measure
from geo.sun import sun_position
from tools.observation import ToolContext, View
from tools.sun import RELIABILITY, Sun, SunArguments

TIME = {"utc": "2024-03-05T14:20Z"}


class Blank:
    """A photo of which the size alone counts."""

    path, sha256, size, metadata = Path("photo.jpg"), "0" * 64, (4000, 3000), {}

    def render(self, view, max_pixels=None):
        raise AssertionError("nothing is looked at")


def case(*views):
    return ToolContext(Blank(), {view.id: view for view in (View("photo"), *views)})


def run(context=None, **arguments):
    return Sun().run(SunArguments(**arguments), context or case())


def test_a_shadow_and_a_time_are_a_region_and_evidence():
    seen = run(shadows=[{"length_ratio": 1.73, "error": 0.05}], time=TIME)
    assert seen.ok
    assert seen.text.startswith("sun 30.0 ± 1.2° high; 2024-03-05 14:20 UTC ± 5 min: 90 % within ")
    assert "latitudes" in seen.text
    assert "never a point" in seen.text
    assert "not measured on photos" in seen.text
    [evidence] = seen.evidence
    assert (evidence.source, evidence.tool, evidence.reliability) == ("sun", "sun", RELIABILITY)
    assert isinstance(evidence.likelihood, SunSeen)
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json(), allow_nan=False))) == evidence
    json.dumps(dict(seen.data), allow_nan=False)
    assert 0.01 < seen.data["region"]["share_of_earth"] < 0.06
    assert "lat" not in seen.data


def test_calls_again_do_not_count_twice():
    [one] = run(shadows=[{"altitude_deg": 30.0}], time=TIME).evidence
    [again] = run(shadows=[{"altitude_deg": 30.0}], time=TIME).evidence
    assert belief_from([one, again]).gain_bits() == pytest.approx(belief_from([one]).gain_bits(), rel=1e-6)


def test_what_is_not_known_is_said():
    assert "latitudes alone" in run(shadows=[{"altitude_deg": 60.0}], time={"month": "3"}).text
    assert "the day is not known" in run(shadows=[{"altitude_deg": 60.0}], time={"utc": "14:20"}).text
    assert "at an unknown time" in run(shadows=[{"altitude_deg": 60.0}]).text


def test_two_shadows_in_one_call():
    one = {"altitude_deg": 30.0, "error": 1.0}
    later = [{**one, "altitude_deg": 35.0, "minutes_after": 60}, {**one, "altitude_deg": 35.0, "utc": "2024-03-05T15:20Z"}]
    first, second = (run(shadows=[one, other], time=TIME) for other in later)
    assert first.data == second.data
    assert first.data["region"]["area_km2"] < 0.5 * run(shadows=[one], time=TIME).data["region"]["area_km2"]
    by_clock = run(shadows=[one, {**one, "altitude_deg": 35.0, "utc": "15:20"}], time={"utc": "14:20"})
    assert by_clock.data["shadows"][1]["after_minutes"] == pytest.approx(60.0)


def test_a_clock_with_its_offset_is_utc_and_a_second_piece_of_evidence():
    seen = run(shadows=[{"altitude_deg": 60.0}], time={"clock": "00:20", "date": "2024-06-01", "utc_offset_hours": 2})
    assert seen.data["when"]["first"] == "2024-05-31"
    assert seen.data["when"]["utc_minutes"] == pytest.approx(22 * 60 + 20)
    sun, zone = seen.evidence
    assert (sun.source, zone.source) == ("sun", "clock zone")
    assert isinstance(zone.likelihood, Regions)
    assert "UTC+2 h" in seen.text
    no_day = run(shadows=[{"altitude_deg": 60.0}], time={"clock": "14:20", "utc_offset_hours": 5.75})
    assert no_day.data["when"]["utc_minutes"] == pytest.approx(8 * 60 + 35)
    alone = run(shadows=[{"altitude_deg": 60.0}], time={"clock": "14:20", "date": "2024-06-01"})
    assert len(alone.evidence) == 1


def test_points_of_the_photo():
    points = {"base": [0.5, 0.75], "top": [0.5, 0.45], "tip": [0.7, 0.8]}
    seen = run(shadows=[points], time=TIME, camera={"horizon_y": 0.4, "heading_deg": 90.0})
    assert "measured on the photo: altitude" in seen.text
    camera = Camera(4000, 3000, pitch_deg=float(np.degrees(np.arctan(-300 / Camera(4000, 3000).focal_px))), pitch_sigma_deg=1.0)
    expected = measure((2000, 2250), (2000, 1350), (2800, 2400), camera)
    [shadow] = seen.data["shadows"]
    assert shadow["altitude_deg"] == pytest.approx(expected.altitude_deg)
    assert shadow["altitude_sigma_deg"] > expected.altitude_sigma_deg, "the ground may slope"
    assert shadow["azimuth_deg"] == pytest.approx((expected.azimuth_deg + 90) % 360)
    # The same points in a crop that is turned.
    turned = View("v1", (0.25, 0.25, 1.0, 1.0), rotate_deg=90)

    def moved(point):
        x, y = (point[0] - 0.25) / 0.75, (point[1] - 0.25) / 0.75
        return [1 - y, x]

    crop = run(
        case(turned),
        shadows=[{k: moved(v) for k, v in points.items()}],
        time=TIME,
        view="v1",
        camera={"horizon_y": 0.4, "heading_deg": 90.0},
    )
    assert crop.data["shadows"][0]["altitude_deg"] == pytest.approx(shadow["altitude_deg"])


def test_the_reverse():
    here = run(lat=38.7, lon=-9.1, time=TIME, height_m=10)
    assert here.ok
    assert here.evidence == ()
    assert here.data["altitude_deg"] == pytest.approx(
        float(sun_position(datetime(2024, 3, 5, 14, 20, tzinfo=UTC), 38.7, -9.1).altitude_deg), abs=0.03
    )
    assert here.data["shadow_m"] == pytest.approx(11.6, abs=0.1)
    assert "it rises 07:02" in here.text
    night = run(lat=38.7, lon=-9.1, time={"utc": "2024-03-05T01:20Z"})
    assert "no shadow" in night.text
    assert night.data["shadow_m"] is None
    assert "does not set" in run(lat=80, lon=0, time={"utc": "2024-06-20T12:00Z"}).text
    assert "does not rise" in run(lat=80, lon=0, time={"utc": "2024-12-20T12:00Z"}).text
    heading = run(lat=38.7, lon=-9.1, time=TIME, shadows=[{"relative_azimuth_deg": 30}])
    assert heading.data["compared"] == [{"of": "heading", "deg": pytest.approx(180.95, abs=0.05)}]
    against = run(lat=38.7, lon=-9.1, time=TIME, shadows=[{"altitude_deg": 60, "azimuth_deg": 200}])
    assert [row["of"] for row in against.data["compared"]] == ["altitude", "azimuth"]
    assert "6.4 sigma" in against.text
    json.dumps(dict(against.data), allow_nan=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Give at least one shadow"),
        ({"shadows": [{}]}, "needs an altitude"),
        ({"shadows": [{"altitude_deg": 95}]}, "above 0 and up to 90"),
        ({"shadows": [{"altitude_deg": float("nan")}]}, "above 0 and up to 90"),
        ({"shadows": [{"altitude_deg": 30, "length_ratio": 1}]}, "give one of|Give one of"),
        ({"shadows": [{"azimuth_deg": 30, "relative_azimuth_deg": 1}]}, "not both"),
        ({"shadows": [{"relative_azimuth_deg": 1}]}, "tells nothing"),
        ({"shadows": [{"base": [0.5, 0.7]}]}, "needs base, top and tip"),
        ({"shadows": [{"base": [0.5, 0.2], "top": [0.5, 0.1], "tip": [0.7, 0.3]}]}, "below the horizon"),
        ({"shadows": [{"base": [0.5], "top": [0.5, 0.1], "tip": [0.7, 0.3]}]}, "two numbers"),
        ({"shadows": [{"base": [50, 70], "top": [0.5, 0.1], "tip": [0.7, 0.3]}]}, "between 0 and 1"),
        ({"shadows": [{"base": [0.5, 0.7], "top": [0.5, 0.1], "tip": [0.7, 0.8]}], "view": "v9<|x|>"}, "There is no view"),
        ({"shadows": [{"base": [0.5, 0.7], "top": [0.5, 0.1], "tip": [0.7, 0.8]}], "camera": {"pitch_deg": 0, "horizon_y": 0.5}}, "not both"),
        ({"shadows": [{"altitude_deg": 30}], "time": {"utc": "yesterday <|im_start|>"}}, "A time is written"),
        ({"shadows": [{"altitude_deg": 30}], "time": {"utc_offset_hours": 2}}, "belongs to a time by a clock"),
        ({"shadows": [{"altitude_deg": 30}], "time": {"clock": "10:00", "utc_offset_hours": 0.1}}, "No place has clocks"),
        ({"shadows": [{"altitude_deg": 30, "minutes_after": 5}], "time": TIME}, "The time of the first shadow"),
        ({"shadows": [{"altitude_deg": 30}, {"altitude_deg": 31}], "time": TIME}, "how many minutes later"),
        ({"shadows": [{"altitude_deg": 30}, {"altitude_deg": 31, "utc": "10:00"}]}, "minutes_after"),
        ({"shadows": [{"altitude_deg": 30, "error": 1}, {"altitude_deg": 60, "error": 1, "minutes_after": 1}], "time": TIME}, "At no place and time"),
        ({"lat": 91, "lon": 0}, "not between -90 and 90"),
        ({"lat": 1}, "Give both"),
        ({"lat": 1, "lon": 1}, "Give the time in UTC"),
        ({"lat": 1, "lon": 1, "time": {"utc": "14:20"}}, "Give the day as well"),
    ],
)  # fmt: skip
def test_calls_that_cannot_be_carried_out(arguments, said):
    seen = run(**arguments)
    assert not seen.ok
    assert any(part in seen.text for part in said.split("|"))
    assert "\n" not in seen.text
    assert "<|" not in seen.text
    assert seen.evidence == ()


def test_without_a_case_there_is_no_photo():
    seen = Sun().ask(SunArguments(shadows=[{"base": [0.5, 0.7], "top": [0.5, 0.3], "tip": [0.7, 0.8]}]))
    assert "no photo to measure on" in seen.text


@pytest.mark.parametrize("arguments", [
    {"shadows": [{"altitude_deg": 30}] * 7}, {"shadows": [{"x": 1}]}, {"shadows": [{"altitude_deg": 30, "error": 0}]}, {"time": {"utc": "9" * 100}},
    {"camera": {"hfov_deg": 200}}, {"height_m": 0}, {"shadows": [{"length_ratio": 0}]},
])  # fmt: skip
def test_arguments_are_bounded(arguments):
    with pytest.raises(ValidationError):
        SunArguments(**arguments)


def test_its_schema_names_what_it_takes():
    properties = Sun().schema()["function"]["parameters"]["properties"]
    assert set(properties) == {"shadows", "time", "camera", "view", "lat", "lon", "height_m"}
