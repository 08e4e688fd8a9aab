"""The report page in a browser: nothing leaves it, and what can be clicked works."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent.report import report_html
from tests.agent.report_cases import FIJI, PORTO, RECIFE, UNOPENED, hostile, painted, trajectory
from tests.agent.serve.browsing import browsers


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted(tmp_path_factory.mktemp("photos") / "street.png")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from browsers()


class Visit:
    """A page opened from a file, with everything that it asked for or complained of."""

    def __init__(
        self, browser: Any, folder: Path, made: list[Mapping[str, Any]], width: int = 1200, scheme: str = "light"
    ) -> None:
        path = folder / "report.html"
        path.write_text(report_html(made), encoding="utf-8")
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.problems.append(dialog.message), dialog.dismiss()))
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.goto(path.as_uri())
        self.page.locator("canvas").first.scroll_into_view_if_needed()
        self.wait_for("document.querySelector('figure[data-map]').map?.width > 0")
        self.settle()

    def wait_for(self, condition: str) -> None:
        """Until a JavaScript expression holds. The page's policy forbids what Playwright's own waiting needs."""
        for _ in range(200):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(25)
        pytest.fail(f"never came true: {condition}")

    def settle(self) -> None:
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def pixels(self) -> np.ndarray:  # type: ignore[type-arg]
        """The first map as RGB [height, width, 3]."""
        self.settle()
        url = self.page.evaluate("document.querySelector('canvas').toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")).astype(int)

    def close(self) -> None:
        self.context.close()
        outside = [url for url in self.requests if not url.startswith(("file:", "data:"))]
        assert outside == []
        assert self.problems == []


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_a_page_opens_from_a_file_and_asks_for_nothing(
    browser: Any, photo: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    visit = Visit(browser, tmp_path, [trajectory(photo, PORTO, RECIFE), UNOPENED, hostile(photo)], width, scheme)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", shade)[:3])) > 380) is (scheme == "light")
    assert len(np.unique(visit.pixels().reshape(-1, 3), axis=0)) > 20
    for number in range(1, 4):
        page.locator(f"#photo-{number}").scroll_into_view_if_needed()
    visit.close()


def test_the_map_obeys_keys_buttons_and_the_mouse(browser: Any, photo: Path, tmp_path: Path) -> None:
    visit = Visit(browser, tmp_path, [trajectory(photo, PORTO)])
    page, state = visit.page, "(({x, y, scale}) => [x, y, scale])(document.querySelector('figure[data-map]').map)"
    fitted = page.evaluate(state)
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.wheel(0, 200)
    visit.wait_for("scrollY > 0")
    assert page.evaluate(state) == fitted, "a map that nobody clicked lets the page scroll"
    page.mouse.move(0, 0)
    page.locator("canvas").scroll_into_view_if_needed()
    across_km = (
        page.evaluate("document.querySelector('figure[data-map]').map.width")
        / fitted[2]
        / 4096
        * 40030
        * np.cos(np.radians(41.15))
    )
    assert 45 < across_km < 120
    page.locator("canvas").focus()
    page.keyboard.press("+")
    assert page.evaluate(state)[2] == pytest.approx(2 * fitted[2])
    page.keyboard.press("ArrowRight")
    assert page.evaluate(state)[0] > fitted[0]
    page.keyboard.press("r")
    assert page.evaluate(state) == pytest.approx(fitted)
    page.get_by_role("button", name="the whole world").click()
    assert page.evaluate(state)[2] == pytest.approx(page.evaluate("document.querySelector('figure[data-map]').map.width") / 4096)
    page.get_by_role("button", name="zoom in").click()
    before = page.evaluate(state)
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 200, steps=3)
    page.mouse.up()
    assert page.evaluate(state)[0] == pytest.approx(before[0] - 60 / before[2])
    page.mouse.wheel(0, -240)
    visit.wait_for(f"document.querySelector('figure[data-map]').map.scale > {before[2] * 1.5}")
    visit.close()


def test_the_belief_is_drawn_where_it_is(browser: Any, photo: Path, tmp_path: Path) -> None:
    """Without points the tint alone is left: red over the region, none across the rest of the world."""
    made = trajectory(photo, FIJI)
    visit = Visit(browser, tmp_path, [{**made, "alternatives": [], "answer": None, "stop": "cannot_tell"}])
    near_by = visit.pixels()
    visit.page.get_by_role("button", name="the whole world").click()
    world = visit.pixels()
    assert (near_by[..., 0] - near_by[..., 2] > 20).mean() > 0.02
    tinted = world[..., 0] - world[..., 2] > 20
    columns = np.flatnonzero(tinted.any(axis=0)) / world.shape[1]
    assert len(columns) > 0
    assert ((columns < 0.06) | (columns > 0.94)).all()
    visit.close()


def test_tables_sort_and_boxes_tell(browser: Any, photo: Path, tmp_path: Path) -> None:
    visit = Visit(browser, tmp_path, [trajectory(photo, RECIFE, PORTO)])
    page, rows = visit.page, "[...document.querySelectorAll('.evidence tbody tr')].map(row => row.dataset.row)"
    heading = page.get_by_role("button", name="For the answer")
    heading.click()
    assert page.evaluate(rows) == ["1", "0"]
    heading.click()
    assert page.evaluate(rows) == ["0", "1"]
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.locator(".box.texts").focus()
    assert page.locator(".tip.shown").inner_text() == "1: “Rua”"
    page.get_by_label("Text found (1)").uncheck()
    assert page.locator(".box.texts").is_hidden()
    page.locator("[data-copy]").click()
    visit.wait_for("['Copied', 'Selected'].includes(document.querySelector('[data-copy]').textContent)")
    visit.close()
