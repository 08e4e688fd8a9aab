"""The pages in a browser: nothing leaves them, the filters filter, and a thousand records are no burden."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.metrics.compare import compare
from evals.record import Truth
from evals.report import Case, compare_html, report_html
from evals.row import Row
from tests.agent.report_cases import HOSTILE
from tests.agent.test_report_browser import browser  # noqa: F401 (a fixture)
from tests.evals.report.cases import (
    MANIFEST,
    case_in,
    hostile_case,
    hostile_manifest,
    hostile_row,
    jpeg,
    row,
    summaries_of,
)


class Visit:
    """A page opened from a file, with everything that it asked for or complained of."""

    def __init__(self, running: Any, path: Path, text: str, width: int = 1200, scheme: str = "light", hash_: str = "") -> None:
        path.write_text(text, encoding="utf-8")
        self.context = running.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.problems.append(dialog.message), dialog.dismiss()))
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.goto(path.as_uri() + hash_)

    def wait_for(self, condition: str) -> None:
        """Until a JavaScript expression holds. The page's policy forbids what Playwright's own waiting needs."""
        for _ in range(200):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(25)
        pytest.fail(f"never came true: {condition}")

    def to_list(self) -> None:
        self.page.evaluate("document.getElementById('list').scrollIntoView({behavior: 'instant'})")
        self.wait_for("document.querySelectorAll('.item').length > 0")

    def ids(self) -> list[str]:
        """Ids of the lines that exist."""
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('.item .what small:last-child')].map(e => e.textContent)"
        )
        return found

    def panel(self) -> str:
        """What the panel says."""
        return str(self.page.locator("#panel").inner_text()).replace("\u00a0", " ")

    def counts(self, words: str) -> None:
        self.wait_for(f"document.getElementById('count').textContent === {words!r}")

    def close(self) -> None:
        self.context.close()
        assert [url for url in self.requests if not url.startswith(("file:", "data:"))] == []
        assert self.problems == []


def page_of(rows: list[Row], case: Callable[[str], Case], manifest: dict[str, Any] = MANIFEST) -> str:
    systems = {str(manifest["policy"]): rows, "constant": [row(r.id, 4000.0, ranked=(), calls=()) for r in rows]}
    return report_html(manifest, systems, summaries_of(systems), case, beliefs=1)


ROWS = [
    row("near", 3.0, kind="panorama"),
    row("far", 900.0, 0.9, levels={"country": False, "region": None, "city": False}),
    row("worse", 5000.0, 0.1),
    row("silent", None, stop="max_turns", columns={"continent": "Asia", "difficulty": "hard"}),
    row("nowhere", None, truth=Truth(country="FR"), bits_prior=None),
]


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_a_run_opens_and_shows_a_record(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:  # noqa: F811
    visit = Visit(browser, tmp_path / "report.html", page_of(ROWS, case_in(tmp_path)), width, scheme)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visit.to_list()
    assert visit.ids() == ["worse", "far", "near", "silent", "nowhere"]
    page.locator(".record").first.click()
    words = visit.panel()
    for part in (
        "5,000 km off",
        "Porto, Portugal",
        "phone code +351 22 is Porto",
        "bits",
        "CC BY 4.0",
        "Farmácia Central",
        "constant",
    ):
        assert part in words
    assert page.locator("#panel .box").count() == 2
    visit.wait_for("document.querySelector('#panel figure.map').map.width > 0")
    assert page.evaluate("document.querySelector('#panel figure.map').map.paths.length") == 10
    assert page.evaluate("document.querySelector('#panel').scrollWidth") <= width
    page.locator("#after").click()
    assert "900 km off" in visit.panel()
    page.keyboard.press("ArrowLeft")
    assert "5,000 km off" in visit.panel()
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    page.locator(".record").last.click()
    assert "No answer" in visit.panel()
    visit.close()


def test_filters_orders_and_the_map(browser: Any, tmp_path: Path) -> None:  # noqa: F811
    visit = Visit(browser, tmp_path / "report.html", page_of(ROWS, lambda _: Case()))
    page = visit.page
    visit.to_list()
    verdicts = page.locator("[data-facet=verdict]")
    for choose, left in (
        (lambda: page.locator("[data-facet=kind]").select_option(label="panorama (1)"), ["near"]),
        (lambda: page.locator("[data-facet='column:continent']").select_option(label="Asia (1)"), ["silent"]),
        (lambda: page.locator("[data-facet=stop]").select_option(label="all turns were used (1)"), ["silent"]),
        (lambda: verdicts.select_option(label="country wrong"), ["far", "worse", "silent", "nowhere"]),
        (lambda: verdicts.select_option(label="country: word matcher disagrees"), ["far", "worse", "silent", "nowhere"]),
        (lambda: verdicts.select_option(label="no answer"), ["silent", "nowhere"]),
        (lambda: page.get_by_label("least distance in km").fill("800"), ["far", "worse"]),
        (lambda: page.get_by_label("largest distance in km").fill("800"), ["near"]),
        (lambda: page.get_by_label("search", exact=True).fill("porto PANORAMA"), ["near"]),
        (lambda: page.get_by_label("search", exact=True).fill("no such thing"), []),
    ):
        choose()
        visit.counts(f"{len(left)} of 5 records")
        assert sorted(visit.ids()) == sorted(left)
        assert page.evaluate("document.querySelector('[data-map=world]').map.rows.length") == len(left)
        assert page.locator("#nothing").is_visible() is (not left)
        page.locator(".clear").click()
        visit.counts("5 records")
    for order, first in (("near", "near"), ("sure", "far"), ("lost", "silent"), ("gained", "near"), ("id", "far")):
        page.locator("#order").select_option(order)
        assert visit.ids()[0] == first
    page.locator("[data-map=world]").scroll_into_view_if_needed()
    visit.wait_for("document.querySelector('[data-map=world]').map.width > 0")
    drawn = "(document.querySelector('[data-map=world]').map.draw(), document.querySelector('[data-map=world]').map.hits.length)"
    assert page.evaluate(drawn) == 4
    page.locator("[data-shown=both]").click()
    assert page.evaluate(drawn) == 6, "three truths with answers and one without; the answer at 86° north is out of sight"
    page.locator("#split-system").select_option(label="constant")
    page.locator("#split-column").select_option(index=1)
    assert page.evaluate("[...document.querySelectorAll('.split')].filter(e => !e.hidden).map(e => e.dataset.split)") == ["1:1"]
    visit.close()


def test_a_record_has_an_address(browser: Any, tmp_path: Path) -> None:  # noqa: F811
    visit = Visit(browser, tmp_path / "report.html", page_of(ROWS, lambda _: Case()), hash_="#far")
    assert "900 km off" in visit.panel()
    visit.close()
    visit = Visit(browser, tmp_path / "report.html", page_of(ROWS, lambda _: Case()), hash_="#%E0%A4%A")
    assert visit.page.locator("#panel").is_hidden()
    visit.close()


def test_1142_records_are_listed_as_they_come_into_sight(browser: Any, tmp_path: Path) -> None:  # noqa: F811
    rows = [row(f"r{i:04d}", float(i * 7 % 4000)) for i in range(1142)]
    visit = Visit(browser, tmp_path / "report.html", page_of(rows, lambda _: Case(jpeg())))
    visit.to_list()
    visit.counts("1,142 records")
    assert visit.page.locator(".item").count() < 40
    visit.page.evaluate("window.scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
    visit.wait_for("[...document.querySelectorAll('.item')].some(line => line.ariaPosInSet === '1142')")
    assert visit.page.locator(".item").count() < 40
    assert visit.page.evaluate("document.querySelector('.item img').naturalWidth") == 320
    visit.close()


def test_a_record_without_details_says_so(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("evals.report.records.MOST_DETAILED", 2)
    rows = [row(f"r{i}", 900.0 + i) for i in range(9)]
    visit = Visit(browser, tmp_path / "report.html", page_of(rows, case_in(tmp_path)))
    assert "7 records stand in the list without picture and details" in visit.page.locator("#records-card > .note").inner_text()
    visit.to_list()
    visit.page.locator(".record[data-row='4']").click()
    assert "neither picture nor details" in visit.panel()
    assert "904 km off" in visit.panel()
    visit.close()


@pytest.mark.parametrize("rows", [[], [hostile_row(), row("b", None, truth=Truth())]])
def test_hostile_texts_and_no_records(browser: Any, tmp_path: Path, rows: list[Row]) -> None:  # noqa: F811
    systems = {HOSTILE: rows, f"{HOSTILE} 2": rows}
    text = report_html(hostile_manifest(), systems, summaries_of(systems), lambda _: hostile_case(tmp_path))
    visit = Visit(browser, tmp_path / "report.html", text, 390)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    if rows:
        visit.to_list()
        visit.page.locator(".record").first.click()
        assert "alert(1)" in visit.panel()
        assert visit.page.locator("#panel script, #panel a").count() == 0
    visit.close()


@pytest.mark.parametrize(("width", "scheme"), [(1200, "dark"), (390, "light")])
def test_a_comparison_opens_and_shows_both_answers(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:  # noqa: F811
    changed = [
        row("near", 900.0),
        row("far", 2.0),
        row("worse", 5000.0),
        row("silent", 4.0),
        row("nowhere", None, truth=Truth(country="FR")),
    ]
    found = compare(ROWS, changed, resamples=100)
    text = compare_html(("old", "new"), ROWS, changed, found, case_in(tmp_path), lambda _: Case(), beliefs=2)
    visit = Visit(browser, tmp_path / "compare.html", text, width, scheme)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visit.to_list()
    assert visit.ids()[:2] == ["silent", "far"]
    page.locator("#order").select_option("worse")
    assert visit.ids()[0] == "near"
    page.locator("[data-facet=verdict]").select_option(label="better (2)")
    visit.counts("2 of 5 records")
    page.locator(".record").last.click()
    assert page.locator("#panel .side").count() == 2
    assert [words.replace("\u00a0", " ") for words in page.locator("#panel .side h2").all_inner_texts()] == [
        "No answer",
        "4.0 km off",
    ]
    visit.wait_for("[...document.querySelectorAll('#panel figure.map')].every(figure => figure.map.width > 0)")
    page.keyboard.press("Escape")
    visit.close()
