"""The routes for vectors, pages and speech, before the demo's own pipelines."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from openai import OpenAI
from openai.types.audio import TranscriptionVerbose

from clients.examples import PAGE, PAGE_TEXT, SCENES, TALK, TALK_TEXT
from clients.vision.client import VisionClient
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.gateway.demo import PIPELINES, repository
from tests.gateway.running import Gateway, error_in, running, settings

pytestmark = pytest.mark.xdist_group("gateway")

SPOKEN = " ".join(TALK_TEXT.read_text("utf-8").split())
"""What is said in the talk."""


@pytest.fixture(scope="module")
def server(
    server_environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    folder = repository(tmp_path_factory.mktemp("repository"))
    server = LocalServer(folder, load=PIPELINES, environment=server_environment)
    server.start()
    assert not server.failed_models()
    yield server
    server.stop(now=True)


@pytest.fixture(scope="module")
def demo(server: LocalServer) -> Iterator[Gateway]:
    with running(settings(server.grpc)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def asked(demo: Gateway) -> OpenAI:
    return demo.client()


def data(file: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"


def form(demo: Gateway, path: str, file: Path | str, **fields: str) -> tuple[int, str, str]:
    """The status, type and text that ``curl -F`` gets; a text is no file."""
    sent = ["-F", f"file=@{file}" if isinstance(file, Path) else f"file={file}"]
    for name, value in fields.items():
        sent += ["-F", f"{name}={value}"]
    got = subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code} %{content_type}", *sent, demo.url + path],
        capture_output=True,
        text=True,
        check=True,
    )
    content, _, last = got.stdout.rpartition("\n")
    status, _, kind = last.partition(" ")
    return int(status), kind, content


def refused(answer: tuple[int, str, str]) -> dict[str, Any]:
    status, kind, content = answer
    assert status == 400
    return error_in({"content-type": kind}, content.encode())


def test_models_are_listed_with_what_they_are_for(demo: Gateway, asked: OpenAI) -> None:
    _, _, content = demo.ask("GET", "/v1/models")
    uses: Mapping[str, list[str]] = {
        each["id"]: each["uses"] for each in json.loads(content)["data"]
    }
    assert uses == {
        "asr": ["transcription"],
        "double": ["chat"],
        "generate": ["chat"],
        "ocr": ["OCR"],
        "text_embed": ["text embeddings"],
        "vision": ["image embeddings"],
        "vision_text": ["text embeddings"],
    }
    assert asked.models.retrieve("ocr").id == "ocr"
    for name in ("detect", "nothing"):
        with pytest.raises(openai.NotFoundError):
            asked.models.retrieve(name)


def test_a_model_for_something_else_is_refused(asked: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'ocr' is for OCR") as raised:
        asked.chat.completions.create(model="ocr", messages=[{"role": "user", "content": "a"}])
    assert raised.value.code == "model_not_supported"
    with pytest.raises(openai.BadRequestError, match="no route of this API"):
        asked.embeddings.create(model="detect", input="a")


TEXTS = ["Where is my parcel?", "My order has not arrived.", "The sky is blue."]


@pytest.mark.parametrize("form_", ["float", "base64"])
def test_texts_become_vectors(asked: OpenAI, form_: Any) -> None:
    found = asked.embeddings.create(model="text_embed", input=TEXTS, encoding_format=form_)
    assert [each.index for each in found.data] == [0, 1, 2]
    vectors = [
        np.frombuffer(base64.b64decode(each.embedding), "<f4")
        if isinstance(each.embedding, str)
        else np.array(each.embedding, np.float32)
        for each in found.data
    ]
    assert {each.shape for each in vectors} == {(384,)}
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_more_texts_than_a_request_has_are_sent_in_several(asked: OpenAI) -> None:
    texts = [f"number {number}" for number in range(70)]
    found = asked.embeddings.create(model="text_embed", input=texts)
    vectors = np.array([each.embedding for each in found.data])
    assert vectors.shape == (70, 384)
    one = asked.embeddings.create(model="text_embed", input=texts[65]).data[0].embedding
    assert int(np.argmax(vectors @ np.array(one))) == 65


def test_images_become_vectors_in_the_space_of_their_texts(
    asked: OpenAI, server: LocalServer
) -> None:
    files = [SCENES / f"{name}.png" for name in ("square", "circles")]
    found = asked.embeddings.create(model="vision", input=[data(each) for each in files])
    images = np.array([each.embedding for each in found.data], np.float32)
    text = asked.embeddings.create(model="vision_text", input="three red circles")
    assert int(np.argmax(images @ np.array(text.data[0].embedding))) == 1
    with VisionClient(server.grpc) as client:
        np.testing.assert_allclose(images[0], client.image(files[0].read_bytes()), atol=1e-6)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("three red circles", "send the image as a data URI"),
        ("data:image/png;base64,AAAA", "image"),
        ("data:text/plain;base64,AAAA", "found text/plain"),
        ("https://images.example/a.png", "not switched on"),
        (["data:image/png;base64,AAAA"] * 17, "at most 16"),
    ],
)
def test_what_is_no_image_is_refused(asked: OpenAI, given: Any, told: str) -> None:
    with pytest.raises(openai.BadRequestError, match=told):
        asked.embeddings.create(model="vision", input=given)


def test_a_page_is_read_from_a_form(demo: Gateway) -> None:
    status, kind, content = form(demo, "/v1/ocr", PAGE)
    assert (status, kind) == (200, "application/json")
    told = json.loads(content)
    expected = PAGE_TEXT.read_text("utf-8").splitlines()
    assert told["text"].splitlines() == [each["text"] for each in told["lines"]] == expected
    assert (told["model"], told["page_count"]) == ("ocr", 1)
    line = told["lines"][0]
    assert line.keys() == {"text", "box", "score", "page"}
    assert np.array(line["box"]).shape == (4, 2)
    assert 0.9 < line["score"] <= 1 and line["page"] == 1


@pytest.mark.thorough
def test_a_page_is_read_from_a_body(demo: Gateway) -> None:
    for kind in ("image/png", "application/octet-stream"):
        path = "/v1/ocr?response_format=text&minimum_score=0.99&orientation=False&pages=1"
        status, headers, content = demo.ask("POST", path, PAGE.read_bytes(), {"Content-Type": kind})
        assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert content.decode().splitlines()[0] == "The Harbour Gazette"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"minimum_score": "2"}, "minimum_score"),
        ({"maximum_side": "wide"}, "maximum_side"),
        ({"orientation": "7"}, "orientation"),
        ({"pages": "first"}, "pages"),
        ({"response_format": "xml"}, "response_format"),
        ({"language": "en"}, "language"),
        ({"model": "asr"}, "model"),
    ],
)
def test_an_option_of_ocr_that_cannot_be_is_refused(
    demo: Gateway, fields: dict[str, str], param: str
) -> None:
    assert refused(form(demo, "/v1/ocr", PAGE, **fields))["param"] == param


def test_what_the_pipeline_says_of_a_file_reaches_the_client(demo: Gateway) -> None:
    assert "image" in refused(form(demo, "/v1/ocr", TALK))["message"]
    assert "sound" in refused(form(demo, "/v1/audio/transcriptions", PAGE, model="asr"))["message"]


@pytest.mark.parametrize("path", ["/v1/ocr", "/v1/audio/transcriptions"])
def test_a_form_without_a_file_is_refused(demo: Gateway, path: str, tmp_path: Path) -> None:
    assert refused(form(demo, path, "text", model="asr"))["param"] == "file"
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    assert "empty" in refused(form(demo, path, empty, model="asr"))["message"]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("application/x-www-form-urlencoded", b"file=a", 415),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=", b"", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"nonsense", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nno head", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--\r\n", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 100 + b"--x--\r\n",
            400,
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"1" * 100_000,
            400,
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n1\r\n' * 2
            + b"--x--\r\n",
            400,
        ),
    ],
)
def test_a_form_that_is_broken_is_refused(
    demo: Gateway, kind: str, body: bytes, status: int
) -> None:
    for path in ("/v1/ocr", "/v1/audio/transcriptions"):
        found, error = demo.refused(path, body, {"Content-Type": kind})
        assert found == status, error


def test_speech_is_read(asked: OpenAI) -> None:
    with TALK.open("rb") as file:
        said = asked.audio.transcriptions.create(model="asr", file=file)
    assert said.text == SPOKEN


def test_speech_is_read_with_its_times(asked: OpenAI) -> None:
    with TALK.open("rb") as file:
        said = asked.audio.transcriptions.create(
            model="asr",
            file=file,
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
            temperature=0,
        )
    assert isinstance(said, TranscriptionVerbose)
    TranscriptionVerbose.model_validate(said.model_dump(), strict=True)
    assert said.segments is not None and said.words is not None
    assert [each.text for each in said.segments] == TALK_TEXT.read_text("utf-8").splitlines()
    assert " ".join(each.word for each in said.words) == SPOKEN
    assert 18 < said.duration < 20
    starts = [each.start for each in said.words]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("how", "begins", "kind"),
    [
        ("text", SPOKEN, "text/plain; charset=utf-8"),
        ("srt", "1\n00:00:00,", "text/plain; charset=utf-8"),
        ("vtt", "WEBVTT\n\n00:00:00.", "text/plain; charset=utf-8"),
        ("json", '{"text":"turn on', "application/json"),
        ("verbose_json", '{"duration":', "application/json"),
    ],
)
def test_speech_is_written_in_each_format(demo: Gateway, how: str, begins: str, kind: str) -> None:
    path = "/v1/audio/transcriptions"
    status, found, content = form(demo, path, TALK, model="asr", response_format=how)
    assert (status, found) == (200, kind)
    assert content.startswith(begins)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "model"),
        ({"language": "en"}, "language"),
        ({"prompt": "before"}, "prompt"),
        ({"temperature": "0.5"}, "temperature"),
        ({"stream": "true"}, "stream"),
        ({"include[]": "logprobs"}, "include"),
        ({"response_format": "xml"}, "response_format"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities"),
        ({"beam": "4"}, "beam"),
    ],
)
def test_an_option_of_speech_that_cannot_be_is_refused(
    demo: Gateway, fields: dict[str, str], param: str
) -> None:
    sent = fields if param == "model" else {"model": "asr", **fields}
    assert refused(form(demo, "/v1/audio/transcriptions", TALK, **sent))["param"] == param


def test_sound_in_a_message_becomes_its_text(demo: Gateway) -> None:
    sound = {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(TALK.read_bytes()).decode(), "format": "wav"},
    }
    parts = [{"type": "text", "text": "!inputs"}, sound]
    message = {"role": "user", "content": parts}
    body = {"model": "double", "messages": [message]}
    told = demo.inputs("/v1/chat/completions", body)
    assert told["messages"][0]["content"] == [
        {"type": "text", "text": "!inputs"},
        {"type": "text", "text": SPOKEN},
    ]


def test_sound_needs_a_pipeline_that_hears(gateway: Gateway) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body = gateway.chat("") | {"messages": [{"role": "user", "content": [sound]}]}
    status, error = gateway.refused("/v1/chat/completions", body)
    assert (status, error["code"]) == (400, "unsupported_parameter")
    assert "input_audio" in error["message"]


SHOWN = json.loads((SCENES / "scenes.json").read_text("utf-8"))


def question(scene: Mapping[str, str]) -> Any:
    """A question about one of the demo's scenes, as a message."""
    image = {"type": "image_url", "image_url": {"url": data(SCENES / scene["image"])}}
    return {"role": "user", "content": [image, {"type": "text", "text": scene["question"]}]}


@pytest.mark.parametrize("scene", SHOWN, ids=lambda scene: scene["image"])
def test_a_question_about_an_image_is_answered(asked: OpenAI, scene: dict[str, str]) -> None:
    answer = asked.chat.completions.create(model="generate", messages=[question(scene)])
    assert answer.choices[0].message.content == scene["answer"]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None and answer.usage.prompt_tokens > 64


def test_an_answer_about_an_image_comes_piece_by_piece(asked: OpenAI) -> None:
    (scene,) = (each for each in SHOWN if each["image"] == "square.png")
    stream = asked.chat.completions.create(
        model="generate",
        messages=[question(scene)],
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = stream
    pieces = [each.choices[0].delta.content for each in chunks if each.choices[0].delta.content]
    assert "".join(pieces) == scene["answer"] and len(pieces) > 2
    assert last.usage is not None and last.usage.completion_tokens >= len(pieces)


def test_answers_are_alike_by_a_seed(asked: OpenAI) -> None:
    def drawn(seed: int) -> list[str | None]:
        answer = asked.chat.completions.create(
            model="generate",
            messages=[{"role": "user", "content": "What do you see?"}],
            temperature=2,
            seed=seed,
            n=2,
            max_tokens=12,
        )
        return [each.message.content for each in answer.choices]

    first = drawn(5)
    assert drawn(5) == first
    assert drawn(6)[0] == first[1], "a seed is counted up"


def test_a_prompt_goes_on_to_its_stop(asked: OpenAI) -> None:
    whole = asked.completions.create(model="generate", prompt="a blue", max_tokens=8)
    text = whole.choices[0].text
    assert text and whole.usage is not None and whole.usage.completion_tokens <= 8
    word = text.split()[-1]
    cut = asked.completions.create(model="generate", prompt="a blue", max_tokens=8, stop=word)
    assert cut.choices[0].text == text[: text.index(word)]
    assert cut.choices[0].finish_reason == "stop"


def test_what_the_decoder_refuses_is_told(asked: OpenAI) -> None:
    for messages in (
        [{"role": "user", "content": "a " * 20_000}],
        [{"role": "user", "content": ""}],
    ):
        with pytest.raises(openai.BadRequestError) as raised:
            asked.chat.completions.create(model="generate", messages=messages)  # type: ignore[arg-type]
        assert raised.value.code == "invalid_value"
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        asked.chat.completions.create(
            model="generate", messages=[{"role": "user", "content": "a"}], max_tokens=2**30
        )
