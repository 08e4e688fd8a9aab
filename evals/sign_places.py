"""What may stand on drawn signs: real cities with their own names, words of their languages, prices.

Written for the drawn photos alone; the clue tables that are tested with them are a separate work. Coordinates are city centres,
to about two kilometres. Dialling codes are those of the city, where it has one of its own.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    """A city as its own signs write it."""

    country: str
    name: str
    """In English."""
    native: str
    language: str
    lat: float
    lon: float
    dialling: str = ""
    """Without trunk prefix; as dialled from abroad."""


@dataclass(frozen=True)
class Words:
    """A language on signs."""

    script: str
    shops: tuple[str, ...]
    streets: tuple[str, ...]
    centre: str
    phone: str = "Tel."


def slug(name: str) -> str:
    """A name as it stands in an internet address: `São Paulo` is `saopaulo`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(c for c in plain.lower() if c.isalnum())


CITIES: tuple[City, ...] = (
    City("IT", "Florence", "Firenze", "it", 43.7696, 11.2558, "055"),
    City("IT", "Turin", "Torino", "it", 45.0703, 7.6869, "011"),
    City("IT", "Palermo", "Palermo", "it", 38.1157, 13.3615, "091"),
    City("FR", "Lyon", "Lyon", "fr", 45.7640, 4.8357),
    City("FR", "Nantes", "Nantes", "fr", 47.2184, -1.5536),
    City("FR", "Toulouse", "Toulouse", "fr", 43.6047, 1.4442),
    City("ES", "Seville", "Sevilla", "es", 37.3891, -5.9845, "954"),
    City("ES", "Zaragoza", "Zaragoza", "es", 41.6488, -0.8891, "976"),
    City("MX", "Guadalajara", "Guadalajara", "es", 20.6597, -103.3496, "33"),
    City("AR", "Cordoba", "Córdoba", "es", -31.4201, -64.1888, "351"),
    City("PT", "Porto", "Porto", "pt", 41.1579, -8.6291, "22"),
    City("PT", "Coimbra", "Coimbra", "pt", 40.2033, -8.4103, "239"),
    City("BR", "Curitiba", "Curitiba", "pt", -25.4284, -49.2733, "41"),
    City("BR", "Recife", "Recife", "pt", -8.0476, -34.8770, "81"),
    City("DE", "Leipzig", "Leipzig", "de", 51.3397, 12.3731, "341"),
    City("DE", "Nuremberg", "Nürnberg", "de", 49.4521, 11.0767, "911"),
    City("AT", "Graz", "Graz", "de", 47.0707, 15.4395, "316"),
    City("NL", "Utrecht", "Utrecht", "nl", 52.0907, 5.1214, "30"),
    City("NL", "Groningen", "Groningen", "nl", 53.2194, 6.5665, "50"),
    City("BE", "Ghent", "Gent", "nl", 51.0543, 3.7174, "9"),
    City("PL", "Krakow", "Kraków", "pl", 50.0647, 19.9450, "12"),
    City("PL", "Gdansk", "Gdańsk", "pl", 54.3520, 18.6466, "58"),
    City("CZ", "Brno", "Brno", "cs", 49.1951, 16.6068),
    City("HU", "Debrecen", "Debrecen", "hu", 47.5316, 21.6273, "52"),
    City("RO", "Cluj-Napoca", "Cluj-Napoca", "ro", 46.7712, 23.6236, "264"),
    City("SE", "Gothenburg", "Göteborg", "sv", 57.7089, 11.9746, "31"),
    City("SE", "Uppsala", "Uppsala", "sv", 59.8586, 17.6389, "18"),
    City("NO", "Bergen", "Bergen", "no", 60.3913, 5.3221),
    City("DK", "Aarhus", "Aarhus", "da", 56.1629, 10.2039),
    City("FI", "Tampere", "Tampere", "fi", 61.4978, 23.7610),
    City("TR", "Izmir", "İzmir", "tr", 38.4237, 27.1428, "232"),
    City("TR", "Konya", "Konya", "tr", 37.8746, 32.4932, "332"),
    City("VN", "Da Nang", "Đà Nẵng", "vi", 16.0544, 108.2022),
    City("VN", "Hue", "Huế", "vi", 16.4637, 107.5909),
    City("ID", "Bandung", "Bandung", "id", -6.9175, 107.6191, "22"),
    City("GB", "Leeds", "Leeds", "en", 53.8008, -1.5491, "113"),
    City("GB", "Bristol", "Bristol", "en", 51.4545, -2.5879, "117"),
    City("IE", "Galway", "Galway", "en", 53.2707, -9.0568, "91"),
    City("AU", "Adelaide", "Adelaide", "en", -34.9285, 138.6007),
    City("US", "Denver", "Denver", "en", 39.7392, -104.9903, "303"),
    City("RU", "Kazan", "Казань", "ru", 55.7961, 49.1064, "843"),
    City("RU", "Novosibirsk", "Новосибирск", "ru", 55.0084, 82.9357, "383"),
    City("RU", "Samara", "Самара", "ru", 53.1959, 50.1002, "846"),
    City("UA", "Lviv", "Львів", "uk", 49.8397, 24.0297, "32"),
    City("UA", "Odesa", "Одеса", "uk", 46.4825, 30.7233, "48"),
    City("BG", "Plovdiv", "Пловдив", "bg", 42.1354, 24.7453, "32"),
    City("RS", "Nis", "Ниш", "sr", 43.3209, 21.8958, "18"),
    City("GR", "Thessaloniki", "Θεσσαλονίκη", "el", 40.6401, 22.9444, "231"),
    City("GR", "Patras", "Πάτρα", "el", 38.2466, 21.7346, "261"),
    City("GR", "Heraklion", "Ηράκλειο", "el", 35.3387, 25.1442, "281"),
    City("EG", "Alexandria", "الإسكندرية", "ar", 31.2001, 29.9187, "3"),
    City("MA", "Marrakesh", "مراكش", "ar", 31.6295, -7.9811),
    City("JO", "Amman", "عمان", "ar", 31.9539, 35.9106, "6"),
    City("SA", "Jeddah", "جدة", "ar", 21.4858, 39.1925),
    City("IR", "Shiraz", "شیراز", "fa", 29.5918, 52.5837, "71"),
    City("IR", "Isfahan", "اصفهان", "fa", 32.6546, 51.6680, "31"),
    City("TH", "Chiang Mai", "เชียงใหม่", "th", 18.7883, 98.9853, "53"),
    City("TH", "Khon Kaen", "ขอนแก่น", "th", 16.4322, 102.8236, "43"),
    City("KR", "Busan", "부산", "ko", 35.1796, 129.0756, "51"),
    City("KR", "Daegu", "대구", "ko", 35.8714, 128.6014, "53"),
    City("JP", "Sapporo", "札幌", "ja", 43.0618, 141.3545, "11"),
    City("JP", "Kanazawa", "金沢", "ja", 36.5613, 136.6562, "76"),
    City("JP", "Fukuoka", "福岡", "ja", 33.5902, 130.4017, "92"),
    City("CN", "Chengdu", "成都", "zh-Hans", 30.5728, 104.0668, "28"),
    City("CN", "Hangzhou", "杭州", "zh-Hans", 30.2741, 120.1551, "571"),
    City("TW", "Tainan", "台南", "zh-Hant", 22.9999, 120.2269, "6"),
    City("TW", "Kaohsiung", "高雄", "zh-Hant", 22.6273, 120.3014, "7"),
    City("IN", "Jaipur", "जयपुर", "hi", 26.9124, 75.7873, "141"),
    City("IN", "Varanasi", "वाराणसी", "hi", 25.3176, 82.9739, "542"),
    City("NP", "Pokhara", "पोखरा", "ne", 28.2096, 83.9856, "61"),
    City("IL", "Haifa", "חיפה", "he", 32.7940, 34.9896, "4"),
    City("IL", "Jerusalem", "ירושלים", "he", 31.7683, 35.2137, "2"),
)

WORDS: dict[str, Words] = {
    "it": Words("Latin", ("Farmacia", "Panificio", "Ferramenta"), ("Via Garibaldi", "Via Roma", "Via Mazzini"), "Centro"),
    "fr": Words(
        "Latin", ("Pharmacie", "Boulangerie", "Coiffeur"), ("Rue de la République", "Rue Victor Hugo"), "Centre-ville", "Tél."
    ),
    "es": Words("Latin", ("Farmacia", "Panadería", "Ferretería"), ("Calle Mayor", "Calle de la Paz"), "Centro"),
    "pt": Words("Latin", ("Farmácia", "Padaria", "Restaurante"), ("Rua da Liberdade", "Rua das Flores"), "Centro"),
    "de": Words("Latin", ("Apotheke", "Bäckerei", "Schlüsseldienst"), ("Bahnhofstraße", "Goethestraße"), "Zentrum"),
    "nl": Words("Latin", ("Apotheek", "Bakkerij", "Fietsenmaker"), ("Kerkstraat", "Stationsweg"), "Centrum"),
    "pl": Words("Latin", ("Apteka", "Piekarnia", "Księgarnia"), ("ul. Długa", "ul. Kościuszki"), "Centrum"),
    "cs": Words("Latin", ("Lékárna", "Pekařství", "Květinářství"), ("Nádražní", "Masarykova"), "Centrum"),
    "hu": Words("Latin", ("Gyógyszertár", "Pékség", "Könyvesbolt"), ("Petőfi utca", "Kossuth Lajos utca"), "Városközpont"),
    "ro": Words("Latin", ("Farmacie", "Brutărie", "Librărie"), ("Strada Mihai Eminescu", "Strada Republicii"), "Centru"),
    "sv": Words("Latin", ("Apotek", "Bageri", "Bokhandel"), ("Storgatan", "Kungsgatan"), "Centrum"),
    "no": Words("Latin", ("Apotek", "Bakeri", "Bokhandel"), ("Storgata", "Kirkegata"), "Sentrum", "Tlf."),
    "da": Words("Latin", ("Apotek", "Bageri", "Boghandel"), ("Nørregade", "Vestergade"), "Centrum", "Tlf."),
    "fi": Words("Latin", ("Apteekki", "Leipomo", "Kirjakauppa"), ("Kauppakatu", "Koulukatu"), "Keskusta", "Puh."),
    "tr": Words("Latin", ("Eczane", "Fırın", "Kuaför"), ("Atatürk Caddesi", "Cumhuriyet Caddesi"), "Şehir Merkezi"),
    "vi": Words("Latin", ("Nhà thuốc", "Tiệm bánh", "Quán cơm"), ("Đường Lê Lợi", "Đường Trần Phú"), "Trung tâm", "ĐT:"),
    "id": Words("Latin", ("Apotek", "Toko Roti", "Warung Makan"), ("Jl. Merdeka", "Jl. Sudirman"), "Pusat Kota", "Telp."),
    "en": Words("Latin", ("Pharmacy", "Bakery", "Hardware"), ("Church Street", "Station Road"), "City Centre"),
    "ru": Words("Cyrillic", ("Аптека", "Пекарня", "Книги"), ("ул. Ленина", "ул. Гагарина"), "Центр", "Тел."),
    "uk": Words("Cyrillic", ("Аптека", "Пекарня", "Книгарня"), ("вул. Шевченка", "вул. Лесі Українки"), "Центр", "Тел."),
    "bg": Words("Cyrillic", ("Аптека", "Хлебарница", "Книжарница"), ("ул. Иван Вазов", "бул. България"), "Център", "Тел."),
    "sr": Words("Cyrillic", ("Апотека", "Пекара", "Књижара"), ("Цара Душана", "Карађорђева"), "Центар", "Тел."),
    "el": Words("Greek", ("Φαρμακείο", "Αρτοποιείο", "Βιβλιοπωλείο"), ("Οδός Αθηνάς", "Λεωφόρος Νίκης"), "Κέντρο", "Τηλ."),
    "ar": Words("Arabic", ("صيدلية", "مخبز", "مطعم"), ("شارع النصر", "شارع الجامعة"), "وسط المدينة", ""),
    "fa": Words("Arabic", ("داروخانه", "نانوایی", "رستوران"), ("خیابان آزادی", "خیابان امام خمینی"), "مرکز شهر", ""),
    "th": Words("Thai", ("ร้านขายยา", "ร้านอาหาร", "ร้านกาแฟ"), ("ถนนราชดำเนิน", "ถนนสุขุมวิท"), "ตัวเมือง", ""),
    "ko": Words("Hangul", ("약국", "빵집", "서점"), ("중앙로", "시청로"), "시내", ""),
    "ja": Words("Japanese", ("薬局", "書店", "ラーメン食堂"), ("中央通り", "駅前通り"), "市街", ""),
    "zh-Hans": Words("Chinese", ("大药房", "牛肉面馆", "新华书店"), ("人民路", "解放路"), "市中心", "电话"),
    "zh-Hant": Words("Chinese", ("健康藥局", "牛肉麵館", "圖書文具店"), ("中山路", "中正路"), "市中心", "電話"),
    "hi": Words("Devanagari", ("दवाखाना", "मिठाई भंडार", "पुस्तकालय"), ("महात्मा गांधी मार्ग", "स्टेशन रोड"), "शहर केंद्र", ""),
    "ne": Words("Devanagari", ("औषधि पसल", "मिठाई पसल", "पुस्तक पसल"), ("पृथ्वी राजमार्ग",), "बजार", ""),
    "he": Words("Hebrew", ("בית מרקחת", "מאפייה", "ספרים"), ("רחוב הרצל", "רחוב יפו"), "מרכז", ""),
}

_EURO = ("4,50 €", "12,90 €", "1,20 €")
PRICES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("IT", "FR", "ES", "PT", "DE", "AT", "NL", "BE", "FI", "GR"), _EURO),
    "IE": ("€4.50", "€12"), "GB": ("£4.50", "£12"), "US": ("$4.99",), "AU": ("$6.50",), "PL": ("12,50 zł", "29 zł"),
    "CZ": ("120 Kč", "49 Kč"), "HU": ("990 Ft", "2490 Ft"), "RO": ("15 lei", "39 lei"), "SE": ("45 kr", "129 kr"),
    "NO": ("59 kr", "199 kr"), "DK": ("35 kr", "89 kr"), "TR": ("45 TL", "120 TL"), "VN": ("50.000 đ", "35.000 đ"),
    "ID": ("Rp 25.000", "Rp 10.000"), "BR": ("R$ 12,00", "R$ 5,50"), "RU": ("150 ₽", "89 руб."), "UA": ("90 грн", "45 грн"),
    "BG": ("5 лв.", "12 лв."), "RS": ("200 дин.",), "JP": ("500円", "980円"), "CN": ("15元", "28元"), "TW": ("NT$120", "80元"),
    "KR": ("5,000원", "12,000원"), "IN": ("₹80", "₹250"), "TH": ("60 บาท", "45 บาท"), "IL": ("₪25", "₪40"), "MA": ("40 DH",),
}  # fmt: skip
"""Prices as a shop of the country writes them; countries whose prices the fonts cannot write are left out."""

DOMAINS: dict[str, str] = {
    "GB": "co.uk", "BR": "com.br", "AU": "com.au", "TR": "com.tr", "ID": "co.id", "JP": "co.jp", "KR": "co.kr", "TH": "co.th",
    "IL": "co.il", "NP": "com.np", "TW": "com.tw", "AR": "com.ar", "MX": "com.mx", "CN": "com.cn", "EG": "com.eg", "SA": "com.sa",
}  # fmt: skip
"""Endings of web addresses where they are not the country code alone."""
