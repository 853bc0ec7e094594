"""A checkpoint from a profile to a real Triton: the vectors, in every form, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from builders.embed.checkpoint.read import read_embedder
from builders.embed.exports import expected
from builders.kit.build.build import build
from builders.kit.recipe.profile import ProfileError, load_profile
from builders.kit.tasks.cache import Cache
from clients.chained import Chained
from repository.usage.answers import difference
from repository.usage.found import usages
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.embed.checkpoints import HIDDEN, write

TEXTS = ("boats late", "a", "the boat is late again, said the keeper of the light", "Boat!", "?")


def profile_of(folder: Path, checkpoint: Path) -> Any:
    path = folder / "mine.yaml"
    family = {"source": f"path:{checkpoint}", "maximum_texts": 8, "bounds": {"recall_at_1": 0.0}}
    path.write_text(
        json.dumps({"triton": "24.10", "bls": True, "families": {"embed": family}}), "utf-8"
    )
    return load_profile(path)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("checkpoint") / "mpnet", "mpnet")


@pytest.fixture(scope="module")
def repository(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(profile_of(folder, checkpoint), folder / "repository", cache=Cache(folder / "cache"))
    return folder / "repository"


@pytest.fixture(scope="module")
def served(repository: Path, server_environment: ServerEnvironment) -> Iterator[str]:
    with LocalServer(repository, environment=server_environment) as server:
        yield server.grpc


def ask(address: str, texts: Sequence[str | bytes], model: str = "text_embed") -> np.ndarray:
    values = [each.encode() if isinstance(each, str) else each for each in texts]
    given = grpc.InferInput("text", [len(values)], "BYTES")
    given.set_data_from_numpy(np.array(values, np.object_))
    with grpc.InferenceServerClient(address) as client:
        found: np.ndarray | None = client.infer(model, [given]).as_numpy("embeddings")
    assert found is not None
    return found


def reference(checkpoint: Path, text: str) -> np.ndarray:
    """transformers' tokens of one text, and its vector."""
    from transformers import AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(checkpoint)(
        [text],
        truncation=True,
        max_length=read_embedder(checkpoint).maximum_length,
        return_tensors="np",
    )
    given = {name: np.asarray(tokens[name]) for name in ("input_ids", "attention_mask")}
    vector: np.ndarray = expected(checkpoint, given)["embeddings"][0]
    return vector


@pytest.mark.thorough
def test_each_text_has_its_vector_whatever_stands_beside_it(
    checkpoint: Path, repository: Path, served: str
) -> None:
    known = np.stack([reference(checkpoint, text) for text in TEXTS])
    inputs = {"text": np.array([text.encode() for text in TEXTS], np.object_)}
    chained = Chained(served, "text_embed")
    forms = {
        "chained": np.asarray(chained.run(inputs)["embeddings"]),
        "ensemble": ask(served, TEXTS),
        "BLS": ask(served, TEXTS, "text_embed_bls"),
        "in process": InProcess(repository).run("text_embed", inputs)["embeddings"],
        "one by one": np.concatenate([ask(served, [text]) for text in TEXTS]),
    }
    for form, found in forms.items():
        assert found.shape == (len(TEXTS), HIDDEN) and found.dtype == np.float32, form
        assert np.abs(found - known).max() < 1e-5, form
    chained.close()


@pytest.mark.thorough
def test_requests_of_a_crowd_get_their_own_answers(served: str) -> None:
    alone = {text: ask(served, [text])[0] for text in TEXTS}
    asked = [TEXTS[number % len(TEXTS) :] for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda texts: ask(served, texts), asked))
    for texts, found in zip(asked, answers, strict=True):
        assert np.abs(found - np.stack([alone[text] for text in texts])).max() < 1e-5


@pytest.mark.thorough
@pytest.mark.parametrize("model", ["text_embed", "text_embed_bls"])
@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "from 1 to 8 texts in a request, found none"),
        (["a"] * 9, "found 9"),
        (["boat", ""], "number 2 of 2 is empty"),
        ([b"\xff"], "is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(
    served: str, model: str, texts: list[str | bytes], said: str
) -> None:
    with pytest.raises(InferenceServerException, match=said) as refused:
        ask(served, texts, model)
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"


@pytest.mark.thorough
def test_a_long_text_is_cut(checkpoint: Path, served: str) -> None:
    text = "late boat " * 5_000
    assert np.abs(ask(served, [text])[0] - reference(checkpoint, text)).max() < 1e-5


@pytest.mark.thorough
def test_the_question_of_another_checkpoint_is_answered_by_it(repository: Path) -> None:
    question = usages(repository).question("text_embed")
    assert question is not None
    texts = question.inputs["text"]
    assert isinstance(texts, list)
    inputs = {"text": np.array([str(text).encode() for text in texts], np.object_)}
    found = InProcess(repository).run("text_embed", inputs)
    assert difference(question.answer, found) is None


def test_a_plan_refuses_what_is_not_served(tmp_path: Path) -> None:
    from builders.kit.build.dry_run import dry_run

    checkpoint = tmp_path / "t5"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text('{"model_type": "t5"}', "utf-8")
    (checkpoint / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(ProfileError, match="an encoder that is served") as refused:
        dry_run(profile_of(tmp_path, checkpoint), tmp_path / "out")
    assert len(refused.value.findings) == 1
