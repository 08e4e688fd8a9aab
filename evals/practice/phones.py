"""Telephone numbers of fixed lines, by libphonenumber (Apache 2.0): valid in form, of the city's area, and belonging to nobody known."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

_TRIES = 200


def numbers(country: str, dialling: str, seed: str) -> Iterator[Any]:
    """Valid fixed-line numbers (`phonenumbers.PhoneNumber`) of an area code; with "", of the country. Few or none where it has none."""
    import phonenumbers
    from phonenumbers import PhoneNumberType

    rng = random.Random(f"{seed}:{country}:{dialling}")  # noqa: S311
    example = phonenumbers.example_number_for_type(country, PhoneNumberType.FIXED_LINE)
    if example is None:
        return
    national = str(phonenumbers.national_significant_number(example))
    code, start = phonenumbers.country_code_for_region(country), dialling or national[:-4]
    for attempt in range(_TRIES):
        length = len(national) - len(start) + (0, 0, 1, -1)[attempt % 4]
        digits = "".join(rng.choice("23456789") for _ in range(max(4, length)))
        number = phonenumbers.parse(f"+{code}{start}{digits}", None)
        kinds = {PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
        if phonenumbers.is_valid_number_for_region(number, country) and phonenumbers.number_type(number) in kinds:
            yield number


def area_of(number: Any) -> str:
    """What libphonenumber calls the number's area in English: a city, a province or the country."""
    from phonenumbers import geocoder

    return str(geocoder.description_for_number(number, "en"))


def names_no_area(number: Any) -> bool:
    """Whether libphonenumber knows no area for the number, only its country."""
    from phonenumbers import geocoder

    return area_of(number) in {"", str(geocoder.country_name_for_number(number, "en"))}


def written(number: Any, international: bool) -> str:
    """As it stands on signs of the country, or with the country's code."""
    import phonenumbers

    style = phonenumbers.PhoneNumberFormat
    return str(phonenumbers.format_number(number, style.INTERNATIONAL if international else style.NATIONAL))
