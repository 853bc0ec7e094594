"""The gateway as an ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from gateway.around.admitting import Admitting, Keys, Origins
from gateway.around.bodies import Bodies
from gateway.around.recording import Recording
from gateway.around.refusing import Refusing, of_route
from gateway.asking.resolving import Resolver
from gateway.counting.counts import Counts
from gateway.fetching.fetch import Fetcher
from gateway.front import Front
from gateway.leaving import Leaving
from gateway.routes.table import PATHS, ROUTES
from gateway.settings import Settings
from gateway.triton.catalogue import Catalogue
from gateway.triton.server import Triton


def make_app(settings: Settings, fetcher: Fetcher | None = None) -> Starlette:
    """The application.

    Args:
        settings: what it is started with.
        fetcher: of images, if it is not to be made from the settings.
    """
    counts = Counts()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Front]]:
        triton = Triton(settings.triton, settings.answer_seconds)
        catalogue = Catalogue(triton)
        fetched = fetcher or Fetcher(settings.fetching)
        resolver = Resolver(triton, catalogue, fetched, settings.speech)
        try:
            yield {"front": Front(settings, triton, catalogue, resolver, counts)}
        finally:
            await triton.close()

    shared = (
        [
            Middleware(
                CORSMiddleware,
                allow_origins=list(settings.origins),
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
                expose_headers=["x-request-id", "retry-after"],
            )
        ]
        if settings.origins
        else []
    )
    app = Starlette(
        routes=ROUTES,
        lifespan=lifespan,
        exception_handlers={HTTPException: of_route},
        middleware=[
            Middleware(Recording, counts=counts, routes=PATHS),
            *shared,
            Middleware(Bodies, limits=settings.limits),
            Middleware(Refusing),
            Middleware(Origins, origins=settings.origins),
            Middleware(Keys, keys=settings.keys),
            Middleware(Admitting, most=settings.limits.requests),
            Middleware(Leaving),
        ],
    )
    app.router.redirect_slashes = False
    return app
