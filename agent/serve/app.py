"""The application: routes, the door before them, and the desk that they share."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from agent.conversation.desk import Desk
from agent.serve import cases, conversation, events, pages, photos
from agent.serve.access import Access
from agent.serve.door import Door
from agent.serve.errors import tell_errors
from agent.serve.rates import Rates
from agent.serve.serving import Serving
from agent.serve.settings import ServeSettings
from agent.serve.work import Work

_ABOUT = """Talk about where photos were taken: open a case, add photos, start, watch the events, ask.

Without tokens a cookie tells browsers apart: keep it (`curl -c jar -b jar`). With tokens send `Authorization: Bearer TOKEN`.
Errors are `{"error": "one plain sentence"}`."""


def make_app(desk: Desk, settings: ServeSettings | None = None, rates: Rates | None = None) -> FastAPI:
    """An application that enters the desk when it starts and leaves it when it ends; the store stays the caller's to close."""
    settings, rates = settings or ServeSettings(), rates or Rates()
    access = Access(settings.tokens)
    serving = Serving(desk, settings, access, rates, Work(desk))

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with desk:
            yield
            serving.closing.set()
            await serving.work.close()

    # The pages of /docs and /redoc load scripts from elsewhere, so there are none; /openapi.json says the same.
    app = FastAPI(title="Geosleuth", summary="Finds where a photo was taken, shows the evidence, and says how sure it is.", description=_ABOUT,
                  version="1", docs_url=None, redoc_url=None, lifespan=lifespan)  # fmt: skip
    app.state.serving = serving
    for part in (cases, photos, conversation, events, pages):
        app.include_router(part.routes)
    tell_errors(app)
    app.add_middleware(Door, settings=settings, access=access, rates=rates)
    return app
