from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.encoders.encoder import EncoderError
from models.encoders.make import ENCODERS, is_non_commercial, make_encoder
from models.encoders.transformers_vision import FAMILIES


def test_one_of_each_in_a_process() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make_encoder, ["embedded"] * 4))
    assert all(encoder is made[0] for encoder in made)
    assert make_encoder(" embedded ") is made[0]
    assert (made[0].name, made[0].licence) == ("embedded", "Apache-2.0")
    assert make_encoder("tiny").dim == 768


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("resnet", "there is no encoder 'resnet'; there are embedded, "),
        ("", "there is no encoder ''"),
        ("embedded:x", "takes no repository or folder"),
        ("clip:/no/such/folder", "there is no folder /no/such/folder"),
    ],
)
def test_wrong_specs_give_one_line(spec: str, said: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(EncoderError, match=said) as raised:
        make_encoder(spec)
    assert "\n" not in str(raised.value)


def test_every_kind_is_in_the_table() -> None:
    assert {*FAMILIES, "embedded", "geoclip", "tiny"} == set(ENCODERS)


@pytest.mark.parametrize(
    "licence", ["CC-BY-NC-4.0", "cc-by-nc-sa-4.0", "CC BY NC", "Non-Commercial", "noncommercial", "research-only"]
)
def test_licences_that_forbid_commercial_use(licence: str) -> None:
    assert is_non_commercial(licence)


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0", "CC-BY-4.0", "unknown", "", "ncsa", "openrail", "research"])
def test_licences_that_do_not(licence: str) -> None:
    assert not is_non_commercial(licence)


def test_the_table_knows_streetclip() -> None:
    assert [name for name, entry in ENCODERS.items() if is_non_commercial(entry.licence)] == ["streetclip"]
