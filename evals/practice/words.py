"""What stands on signs in each language: the words of `evals.sign_places` and those of languages that it lacks."""

from __future__ import annotations

from functools import cache

from evals.sign_places import DOMAINS, PRICES, WORDS, Words

_MORE = {
    "sk": Words("Latin", ("Lekáreň", "Pekáreň", "Kníhkupectvo"), ("Hlavná ulica", "Štefánikova ulica"), "Centrum"),
    "sl": Words("Latin", ("Lekarna", "Pekarna", "Knjigarna"), ("Slovenska cesta", "Prešernova ulica"), "Center"),
    "hr": Words("Latin", ("Ljekarna", "Pekara", "Knjižara"), ("Ulica bana Jelačića", "Vukovarska ulica"), "Centar"),
    "lt": Words("Latin", ("Vaistinė", "Kepykla", "Knygynas"), ("Vytauto gatvė", "Laisvės alėja"), "Centras"),
    "lv": Words("Latin", ("Aptieka", "Maiznīca", "Grāmatnīca"), ("Brīvības iela", "Raiņa iela"), "Centrs", "Tālr."),
    "et": Words("Latin", ("Apteek", "Pagariäri", "Raamatupood"), ("Pikk tänav", "Kooli tänav"), "Kesklinn"),
    "sq": Words("Latin", ("Farmaci", "Furrë Buke", "Librari"), ("Rruga Skënderbeu", "Bulevardi Dëshmorët"), "Qendra"),
    "ms": Words("Latin", ("Farmasi", "Kedai Roti", "Kedai Buku"), ("Jalan Merdeka", "Jalan Sultan"), "Pusat Bandar"),
    "mk": Words("Cyrillic", ("Аптека", "Пекара", "Книжарница"), ("ул. Гоце Делчев", "ул. Маршал Тито"), "Центар", "Тел."),
    "kk": Words("Cyrillic", ("Дәріхана", "Наубайхана", "Кітап дүкені"), ("Абай даңғылы", "Достық көшесі"), "Орталық", "Тел."),
    "ka": Words("Georgian", ("აფთიაქი", "საცხობი", "რესტორანი"), ("რუსთაველის გამზირი", "აღმაშენებლის ქუჩა"), "ცენტრი", "ტელ."),
    "hy": Words("Armenian", ("Դեղատուն", "Հացի փուռ", "Ռեստորան"), ("Աբովյան փողոց", "Մաշտոցի պողոտա"), "Կենտրոն", "Հեռ."),
    "bn": Words("Bengali", ("ফার্মেসি", "রেস্তোরাঁ", "মিষ্টির দোকান"), ("স্টেশন রোড", "কলেজ রোড"), "শহর কেন্দ্র", "ফোন"),
}  # fmt: skip

_MORE_PRICES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("SK", "SI", "HR", "LT", "LV", "EE"), ("4,50 €", "12,90 €", "1,20 €")),
    "CH": ("CHF 4.50", "CHF 12.90"), "NZ": ("$6.50",), "CA": ("$4.99",), "ZA": ("R 45.00", "R 120.00"), "KE": ("KSh 150", "KSh 80"),
    "NG": ("₦1,500",), "GH": ("GH₵ 25",), "MX": ("$45.00", "$120.00"), "CL": ("$1.990",), "CO": ("$ 4.500",), "PE": ("S/ 12.50",),
    "PY": ("₲ 15.000",), "CR": ("₡1.500",), "KZ": ("1500 ₸", "900 ₸"), "GE": ("12 ₾", "4,50 ₾"), "AM": ("1500 ֏",),
    "MK": ("120 ден.",), "AL": ("150 L", "300 Lekë"), "MY": ("RM 5.50", "RM 12.00"), "SG": ("S$ 4.50",),
    "BD": ("৳ 120", "৳ 80"), "NP": ("रु 120",),
}  # fmt: skip

_MORE_DOMAINS = {"NZ": "co.nz", "ZA": "co.za", "KE": "co.ke", "NG": "com.ng", "GH": "com.gh", "MY": "com.my", "SG": "com.sg",
                 "CO": "com.co", "PE": "com.pe", "UY": "com.uy", "PY": "com.py", "EC": "com.ec", "BD": "com.bd", "IN": "in",
                 "UA": "com.ua", "ZM": "co.zm", "ZW": "co.zw", "JM": "com.jm", "MZ": "co.mz", "AO": "co.ao", "BO": "com.bo",
                 "GT": "com.gt", "CR": "co.cr"}  # fmt: skip


@cache
def words_of(language: str) -> Words:
    """Raises KeyError for a language without a table."""
    return WORDS[language] if language in WORDS else _MORE[language]


def prices_of(country: str) -> tuple[str, ...]:
    """Prices as a shop of the country writes them; none where that is not known."""
    return PRICES.get(country, ()) or _MORE_PRICES.get(country, ())


def ending_of(country: str) -> str:
    """The ending of an ordinary web address of the country: `it`, `com.br`."""
    return DOMAINS.get(country) or _MORE_DOMAINS.get(country) or country.lower().replace("gb", "uk")


__all__ = ["Words", "ending_of", "prices_of", "words_of"]
