"""Makes the pictures of the page in the documentation: `python -m tests.agent.serve.screenshots docs`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from agent.policies import make_policy
from tests.agent.serve.browsing import Visit, browsers
from tests.agent.serve.running import running

PHOTO = Path(__file__).resolve().parents[3] / "examples/stuttgart-street.jpg"


def main(folder: Path) -> None:
    """One case, as it looks on a desk and on a phone."""
    with tempfile.TemporaryDirectory() as cases, running(Path(cases), make_policy("checklist")) as here:
        for browser in browsers():
            visit = Visit(browser, here.url + "/", 1440, 900)
            visit.page.set_default_timeout(120_000)
            visit.page.get_by_role("heading", name="Where was it taken?").wait_for()
            visit.page.set_input_files("#files", PHOTO)
            visit.page.get_by_text("Investigated", exact=True).wait_for()
            for question in ("Why?", "What would change your mind?"):
                visit.page.get_by_role("button", name=question).click()
                visit.wait_for("document.querySelector('#messages > li:last-child').matches('.theirs:not(.working)')")
                visit.page.wait_for_timeout(300)
            visit.page.mouse.move(0, 0)
            visit.page.evaluate("document.activeElement.blur(); document.getElementById('steps').scrollTop = 0")
            visit.page.screenshot(path=folder / "chat-page.png")
            phone = Visit(browser, visit.page.url, 390, 844, "dark", visit.context.storage_state())
            phone.page.get_by_role("heading", name="Esslingen").wait_for()
            phone.page.wait_for_timeout(1000)
            phone.page.screenshot(path=folder / "chat-page-phone.png")
            phone.close()
            visit.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
