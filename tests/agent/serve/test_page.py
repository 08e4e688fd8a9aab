"""The page in a browser, as a person uses it. Nothing it asks for leaves this machine."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.policies import Policy
from agent.serve.settings import ServeSettings
from tests.agent.serve.browsing import Visit, browsers
from tests.agent.serve.running import policy, running, sign

HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from browsers()


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def used(gate: threading.Event) -> Policy:
    return policy(gate)


def photo(name: str = "sign.png", words: str = "Ulm") -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": sign(words)}


def give(visit: Visit, *photos: dict[str, Any]) -> None:
    """Choose photos as a person can: once the page offers it."""
    visit.page.get_by_role("heading", name="Where was it taken?").wait_for()
    visit.page.set_input_files("#files", list(photos))


def test_a_case_from_its_photo_to_its_end(browser: Any, tmp_path: Path, gate: threading.Event, used: Policy) -> None:
    with running(tmp_path, used) as here:
        visit = Visit(browser, here.url + "/")
        page = visit.page
        page.get_by_text("What is known already").click()
        page.get_by_label("In words").fill("a trip in March")
        give(visit, photo(HOSTILE))
        page.locator("#steps .step").nth(1).wait_for()  # while the policy waits before its answer
        assert page.locator("#state").inner_text().startswith("Investigating")
        assert page.locator(".box.zooms").count() == 1
        page.locator("#places").get_by_text("Ulm").first.wait_for()  # the belief comes after the step
        page.reload()  # nothing that happened so far is lost
        page.locator("#steps .step").nth(1).wait_for()
        gate.set()
        page.get_by_role("heading", name="Ulm").wait_for()
        page.get_by_text("Investigated", exact=True).wait_for()
        _asks(visit)
        _states_and_takes_back(visit)
        with page.expect_download() as saved:
            page.get_by_role("link", name="GeoJSON").click()
        assert saved.value.suggested_filename == "belief.geojson"
        assert Path(saved.value.path()).read_text().startswith('{"type"')
        page.reload()
        page.get_by_role("heading", name="Ulm").wait_for()
        assert page.locator("#messages .mine").count() == 4
        assert "onerror=alert(1)" in page.locator("#title").inner_text()
        page.get_by_role("button", name="Delete this case").click()
        page.get_by_role("button", name="Keep it").click()
        page.get_by_role("button", name="Delete this case").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("heading", name="Where was it taken?").wait_for()
        visit.wait_for("document.querySelector('#earlier').hidden")
        assert here.desk.store.cases("") == []
        visit.close()


def _asks(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Why?").click()
    page.locator("#messages .theirs", has_text="times likelier").wait_for()
    page.get_by_label("your message").fill("How sure are you?")
    page.keyboard.press("Enter")
    page.locator("#messages .theirs", has_text="The evidence tells").wait_for()
    assert page.locator("#messages .mine").count() == 2
    assert page.locator(".evidence tbody tr").count() == 1


def _states_and_takes_back(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("your message").fill("it is not in Ulm")
    page.get_by_role("button", name="send").click()
    page.locator("#statements", has_text="not Ulm").wait_for()
    page.locator("#place", has_not_text="Ulm").wait_for()
    assert page.locator(".evidence tbody tr").count() == 2
    page.get_by_role("button", name="take back").click()
    page.locator("#statements", has_text="taken back").wait_for()
    page.get_by_role("heading", name="Ulm").wait_for()


def test_a_shadow_is_marked_with_three_clicks(browser: Any, tmp_path: Path, gate: threading.Event, used: Policy) -> None:
    gate.set()
    with running(tmp_path, used) as here:
        visit = Visit(browser, here.url + "/")
        page = visit.page
        give(visit, photo())
        page.get_by_text("Investigated", exact=True).wait_for()
        page.get_by_role("button", name="Mark a shadow").click()
        frame = page.locator("#photo .frame")
        size = frame.bounding_box()
        assert size is not None
        for number, (x, y) in enumerate(((0.5, 0.8), (0.5, 0.4), (0.7, 0.85)), 1):
            frame.click(position={"x": x * size["width"], "y": y * size["height"]})
            assert page.locator(".shadow-mark circle").count() == number
        page.get_by_label("when it was, in UTC; may be left empty").fill("2024-06-05T12:00Z")
        page.get_by_role("button", name="Use it").click()
        page.locator("#statements").get_by_role("button", name="take back").wait_for()
        assert page.locator(".shadow-mark circle").count() == 0
        assert re.search(r"/shadow photo 1 0\.(49|50)", page.locator("#messages .mine").last.inner_text())
        page.locator("#statements").get_by_role("button", name="take back").click()
        visit.wait_for("document.querySelector('#statements').hidden || !document.querySelector('#statements button')")
        visit.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1000, "dark"), (390, "dark")])
def test_it_fits_every_screen_and_the_keyboard_reaches_all(
    browser: Any, tmp_path: Path, gate: threading.Event, used: Policy, width: int, scheme: str
) -> None:
    gate.set()
    with running(tmp_path, used) as here:
        visit = Visit(browser, here.url + "/", width, 844, scheme)
        page = visit.page
        give(visit, photo("a.png"), photo("b.png", "Bonn"))
        page.get_by_text("Investigated, 2 photos").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", shade)[:3])) > 380) is (scheme == "light")
        page.get_by_role("button", name=re.compile("photo 1: a.png")).click()
        visit.wait_for("document.querySelector('#photo img').src.includes('/photos/1/')")
        page.get_by_role("button", name="Cases").focus()
        page.keyboard.press("Enter")
        page.locator("#cases li").first.wait_for()
        page.keyboard.press("Escape")
        visit.wait_for("document.querySelector('#cases').hidden && document.activeElement.id === 'show-cases'")
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert {"text", "delete", "CANVAS", "A", "steps"} <= reached
        visit.close()


def test_what_goes_wrong_is_one_line(browser: Any, tmp_path: Path) -> None:
    with running(tmp_path) as here:
        visit = Visit(browser, here.url + "/#no-such-case")
        page = visit.page
        page.locator("#problem", has_text="There is no such case.").wait_for()
        give(visit, {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
        page.locator("#problem", has_text="This is not a picture that can be read").wait_for()
        page.get_by_role("button", name="close this message").click()
        assert page.locator("#problem").is_hidden()
        visit.problems = [
            said for said in visit.problems if "status of 4" not in said
        ]  # the browser's own lines about 404 and 415
        visit.close()


def test_with_a_token_and_tiles(browser: Any, tmp_path: Path) -> None:
    """The page asks the host of the tiles and nobody else; without the token it shows a form alone."""
    tiles = "https://tiles.example.org/{z}/{x}/{y}.png"
    settings = ServeSettings(port=0, tokens={"anna": "token-of-anna"}, tiles=tiles, tiles_credit="Tiles by nobody")
    with running(tmp_path, settings=settings) as here:
        visit = Visit(browser, here.url + "/")
        page, asked = visit.page, []
        page.route(
            "https://tiles.example.org/**",
            lambda route: (asked.append(route.request.url), route.fulfill(body=sign(), content_type="image/png")),
        )
        page.get_by_label("Token of this server").fill("wrong-token")
        page.get_by_role("button", name="Sign in").click()
        page.locator("#problem", has_text="not a token").wait_for()
        page.get_by_label("Token of this server").fill("token-of-anna")
        page.get_by_role("button", name="Sign in").click()
        give(visit, photo())
        page.get_by_text("Investigated", exact=True).wait_for()
        assert page.get_by_text("Tiles by nobody").is_visible()
        visit.wait_for("document.querySelector('canvas').width > 0")
        for _ in range(100):
            if asked:
                break
            page.wait_for_timeout(50)
        assert all(re.fullmatch(r"https://tiles\.example\.org/\d+/\d+/\d+\.png", url) for url in asked)
        assert asked
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for()
        assert page.get_by_text("Ulm").count() == 0 or not page.locator("#case").is_visible()
        visit.requests = [url for url in visit.requests if not url.startswith("https://tiles.example.org/")]
        visit.problems = [said for said in visit.problems if "status of 4" not in said]
        visit.close()
