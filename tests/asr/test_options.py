"""A beam and a word list, by every way to run the pipeline and in streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.utils import np_to_triton_dtype
from typer.testing import CliRunner

from clients.asr.client import AsrClient
from clients.chained import Chained
from clients.cli.app import app
from clients.connection.errors import RequestError
from runtime.inprocess import InProcess
from runtime.server.server import LocalServer
from tests.asr import sounds
from tests.asr.sounds import OUTPUTS, Arrays

WORDS = ("open", "the", "door", "seven", "please")

OPTIONS: dict[str, Arrays] = {
    "a beam": {"beam": np.array([8], np.int32)},
    "a list": {"word_list": np.array([word.encode() for word in WORDS], np.object_)},
    "both": {
        "beam": np.array([4], np.int32),
        "word_list": np.array([word.encode() for word in WORDS], np.object_),
    },
}


@pytest.fixture(scope="module")
def client(asr_server: LocalServer) -> Iterator[AsrClient]:
    with AsrClient(asr_server.grpc) as connected:
        yield connected


def asked(client: Any, module: Any, model: str, inputs: Arrays) -> Arrays:
    tensors = []
    for name, array in inputs.items():
        tensor = module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        tensors.append(tensor)
    result = client.infer(model, tensors)
    return {name: result.as_numpy(name) for name in OUTPUTS}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_way_to_run_takes_them(
    asr_server: LocalServer, pipeline: InProcess, options: Arrays
) -> None:
    inputs = sounds.given(sounds.talk(6.0)) | options
    expected = pipeline.run("asr", inputs)
    answers = {"chained": Chained(asr_server.grpc, "asr").run(inputs)}
    with grpc.InferenceServerClient(asr_server.grpc) as over_grpc:
        answers["ensemble"] = asked(over_grpc, grpc, "asr", inputs)
        answers["BLS"] = asked(over_grpc, grpc, "asr_bls", inputs)
    with http.InferenceServerClient(asr_server.http) as over_http:
        answers["HTTP"] = asked(over_http, http, "asr", inputs)
    for way, answer in answers.items():
        for name in ("text", "segment_text", "words"):
            assert answer[name].tolist() == expected[name].tolist(), (way, name)
        for name in ("word_times", "word_scores"):
            assert np.allclose(
                np.asarray(answer[name], np.float32),
                np.asarray(expected[name], np.float32),
                atol=1e-4,
            ), (way, name)
    if "word_list" in options:
        assert {word.decode() for word in expected["words"]} <= set(WORDS)


def test_a_stream_keeps_its_first_pieces_options(client: AsrClient) -> None:
    sound = sounds.talk(6.0)
    pieces = np.array_split(sound, 12)
    wanted = client.transcribe_samples(sound, sounds.RATE, word_list=WORDS, beam=8)
    heard = list(client.stream(pieces, sounds.RATE, word_list=WORDS, beam=8))
    assert [s.text for one in heard for s in one.ended] == [segment.text for segment in wanted]
    assert {word for one in heard for word in one.partial.split()} <= set(WORDS)


def test_other_options_in_a_later_piece_are_refused(asr_server: LocalServer) -> None:
    piece = sounds.given(np.zeros(800))
    with grpc.InferenceServerClient(asr_server.grpc) as connected:

        def send(options: Arrays, start: bool = False, end: bool = False) -> None:
            tensors = []
            for name, array in (piece | options).items():
                tensor = grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
                tensor.set_data_from_numpy(array)
                tensors.append(tensor)
            connected.infer(
                "asr_stream", tensors, sequence_id=77, sequence_start=start, sequence_end=end
            )

        send(OPTIONS["a list"], start=True)
        send(OPTIONS["a list"])
        with pytest.raises(Exception, match="belong to its first piece; found others"):
            send(OPTIONS["a beam"])
        send({}, end=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"beam": 0}, "beam: expected one number from 1, greedy, to 64, found 0"),
        ({"beam": 1000}, "found 1000"),
        ({"word_list": []}, "word_list: expected 1 to 20000 words, found 0"),
        ({"word_list": ["open", "Ж"]}, "found 'Ж', which has 'Ж'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    client: AsrClient, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RequestError) as refused:
        client.transcribe_samples(sounds.talk(3.0), sounds.RATE, **options)
    assert sentence in str(refused.value)
    with pytest.raises(RequestError) as refused:
        list(client.stream([sounds.talk(3.0)], sounds.RATE, **options))
    assert sentence in str(refused.value)


def test_the_command_line_reads_a_list_of_words(asr_server: LocalServer, tmp_path: Path) -> None:
    listed = tmp_path / "words.txt"
    listed.write_text("open the\ndoor seven\n")
    run = ["asr", str(sounds.TALK), "--url", asr_server.grpc]
    found = CliRunner().invoke(app, [*run, "--word-list", str(listed), "--beam", "8"])
    assert found.exit_code == 0, found.output
    spoken = {word for line in found.stdout.splitlines() for word in line.split()[2:]}
    assert spoken and spoken <= {"open", "the", "door", "seven"}
    listed.write_bytes(b"\xff\xfe")
    refused = CliRunner().invoke(app, [*run, "--word-list", str(listed)])
    assert refused.exit_code == 2
    # The sentence stands in a box, folded where the terminal ends.
    assert "not UTF-8 text" in " ".join(refused.output.replace("│", " ").split())
