"""The llmapi repository on a real Triton, with a stand-in where the image has TensorRT-LLM's model.

No GPU is here, and no TensorRT-LLM: this tries how the code of an image is found, and that the
config and model.yaml agree, whether the server completes configs or not.
"""

from __future__ import annotations

import json
import queue
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc

from builders.decoder.engines.llmapi.pipeline import pipeline
from builders.decoder.settings.llmapi import LlmApiOptions
from runtime.server.server import LocalServer
from tests.builders.decoder.engines.test_llmapi import conditions
from tests.builders.kit import repositories

STANDIN = Path(__file__).parent / "standins" / "llmapi"


class CompletingServer(LocalServer):
    """One that completes configs, as that of the overlay does."""

    def _command(self, *given: Any) -> list[str]:
        return [
            each for each in super()._command(*given) if each != "--disable-auto-complete-config"
        ]


def repository(folder: Path) -> Path:
    options = LlmApiOptions.model_validate({"model": "path:/weights/a $(b) 'c'"})
    repositories.write(folder, [pipeline(options, conditions())])
    return folder


@pytest.fixture(
    scope="module", params=["as it is", pytest.param("completed", marks=pytest.mark.thorough)]
)
def triton(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    folder = repository(tmp_path_factory.mktemp("llmapi"))
    kind = CompletingServer if request.param == "completed" else LocalServer
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENSORRT_LLM_LLMAPI", str(STANDIN))
        with kind(folder) as server:
            yield server


def test_it_answers_a_curl(triton: LocalServer) -> None:
    body = {"text_input": "hey", "sampling_param_max_tokens": 2}
    address = f"http://{triton.http}/v2/models/tensorrt_llm/generate"
    with urllib.request.urlopen(address, json.dumps(body).encode(), timeout=60) as response:
        assert json.loads(response.read())["text_output"] == "hey0hey1"


def test_it_streams(triton: LocalServer) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    with grpc.InferenceServerClient(triton.grpc) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        client.async_stream_infer(
            "tensorrt_llm",
            [
                _input("text_input", np.array([b"hey"], np.object_), "BYTES"),
                _input("streaming", np.array([True]), "BOOL"),
                _input("sampling_param_max_tokens", np.array([3], np.int32), "INT32"),
            ],
        )
        pieces = []
        for _ in range(3):
            result, error = answers.get(timeout=60)
            assert error is None
            pieces.append(result.as_numpy("text_output")[0].decode())
        client.stop_stream()
    assert pieces == ["hey0", "hey1", "hey2"]


def _input(name: str, value: np.ndarray[Any, Any], datatype: str) -> grpc.InferInput:
    made = grpc.InferInput(name, list(value.shape), datatype)
    made.set_data_from_numpy(value)
    return made


def test_another_image_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORRT_LLM_LLMAPI", str(tmp_path / "nothing"))
    with LocalServer(repository(tmp_path / "repository"), load=()) as server:
        told = repositories.refusal(server, "tensorrt_llm")
    assert "expected TensorRT-LLM's model in" in told
    assert "26.07-trtllm-python-py3" in told
