"""The languages of signs: a table of signs, and what must stay unknown."""

import pytest

from geo.clues import Clue, language_clues
from geo.clues.language import language_names
from geo.clues.language_share import shares
from geo.clues.tables import rows
from geo.evidence import Regions

SIGNS = [
    ("pt", ["Farmácia Central", "Proibido estacionar"]),
    ("es", ["Prohibido el paso", "Panadería"]),
    ("it", ["Uscita di sicurezza", "Vietato fumare"]),
    ("fr", ["SORTIE", "Défense de stationner"]),
    ("de", ["Bäckerei Müller", "geöffnet"]),
    ("nl", ["Uitgang", "Verboden toegang"]),
    ("ca", ["Sortida", "Carrer tancat"]),
    ("ro", ["Ieșire", "Închis"]),
    ("pl", ["ZAKAZ WSTEPU"]),
    ("cs", ["Lékárna", "Vchod"]),
    ("sk", ["Lekáreň"]),
    ("sl", ["Lekarna", "Prepovedano"]),
    ("sh", ["Ljekarna", "Zabranjeno"]),
    ("hu", ["Gyógyszertár", "Kijárat"]),
    ("sq", ["Farmaci", "Ndalohet", "Dalje"]),
    ("tr", ["Eczane", "Giriş"]),
    ("az", ["Çıxış", "Mağaza"]),
    ("da", ["Udgang", "Adgang forbudt for uvedkommende"]),
    ("no", ["Utgang", "Sykehus"]),
    ("sv", ["Utgång", "Förbjudet"]),
    ("fi", ["Apteekki", "Suljettu"]),
    ("et", ["Apteek", "Väljapääs"]),
    ("lv", ["Aptieka", "Izeja"]),
    ("lt", ["Vaistinė", "Išėjimas"]),
    ("is", ["Útgangur", "Lokað"]),
    ("ga", ["Géill slí", "Oscailte"]),
    ("cy", ["Canolfan", "Heddlu", "Araf"]),
    ("mt", ["Spiżerija", "Ħruġ"]),
    ("vi", ["Nhà thuốc"]),
    ("id", ["Apotek", "Dilarang parkir", "dijual"]),
    ("ms", ["Kedai makan", "Pejabat pos"]),
    ("af", ["Apteek", "Laerskool", "Verbode toegang"]),
    ("sw", ["Duka la dawa", "Shule ya msingi", "Karibu"]),
    ("uz", ["Dorixona", "Chiqish"]),
    ("ru", ["Вход", "Продукты"]),
    ("uk", ["Зачинено", "Вихід"]),
    ("be", ["Аптэка", "Уваход"]),
    ("bg", ["Аптека", "Вход", "Забранено", "Изход"]),
    ("sr", ["Апотека", "Излаз", "Улаз"]),
    ("mk", ["Влез", "Излез", "Училиште"]),
    ("kk", ["Дәріхана", "Кіру"]),
    ("mn", ["Эмийн сан", "Дэлгүүр"]),
    ("ky", ["Дарыкана", "Көчөсү"]),
    ("tg", ["Дорухона", "Кӯчаи"]),
    ("ar", ["صيدلية الشفاء", "ممنوع الدخول"]),
    ("fa", ["داروخانه", "فروشگاه"]),
    ("ur", ["ہسپتال", "یہاں پارکنگ منع ہے"]),
    ("hi", ["प्रवेश निषेध है", "अस्पताल"]),
    ("mr", ["प्रवेश बंद आहे", "शाळा"]),
    ("ne", ["नेपाल सरकार", "नगरपालिका कार्यालय"]),
]


def regions(clue: Clue) -> dict[str, float]:
    assert isinstance(clue.evidence.likelihood, Regions)
    return dict(clue.evidence.likelihood.weights)


@pytest.mark.parametrize(("language", "lines"), SIGNS)
def test_language(language: str, lines: list[str]) -> None:
    clues = language_clues(lines)
    assert f"language:{language}" in [clue.evidence.source for clue in clues]
    assert 0.5 < clues[0].evidence.reliability < 0.9


@pytest.mark.parametrize(
    "lines",
    [
        ["1I0 O0"],
        ["AB 12"],
        ["l l l"],
        ["Hotel Bar Taxi"],
        ["OPEN"],
        ["La"],
        ["Los Angeles"],
        ["Pizzeria Napoli"],
        ["Smith & Sons"],
        ["SALA LA"],
        ["Ø 12"],
        ["xkcd qwerty"],
        ["La Casa"],
        [""],
        ["À"],
    ],
)
def test_unknown(lines: list[str]) -> None:
    assert language_clues(lines) == []


def test_english_is_weak() -> None:
    (clue,) = language_clues(["No parking", "Private property keep out", "Please use other entrance"])
    table = regions(clue)
    assert clue.evidence.reliability < 0.5
    assert max(table.values()) == 4 * min(table.values())
    assert table["GB"] == table["US"] == 4 * table["PT"]


def test_two_languages_are_two_clues() -> None:
    clues = language_clues(["Uloskäynti kielletty", "Utgång förbjuden"])
    assert {clue.evidence.source for clue in clues} == {"language:fi", "language:sv"}
    product = {code: regions(clues[0]).get(code, 0) * regions(clues[1]).get(code, 0) for code in ("FI", "SE", "EE", "NO")}
    assert max(product, key=lambda code: product[code]) == "FI"


def test_several_lines_are_one_clue() -> None:
    assert len(language_clues(["Farmácia", "Padaria", "Talho", "Livraria"])) == 1


def test_a_shared_word_names_every_language() -> None:
    (clue,) = language_clues(["FARMACIA"])
    table = regions(clue)
    assert min(table["ES"], table["IT"], table["MX"]) > 0.1
    assert clue.evidence.reliability < 0.7


def test_regions_inside_countries() -> None:
    table = regions(language_clues(["Uscita vietata", "Parrucchiere"])[0])
    assert table["CH.TI"] > 10 * table["CH"]
    table = regions(language_clues(["Stationnement interdit", "Entrée"])[0])
    assert table["CA.10"] > 5 * table["CA"]


@pytest.mark.parametrize("language", sorted({row["language"] for row in rows("languages")}))
def test_every_language_is_written_somewhere(language: str) -> None:
    table = shares(language)
    assert max(table.values()) > 0.04
    assert all(0 <= share <= 1 for share in table.values())


def test_tables_name_known_languages() -> None:
    known = set(language_names())
    assert len(known) >= 45
    assert {language for row in rows("letters") for language in row["languages"].split()} <= known
    assert {row["language"] for row in rows("language_regions")} <= known
