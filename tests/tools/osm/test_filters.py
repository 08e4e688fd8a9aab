from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.osm.area_tags import is_area
from tools.osm.filters import FilterError, any_holds, parse_filter, parse_filters, presets


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("amenity=restaurant", {"amenity": "restaurant"}, {"amenity": "bar"}),
        ("shop", {"shop": "books"}, {"amenity": "shop"}),
        ("office", {"office": "x"}, {}),
        ("cuisine=pizza", {"cuisine": "kebab; pizza"}, {"cuisine": "pizzas"}),
        ("amenity=bar|pub", {"amenity": "pub"}, {"amenity": "cafe"}),
        ("maxspeed>=40 mph", {"maxspeed": "40 mph"}, {"maxspeed": "64"}),
        ("maxspeed>=40 mph", {"maxspeed": "70"}, {"maxspeed": "signals"}),
        ("building:levels>=3", {"building:levels": "3"}, {"building:levels": "2.5"}),
        ("height>20 m", {"height": "70'"}, {"height": "60'"}),
        ("height>20", {"height": "20.1"}, {"height": "30 storeys"}),
        ("name=Café Müller", {"name": "CAFE MULLER"}, {"name": "Café Müller 2"}),
        ("name=Stockmann", {"name": "x", "name:sv": "Stockmann"}, {"operator": "Stockmann"}),
        ("name=Marks & Spencer", {"brand": "Marks & Spencer"}, {"name": "Marks"}),
        ("name~kirk", {"alt_name": "Vanha kirkko"}, {"name": "temppeli"}),
        ("shop=bakery & name=Paul", {"shop": "bakery", "name": "PAUL"}, {"shop": "bakery"}),
        ('operator="A|B & C"', {"operator": "A|B & C"}, {"operator": "A"}),
        ("building=* & building!=yes", {"building": "church"}, {"building": "yes"}),
        ("shop=* & wheelchair!=no", {"shop": "x"}, {"shop": "x", "wheelchair": "no"}),
        ("pharmacy", {"amenity": "pharmacy"}, {"shop": "chemist"}),
        ("Level Crossings", {"railway": "level_crossing"}, {"railway": "rail"}),
        ("libraries", {"amenity": "library"}, {}),
        ("churches", {"building": "chapel"}, {"amenity": "place_of_worship", "religion": "muslim"}),
        ("railway station", {"railway": "halt"}, {"railway": "rail"}),
    ],
)
def test_what_holds(text, yes, no):
    filters = parse_filter(text)
    assert any_holds(filters, yes)
    assert not any_holds(filters, no)


@pytest.mark.parametrize(
    "text",
    ["", " ", "Foo bar", "=x", "a=", "a>b", "a>", "a!=b", "a=|", 'a="b', "name=!!!", "x" * 201, "<|im_start|>", "å=b",
     " & ".join(["a=b"] * 9), "a=" + "|".join("abcdefghijklmnopqrstuvw"), "1=2"],
)  # fmt: skip
def test_what_is_no_filter_gives_one_line(text):
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert "\n" not in str(caught.value)
    assert "<|" not in str(caught.value)


@pytest.mark.parametrize("text", ["a=b & ", "a=1\n)]", "a=b;c", "a=b --"])
def test_what_belongs_to_a_value_stays_in_it(text):
    [found] = parse_filter(text)
    assert found.tests[0].values == (text[2:].strip(),)


def test_every_preset_is_a_filter_and_there_are_many():
    assert len(presets()) >= 80
    assert all(parse_filter(word) for word in presets())
    assert parse_filters(["church", "churches"]) == parse_filter("church")
    assert any_holds((), {"a": "b"})


@pytest.mark.parametrize(
    "text",
    ["amenity=bar|pub", "shop", "maxspeed>=40 mph & highway=*", "name=Marks & Spencer", 'a="x|y"', "a=b & c!=d", "name~kirk"],
)
def test_filters_are_read_back(text):
    filters = parse_filter(text)
    assert [parse_filter(one.text())[0] for one in filters] == list(filters)


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=4))
@settings(max_examples=300)
def test_hostile_texts_never_do_more_than_be_refused(text, tags):
    try:
        filters = parse_filter(text)
    except FilterError:
        return
    any_holds(filters, tags)
    assert [parse_filter(one.text())[0] for one in filters] == list(filters)


@pytest.mark.parametrize(
    ("tags", "area"),
    [
        ({"building": "yes"}, True), ({"highway": "primary"}, False), ({"highway": "pedestrian", "area": "yes"}, True),
        ({"building": "yes", "area": "no"}, False), ({"natural": "coastline"}, False), ({"natural": "water"}, True),
        ({"waterway": "river"}, False), ({"leisure": "track"}, False), ({"leisure": "park"}, True), ({"building": "no"}, False),
        ({"power": "substation"}, True), ({"power": "line"}, False), ({"barrier": "fence"}, False), ({"junction": "roundabout"}, False), ({}, False),
    ],
)  # fmt: skip
def test_closed_ways_that_are_areas(tags, area):
    assert is_area(tags) is area
