"""How the pipeline ``generate`` is asked, measured and sized. It imports nothing heavy."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from clients.cli.chat.chat import chat
from clients.examples import SCENES
from repository.manifest import ManifestError, read_manifest
from repository.usage import ClientOption, Command, Inputs, Largest, Question, Texts, Usage

if TYPE_CHECKING:
    from repository.arrays import Arrays

PIPELINE = "generate"

QUESTION = "How many circles?"


def asked(question: str, images: int = 1) -> str:
    """A chat of one question about so many images, as ``messages`` has it."""
    content = [{"type": "image"}] * images + [{"type": "text", "text": question}]
    return json.dumps([{"role": "user", "content": content}])


def _about(scene: str, question: str) -> Inputs:
    # Over HTTP a model that answers in pieces is asked in JSON, which has no bytes.
    image = base64.b64encode((SCENES / f"{scene}.png").read_bytes()).decode()
    return {"messages": asked(question), "image": f"data:image/png;base64,{image}"}


def _prompt(file: Path) -> Inputs:
    """A text file as what a user says."""
    return {"messages": asked(file.read_text("utf-8"), images=0)}


def _shown(outputs: Arrays) -> str:
    return b"".join(outputs["text_output"].tolist()).decode()


def _largest(model: Path) -> Arrays:
    from builders.decoder.largest import request

    return request(model)


_USAGE = Usage(
    words="Answer a prompt or a chat, with images if the checkpoint sees, piece by piece.",
    file=_prompt,
    options=(
        ClientOption("max_tokens", "The most tokens of the answer."),
        ClientOption("temperature", "0, the default, takes the likeliest token each time."),
        ClientOption("top_p", "Choose from the likeliest tokens that have this share together."),
        ClientOption("top_k", "Choose from so many of the likeliest tokens."),
        ClientOption("seed", "The same seed gives the same answer again."),
        ClientOption("stop", "A text that ends the answer."),
    ),
    show=_shown,
    varying=("cached_tokens",),
    command=Command(
        run=chat,
        examples="`python -m clients chat` · "
        "`python -m clients chat --system 'Answer in a word.' --verbose` · "
        "`python -m clients chat < questions.txt`",
    ),
)

USAGE: Mapping[str, Usage] = {
    PIPELINE: replace(
        _USAGE,
        question=Question(inputs=_about("circles", QUESTION), answer={"text_output": Texts(["3"])}),
        requests=(
            _about("circles", QUESTION),
            _about("square", "What is there?"),
            _about("word", "Which word is written there?"),
        ),
    )
}


def usage_in(repository: Path) -> Mapping[str, Usage]:
    """Of a repository's pipeline: what another checkpoint answers nobody wrote down, and the
    largest prompt is what a slot takes.

    Args:
        repository: a built one; of another nothing is known.
    """
    from builders.decoder.largest import PHOTOGRAPH, context_of, photograph

    try:
        families = read_manifest(repository).profile.get("families", {})
    except ManifestError:
        return {}
    model = repository / PIPELINE
    if "decoder" not in families or not (model / "config.pbtxt").is_file():
        return {}
    options = families["decoder"] or {}
    usage = USAGE[PIPELINE]
    if "source" in options or "engine" in options:
        usage = replace(_USAGE, requests=({"messages": asked("Hello!", images=0)},))
    if (context := context_of(model)) is not None:
        words = f"a prompt of {context:,} tokens"
        largest = Largest(words=words, inputs=partial(_largest, model))
    else:
        words = f"a chat about an image file of {PHOTOGRAPH // 1_000_000} MB"
        largest = Largest(words=words, inputs=photograph, elsewhere=True)
    return {PIPELINE: replace(usage, largest=largest)}
