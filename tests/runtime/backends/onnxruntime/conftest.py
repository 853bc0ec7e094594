"""Tiny ONNX models, and a way to serve them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import tritonclient.grpc as triton_grpc

from runtime.server.server import LocalServer
from tests.runtime.backends.onnxruntime.toys import Load, Served, Toys


@pytest.fixture(scope="session")
def toys() -> Toys:
    return Toys()


@pytest.fixture
def load(triton: LocalServer, request: pytest.FixtureRequest) -> Iterator[Load]:
    """Loads models: ``load(config, onnx, files={})``; unloads them after the test."""
    client = triton_grpc.InferenceServerClient(triton.grpc)
    loaded: list[str] = []

    def load_one(
        config: Mapping[str, Any], onnx: bytes, *, file: str = "model.onnx", **files: bytes
    ) -> Served:
        name = f"toy_{abs(hash(request.node.nodeid))}_{len(loaded)}"
        loaded.append(name)
        contents = {f"file:1/{file}": onnx} | files
        client.load_model(name, config=json.dumps({"name": name, **config}), files=contents)
        return Served(client, name)

    yield load_one
    for name in loaded:
        client.unload_model(name)
    client.close()
