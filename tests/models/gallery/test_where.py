"""The meaning of filters: against a slow loop, and as SQL that no text of the world changes."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area import Box
from geo.sphere import destination, haversine_km
from models.gallery.gallery import Circle, GalleryError, Hit, Row, Where
from models.gallery.refined import refined
from models.gallery.sql import number, one_of, sql_of, text
from models.gallery.where import NO_TIME, circle_box, columns_of, in_circle, lon_ranges, mask, second_of

LAT = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 0.0, 45.0]))
LON = st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, 180.0, 0.0, 179.5, -179.5]))
TIMES = st.sampled_from(
    ["", "2015", "2015-06", "2015-06-30", "2019-07-04T12", "2019-07-04T12:30", "2019-07-04T12:30:15", "2019-07-04 12:30:15.25"]
)
NAMES = st.sampled_from(["PT", "ES", "", "a'b"])
DIGESTS = st.sampled_from(["", "a" * 64, "b" * 64, "a" * 16 + "c" * 48])
ROWS = st.lists(
    st.builds(Row, id=st.text("xyz", min_size=1, max_size=2), lat=LAT, lon=LON, country=NAMES, time=TIMES, source=NAMES, sha256=DIGESTS),
    max_size=12, unique_by=lambda row: row.id,
)  # fmt: skip
BOXES = st.builds(lambda a, b, west, east: Box(min(a, b), west, max(a, b), east), LAT, LAT, LON, LON)
CIRCLES = st.builds(Circle, LAT, LON, st.one_of(st.floats(0, 25_000), st.sampled_from([0.0, 5000.0, 10_007.6])))
FILTERS = st.builds(
    Where, countries=st.frozensets(NAMES, max_size=2), box=st.none() | BOXES, circle=st.none() | CIRCLES, taken_from=TIMES, taken_before=TIMES,
    sources=st.frozensets(NAMES, max_size=2), exclude_ids=st.frozensets(st.text("xyz", max_size=2), max_size=2),
    exclude_sha256=st.frozensets(DIGESTS, max_size=2),
)  # fmt: skip


def begin(time: str) -> datetime:
    full = "0001-01-01T00:00:00"
    return datetime.fromisoformat((time + full[len(time) :]).replace(" ", "T")[:19])


def holds(where: Where, row: Row) -> bool:
    """What the docstrings of `Where` say, for one row."""
    return (
        (not where.countries or row.country in where.countries)
        and (not where.sources or row.source in where.sources)
        and row.id not in where.exclude_ids
        and (not row.sha256 or row.sha256 not in where.exclude_sha256)
        and (where.box is None or bool(where.box.contains(row.lat, row.lon)))
        and (where.circle is None or haversine_km(where.circle.lat, where.circle.lon, row.lat, row.lon) <= where.circle.radius_km)
        and (not where.taken_from or (row.time != "" and begin(row.time) >= begin(where.taken_from)))
        and (not where.taken_before or (row.time != "" and begin(row.time) < begin(where.taken_before)))
    )


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, where=FILTERS)
def test_the_mask_is_that_of_a_slow_loop(rows: list[Row], where: Where) -> None:
    assert mask(where, columns_of(rows)).tolist() == [holds(where, row) for row in rows]


def test_many_countries_are_as_good_as_few() -> None:
    rows = [Row(str(n), 0, 0, f"{n % 26:02d}") for n in range(100)]
    wanted = frozenset(f"{n:02d}" for n in range(3, 20))
    assert mask(Where(countries=wanted), columns_of(rows)).tolist() == [row.country in wanted for row in rows]


@pytest.mark.parametrize("least", [10, 1])
def test_more_is_fetched_until_enough_is_inside(least: int) -> None:
    """Nine hits in ten lie outside the circle."""
    near = [Hit(Row(str(n), 0.0, 0.0 if n % 10 == 9 else 50.0), 1 - n / 1000) for n in range(60)]
    asked: list[int] = []

    def fetch(wanted: int) -> list[list[Hit]]:
        asked.append(wanted)
        return [near[:wanted], []]

    found, none = refined(fetch, least, Where(circle=Circle(0, 0, 10)))
    assert [hit.row.id for hit in found] == [str(n) for n in range(9, 60, 10)][:least]
    assert none == []
    assert asked == [least * 4**step for step in range(len(asked))]
    assert len(asked) == 3


@settings(max_examples=300, deadline=None)
@given(circle=CIRCLES, bearing=st.floats(0, 360), share=st.floats(0, 1))
def test_the_box_of_a_circle_holds_it(circle: Circle, bearing: float, share: float) -> None:
    lat, lon = destination(circle.lat, circle.lon, bearing, min(circle.radius_km, 20_015.0) * share)
    if in_circle(circle, lat, lon):
        box = circle_box(circle)
        assert box.contains(lat, lon)
        assert any(west <= lon <= east for west, east in lon_ranges(box))


@pytest.mark.parametrize(("circle", "box"), [
    (Circle(0, 0, 6371.0088 * np.pi / 180), (-1, -1, 1, 1)), (Circle(89.5, 10, 111.2), (88.5, -180, 90, 180)), (Circle(60, 179, 222.39), (58, 174.99, 62, -176.99)),
    (Circle(0, 0, 20_100), (-90, -180, 90, 180)),
])  # fmt: skip
def test_boxes_of_some_circles(circle: Circle, box: tuple[float, ...]) -> None:
    """At 60 degrees a circle of 2 degrees reaches asin(sin 2 / cos 60) = 4.0016 degrees of longitude."""
    found = circle_box(circle)
    assert (found.south, found.west, found.north, found.east) == pytest.approx(box, abs=0.02)


EXACT_LON = st.integers(-180 * 64, 180 * 64).map(lambda sixty_fourths: sixty_fourths / 64) | st.sampled_from([-180.0, 180.0])
"""Degrees whose differences floating point holds exactly, so that borders are borders in both ways of asking."""


@settings(max_examples=400, deadline=None)
@given(west=EXACT_LON, east=EXACT_LON, lon=EXACT_LON)
def test_ranges_of_longitude_are_those_of_the_box(west: float, east: float, lon: float) -> None:
    box = Box(-1.0, west, 1.0, east)
    for asked in {lon, west, east, -180.0, 180.0}:
        assert any(low <= asked <= high for low, high in lon_ranges(box)) == bool(box.contains(0.0, asked))


@pytest.mark.parametrize(("time", "second"), [
    ("", NO_TIME), ("1970", 0), ("1970-01-01T00:01", 60), ("1969-12-31T23:59:59", -1), ("2000-03-01", 951868800), ("2000-03-01 01:00:00.999", 951872400),
])  # fmt: skip
def test_seconds_of_times(time: str, second: int) -> None:
    assert second_of(time) == second


@pytest.mark.parametrize(
    "time", ["15", "2015-", "2015-13", "2015-00", "2015-02-30", "2015-06-30T25", "2015-06-30T12:30Z", "٢٠١٥", "0000", " 2015"]
)
def test_what_is_no_time(time: str) -> None:
    with pytest.raises(GalleryError):
        second_of(time)


# -- SQL ---------------------------------------------------------------------------------------------------------------------------------

HOSTILE = st.text(st.sampled_from("'\"\\;-/*() =%_\n\t`$OR1a"), max_size=12) | st.text(max_size=8)


@given(value=HOSTILE)
def test_a_literal_ends_where_its_text_ends(value: str) -> None:
    """Read back by the rule of SQL: two quotes are one, one ends it."""
    try:
        literal = text(value)
    except GalleryError:
        assert "\0" in value or any("\ud800" <= character <= "\udfff" for character in value)
        return
    assert re.fullmatch(r"'(?:[^']|'')*'", literal, re.DOTALL)
    assert literal[1:-1].replace("''", "'") == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_of_sql_are_finite(value: float) -> None:
    with pytest.raises(GalleryError):
        number(value)
    with pytest.raises(GalleryError):
        text("a\0b")


def test_parts_of_a_filter_stand_in_brackets() -> None:
    where = Where(countries=frozenset({"PT", "E'S"}), box=Box(-1, 170, 1, -170), taken_from="1970", exclude_ids=frozenset({"x"}))
    assert sql_of(where) == (
        "(country IN ('E''S', 'PT')) AND (second >= 0) AND (lat >= -1.0 AND lat <= 1.0 AND ((lon >= 170.0 AND lon <= 180.0)"
        " OR (lon >= -180.0 AND lon <= -170.0))) AND (NOT id IN ('x'))"
    )
    assert sql_of(Where()) == ""


def test_hostile_texts_do_not_change_what_a_filter_means(tmp_path: Path) -> None:
    """The database itself reads them: each finds its own row and no other."""
    lancedb = pytest.importorskip("lancedb")
    import pyarrow

    hostile = [
        "' OR '1'='1", "'; DROP TABLE gallery; --", "\\", "\\'", "''", "'", '"', "--", "/*", "*/", "a\nb", "`id`", "%", "_", "$1", "?", ":x", "x' AND 'x'='x",
        "\u2019", "\uff07", "NULL", "", "é", "e\u0301", "1", "true", "{}", "\x1a", "\x07", "\u202e",
    ]  # fmt: skip
    rows = pyarrow.table({"id": [str(n) for n in range(len(hostile))], "country": hostile})
    table = lancedb.connect(tmp_path).create_table("gallery", rows)
    for order, value in enumerate(hostile):
        for column, own in (("country", value), ("id", str(order))):
            found = table.search().where(one_of(column, [own])).select(["id"]).limit(None).to_arrow()["id"].to_pylist()
            assert found == [str(order)], value
        others = table.count_rows(f"NOT {one_of('country', [value, 'nowhere'])}")
        assert others == len(hostile) - 1
