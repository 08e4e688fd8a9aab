from __future__ import annotations

from datetime import date

import pytest

from geo.cells import base_cells
from geo.evidence import clue_on
from geo.time_zones import offset_hours, regions_of_offset, zone_shares


def test_zones_of_countries_and_regions():
    assert zone_shares("PT") == {"Europe/Lisbon": 1.0}
    assert zone_shares("PT.23") == {"Atlantic/Azores": 1.0}
    assert zone_shares("PT.14") == {"Europe/Lisbon": 1.0}
    tennessee = zone_shares("US.TN")
    assert set(tennessee) == {"America/Chicago", "America/New_York"}
    assert sum(tennessee.values()) == pytest.approx(1.0)
    assert zone_shares("ZZ") == {}


def test_offsets():
    assert (offset_hours("Asia/Kathmandu", date(2024, 1, 1)), offset_hours("Europe/Lisbon", date(2024, 7, 1))) == (5.75, 1.0)
    with pytest.raises(ValueError, match="tzdata"):
        offset_hours("No/Where", date(2024, 1, 1))


def test_where_clocks_are_so_far_ahead():
    assert regions_of_offset(5.75).weights == {"NP": 1.0}
    summer, winter = regions_of_offset(1.0, date(2024, 7, 1)).weights, regions_of_offset(1.0, date(2024, 1, 1)).weights
    assert summer["PT"] == 1.0
    assert summer["PT.23"] == 0.0
    assert "PT" not in winter
    assert winter["DE"] == 1.0
    assert "DE" not in summer
    assert {"PT", "DE"} <= set(regions_of_offset(1.0).weights), "any day of the year"
    cells = base_cells()
    there = clue_on(regions_of_offset(5.75), cells)
    assert there[cells.rows_at([28.0], [84.0])[0]] > 0.5
    assert there[cells.rows_at([0.0], [0.0])[0]] == 0.0


@pytest.mark.parametrize("hours", [0.3, 20.0, -13.0, float("nan")])
def test_where_there_is_none(hours):
    with pytest.raises(ValueError, match=r"clocks"):
        regions_of_offset(hours)
