"""Streams: however the sound is cut and sent, the segments are those of the file.

What is refused in mid-stream, such as a piece with NaN, is as if it had not been sent: the stream
goes on. A first or last piece that is refused ends it.
"""

from __future__ import annotations

import itertools
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
import tritonclient.http as http
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.utils import InferenceServerException

from clients.asr.client import AsrClient, Segment
from clients.connection.errors import reason
from runtime.inprocess import InProcess
from runtime.server.server import LocalServer
from tests.asr import sounds

Found = list[tuple[str, float, float]]
Send = Callable[..., Any]


def found(answer: Any) -> Found:
    """The segments of an answer, in process or of a server."""
    read = answer.as_numpy if hasattr(answer, "as_numpy") else answer.__getitem__
    return [
        (text.decode(), round(float(start), 3), round(float(end), 3))
        for text, (start, end) in zip(read("segment_text"), read("segments"), strict=True)
    ]


def listed(segments: Sequence[Segment]) -> Found:
    return [(each.text, round(each.start, 3), round(each.end, 3)) for each in segments]


@pytest.fixture(scope="module")
def short() -> np.ndarray:
    """Two sentences at 8 kHz, which is not the models' rate."""
    return sounds.talk(6.0)[::2].copy()


@pytest.fixture(scope="module")
def of_the_file(pipeline: InProcess, short: np.ndarray) -> Found:
    segments = found(pipeline.run("asr", sounds.given(short, 8_000)))
    assert len(segments) >= 2
    return segments


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 160, 2400, 9000, 30_000]), min_size=1, max_size=6))
def test_pieces_of_any_size_give_the_files_segments(
    pipeline: InProcess, short: np.ndarray, of_the_file: Found, sizes: list[int]
) -> None:
    heard: Found = []
    ends = itertools.accumulate(itertools.islice(itertools.cycle(sizes), 40))
    pieces = np.split(short, [min(end, len(short)) for end in ends])
    for number, piece in enumerate(pieces):
        flags = {"start": np.array([not number]), "end": np.array([number == len(pieces) - 1])}
        inputs = sounds.given(piece, 8_000) | flags | {"correlation": np.array([7], np.uint64)}
        heard += found(pipeline.run("asr_stream", inputs))
    assert heard == of_the_file


def infer(client: Any, module: Any) -> Send:
    """Sends pieces: ``send(7, piece, start=True)``, the rate being 8 kHz."""

    def send(sequence: int | str, piece: np.ndarray | None, rate: int = 8_000, **flags: Any) -> Any:
        tensors = []
        inputs = sounds.given(np.zeros(0) if piece is None else piece, rate)
        for name, kind in (("samples", "FP32"), ("sample_rate", "INT32")):
            if piece is None and name == "samples":
                continue
            tensors.append(module.InferInput(name, list(inputs[name].shape), kind))
            tensors[-1].set_data_from_numpy(inputs[name])
        named = {f"sequence_{name}": value for name, value in flags.items()}
        return client.infer("asr_stream", tensors, sequence_id=sequence, **named)

    return send


@pytest.fixture(scope="module")
def over_grpc(asr_server: LocalServer) -> Iterator[Send]:
    with grpc.InferenceServerClient(asr_server.grpc) as client:
        yield infer(client, grpc)


@pytest.fixture(scope="module")
def over_http(asr_server: LocalServer) -> Iterator[Send]:
    with http.InferenceServerClient(asr_server.http) as client:
        yield infer(client, http)


def whole(send: Send, sequence: int | str, sound: np.ndarray, pieces: int = 6) -> Found:
    heard: Found = []
    for number, piece in enumerate(np.array_split(sound, pieces)):
        heard += found(send(sequence, piece, start=not number, end=number == pieces - 1))
    return heard


def test_grpc_http_and_the_client_give_the_files_segments(
    asr_server: LocalServer,
    over_grpc: Send,
    over_http: Send,
    short: np.ndarray,
    of_the_file: Found,
) -> None:
    assert whole(over_grpc, 11, short) == of_the_file
    assert whole(over_http, 12, short) == of_the_file
    assert whole(over_http, "a name", short) == of_the_file
    assert found(over_grpc(13, short, start=True, end=True)) == of_the_file
    with AsrClient(asr_server.grpc) as client:
        heard = list(client.stream(np.array_split(short, 9), 8_000))
        assert listed([each for one in heard for each in one.ended]) == of_the_file
        assert any(each.partial for each in heard)
        assert all((each.partial == "") == (each.partial_start is None) for each in heard)
        assert not next(client.stream([], 8_000)).ended


def test_streaming_grpc_gives_the_files_segments(
    asr_server: LocalServer, short: np.ndarray, of_the_file: Found
) -> None:
    answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
    with grpc.InferenceServerClient(asr_server.grpc) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        pieces = np.array_split(short, 5)
        for number, piece in enumerate(pieces):
            inputs = sounds.given(piece, 8_000)
            tensors = [
                grpc.InferInput(name, list(inputs[name].shape), kind)
                for name, kind in (("samples", "FP32"), ("sample_rate", "INT32"))
            ]
            for tensor in tensors:
                tensor.set_data_from_numpy(inputs[tensor.name()])
            client.async_stream_infer(
                "asr_stream",
                tensors,
                sequence_id=21,
                sequence_start=not number,
                sequence_end=number == len(pieces) - 1,
            )
        heard: Found = []
        for _ in pieces:
            result, error = answers.get(timeout=60)
            assert error is None, error
            heard += found(result)
    assert heard == of_the_file


def test_streams_that_are_interleaved_keep_apart(
    asr_server: LocalServer, over_grpc: Send, pipeline: InProcess
) -> None:
    """In turns from one client, and eight at once from threads, each with a sound of its own."""
    ends = np.array([2.2, 3.1, 4.0, 4.9, 5.8, 6.7, 3.5, 2.6])
    own = [sounds.talk(end)[:: 2 if number % 2 else 1] for number, end in enumerate(ends)]
    rates = [8_000 if number % 2 else 16_000 for number in range(len(own))]
    wanted = [
        found(pipeline.run("asr", sounds.given(sound, rate)))
        for sound, rate in zip(own, rates, strict=True)
    ]
    heard: list[Found] = [[] for _ in own]
    for turn in range(4):
        for number, (sound, rate) in enumerate(zip(own, rates, strict=True)):
            piece = np.array_split(sound, 4)[turn]
            flags = {"start": turn == 0, "end": turn == 3}
            heard[number] += found(over_grpc(31 + number, piece, rate, **flags))
    assert heard == wanted

    def threaded(number: int) -> Found:
        with AsrClient(asr_server.grpc) as client:
            pieces = np.array_split(own[number], 7)
            return listed(
                [each for one in client.stream(pieces, rates[number]) for each in one.ended]
            )

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(threaded, range(len(own)))) == wanted


def refused(send: Send, *arguments: Any, **flags: Any) -> str:
    with pytest.raises(InferenceServerException) as refusal:
        send(*arguments, **flags)
    assert refusal.value.status() in ("400", "StatusCode.INVALID_ARGUMENT"), refusal.value
    sentence = reason(refusal.value)
    assert "\n" not in sentence and "/" not in sentence and len(sentence) < 200
    return sentence


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_what_is_refused_in_mid_stream_is_as_if_it_had_not_been_sent(
    over_grpc: Send, over_http: Send, short: np.ndarray, of_the_file: Found, protocol: str
) -> None:
    send = over_grpc if protocol == "grpc" else over_http
    first, second = np.array_split(short, 2)
    heard = found(send(41, first, start=True))
    broken = second.copy()
    broken[5] = np.nan
    assert "NaN or infinite" in refused(send, 41, broken)
    assert "began with 8000 Hz; found a piece of 16000 Hz" in refused(send, 41, second, 16_000)
    assert "from 1000 to 768000" in refused(send, 41, second, 0)
    assert "at most 30 s, found 31.0 s" in refused(send, 41, np.zeros(31 * 8_000))
    assert "divide integers" in refused(send, 41, second * 30_000)
    heard += found(send(41, second))
    assert heard + found(send(41, second[:0], end=True)) == of_the_file


def test_a_sequence_has_one_start_and_one_end(over_grpc: Send, short: np.ndarray) -> None:
    assert "must specify the START flag" in refused(over_grpc, 51, short)
    assert "non-zero or non-empty correlation ID" in refused(over_grpc, 0, short, start=True)
    over_grpc(52, short[:800], start=True)
    over_grpc(52, short[:0], end=True)
    assert "must specify the START flag" in refused(over_grpc, 52, short[:0], end=True)


def test_a_second_start_begins_anew(over_grpc: Send, short: np.ndarray, of_the_file: Found) -> None:
    over_grpc(53, short[:20_000], start=True)
    assert whole(over_grpc, 53, short) == of_the_file


def test_a_refused_first_piece_begins_no_stream(over_grpc: Send, short: np.ndarray) -> None:
    assert "found 5" in refused(over_grpc, 54, short, 5, start=True)
    assert "begin a new one" in refused(over_grpc, 54, short)
    assert "send 'samples'" in refused(over_grpc, 54, None, start=True)
    refused(over_grpc, 54, short[:0], end=True)


def test_a_stream_that_is_left_gives_its_place_back(
    asr_server: LocalServer, short: np.ndarray, of_the_file: Found
) -> None:
    """Thirty clients go away in mid-stream, more than have a place; the next is heard at once."""
    with AsrClient(asr_server.grpc, timeout=20) as client:
        for _ in range(30):
            stream = client.stream(np.array_split(short[:4000], 4), 8_000)
            next(stream)
            stream.close()
        heard = list(client.stream(np.array_split(short, 3), 8_000))
    assert listed([each for one in heard for each in one.ended]) == of_the_file


def test_streams_that_were_left_open_do_not_keep_new_ones_out(
    asr_server: LocalServer, short: np.ndarray, of_the_file: Found
) -> None:
    """Sixteen clients begin a stream and are gone; Triton holds their places for half a minute."""
    for number in range(100, 116):
        with grpc.InferenceServerClient(asr_server.grpc) as client:
            infer(client, grpc)(number, short[:800], start=True)
    with grpc.InferenceServerClient(asr_server.grpc) as client:
        send = infer(client, grpc)
        began = time.monotonic()
        heard = found(send(99, short[:800], start=True))
        assert time.monotonic() - began < 15
        assert heard + found(send(99, short[800:], end=True)) == of_the_file
        for number in range(100, 116):
            send(number, short[:0], end=True)
