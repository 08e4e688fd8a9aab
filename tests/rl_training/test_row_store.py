"""Rows of SFT on disk: they come back as they were, a torn line costs itself alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.limits import Limits
from agent.policies.policy_card import PolicyCard
from rl_training.row_store import RowStore, row_key
from tests.rl_training import made
from tests.rl_training.traces_made import trajectory

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


def same(a: Any, b: Any) -> bool:
    return (a.task, a.ids, a.mask, a.end) == (b.task, b.ids, b.mask, b.end) and [i.tobytes() for i in a.images] == [
        i.tobytes() for i in b.images
    ]


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "traces" / "rows.jsonl"
    store = RowStore(path)
    assert store.rows == {}
    rows = {f"k{i}": made.episode(i, pictures=i, end="cannot_tell" if i else "answered") for i in range(3)}
    for key, row in rows.items():
        store.add(key, row)
    again = RowStore(path).rows
    assert list(again) == list(store.rows) == list(rows)
    assert all(same(again[key], row) for key, row in rows.items())
    assert [len(again[key].logp) for key in rows] == [len(row.ids) for row in rows.values()]
    assert all(image.mode == "RGB" for row in again.values() for image in row.images)


def test_a_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    store = RowStore(path)
    for number in range(3):
        store.add(f"k{number}", made.episode(number))
    path.write_bytes(path.read_bytes()[:-40])
    store = RowStore(path)
    assert list(store.rows) == ["k0", "k1"]
    store.add("k2", made.episode(2))
    assert list(RowStore(path).rows) == ["k0", "k1", "k2"], "what comes after a torn line stands in a line of its own"


@pytest.mark.parametrize("change", [{"mask": [0]}, {"ids": ["x"]}, {"images": ["AAAA"]}, {"images": [5]}, {"ids": None}])
def test_a_line_that_is_no_row_is_passed_over(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    RowStore(path).add("good", made.episode(1))
    data = json.loads(path.read_text("utf-8"))
    path.write_text("\n".join([json.dumps({**data, "key": "bad", **change}), "[]", "{", json.dumps(data)]) + "\n", "utf-8")
    assert list(RowStore(path).rows) == ["good"]


def test_a_row_has_its_key_from_all_that_it_depends_on() -> None:
    tokenizer, card, limits = made.processor().tokenizer, PolicyCard(), Limits()
    key = row_key(trajectory(), card, tokenizer, limits)
    assert row_key(trajectory(), card, tokenizer, limits) == key
    others = [
        row_key(trajectory(photo="other.jpg"), card, tokenizer, limits),
        row_key(trajectory(sha256="cd" * 32), card, tokenizer, limits),
        row_key(trajectory(messages=trajectory()["messages"][:-1]), card, tokenizer, limits),
        row_key(trajectory(), replace(card, tools_as="names"), tokenizer, limits),
        row_key(trajectory(), card, [1, 2, 3], limits),
        row_key(trajectory(), card, tokenizer, replace(limits, max_turns=3)),
    ]
    assert len({key, *others}) == 7
