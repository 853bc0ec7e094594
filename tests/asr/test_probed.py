"""Idle models are probed; the ONNX models of speech recognition do not refuse their probes."""

from __future__ import annotations

import pytest
import urllib3

from runtime import synthetic
from runtime.server.server import LocalServer


@pytest.mark.parametrize("model", ["transcribe", "detect_speech_stream"])
def test_a_probe_is_answered(asr_server: LocalServer, model: str) -> None:
    """A refusal would be logged as a warning, at each probe, for as long as the model is idle."""
    with urllib3.PoolManager() as pool:
        place = f"http://{asr_server.http}/v2/models/{model}"
        config = pool.request("GET", f"{place}/config").json()
        assert synthetic.can_be_probed(config)
        body, headers = synthetic.request(config)
        answer = pool.request("POST", f"{place}/infer", body=body, headers=headers)
        assert answer.status == 200, answer.data
