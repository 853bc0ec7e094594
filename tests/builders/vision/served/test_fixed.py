"""A LLaVA of random weights on a real Triton: all ways of asking agree, nothing is mixed up."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from clients.chained import Chained
from repository.arrays import Array, Arrays
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.onnx.files import ask
from tests.builders.vision.building import PICTURES, TEXTS, built, close, picture
from tests.builders.vision.checkpoints import fixed, tokenizers

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, server_environment: ServerEnvironment
) -> Iterator[tuple[Path, LocalServer]]:
    """A LLaVA's repository with its SigLIP's text tower, and a server on it."""
    folder = tmp_path_factory.mktemp("served")
    eye = fixed.llava(folder / "eye", tower="siglip", vision_feature_layer=-1)
    text = tokenizers.siglip(fixed.siglip(folder / "text"))
    options = {"source": f"path:{eye}", "text": f"path:{text}"}
    repository = built(folder, options, bls=True, fuse="beside")
    with LocalServer(repository, environment=server_environment) as server:
        yield repository, server


def run_chained(server: LocalServer, name: str, inputs: Arrays) -> dict[str, Array]:
    """What a client gets that asks one model after the other."""
    chained = Chained(server.grpc, name)
    try:
        return {key: np.asarray(each) for key, each in chained.run(inputs).items()}
    finally:
        chained.close()


def test_an_image_is_seen_alike_however_it_is_asked(served: tuple[Path, LocalServer]) -> None:
    repository, server = served
    wanted = InProcess(repository)
    for each in PICTURES:
        inputs = {"image": np.frombuffer(each, np.uint8)}
        expected = wanted.run("vision", inputs)
        names = ("vision", "vision_bls", "vision_fused")
        answers = [ask(server, name, inputs) for name in names]
        answers += [run_chained(server, name, inputs) for name in ("vision", "vision_fused")]
        answers.append(dict(wanted.run("vision_fused", inputs)))
        for found in answers:
            for name in ("image_embeds", "pooled"):
                close(found[name], expected[name])


def test_texts_are_read_alike_however_they_are_asked(served: tuple[Path, LocalServer]) -> None:
    repository, server = served
    inputs = {"text": np.array([each.encode() for each in TEXTS], np.object_)}
    expected = InProcess(repository).run("vision_text", inputs)["text_pooled"]
    for name in ("vision_text", "vision_text_bls"):
        close(ask(server, name, inputs)["text_pooled"], expected)
    close(run_chained(server, "vision_text", inputs)["text_pooled"], expected)


def test_many_at_once_each_get_their_own_answer(served: tuple[Path, LocalServer]) -> None:
    repository, server = served
    images = [picture(20 + number, 50 - number) for number in range(24)]
    requests = [{"image": np.frombuffer(each, np.uint8)} for each in images]
    wanted = InProcess(repository)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda inputs: ask(server, "vision", inputs), requests))
    for inputs, found in zip(requests, answers, strict=True):
        close(found["image_embeds"], wanted.run("vision", inputs)["image_embeds"])


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "empty"), (b"not an image", "image"), (PICTURES[0][:60], "image")],
    ids=["empty", "no image", "cut off"],
)
def test_what_is_no_image_gets_one_sentence(
    served: tuple[Path, LocalServer], content: bytes, told: str
) -> None:
    _, server = served
    inputs = {"image": np.frombuffer(content, np.uint8)}
    with pytest.raises(InferenceServerException) as caught:
        ask(server, "vision", inputs)
    text = str(caught.value)
    assert told in text and "/" not in text and "Traceback" not in text
    # Nothing of it is left for the next one.
    good = {"image": np.frombuffer(PICTURES[1], np.uint8)}
    assert np.isfinite(ask(server, "vision", good)["pooled"]).all()
