"""Checkpoints of every supported architecture, in unusual forms, answer as transformers does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as grpc

from builders.asr.supported import PARAKEET, SUPPORTED
from clients.chained import request_input
from runtime.inprocess import InProcess
from tests.asr.checkpoints.page import PAGE, refusals
from tests.asr.checkpoints.served import AT_ONCE, build, judge, sound
from tests.asr.checkpoints.variants import VARIANTS, Variant
from tests.conftest import Serve


def test_the_page_says_what_is_served_and_what_is_refused() -> None:
    """``python -m tests.asr.checkpoints`` writes it."""
    rows = PAGE.read_text("utf-8").splitlines()
    for variant in VARIANTS:
        start = f"| {variant.architecture.name} | {variant.name} | "
        (row,) = (row for row in rows if row.startswith(start))
        assert row.split("|")[4].strip() == "0"
    told = {f"| {variant} | {sentence} |" for variant, sentence in refusals().items()}
    assert told <= set(rows)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_word_is_that_of_transformers(variant: Variant, tmp_path: Path) -> None:
    outcome = judge(build(variant, tmp_path))
    assert outcome.equal, outcome


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("architecture", SUPPORTED, ids=lambda each: each.component)
def test_eight_at_once_on_triton_are_answered_as_in_process(
    architecture: object, tmp_path: Path, serve: Serve
) -> None:
    variant = next(each for each in VARIANTS if each.architecture is architecture)
    served = build(variant, tmp_path)
    name = "transcribe" if architecture is PARAKEET else "speak"
    outputs = [
        tensor.name for model in served.models if model.name == name for tensor in model.outputs
    ]
    requests = []
    for seed, seconds in enumerate(AT_ONCE):
        waveform = sound(seconds, seed)
        requests.append(
            {"windows": waveform[None], "lengths": np.array([waveform.size], np.int32)}
            if architecture is PARAKEET
            else {"waveform": waveform, "speech": np.array([0.1, 0.9], np.float32)}
        )
    process = InProcess(served.repository)
    wanted = [process.run(name, each) for each in requests]
    server = serve(served.repository)
    with grpc.InferenceServerClient(server.grpc) as client, ThreadPoolExecutor(8) as pool:

        def ask(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            sent = [request_input(key, value) for key, value in inputs.items()]
            answer = client.infer(name, sent, client_timeout=120)
            return {output: np.asarray(answer.as_numpy(output)) for output in outputs}

        answers = list(pool.map(ask, requests))
    for answer, expected in zip(answers, wanted, strict=True):
        for output in outputs:
            ours, theirs = answer[output], np.asarray(expected[output])
            if ours.dtype == np.object_:
                assert ours.tolist() == theirs.tolist()
            else:
                np.testing.assert_allclose(ours, theirs.astype(np.float64), atol=1e-3)
