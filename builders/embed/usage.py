"""How the pipeline of sentence embeddings is asked and measured. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from builders.embed.default import DEFAULT, MAXIMUM_TEXTS
from repository.manifest import ManifestError, read_manifest
from repository.usage import Inputs, Largest, Numbers, Question, Usage

if TYPE_CHECKING:
    from repository.arrays import Array, Arrays

_REQUESTS = Path(__file__).parent / "requests"

TEXTS = ("Three boats lie in the harbour.", "My password does not work.")
"""A question of two texts; ``requests/vectors.npy`` has their vectors, FP32 [2, 384]."""

_SENTENCES = (
    "Where is my parcel?",
    "A shipment that is lost is sent again, at no cost, within two days of your message.",
    "The lighthouse keeper writes down wind, rain and the height of the tide every three hours.",
    "Refunds are made within fourteen days of the purchase, to the card that you paid with. If "
    "the card is no longer valid, tell us the number of an account. We never ask for a password, "
    "and nobody of ours calls you to make you pay for a refund.",
)


def _texts(count: int) -> Arrays:
    from builders.embed.largest import texts

    return texts(count)


def _largest(count: int) -> Largest:
    words = f"{count} texts of as many tokens as the model takes"
    return Largest(words=words, inputs=partial(_texts, count))


def _lines(file: Path) -> Inputs:
    """Each line of a text file that is not empty is a text."""
    return {"text": [line for line in file.read_text("utf-8").splitlines() if line.strip()]}


def _shown(outputs: Arrays) -> str:
    """How alike each two texts are, by the cosine of their vectors."""
    import numpy as np

    vectors = outputs["embeddings"]
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    rows = [" ".join(f"{each:5.2f}" for each in row) for row in vectors @ vectors.T]
    count, width = vectors.shape
    return "\n".join((f"{count} texts, {width} numbers each; how alike they are:", *rows))


_USAGE = Usage(
    words="Embed texts: for each a vector, by which texts of like meaning are found.",
    question=Question(
        inputs={"text": list(TEXTS)},
        answer={"embeddings": Numbers(_REQUESTS / "vectors.npy", absolute=1e-3)},
    ),
    # A short question, two sentences, and texts of several lengths at once.
    requests=({"text": [_SENTENCES[0]]}, {"text": list(_SENTENCES[1:3])}, {"text": [*_SENTENCES]}),
    largest=_largest(MAXIMUM_TEXTS),
    file=_lines,
    show=_shown,
)

USAGE: Mapping[str, Usage] = {"text_embed": _USAGE}


def usage_in(repository: Path) -> Mapping[str, Usage]:
    """The same for a built repository, whose profile may say otherwise.

    What another checkpoint answers is computed here.

    Args:
        repository: a built one; of another nothing is known.
    """
    try:
        asked = read_manifest(repository).profile.get("families", {}).get("embed") or {}
    except ManifestError:
        return {}
    count = int(asked.get("maximum_texts", MAXIMUM_TEXTS))
    usage = replace(
        _USAGE,
        largest=_largest(count),
        requests=[each for each in _USAGE.requests if len(_listed(each)) <= count],
    )
    if asked.get("source", DEFAULT) != DEFAULT:
        vectors = Numbers(partial(_vectors, repository), absolute=1e-3, relative=1e-2)
        question = Question(inputs={"text": list(TEXTS)}, answer={"embeddings": vectors})
        usage = replace(usage, question=question if count >= len(TEXTS) else None)
    return {"text_embed": usage}


def _listed(request: Inputs) -> list[object]:
    texts = request["text"]
    return texts if isinstance(texts, list) else [texts]


def _vectors(repository: Path) -> Array:
    """What a repository answers to :data:`TEXTS`, without a server."""
    import numpy as np

    from runtime.inprocess import InProcess

    texts = np.array([text.encode() for text in TEXTS], np.object_)
    return InProcess(repository).run("text_embed", {"text": texts})["embeddings"]
