"""The likelihood of shadows against closed forms, and whether its regions hold the truth as often as they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geo.cells import Cells, base_cells
from geo.evidence import Evidence, clue_on, likelihood_from_json
from geo.moment import When, read_when
from geo.refraction import apparent_altitude
from geo.shadow import Shadow, SunSeen
from geo.shadow_density import log_bessel_i0
from geo.shadow_ground import altitude_from_slope
from geo.sphere import haversine_km
from geo.sun import days_since_j2000, subsolar, sun_position
from geo.sun_inverse import altitude_circle, feasible_latitudes, places_of

UTC_TIME = "2024-03-05T14:20Z"
WHEN = datetime(2024, 3, 5, 14, 20, tzinfo=UTC)


def of_order(order):
    return Cells.of(np.full(12 * 4**order, order), np.arange(12 * 4**order))


def needed_share(values, row):
    """How much of a cell the 90 % region takes: 1 inside, 0 outside, a part for the cell at its edge (equal areas)."""
    mass = values / values.sum()
    before = mass[values > values[row]].sum()
    return float(np.clip((0.9 - before) / max(mass[row], 1e-300), 0.0, 1.0))


def seen_from(lat, lon, when, sigma=2.0, azimuth=None, minutes=0.0, spread=0.0):
    """What is measured without error at a place."""
    here = sun_position(when + timedelta(minutes=minutes), lat, lon)
    angle = None if azimuth is None else float(here.azimuth_deg)
    return Shadow(float(apparent_altitude(here.altitude_deg)), sigma, angle, azimuth or 5.0, after_minutes=minutes)


# -- against closed forms


def test_an_altitude_at_a_time_is_a_ring():
    cells = base_cells()
    seen = clue_on(SunSeen((Shadow(35.0, 1.5),), read_when(UTC_TIME, spread_minutes=0)), cells)
    true = 35.0 - 0.0230  # Bennett at 35°
    ring = clue_on(altitude_circle(true, 1.5, WHEN), cells)
    seen, ring = seen / seen.sum(), ring / ring.sum()
    assert np.abs(seen - ring).sum() < 0.01, "total variation"


def test_altitude_and_azimuth_at_a_time_are_the_places_of_the_closed_form():
    for altitude, azimuth in ((40.0, 200.0), (20.0, 100.0), (70.0, 300.0)):
        likelihood = SunSeen((Shadow(altitude, 0.4, azimuth, 0.8),), read_when(UTC_TIME, spread_minutes=0))
        cells = base_cells()
        values = clue_on(likelihood, cells)
        best = int(np.argmax(values))
        places = places_of(altitude, azimuth, WHEN)
        assert min(haversine_km(cells.lat[best], cells.lon[best], lat, lon) for lat, lon in places) < 150.0


def test_an_altitude_on_a_day_is_a_band_of_latitudes():
    seen = SunSeen((Shadow(60.0, 0.5),), read_when(day="2024-05-01"))
    cells = base_cells()
    values = clue_on(seen, cells)
    declination = float(subsolar(days_since_j2000(datetime(2024, 5, 1, 12, tzinfo=UTC)))[0])
    south, north = feasible_latitudes(60.0, declination, declination)
    likely = values > 0.02 * values.max()
    assert cells.lat[likely].min() == pytest.approx(south, abs=2.5)
    assert cells.lat[likely].max() == pytest.approx(north, abs=2.5)
    assert values[(cells.lat < south - 4) | (cells.lat > north + 4)].max() < 1e-6 * values.max()
    at_60 = np.abs(cells.lat - 30.0) < 0.4
    assert np.ptp(values[at_60]) < 0.2 * values[at_60].max(), "the time is not known, so longitudes are alike"


def test_two_shadows_an_hour_apart_lie_where_the_rings_cross():
    later = WHEN + timedelta(hours=1)
    truth = (38.7, -9.1)
    first, second = seen_from(*truth, WHEN, 1.5), seen_from(*truth, WHEN, 1.5, minutes=60.0)
    cells = base_cells()
    both = clue_on(SunSeen((first, second), read_when(UTC_TIME, spread_minutes=0)), cells)
    rings = np.ones(len(cells))
    for one, when in ((first, WHEN), (second, later)):
        rings *= clue_on(altitude_circle(one.true_altitude_deg, 1.5, when), cells)
    both, rings = both / both.sum(), rings / rings.sum()
    assert np.abs(both - rings).sum() < 0.05
    alone = clue_on(SunSeen((first,), read_when(UTC_TIME, spread_minutes=0)), cells)
    held = [(np.cumsum(np.sort(v / v.sum())[::-1]) < 0.9).sum() for v in (both, alone)]
    assert held[0] < 0.25 * held[1], "the region is cut"
    row = cells.rows_at([truth[0]], [truth[1]])[0]
    assert needed_share(both, row) == 1.0


# -- what is not known is integrated over


def test_the_error_of_the_clock_is_the_mean_over_it():
    cells = of_order(4)
    wide = clue_on(SunSeen((Shadow(35.0, 3.0),), read_when(UTC_TIME, spread_minutes=60)), cells)
    many = np.mean([clue_on(SunSeen((Shadow(35.0, 3.0),), read_when(f"{(WHEN + timedelta(minutes=m)):%Y-%m-%dT%H:%M}Z", spread_minutes=0)), cells)
                    for m in range(-58, 60, 4)], axis=0)  # fmt: skip
    assert np.abs(wide / wide.sum() - many / many.sum()).sum() < 0.01


def test_an_unknown_day_is_the_mean_over_the_year():
    cells = of_order(4)
    unknown = clue_on(SunSeen((Shadow(35.0, 3.0),), read_when("14:20", spread_minutes=0)), cells)
    days = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=d) for d in range(0, 366, 5)]
    many = np.mean(
        [clue_on(SunSeen((Shadow(35.0, 3.0),), read_when(f"{d:%Y-%m-%d}T14:20Z", spread_minutes=0)), cells) for d in days], axis=0
    )
    assert np.abs(unknown / unknown.sum() - many / many.sum()).sum() < 0.03


def test_an_unknown_time_is_the_mean_over_the_day():
    cells = of_order(4)
    table = clue_on(SunSeen((Shadow(35.0, 3.0, 120.0, 8.0),), read_when(day="2024-05-01")), cells)
    start = datetime(2024, 5, 1, tzinfo=UTC)
    # The day of a place begins when its sun is at midnight, so longitude 0 is compared.
    many = np.mean([clue_on(SunSeen((Shadow(35.0, 3.0, 120.0, 8.0),), read_when(f"{start + timedelta(minutes=m):%Y-%m-%dT%H:%M}Z", spread_minutes=0)), cells)
                    for m in range(0, 1440, 10)], axis=0)  # fmt: skip
    near = np.abs(cells.lon) < 20
    assert np.abs(table[near] / table[near].sum() - many[near] / many[near].sum()).sum() < 0.05


def test_relative_azimuths_share_the_heading():
    cells = of_order(4)
    truth, gap = (38.7, -9.1), 120.0
    first, second = seen_from(*truth, WHEN, 3.0, azimuth=4.0), seen_from(*truth, WHEN, 3.0, azimuth=4.0, minutes=gap)

    def turned(heading):
        return tuple(Shadow(None, 3.0, (s.azimuth_deg - heading) % 360, 4.0, True, s.after_minutes) for s in (first, second))

    when = read_when(UTC_TIME, spread_minutes=0)
    values = clue_on(SunSeen(turned(77.0), when), cells)
    assert values == pytest.approx(clue_on(SunSeen(turned(-13.0), when), cells)), "the heading does not count"
    headings = np.mean([clue_on(SunSeen(tuple(Shadow(None, 3.0, (s.azimuth_deg + h) % 360, 4.0, False, s.after_minutes) for s in turned(0.0)), when), cells)
                        for h in range(0, 360, 2)], axis=0)  # fmt: skip
    assert np.abs(values / values.sum() - headings / headings.sum()).sum() < 0.02
    row = cells.rows_at([truth[0]], [truth[1]])[0]
    assert needed_share(values, row) == 1.0


def test_a_clock_of_an_unknown_zone_tells_noon_from_evening():
    cells = of_order(4)
    noon = clue_on(SunSeen((Shadow(20.0, 2.0),), read_when(day="2024-12-21", clock="12:30")), cells)
    evening = clue_on(SunSeen((Shadow(20.0, 2.0),), read_when(day="2024-12-21", clock="16:30")), cells)
    assert np.average(cells.lat, weights=noon) > np.average(cells.lat, weights=evening)


def test_another_time_of_the_same_day():
    # Points, so that the mean over a cell does not matter.
    cells = Cells.of(np.full(50, 12), np.linspace(0, 12 * 4**12 - 1, 50).astype(np.int64))
    day = read_when(day="2024-06-21")
    one, other = (clue_on(SunSeen((Shadow(altitude, 2.0),), day), cells) for altitude in (60.0, 30.0))
    both = clue_on(SunSeen((Shadow(60.0, 2.0), Shadow(30.0, 2.0, after_minutes=None)), day), cells)
    assert both == pytest.approx(one * other, rel=0.05, abs=1e-9)


# -- how often it is right


def test_regions_of_random_places_hold_the_truth_nine_times_of_ten():
    # benchmarks/sun_sensitivity.py measures 10,000 of them.
    rng = np.random.default_rng(7)
    cells, held = of_order(4), []
    while len(held) < 1000:
        lat, lon = float(np.degrees(np.arcsin(rng.uniform(-1, 1)))), float(rng.uniform(-180, 180))
        when = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=float(rng.uniform(0, 525_000)))
        sigma, spread, az_sigma = float(rng.uniform(1, 4)), float(rng.choice([0.0, 5.0, 30.0])), float(rng.uniform(4, 20))
        here = sun_position(when, lat, lon)
        measured = float(apparent_altitude(here.altitude_deg)) + rng.normal(0, sigma)
        if float(here.altitude_deg) < -0.8 or not 5.0 < measured <= 90.0:
            continue
        azimuth = float((here.azimuth_deg + rng.normal(0, az_sigma)) % 360) if rng.random() < 0.5 else None
        said = when + timedelta(minutes=float(rng.uniform(-spread, spread)))
        day = said.replace(hour=0, minute=0, second=0, microsecond=0)
        known = When(day.date(), day.date(), (said - day).total_seconds() / 60, None, spread)
        values = clue_on(SunSeen((Shadow(measured, sigma, azimuth, az_sigma),), known), cells)
        held.append(needed_share(values, cells.rows_at([lat], [lon])[0]))
    assert np.mean(held) == pytest.approx(0.9, abs=0.03)


def told_time(told, when, lon, rng):
    """What is known of a time."""
    if told == "day":
        return read_when(day=f"{when + timedelta(hours=lon / 15):%Y-%m-%d}")
    if told == "month":
        return read_when(month="3")
    if told == "time of day":
        return read_when(f"{when:%H:%M:%S}")
    off = timedelta(minutes=float(rng.uniform(-30, 30)))
    return read_when(f"{when + off:%Y-%m-%dT%H:%M:%S}Z", spread_minutes=30)


@pytest.mark.parametrize("told", ["day", "month", "time of day", "two shadows and a heading"])
def test_regions_hold_the_truth_when_less_is_known(told):
    rng = np.random.default_rng(len(told))
    cells, held, two = of_order(4), [], told.startswith("two")
    first, days = (datetime(2024, 3, 1, tzinfo=UTC), 31) if told == "month" else (datetime(2024, 1, 1, tzinfo=UTC), 366)
    while len(held) < 40:
        lat, lon = float(np.degrees(np.arcsin(rng.uniform(-1, 1)))), float(rng.uniform(-180, 180))
        when = first + timedelta(minutes=float(rng.uniform(0, days * 1440)))
        here = [sun_position(when + timedelta(minutes=90 * k), lat, lon) for k in range(1 + two)]
        measured = [float(apparent_altitude(h.altitude_deg)) + rng.normal(0, 3.0) for h in here]
        if any(float(h.altitude_deg) < -0.8 for h in here) or not all(5.0 < m <= 90.0 for m in measured):
            continue
        azimuth = [float((h.azimuth_deg + rng.normal(0, 10)) % 360) for h in here]
        shadows = tuple(Shadow(m, 3.0, a, 10.0, two, 90.0 * k) for k, (m, a) in enumerate(zip(measured, azimuth, strict=True)))
        values = clue_on(SunSeen(shadows, told_time(told, when, lon, rng)), cells)
        held.append(needed_share(values, cells.rows_at([lat], [lon])[0]))
    assert np.mean(held) == pytest.approx(0.9, abs=0.13)


# -- cells, poles, antimeridian


@pytest.mark.parametrize("when", [read_when(UTC_TIME, spread_minutes=0), read_when(day="2024-03-05")])
def test_a_coarse_cell_keeps_the_mass_of_a_narrow_ring(when):
    seen = SunSeen((Shadow(35.0, 0.3),), when)
    sums = [clue_on(seen, of_order(order)).mean() for order in (4, 5, 6)]
    assert sums[0] == pytest.approx(sums[2], rel=0.03)
    assert sums[1] == pytest.approx(sums[2], rel=0.03)


@pytest.mark.parametrize(
    ("lat", "lon"), [(90.0, 0.0), (89.9, 120.0), (-90.0, 50.0), (0.0, 180.0), (52.0, -180.0), (10.0, 179.99)]
)
def test_poles_and_the_antimeridian(lat, lon):
    when = datetime(2024, 6, 20, 1, 0, tzinfo=UTC) if lat > 0 else datetime(2024, 12, 20, 1, 0, tzinfo=UTC)
    if abs(float(sun_position(when, lat, lon).altitude_deg)) < 5 or float(sun_position(when, lat, lon).altitude_deg) < 0:
        when = when.replace(hour=12)
    shadow = seen_from(lat, lon, when, 1.0, azimuth=5.0 if abs(lat) < 80 else None)
    cells = base_cells()
    values = clue_on(SunSeen((shadow,), read_when(f"{when:%Y-%m-%dT%H:%M}Z")), cells)
    assert values[cells.rows_at([lat], [lon])[0]] > 0.3 * values.max()
    assert np.isfinite(values).all()


def test_where_the_sun_is_down_nothing_is_seen():
    cells = of_order(5)
    values = clue_on(SunSeen((Shadow(3.0, 20.0),), read_when(UTC_TIME, spread_minutes=0)), cells)
    dark = sun_position(WHEN, cells.lat, cells.lon).altitude_deg < -3.0
    assert values[dark].max() < 1e-9 * values.max()
    assert values[~dark].min() >= 0


def test_it_can_be_asked_at_points():
    seen = SunSeen((Shadow(35.0, 2.0),), read_when(UTC_TIME))
    cells = of_order(6)
    rows = np.array([5, 4000, 20_000])
    assert seen.at(cells.lat[rows], cells.lon[rows], cells.side_km[rows]) == pytest.approx(clue_on(seen, cells)[rows], rel=1e-6)


# -- forms and refusals


def test_json_goes_round():
    for seen in (
        SunSeen((Shadow(35.0, 2.0),)),
        SunSeen((Shadow(35.0, 2.0, 10.0, 3.0, True), Shadow(None, 2.0, 60.0, 3.0, True, 30.0)), read_when(UTC_TIME)),
        SunSeen((Shadow(35.0), Shadow(30.0, after_minutes=None)), read_when(clock="10:00")),
    ):
        text = json.dumps(seen.to_json(), allow_nan=False)
        assert likelihood_from_json(json.loads(text)) == seen
        evidence = Evidence(seen, "sun", "sun", "sun", 0.5)
        assert Evidence.from_json(evidence.to_json()) == evidence


@pytest.mark.parametrize("change", [
    {"shadows": []}, {"shadows": [{}] * 3}, {"shadows": 3}, {"when": None}, {"when": {}}, {"shadows": [{"altitude_deg": "x"}]},
])  # fmt: skip
def test_what_is_no_saved_sun(change):
    with pytest.raises(ValueError):
        likelihood_from_json({**SunSeen((Shadow(35.0),)).to_json(), **change})


def test_measurements_that_cannot_be():
    for told in ({}, {"altitude_deg": 0.0}, {"altitude_deg": 91.0}, {"altitude_deg": float("nan")}, {"altitude_deg": 5.0, "altitude_sigma_deg": 0.0},
                 {"azimuth_deg": 999.0}, {"azimuth_deg": 9.0, "azimuth_sigma_deg": 200.0}, {"altitude_deg": 5.0, "after_minutes": float("inf")}):  # fmt: skip
        with pytest.raises(ValueError):
            Shadow(**told)
    one = Shadow(30.0)
    for shadows, when in (((), When()), ((one,) * 7, When()), ((Shadow(30.0, after_minutes=5.0),), When()), ((one, Shadow(30.0, after_minutes=None)), read_when(UTC_TIME)),
                          ((one, Shadow(30.0, after_minutes=5000.0)), When()), ((Shadow(azimuth_deg=3.0, relative=True),), When())):  # fmt: skip
        with pytest.raises(ValueError):
            SunSeen(shadows, when)


def test_how_well_it_agrees():
    assert SunSeen((Shadow(35.0, 2.0, 120.0, 4.0),), read_when(UTC_TIME)).agreement() > -0.5
    assert SunSeen((Shadow(35.0, 2.0),), read_when(day="2024-03-05")).agreement() > -0.5
    # In one minute the sun does not climb by 20 degrees.
    impossible = (Shadow(30.0, 1.0), Shadow(50.0, 1.0, after_minutes=1.0))
    assert SunSeen(impossible, read_when(UTC_TIME)).agreement() < -8
    assert SunSeen(impossible, read_when(month="3")).agreement() < -8


def test_a_ratio_of_lengths():
    shadow = Shadow.of_ratio(1.0, 0.1)
    assert shadow.altitude_deg == pytest.approx(45.0)
    longer = np.degrees(np.arctan(1 / 1.05)), np.degrees(np.arctan(1 / 0.95))
    assert shadow.altitude_sigma_deg == pytest.approx((longer[1] - longer[0]), rel=0.02)
    with pytest.raises(ValueError, match="share"):
        Shadow.of_ratio(1.0, 0.0)


def test_the_bessel_function():
    x = np.array([0.0, 0.5, 2.0, 3.74, 3.76, 20.0, 600.0])
    assert log_bessel_i0(x) == pytest.approx(np.log(np.i0(x)), abs=1e-6)
    assert np.isfinite(log_bessel_i0(np.array([1e8]))).all()


def test_slopes_and_leaning_poles():
    flat = altitude_from_slope(30.0, 0.0)
    assert (flat.mean_deg, flat.sigma_deg, flat.lost) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    # To first order a slope s towards the sun changes the altitude by s·cos² a.
    assert altitude_from_slope(30.0, 1.0).sigma_deg == pytest.approx(0.75, abs=0.03)
    assert altitude_from_slope(70.0, 1.0).sigma_deg == pytest.approx(0.117, abs=0.02)
    assert altitude_from_slope(30.0, 0.0, 2.0).sigma_deg > 0.3
    assert altitude_from_slope(6.0, 6.0).lost > 0.1
    assert altitude_from_slope(30.0, 2.0) == altitude_from_slope(30.0, 2.0)
    for told in ((0.0, 1.0), (90.0, 1.0), (30.0, -1.0), (30.0, 1.0, 50.0)):
        with pytest.raises(ValueError):
            altitude_from_slope(*told)
