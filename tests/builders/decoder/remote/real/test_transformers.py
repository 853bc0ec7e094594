"""The remote engine before a real server with OpenAI's API: `transformers serve`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.paths import BUILDERS
from builders.scenes import SHIPPED, read_scenes
from tests.builders.decoder.remote.asking import Client, Engine
from tests.builders.decoder.remote.real.transformers_server import TransformersServer, serving
from tests.builders.decoder.tokenizers_made import byte_level
from tests.waiting import until

pytestmark = pytest.mark.thorough

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }} {{ message['content'] }}"
    "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant {% endif %}"
)
PROMPTS = ("the red circle", "Hello world! 中 né", "a", "system user " * 20)
NEW = 40


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of random weights that never ends an answer by itself."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("checkpoints") / "llama"
    tokenizer = byte_level()
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=32_768,
            initializer_range=0.5,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    model.save_pretrained(folder)
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=TEMPLATE)
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def server(llama: Path) -> Iterator[TransformersServer]:
    with serving(llama) as server:
        yield server


@pytest.fixture(scope="module")
def engine(server: TransformersServer) -> Iterator[Engine]:
    engine = Engine(server.url, model=server.model, slots=4, waiting=64)
    yield engine
    engine.remote.close()


def _expected(llama: Path, prompt: str) -> str:
    """What transformers' own ``generate`` answers to a text, up to the last whole character."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(llama)
    model: Any = AutoModelForCausalLM.from_pretrained(llama)
    inputs = tokenizer(prompt, return_tensors="pt")
    with torch.no_grad():
        found = model.generate(**inputs, max_new_tokens=NEW, do_sample=False)
    text = tokenizer.decode(found[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    # The server keeps back bytes that are no whole character, to the end.
    return str(text).rstrip("\ufffd")


def _chat(content: object) -> str:
    return json.dumps([{"role": "user", "content": content}])


@pytest.mark.parametrize("stream", [True, False])
def test_texts_are_answered_as_by_transformers(engine: Engine, llama: Path, stream: bool) -> None:
    clients = [engine.ask(each, max_tokens=NEW, stream=stream) for each in PROMPTS]
    for prompt, client in zip(PROMPTS, clients, strict=True):
        assert client.answer().rstrip("\ufffd") == _expected(llama, prompt)
        last = client.last()
        assert (last["finish_reason"], last["completion_tokens"]) == (b"length", NEW)
        assert last["prompt_tokens"] > 0
        assert len(client.responses) > 1 or not stream


def test_a_chat_is_put_into_the_servers_template(engine: Engine, llama: Path) -> None:
    from transformers import AutoTokenizer

    messages = [{"role": "user", "content": "the red circle"}]
    tokenizer: Any = AutoTokenizer.from_pretrained(llama)
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    client = engine.ask(text_input=None, messages=json.dumps(messages), max_tokens=NEW)
    assert client.answer().rstrip("\ufffd") == _expected(llama, prompt)


def test_many_at_once_are_answered_as_each_alone(engine: Engine, llama: Path) -> None:
    expected = {each: _expected(llama, each) for each in PROMPTS}
    clients = [(each, engine.ask(each, max_tokens=NEW)) for each in PROMPTS * 6]
    for prompt, client in clients:
        assert client.answer().rstrip("\ufffd") == expected[prompt]


def test_the_server_stops_when_our_client_goes_away(
    engine: Engine, server: TransformersServer
) -> None:
    client = engine.ask("the red circle", max_tokens=30_000)
    until(lambda: len(client.responses) > 5)
    assert server.is_busy()
    client.gone = True
    client.wait()
    assert client.error is None
    until(lambda: not server.is_busy())
    assert engine.host["running"] == 0
    assert engine.ask("a", max_tokens=3).last()["completion_tokens"] == 3


def test_what_the_server_refuses_is_told(engine: Engine) -> None:
    error = engine.ask("the red circle", top_k=3).refused()
    assert "refused the request: Unexpected fields in the request: {'top_k'}" in str(error)


def test_a_server_that_ends_in_the_middle_is_told(llama: Path) -> None:
    with serving(llama) as server:
        engine = Engine(server.url, model=server.model, retries=1)
        client = engine.ask("the red circle", max_tokens=30_000)
        until(lambda: len(client.responses) > 5)
        server.process.kill()
        assert "before the end of its answer" in str(client.refused())
        assert "cannot be reached" in str(engine.ask("a").refused())
        engine.remote.close()


@pytest.fixture(scope="module")
def eye() -> Iterator[Engine]:
    """The demo's model that sees."""
    with serving(BUILDERS / "vision" / "demo" / "vision") as server:
        engine = Engine(server.url, model=server.model, slots=2, waiting=64)
        yield engine
        engine.remote.close()


def test_images_are_seen(eye: Engine) -> None:
    """As many questions about scenes that no training used are right as the model gets right."""
    asked: list[tuple[str, Client]] = []
    for scene in read_scenes(SHIPPED)[:12]:
        question, answer = scene.questions[0]
        inputs: dict[str, Any] = {
            "text_input": None,
            "messages": _chat([{"type": "image"}, {"type": "text", "text": question}]),
            "image": np.array([scene.image.read_bytes()], np.object_),
            "max_tokens": 8,
        }
        asked.append((answer, eye.ask(**inputs)))
    right = [client.answer().strip() == answer for answer, client in asked]
    assert sum(right) >= 11
    assert {client.last()["finish_reason"] for _, client in asked} == {b"stop"}
