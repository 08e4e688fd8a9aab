from __future__ import annotations

from dataclasses import dataclass

import pytest

from models.settings_text import with_changes


@dataclass(frozen=True)
class Some:
    epochs: int = 5
    lr: float = 0.1
    flag: bool = False
    name: str = "a"
    limit: float | None = None
    scales: tuple[float, ...] = (1.0, 2.0)


def test_values_are_read_as_the_type_of_the_field() -> None:
    changed = with_changes(Some(), ["epochs=7", "lr=1e-3", "flag=yes", "name=b", "limit=3.5", "scales=1,16,256"])
    assert changed == Some(7, 1e-3, True, "b", 3.5, (1.0, 16.0, 256.0))
    assert with_changes(Some(), ["limit=none"]).limit is None


@pytest.mark.parametrize("change", ["epochs", "epochs=none", "speed=3", "epochs=many", "flag=maybe", "scales=1,x", "=3"])
def test_what_cannot_be_read_is_told_in_one_line(change: str) -> None:
    with pytest.raises(ValueError) as error:
        with_changes(Some(), [change])
    assert "\n" not in str(error.value)
