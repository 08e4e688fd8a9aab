"""What the text of signs says about place: phone numbers, addresses, scripts, languages, prices, plates, names.

`clues_in(lines)` runs every reader on the lines of one picture. Each reader answers with `Clue`s, each of which carries its
`geo.evidence.Evidence`; tables are CSV files beside the code.
"""

from geo.clues.clue import LONGEST_TEXT, Clue
from geo.clues.code import plate_clues, postcode_clues
from geo.clues.currency import currency_clues
from geo.clues.domain import domain_clues
from geo.clues.language import is_sign_word, language_clues
from geo.clues.phone import phone_clues
from geo.clues.read import MOST_CLUES, clues_in
from geo.clues.road import drives_on_left, driving_side
from geo.clues.script import script_clues
from geo.clues.word_tables import brand_clues, road_word_clues, street_word_clues

__all__ = [
    "LONGEST_TEXT",
    "MOST_CLUES",
    "Clue",
    "brand_clues",
    "clues_in",
    "currency_clues",
    "domain_clues",
    "drives_on_left",
    "driving_side",
    "is_sign_word",
    "language_clues",
    "phone_clues",
    "plate_clues",
    "postcode_clues",
    "road_word_clues",
    "script_clues",
    "street_word_clues",
]
