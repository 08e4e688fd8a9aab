"""Clues of signs: for each kind, what must be read and what must not."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.area import Area
from geo.clues import (
    LONGEST_TEXT,
    MOST_CLUES,
    Clue,
    brand_clues,
    clues_in,
    currency_clues,
    domain_clues,
    drives_on_left,
    driving_side,
    phone_clues,
    plate_clues,
    postcode_clues,
    road_word_clues,
    script_clues,
    street_word_clues,
)
from geo.clues.tables import countries, fold, rows, weights
from geo.evidence import Regions


def regions(clue: Clue) -> dict[str, float]:
    assert isinstance(clue.evidence.likelihood, Regions)
    return dict(clue.evidence.likelihood.weights)


def best(clues: list[Clue]) -> str:
    """The region that the first clue weighs most."""
    if not clues:
        return ""
    table = regions(clues[0])
    return max(table, key=lambda key: table[key])


PHONES = [
    ("Tel. +351 21 123 45 67", "PT", "Lisbon"),
    ("00351 912 345 678", "PT", ""),
    ("+39 055 2345678", "IT", "Florence"),
    ("+41 (0)91 922 45 67", "CH", "Bellinzona"),
    ("+44 20 7946 0958", "GB", "London"),
    ("+33.1.42.68.53.00", "FR", "Paris"),
    ("+49 (30) 123456-78", "DE", "Berlin"),
    ("+1 (514) 555-0123", "CA.10", "Quebec"),
    ("+1 212 555 0187", "US.NY", "New York, NY"),
    ("1-800-222-3333", "US", ""),
    ("+7 495 123-45-67", "RU", "Moscow"),
    ("+7 727 250 12 34", "KZ", "Otegen Batyra"),
    ("+351 21 I23 45 67", "PT", "Lisbon"),
    ("(212) 555-0187", "US", "New York, NY"),
    ("Fax: +55 11 3000-1234", "BR", "São Paulo - SP"),
    ("00 33 1 42 68 53 00", "FR", "Paris"),
]


@pytest.mark.parametrize(("text", "region", "hint"), PHONES)
def test_phone(text: str, region: str, hint: str) -> None:
    clues = phone_clues([text])
    assert best(clues) == region
    assert clues[0].place_hint == hint
    assert clues[0].evidence.source.startswith("phone:")


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("01 42 68 53 00", "FR"),
        ("0171-1234567", "DE"),
        ("☎ 912 345 678", "PT"),
        ("Mob: 98765 43210", "IN"),
        ("(11) 98765-4321", "BR"),
        ("電話 03-3211-5678", "JP"),
        ("Tel: 055/2345678", "IT"),
        ("Tel.: 22 123 45 67", "PL"),
    ],
)
def test_national_phone(text: str, among: str) -> None:
    (clue,) = phone_clues([text])
    assert regions(clue)[among] >= 0.4 * max(regions(clue).values())
    assert clue.evidence.reliability < 0.85


@pytest.mark.parametrize(
    "text",
    [
        "10.05.2024",
        "2024-05-12 2025-01-01",
        "09.00-12.00 14.00-18.00",
        "12:00 - 14:00 15:00",
        "5 901234 123457",
        "0012345678905",
        "1998 - 2005",
        "€ 12 345 678 90",
        "1I0 O0",
        "AB 12",
        "l l l",
        "41.1579, -8.6291",
        "Lot 0123456789",
        "000 000 000 0",
        "+800 1234 5678",
        "+999 123 456 789",
        "08 00 12 00 14 00",
        "4006381333931",
    ],
)
def test_no_phone(text: str) -> None:
    assert phone_clues([text]) == []


def test_an_area_narrows_national_numbers() -> None:
    (clue,) = phone_clues(["01 42 68 53 00"], area=Area(frozenset({"FR", "DE"})))
    assert set(regions(clue)) == {"FR"}
    assert clue.place_country == "FR"
    assert phone_clues(["01 42 68 53 00"], area=Area(frozenset({"PT"}))) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("www.cafe.pt", "PT"),
        ("www cafe pt", "PT"),
        ("WWW.CAFE-CENTRAL.DE", "DE"),
        ("info@hotel.co.uk", "GB"),
        ("info @ hotel . it", "IT"),
        ("http://пример.рф", "RU"),
        ("кафе.рф", "RU"),
        ("bellacasa.it", "IT"),
        ("gasthof-post.at", "AT"),
        ("www.visit.cat/foo", "ES.56"),
        ("www,museum,pl", "PL"),
        ("www.restaurant-paris.fr Paris", "FR"),
        ("www.brauhaus.berlin", "DE.16"),
        ("boulangerie.bzh", "FR.53"),
        ("visit.quebec", "CA.10"),
        ("www.shop.com.br", "BR"),
        ("www.例子.中国", "CN"),
    ],
)
def test_domain(text: str, region: str) -> None:
    assert best(domain_clues([text])) == region


@pytest.mark.parametrize(
    "text",
    [
        "www.shop.com",
        "abc@gmail.com",
        "CLOSED.NO ENTRY",
        "come.in please",
        "St.Paul",
        "e.V.",
        "U.S.A",
        "Dr.No",
        "12.50.de",
        "Open.Mon",
        "www",
        "start.io",
        "channel.tv",
        "1I0 O0",
        "a.b.c.d",
    ],
)
def test_no_domain(text: str) -> None:
    assert domain_clues([text]) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("ΦΑΡΜΑΚΕΙΟ", "GR"),
        ("ถนนสุขุมวิท", "TH"),
        ("בית קפה", "IL"),
        ("서울특별시", "KR"),
        ("ラーメン", "JP"),
        ("საქართველო", "GE"),
        ("Հայաստան", "AM"),
        ("中国银行营业", "CN"),
        ("駅前広場", "JP"),
        ("ශ්‍රී ලංකාව", "LK"),
        ("வணக்கம்", "IN.25"),
        ("ಬೆಂಗಳೂರು", "IN.19"),
        ("ឱសថស្ថាន", "KH"),
        ("ຮ້ານຂາຍຢາ", "LA"),
        ("မြန်မာနိုင်ငံ", "MM"),
        ("አዲስ አበባ", "ET"),
        ("বাংলাদেশ", "BD"),
        ("ગુજરાત", "IN.09"),
    ],
)
def test_script(text: str, region: str) -> None:
    assert best(script_clues([text])) == region


def test_traditional_characters_are_of_taiwan_and_hong_kong() -> None:
    table = regions(script_clues(["臺灣銀行 營業"])[0])
    assert min(table["TW"], table["HK"]) > 5 * max(table["CN"], table["JP"])


@pytest.mark.parametrize("text", ["µ Ω", "中", "α", "π r²", "Hello", "ß", "", "①②③", "→"])
def test_no_script(text: str) -> None:
    assert script_clues([text]) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("ulica Długa", "PL"),
        ("Hauptstraße 12", "DE"),
        ("HAUPTSTRASSE", "CH"),
        ("Storgatan", "SE"),
        ("Rua Augusta", "PT"),
        ("Via Roma", "IT"),
        ("ул. Ленина", "RU"),
        ("вулиця Шевченка", "UA"),
        ("ถนนสุขุมวิท", "TH"),
        ("Jalan Sudirman", "ID"),
        ("Nørregade", "DK"),
        ("Petőfi utca", "HU"),
        ("Keizersgracht", "NL"),
        ("Carrer de Mallorca", "ES.56"),
        ("Atatürk Caddesi", "TR"),
        ("銀座通り", "JP"),
        ("Đường Lê Lợi", "VN"),
        ("οδός Ερμού", "GR"),
    ],
)
def test_street_word(text: str, region: str) -> None:
    table = regions(street_word_clues([text])[0])
    assert table[region] == max(table.values())


@pytest.mark.parametrize(
    "text",
    [
        "VIA",
        "Main Street",
        "Brigade",
        "Renegade",
        "Highgate",
        "PHO 24",
        "book via phone",
        "Via email",
        "Norgate",
        "Bagatelle",
        "Tower Gate",
    ],
)
def test_no_street_word(text: str) -> None:
    assert street_word_clues([text]) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("£3.99", "GB"),
        ("10 zł", "PL"),
        ("99 Kč", "CZ"),
        ("1 990 Ft", "HU"),
        ("₹ 100", "IN"),
        ("500円", "JP"),
        ("CHF 12.-", "CH"),
        ("S$ 5.50", "SG"),
        ("HK$ 40", "HK"),
        ("NT$100", "TW"),
        ("R$ 10,00", "BR"),
        ("Rp 20.000", "ID"),
        ("RM 5.90", "MY"),
        ("₺150", "TR"),
        ("25 TL", "TR"),
        ("R 25.99", "ZA"),
        ("₽ 300", "RU"),
        ("12 грн", "UA"),
        ("KSh 100", "KE"),
        ("9,99 лв", "BG"),
    ],
)
def test_currency(text: str, region: str) -> None:
    clues = currency_clues([text])
    assert best(clues) == region
    assert len(clues) == 1


def test_a_dollar_is_weak() -> None:
    table = regions(currency_clues(["$4.99"])[0])
    assert sum(1 for value in table.values() if value >= 0.5) >= 15
    assert table["FR"] > 0


@pytest.mark.parametrize(
    "text", ["R2D2", "AR 12", "KM 12", "10 KM", "Q 10", "R 7", "P 12", "A 4", "Level 5", "€", "$$$", "1I0 O0", "20 KD", "kn 5"]
)
def test_no_currency(text: str) -> None:
    assert currency_clues([text]) == []


@pytest.mark.parametrize(
    ("text", "region", "hint"),
    [
        ("D-80331 München", "DE", ""),
        ("CH-8001 Zürich", "CH", ""),
        ("SW1A 1AA", "GB.ENG", "London"),
        ("EH1 2NG", "GB.SCT", "Edinburgh"),
        ("4050-123 Porto", "PT", ""),
        ("00-950 Warszawa", "PL", ""),
        ("110 00 Praha 1", "CZ", ""),
        ("1012 AB Amsterdam", "NL", ""),
        ("K1A 0B1", "CA.08", "Ottawa"),
        ("H2X 1Y4", "CA.10", "Montreal"),
        ("Beverly Hills CA 90210", "US.CA", ""),
        ("〒100-0001", "JP", ""),
        ("CEP 01310-100", "BR", ""),
        ("Sydney NSW 2000", "AU.02", "New South Wales"),
        ("New Delhi - 110001", "IN", ""),
    ],
)
def test_postcode(text: str, region: str, hint: str) -> None:
    clues = postcode_clues([text])
    assert best(clues) == region
    assert clues[0].place_hint == hint


@pytest.mark.parametrize(
    "text", ["D 12345", "12345", "NY 90210", "110 00", "1234 AB", "AB 12", "ROOM 101", "IN 2024", "1I0 O0", "00-950", "OK 12345"]
)
def test_no_postcode(text: str) -> None:
    assert postcode_clues([text]) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("B-MW 1234", "DE.16"),
        ("M-AB 123", "DE.02"),
        ("AB-123-CD", "FR"),
        ("1234 BCD", "ES"),
        ("AB12 CDE", "GB"),
        ("MH 12 AB 1234", "IN.16"),
        ("ABC1D23", "BR"),
        ("00-AA-11", "PT"),
        ("ZH 123456", "CH.ZH"),
        ("А123ВС 77", "RU"),
        ("AA 1234 BB", "UA"),
        ("34 ABC 123", "TR"),
    ],
)
def test_plate(text: str, region: str) -> None:
    clues = plate_clues([text])
    assert best(clues) == region
    assert clues[0].evidence.reliability < 0.9


@pytest.mark.parametrize(
    "text", ["AB 12", "1I0 O0", "Gate B-12 34", "A4 2024", "ABC", "1234", "12:30", "M-1", "AB123", "see AB-123-CD now"]
)
def test_no_plate(text: str) -> None:
    assert plate_clues([text]) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("PINGO DOCE", "PT"),
        ("Biedronka", "PL"),
        ("Tesco Express", "GB"),
        ("Kaufland", "BG"),
        ("Banco do Brasi1", "BR"),
        ("OXXO", "MX"),
        ("Mercadona", "ES"),
        ("Jean Coutu", "CA.10"),
        ("Albert Heijn", "NL"),
        ("Лукойл", "RU"),
        ("Нова пошта", "UA"),
        ("全聯", "TW"),
        ("Pak'nSave", "NZ"),
    ],
)
def test_brand(text: str, region: str) -> None:
    table = regions(brand_clues([text])[0])
    assert table[region] >= 0.9


@pytest.mark.parametrize(
    "text", ["7-ELEVEN", "SPAR", "Coca-Cola", "McDonald's", "Shell", "Tescos", "Unpingo Doces", "LIDL", "1I0 O0"]
)
def test_no_brand(text: str) -> None:
    assert brand_clues([text]) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("ARRÊT", "CA.10"),
        ("ALTO", "MX"),
        ("PARE", "BR"),
        ("DUR", "TR"),
        ("SPEED LIMIT 55", "US"),
        ("30 mph", "GB"),
        ("止まれ", "JP"),
        ("GIVE WAY", "AU"),
        ("Berhenti", "MY"),
        ("PED XING", "US"),
        ("INTERSTATE 95", "US"),
        ("CÉDEZ LE PASSAGE", "FR"),
    ],
)
def test_road_word(text: str, region: str) -> None:
    assert regions(road_word_clues([text])[0])[region] == 1.0


@pytest.mark.parametrize("text", ["STOP", "50 km/h", "Interstate Batteries", "Palo Alto", "DURST", "comPAREd", "P", "100"])
def test_no_road_word(text: str) -> None:
    assert road_word_clues([text]) == []


def test_driving_side() -> None:
    left, right = driving_side("left"), driving_side("Right ")
    assert {"GB", "JP", "AU", "ZA", "IN", "TH"} <= set(regions(left)) == drives_on_left()
    assert set(regions(left)) | set(regions(right)) == set(countries())
    assert not set(regions(left)) & set(regions(right))
    with pytest.raises(ValueError, match="left or right"):
        driving_side("middle")


@pytest.mark.parametrize(
    "lines",
    [
        ["1I0 O0", "AB 12", "l l l"],
        ["IIIIII", "lIlIlI"],
        ["12", "34", "56"],
        ["HOTEL", "TAXI"],
        ["IMG_1234.JPG"],
        ["2024-05-01 12:30:45"],
        ["f/2.8 1/250 ISO 100"],
        ["Coca-Cola"],
        ["24/7"],
        ["SALE 50%"],
        ["Gate A 12"],
        ["Il1|"],
        [],
        [""],
        ["\x00\u202e"],
    ],
)
def test_garbage_gives_no_clue(lines: list[str]) -> None:
    assert clues_in(lines) == []


def test_a_picture() -> None:
    lines = [
        "PINGO DOCE",
        "Rua Augusta 12",
        "Farmácia Central",
        "www.farmacia.pt",
        "€ 12,50",
        "+351 21 123 45 67",
        "+351 211 234 567",
    ]
    clues = clues_in(lines, tool="ocr", citation="v2")
    assert [clue.kind for clue in clues].count("phone") == 1
    assert {clue.kind for clue in clues} == {"phone", "brand", "street_word", "language", "domain", "currency"}
    assert all(clue.evidence.tool == "ocr" and clue.evidence.citations == ("v2",) for clue in clues)
    assert all(regions(clue).get("PT", 0) > 0 for clue in clues)
    sources = [clue.evidence.source for clue in clues]
    assert len({(clue.kind, clue.text) for clue in clues}) == len(clues)
    assert sources.count("writing") >= 2, "script, language and street words are one observation"


SIGN_TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from(" .-+/()0123456789€$@wOIl"), st.characters(max_codepoint=0x30FF), st.sampled_from("中国駅ąßéжтا한ไ")
    ),
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SIGN_TEXT, max_size=12))
def test_any_text_is_read_in_bounds(lines: list[str]) -> None:
    clues = clues_in(lines)
    assert len(clues) <= MOST_CLUES <= 60
    for clue in clues:
        assert len(clue.text) <= LONGEST_TEXT
        assert len(clue.evidence.source) <= LONGEST_TEXT
        assert "\n" not in clue.evidence.claim
        table = regions(clue)
        assert table
        assert all(value >= 0 for value in table.values())
        assert all(key.partition(".")[0] in countries() for key in table)


@pytest.mark.parametrize("unit", ["1 ", "1.", "+1", "(1)", "a.", "a-", "www ", "0", "$1 ", "a@", "12:", "ab ", "Ω", "中", "x"])
def test_long_lines_are_read_to_an_end(unit: str) -> None:
    assert len(clues_in([unit * (10_000 // len(unit))] * 4)) <= MOST_CLUES


@pytest.mark.parametrize("table", ["brands", "codes", "currencies", "domains", "road_words", "scripts", "street_words"])
def test_tables_name_known_regions(table: str) -> None:
    for row in rows(table):
        for region, weight in weights(row["regions"]).items():
            assert region.partition(".")[0] in countries(), row
            assert 0 <= weight <= 1, row
        assert 0 < float(row.get("reliability") or 0.5) < 1


def test_folding() -> None:
    assert [fold(word) for word in ("Straße", "ŁÓDŹ", "Işık", "ĐƯỜNG")] == ["strasse", "lodz", "isik", "duong"]


def test_import_is_light() -> None:
    code = "import sys, geo.clues; print(sorted({'phonenumbers', 'babel', 'rapidfuzz'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
