"""Words around place names that say what is meant: negations, comparisons, hedges, refusals, announcements. Own compilation."""

from __future__ import annotations

import re

_I = re.IGNORECASE

HARD_BREAK = re.compile(
    r"(?<!\bst)(?<!\bste)(?<!\bsta)(?<!\bmt)(?<!\bft)(?<!\bdr)(?<!\bmr)(?<!\bmrs)(?<!\bca)[.!?](?=\s|$)|[。！？;\n]"
    r"|\b(?:but|however|whereas|sondern|aber|sino|pero|mais|maar|utan)\b|\b(?-i:ma|mas|men)\b|(?<!\w)(?:а|но)(?!\w)|而是|但",
    _I,
)
"""Ends a statement: what stands before says nothing about what follows."""

ALTERNATIVE = re.compile(r"(?<!\w)(?:or|oder|ou|o|eller|или|and|und|et|y|e)(?!\w)|[/|]|或|または|और|أو", _I)
"""Between two candidates."""

CONNECTING = re.compile(
    r"(?<!\w)(?:in|of|the|at|on|de|du|des|da|do|la|le|les|el|en|em|der|die|das|di|il|v|в|στην|في|city|town|village|capital|state|province|"
    r"region|prefecture|oblast|county|district|ward|area|neighbou?rhood|quarter|suburb|downtown|central|old|metro|metropolitan|greater|"
    r"north|south|east|west|northern|southern|eastern|western|largest|second|main)(?!\w)|[\u3400-\u9fff]{0,8}[省市县縣区區州都府道県郡]|[的在于於]|특별시|광역시"
    r"|[\s,()\[\]–—>→:\"'“”·-]",
    _I,
)
"""May stand between the parts of one address; in Chinese and Japanese an administrative unit that is not known."""

HEDGE = re.compile(
    r"\bnot\s+(?:be\s+)?(?:(?:entirely|completely|fully|100\s?%|absolutely|totally|very|really|too)\s+)?(?:sure|certain|clear|easy|obvious|only|just)\b"
    r"|\bif i'?m not mistaken\b|\bnicht\s+(?:ganz\s+)?sicher\b",
    _I,
)

NEGATION = re.compile(
    r"(?<!\w)(?:not|can(?:'t|not| not) be|isn'?t|wasn'?t|aren'?t|never|neither|nor|excludes?|excluding|excluded|except|rules? out|ruled out|nicht|kein|keine|weder|"
    r"no es|no está|n'est pas|pas|non è|não é|ikke|inte|niet|не|δεν είναι|ليست?)(?!\w)|不是|并非|並非|而非|不在|नहीं",
    _I,
)
"""Before a name, in the same clause."""

DENIED = re.compile(
    r"\s*(?:,?\s*(?:which\s+)?(?:is|was|are|can be|could be|has been|seems|looks|would be)\s+)(?:therefore\s+|thus\s+|also\s+|very\s+)?"
    r"(?:my first (?:thought|guess|impression)|ruled out|excluded|unlikely|impossible|wrong|incorrect|not\b|out of the question)|\s*(?:isn'?t|wasn'?t|doesn'?t|does not|cannot be)\b"
    r"|\s*(?:では|じゃ)(?:なく|ない|あり)|\s*[이가]\s*아니|\s*değil|\s*नहीं",
    _I,
)
"""After a name."""

COMPARISON = re.compile(
    r"(?:\blike (?:in|those|the ones)\b|\blike\b(?<!looks like)(?<!look like)(?<!feels like)|\bsimilar to\b|\breminiscent of\b|\bresembl\w+|\bunlike\b|"
    r"\brather than\b|\bwhile\b|\b(?:at first|initially|first) (?:\w+ )?(?:considered|thought|suspected|guessed)\b|\bconsidered\b|\binstead of\b|\bas opposed to\b|\bcompared (?:to|with)\b|\breplica of\b|\bcopy of\b|\bstyle of\b|\bthan\b|"
    r"\bconfused with\b|\bmistaken for\b|\b(?:posters?|adverts?|advertis\w+|trips?|flights?|tours?|train|bus|distance|km|miles?) (?:\w+ ){0,2}(?:to|from|for|of)\b)"
    r"(?:\s+\w+){0,3}\s*$",
    _I,
)
"""Before a name that is mentioned, not meant."""

REFUSAL = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't|unable to|impossible to|not able to|not possible to|don't|do not|hard to)\s+(?:\w+\s+){0,2}?"
    r"(?:tell|determine|say|know|identify|locate|pinpoint|decide|answer|help)\b|\bno idea\b|\bunknown\b|\bnot enough (?:information|evidence|clues)\b",
    _I,
)

LABEL = re.compile(
    r"(?<!\w)(final\s+)?(?:answer|location|place|guess|prediction|conclusion|ort|lieu|lugar|luogo|место|ответ|答案|地点|場所|位置)\s*(?:\([^)]{0,30}\)\s*)?[:：=]",
    _I,
)
"""Announces the answer; group 1 where it says that it is final."""

ASSERTION = re.compile(
    r"\b(?:this|it|that|which|scene|photo|image|picture|view|location|place|answer|guess)(?:'s|\s+(?:is|was|must be|has to be))\b(?!\s+(?:\w+\s+)?(?:not|like|similar)\b)"
    r"|\b(?:taken|shot|captured|located|photographed|situated)\s+(?:in|at|near|on)\b|\btherefore\b|\bconclu\w+|\b(?:das|es|dies) ist\b"
    r"|\bc'est\b|\b(?:se encuentra|está|fica|si trova) (?:en|em|a)\b|\bэто\b|拍摄于|拍攝於|位于|位於|这是|這是|就是",
    _I,
)

KINDS_OF_REGION = frozenset(
    "state province prefecture oblast krai kraj voivodeship canton governorate region estado provincia provincie bundesland département".split()  # noqa: SIM905
)
"""A name beside one of these is a region's."""

NO_NAMES = frozenset(
    """
    africa asia europe oceania antarctica
    a all also although an and answer any are around as at based be because both but by can city clear clue clues coordinates could country de
    definitely der did die distance do each either el est evidence exact final flag from given gps guess has have he her here his how however i
    if image in is it its la le likely location look looking looks many maybe may most mr mrs ms my near no not now of on one only or our over
    overall part perhaps photo picture place possible possibly probably province question reason reasoning region road she sign signs since so
    lat latitude lng lon longitude gps some somewhere state still street style such than that the their then there therefore these they this those though thus to town traffic
    two under unknown unlike until up us very view village was we were what when where which while who why will with yes you your
    """.split()  # noqa: SIM905
)
"""English words that begin sentences and labels; alone they are no place, though some place is called so."""

SHORT_NAMES = frozenset({"US", "UK", "USA", "UAE", "NYC", "DC"})
"""Capitals that mean a place in running text; other short ones do in an address only."""

REGION_CODES = {
    "AB": ("CA", "01"), "BC": ("CA", "02"), "MB": ("CA", "03"), "NB": ("CA", "04"), "NL": ("CA", "05"), "NS": ("CA", "07"), "ON": ("CA", "08"),
    "PE": ("CA", "09"), "QC": ("CA", "10"), "SK": ("CA", "11"), "YT": ("CA", "12"), "NT": ("CA", "13"), "NU": ("CA", "14"),
    "ACT": ("AU", "01"), "NSW": ("AU", "02"), "QLD": ("AU", "04"), "SA": ("AU", "05"), "TAS": ("AU", "06"), "VIC": ("AU", "07"), "WA": ("AU", "08"),
}  # fmt: skip
"""Postal abbreviations whose GeoNames code is a number (Canada Post, Australia Post); those of the USA are GeoNames' own codes."""
