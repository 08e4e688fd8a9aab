"""Whole numbers as short text that is safe inside HTML and JSON."""

from __future__ import annotations

from collections.abc import Iterable


def pack_numbers(numbers: Iterable[int]) -> str:
    """Non-negative numbers in groups of five bits, the lowest first, each plus 63 (Encoded Polyline Algorithm Format).

    The characters run from `?` to `~`: none of them is `<`, `&` or a quotation mark. Raises ValueError for a negative number.
    """
    characters = []
    for number in numbers:
        if number < 0:
            raise ValueError(f"only non-negative numbers can be packed, not {number}")
        rest = int(number)
        while rest >= 32:
            characters.append(chr(63 + 32 + rest % 32))
            rest //= 32
        characters.append(chr(63 + rest))
    return "".join(characters)


def unpack_numbers(text: str) -> list[int]:
    """The inverse of `pack_numbers`."""
    numbers, number, shift = [], 0, 0
    for character in text:
        group = ord(character) - 63
        number += (group % 32) << shift
        shift += 5
        if group < 32:
            numbers.append(number)
            number = shift = 0
    return numbers
