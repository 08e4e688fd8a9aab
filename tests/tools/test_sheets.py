"""Contact sheets are kept by their content, and only handles lead to files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tools.sheets import contact_sheet, keep_sheet, open_sheet, sheets_folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_sheet_is_found_by_its_handle() -> None:
    sheet = contact_sheet([Image.new("RGB", (300, 200), (200, 30, 30)), None, Image.new("L", (50, 400), 90)])
    assert sheet.size == (3 * 224, 168)
    handle = keep_sheet(sheet)
    assert handle is not None
    assert handle == keep_sheet(sheet)
    found = open_sheet(handle)
    assert found is not None
    assert found.size == sheet.size
    red = found.getpixel((112, 84))
    assert isinstance(red, tuple)
    assert red[0] > 150 > red[1]


def test_many_pictures_fill_rows_of_four() -> None:
    assert contact_sheet([Image.new("RGB", (9, 9))] * 9).size == (4 * 224, 3 * 168)


@pytest.mark.parametrize("handle", ["", "sheet:", "sheet:../../etc/passwd", "sheet:" + "0" * 64, "/etc/passwd"])
def test_nothing_else_opens(handle: str) -> None:
    assert open_sheet(handle) is None


def test_a_damaged_sheet_is_gone() -> None:
    handle = keep_sheet(contact_sheet([None]))
    assert handle is not None
    (sheets_folder() / f"{handle.removeprefix('sheet:')}.jpg").write_bytes(b"\xff\xd8\xff rubbish")
    assert open_sheet(handle) is None
