import lzma
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geo.names import fold
from tools.web.backends import SearchUnavailable
from tools.web.offline import BAR, OfflineIndex
from tools.web.unpack import PACKED, unpacked


@pytest.fixture(scope="module")
def index():
    found = OfflineIndex()
    yield found
    found.close()


LISBON, PORTO, TOKYO, ATHENS, BANGKOK = (
    "geonames:2267057",
    "geonames:2735943",
    "geonames:1850147",
    "geonames:264371",
    "geonames:1609350",
)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Lisbon", LISBON),
        ("lisboa, portugal", LISBON),
        ("LISBOA!", LISBON),
        ("Rua Augusta Lisboa tram 28", LISBON),
        ("Лиссабон", LISBON),
        ("東京", TOKYO),
        ("東京タワー", TOKYO),
        ("Αθήνα", ATHENS),
        ("กรุงเทพมหานคร", BANGKOK),
        ("Paris Texas", "geonames:4717560"),
        ("Москва улица", "geonames:524901"),
        ("new york city", "geonames:5128581"),
        ("Portugal", "offline:country/PT"),
        ("ポルトガル", "offline:country/PT"),
        ("phone code +351", "offline:country/PT"),
        ("country using .pt domain", "offline:country/PT"),
        ("where do they drive on the left with currency rand", "offline:country/ZA"),
        ("Swiss German speaking country", "offline:country/CH"),
        ("united states", "offline:country/US"),
        ("السعودية", "offline:country/SA"),
    ],
)
def test_the_first_hit(index, query, first):
    assert index.search(query, 3, None)[0].url == first


@pytest.mark.parametrize(
    ("query", "exact"),
    [
        ("Lisboa", True),
        ("Lisboa Portugal", True),
        ("the town of Lisboa in Portugal", True),
        ("Lisboa PT", True),
        ("Rua Lisboa", False),
        ("Lisboa tram 28", False),
        ("Lisboa Spain", False),
    ],
)
def test_exact_means_that_nothing_of_the_query_is_left_unexplained(index, query, exact):
    [place] = [hit.place for hit in index.search(query, 10, None) if hit.url == LISBON]
    assert place.exact is exact


def test_a_name_within_an_unspaced_word_is_not_exact(index):
    assert [hit.place.exact for hit in index.search("東京", 1, None) + index.search("東京タワー", 1, None)] == [True, False]


def test_a_region_keeps_to_one_country(index):
    assert {hit.title.rpartition(", ")[2] for hit in index.search("Lisbon", 5, "us")} == {"United States"}
    assert index.search("Lisbon", 5, "ZZ") == []


@pytest.mark.parametrize("query", ["zzzzqqqxx", "", "  ", "!!!", '"', "\u0301"])
def test_no_results_is_an_empty_list(index, query):
    assert index.search(query, 5, None) == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.integers(0, 10))
@example('" OR names:* NEAR(a b)', 5)
@example("names : x - AND NOT ( * ^ ǀǀ", 5)
@example("a\x00b'; DROP TABLE place; --", 5)
@example("名" * 60, 10)
@example("the " * 15, 10)
def test_any_query_is_answered(index, query, k):
    found = index.search(query, k, None)
    assert len(found) <= k
    assert [hit.rank for hit in found] == list(range(1, len(found) + 1))
    for hit in found:
        assert index.page(hit.url) is not None


def test_every_name_is_found_as_it_is_folded_today(index):
    """The index holds names as `geo.names.fold` gave them when it was built; this fails when the two have parted."""
    rows = index._ask("SELECT row, name, names FROM place WHERE row % 1500 = 7")
    assert len(rows) > 50
    for row, name, names in rows:
        for spelling in [name, *filter(None, names.split("\n"))]:
            phrase = f'names : "{BAR} {fold(spelling)} {BAR}"'
            assert index._ask("SELECT rowid FROM words WHERE words MATCH ? AND rowid = ?", (phrase, row)) == [(row,)]


def test_pages(index):
    title, text = index.page(PORTO)
    assert title == "Porto, Porto, Portugal"
    assert "coordinates: 41.1" in text
    title, text = index.page("offline:country/JP")
    for fact in ("capital: Tokyo", "drives on the: left", "phone code: +81", "internet domain: .jp", "日本"):
        assert fact in text
    assert index.page("offline:country/ZZ") is None
    assert index.page("geonames:0") is None


def test_the_index_is_small_and_complete(index):
    assert PACKED.stat().st_size < 20_000_000
    [(countries,)] = index._ask("SELECT count(*) FROM country")
    [(places,)] = index._ask("SELECT count(*) FROM place")
    assert countries == 250
    assert places > 90_000
    [(broken,)] = index._ask("SELECT count(*) FROM place WHERE abs(lat) > 90 OR abs(lon) > 180 OR name = '' OR country NOT IN "
                             "(SELECT code FROM country)")  # fmt: skip
    assert broken == 0


# Unpacking


def packed_file(folder: Path, content: bytes = b"data" * 1000) -> Path:
    path = folder / "x.sqlite.xz"
    path.write_bytes(lzma.compress(content))
    return path


def test_a_file_is_unpacked_once_and_anew_when_it_changes(tmp_path):
    first = unpacked(packed_file(tmp_path), tmp_path / "cache")
    assert first.read_bytes() == b"data" * 1000
    first.write_bytes(b"kept")
    assert unpacked(packed_file(tmp_path), tmp_path / "cache").read_bytes() == b"kept"
    second = unpacked(packed_file(tmp_path, b"newer"), tmp_path / "cache")
    assert (second != first, second.read_bytes()) == (True, b"newer")


def test_processes_that_unpack_at_the_same_time_do_not_meet(tmp_path):
    packed_file(tmp_path, bytes(5_000_000))
    code = "import sys, pathlib; from tools.web.unpack import unpacked; p = pathlib.Path(sys.argv[1]); " \
           "print(unpacked(p / 'x.sqlite.xz', p / 'cache').stat().st_size)"  # fmt: skip
    root = Path(__file__).parents[2]
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=root, stdout=subprocess.PIPE) for _ in range(3)]
    assert [int(process.communicate()[0]) for process in running] == [5_000_000] * 3
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_replaced_by_the_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert unpacked(packed_file(tmp_path), tmp_path / "file" / "cache").read_bytes() == b"data" * 1000


def test_a_broken_packed_file_leaves_nothing_behind(tmp_path):
    path = tmp_path / "x.sqlite.xz"
    path.write_bytes(lzma.compress(b"data" * 1000)[:-20])
    with pytest.raises(OSError, match="damaged"):
        unpacked(path, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("content", [b"not xz", lzma.compress(b"not a database"), b""])
def test_an_index_that_cannot_be_read_is_unavailable(tmp_path, content, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "x.sqlite.xz"
    path.write_bytes(content)
    broken = OfflineIndex(path, tmp_path / "cache")
    with pytest.raises(SearchUnavailable, match="cannot be read"):
        broken.search("lisbon", 3, None)
    broken.close()


def test_the_database_is_opened_read_only(index):
    index.search("lisbon", 1, None)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        index._database.execute("DELETE FROM place")
