"""A browser on the page that notes what it asks for and what it complains of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")


def browsers() -> Iterator[Any]:
    """Chromium, for a fixture; the test is skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with api.sync_playwright() as play:
        running = play.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield running
        running.close()


class Visit:
    """One browser with cookies of its own."""

    def __init__(
        self, browser: Any, url: str, width: int = 1440, height: int = 900, scheme: str = "light", state: Any = None
    ) -> None:
        self.url = url.split("#")[0]
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, storage_state=state)
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.problems.append(dialog.message), dialog.dismiss()))
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.goto(url)

    def wait_for(self, condition: str) -> None:
        """Until a JavaScript expression holds. The page's policy forbids what Playwright's own waiting needs."""
        for _ in range(600):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"never came true: {condition}")

    def close(self) -> None:
        """Nothing was asked of anybody else, and nothing went wrong."""
        self.context.close()
        assert [url for url in self.requests if not url.startswith(self.url)] == []
        assert self.problems == []
