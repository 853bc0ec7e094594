"""The served pipeline: four ways to run it agree, and nothing that is sent to it hurts it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from clients.chained import Chained
from clients.connection.errors import reason
from runtime.inprocess import InProcess
from runtime.server.server import LocalServer
from tests.asr import sounds
from tests.asr.sounds import OUTPUTS, Arrays
from tests.waiting import once_there_is_room

Ask = Callable[[str, Arrays], Arrays]


def asker(client: Any, module: Any) -> Ask:
    def ask(model: str, inputs: Arrays) -> Arrays:
        tensors = []
        for name, array in inputs.items():
            tensor = module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array)
            tensors.append(tensor)
        result = client.infer(model, tensors)
        return {name: result.as_numpy(name) for name in OUTPUTS}

    return ask


@pytest.fixture(scope="module")
def over_grpc(asr_server: LocalServer) -> Iterator[Ask]:
    with grpc.InferenceServerClient(asr_server.grpc) as client:
        yield asker(client, grpc)


@pytest.fixture(scope="module")
def over_http(asr_server: LocalServer) -> Iterator[Ask]:
    with http.InferenceServerClient(asr_server.http) as client:
        yield asker(client, http)


def assert_equal(answer: Mapping[str, np.ndarray], expected: Arrays, what: str) -> None:
    for name in OUTPUTS:
        assert answer[name].shape == expected[name].shape, (what, name)
        if expected[name].dtype == np.object_:
            assert answer[name].tolist() == expected[name].tolist(), (what, name)
        else:
            assert answer[name].dtype == np.float32, (what, name)
            np.testing.assert_allclose(
                answer[name], expected[name], atol=1e-4, err_msg=f"{what}: {name}"
            )


def assert_sound(answer: Arrays) -> None:
    """What holds for any answer."""
    segments, words = answer["segments"], answer["word_times"]
    count = len(answer["segment_text"])
    assert segments.shape == (count, 2) and answer["scores"].shape == (count,)
    assert words.shape == (len(answer["words"]), 2) and len(answer["word_scores"]) == len(words)
    assert (segments[:, 0] < segments[:, 1]).all() and (words[:, 0] <= words[:, 1]).all()
    assert (np.diff(segments.reshape(-1)) >= 0).all() and (np.diff(words[:, 0]) >= 0).all()
    for scores in (answer["scores"], answer["word_scores"]):
        assert ((scores >= 0) & (scores <= 1.0001)).all()
    text = b" ".join(answer["segment_text"].tolist())
    assert answer["text"].tolist() == ([text] if count else [])
    assert text.split() == b" ".join(answer["words"].tolist()).split()


def agreeing() -> dict[str, Arrays]:
    noise = 0.2 * np.random.default_rng(0).standard_normal(44_100)
    return {
        "several segments": sounds.file(sounds.TALK.read_bytes()),
        "one": sounds.given(sounds.talk(2.5)),
        "stereo": sounds.file((sounds.EXAMPLES / "talk-44100-stereo.flac").read_bytes()),
        "silence": sounds.given(np.zeros(32_000)),
        "one sample": sounds.given(np.ones(1)),
        "no sample": sounds.given(np.ones(0)),
        "noise": sounds.given(noise, 44_100),
    }


def test_ensemble_bls_chained_and_in_process_agree(
    asr_server: LocalServer, pipeline: InProcess, over_grpc: Ask, over_http: Ask
) -> None:
    chained = Chained(asr_server.grpc, "asr")
    for name, inputs in agreeing().items():
        expected = dict(pipeline.run("asr", inputs))
        assert_sound(expected)
        assert_equal(over_grpc("asr", inputs), expected, f"{name}, ensemble")
        assert_equal(over_http("asr", inputs), expected, f"{name}, ensemble over HTTP")
        assert_equal(over_grpc("asr_bls", inputs), expected, f"{name}, BLS")
        assert_equal(chained.run(inputs), expected, f"{name}, chained")
        if name == "several segments":
            assert len(expected["segments"]) == len(
                sounds.TALK.with_suffix(".txt").open().readlines()
            )
    chained.close()


def refusal(ask: Ask, model: str, inputs: Arrays) -> str:
    """The sentence of a refusal, which must be of the client's making."""
    with pytest.raises(InferenceServerException) as refused:
        ask(model, inputs)
    assert refused.value.status() in ("400", "StatusCode.INVALID_ARGUMENT"), refused.value
    sentence = reason(refused.value)
    assert 0 < len(sentence) < 200 and "\n" not in sentence and "/" not in sentence, sentence
    assert "Traceback" not in sentence and "stage" not in sentence, sentence
    return sentence


def test_every_depth_rate_and_number_of_channels_says_the_same(over_grpc: Ask) -> None:
    wanted = over_grpc("asr", sounds.given(sounds.talk(2.9)))
    assert wanted["text"].tolist() == [sounds.TALK.with_suffix(".txt").read_bytes().splitlines()[0]]
    for name, inputs in sounds.equal().items():
        found = over_grpc("asr", inputs)
        assert found["text"].tolist() == wanted["text"].tolist(), name
        np.testing.assert_allclose(found["segments"], wanted["segments"], atol=0.1, err_msg=name)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_whatever_is_sent_gets_an_answer_or_one_sentence_and_the_server_stays(
    asr_server: LocalServer, over_grpc: Ask, over_http: Ask, protocol: str
) -> None:
    ask = over_grpc if protocol == "grpc" else over_http
    good = sounds.given(sounds.talk(2.0))
    before = ask("asr", good)
    for number, (name, (inputs, expected)) in enumerate(sounds.hostile().items()):
        model = ("asr", "asr_bls")[number % 2]
        if expected in ("", "silence"):
            answer = ask(model, inputs)
            assert_sound(answer)
            if expected:
                assert not any(map(len, answer.values())), name
        else:
            assert expected in refusal(ask, model, inputs), name
    assert asr_server.control.is_ready("asr")
    assert_equal(ask("asr", good), before, "afterwards")


@pytest.mark.parametrize(
    "inputs",
    [
        {"sample_rate": np.array([16_000], np.int32)},
        {"audio": np.zeros(10, np.float32)},
        {"audio": np.zeros((2, 5), np.uint8)},
        {"samples": np.zeros(10), "sample_rate": np.array([16_000], np.int32)},
        {"samples": np.zeros(10, np.float32), "sample_rate": np.array([16_000, 1], np.int32)},
        {"samples": np.zeros(10, np.float32), "sample_rate": np.array([16_000.0], np.float32)},
        {"sound": np.zeros(10, np.uint8)},
    ],
    ids=["rate alone", "dtype", "rank", "FP64", "two rates", "rate's dtype", "unknown"],
)
def test_wrong_tensors_are_refused(over_grpc: Ask, inputs: Arrays) -> None:
    refusal(over_grpc, "asr", inputs)


def test_bad_requests_among_good_ones_hurt_nobody_else(over_grpc: Ask) -> None:
    """Twelve at once, each of its own length, every third one broken."""
    requests = [sounds.given(sounds.talk(1.6 + 0.2 * number)) for number in range(12)]
    alone = [over_grpc("asr", each) for each in requests]
    for each in requests[::3]:
        each["samples"] = sounds.with_value(np.nan)

    def ask(number: int) -> Arrays | str:
        try:
            return over_grpc("asr", requests[number])
        except InferenceServerException as refused:
            return reason(refused)

    with ThreadPoolExecutor(12) as pool:
        for number, answer in enumerate(pool.map(ask, range(12))):
            if number % 3:
                assert not isinstance(answer, str)
                assert_equal(answer, alone[number], f"number {number}")
            else:
                assert "NaN or infinite" in answer


@pytest.mark.thorough
def test_far_too_many_at_once_are_refused_or_answered_and_the_server_stays(
    asr_server: LocalServer, over_grpc: Ask
) -> None:
    """More than the queues hold, to an ensemble whose steps run side by side."""
    good = sounds.given(sounds.talk(1.6))
    alone = over_grpc("asr", good)

    def ask(model: str) -> str:
        try:
            assert_equal(over_grpc(model, good), alone, model)
        except InferenceServerException as refused:
            assert refused.status() == "StatusCode.UNAVAILABLE", refused
            return reason(refused)
        return ""

    with ThreadPoolExecutor(250) as pool:
        told = list(pool.map(ask, ["asr", "asr", "asr_bls"] * 120))
    assert "" in told
    assert all(not each or re.search("maximum queue size|is overloaded", each) for each in told)
    assert asr_server.control.is_live() and asr_server.control.is_ready("asr")
    assert_equal(once_there_is_room(lambda: over_grpc("asr", good)), alone, "afterwards")
