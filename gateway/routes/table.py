"""The routes and their paths."""

from __future__ import annotations

from starlette.routing import Route

from gateway.routes.chat import chat
from gateway.routes.completions import completions
from gateway.routes.embeddings import embeddings
from gateway.routes.health import health, live
from gateway.routes.metrics import metrics
from gateway.routes.models import model, models
from gateway.routes.ocr import ocr
from gateway.routes.transcriptions import transcriptions

ROUTES = [
    Route("/v1/chat/completions", chat, methods=["POST"]),
    Route("/v1/completions", completions, methods=["POST"]),
    Route("/v1/embeddings", embeddings, methods=["POST"]),
    Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
    Route("/v1/ocr", ocr, methods=["POST"]),
    Route("/v1/models", models, methods=["GET"]),
    Route("/v1/models/{name:path}", model, methods=["GET"]),
    Route("/health", health, methods=["GET"]),
    Route("/health/live", live, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
]

PATHS = frozenset(each.path for each in ROUTES)
