"""The page that says which checkpoints of speech recognition are served."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from tests.asr.checkpoints.served import AT_ONCE, SECONDS, Outcome, told
from tests.asr.checkpoints.variants import REFUSED, Variant

PAGE = Path(__file__).parents[3] / "docs" / "asr-checkpoints.md"

TOOLS = ("transformers", "torch", "onnxruntime")

TEXT = """\
# Speech checkpoints that are served

`python -m tests.asr.checkpoints` makes each of these checkpoints with transformers, tiny and of
random weights, exports it as a build does, and asks it and transformers the same: three sounds of
{seconds} seconds one by one, and {at_once} of 2 to 30 seconds in one batch. It writes this page
only if every word or token is transformers' own. The difference is the largest of a
log-probability or, of Whisper, of a weight of attention.

| architecture | checkpoint | words or tokens | others than transformers' | difference |
|---|---|---|---|---|
{served}

Made with {tools}. Parakeet hears each sound as one window here; the pipeline `asr` cuts it where
nobody speaks. A checkpoint goes in as a folder in Hugging Face format, its weights in safetensors.

## What is refused

`python -m builders plan` says so before anything is built, all reasons at once:

| checkpoint | what is said |
|---|---|
{refused}
"""


def refusals() -> dict[Variant, str]:
    """What ``plan`` says of each checkpoint that is not served."""
    with tempfile.TemporaryDirectory(prefix="checkpoints-") as place:
        return {variant: told(variant, Path(place) / "checkpoint") for variant in REFUSED}


def page(outcomes: Mapping[Variant, Outcome], refused: Mapping[Variant, str]) -> str:
    """The page as Markdown."""
    first, second, third = SECONDS
    made = ", ".join(f"{name} {version(name)}" for name in TOOLS)
    served = [
        f"| {variant.architecture.name} | {variant.name} | {each.tokens} | {each.different} | "
        f"{each.largest:.0e} |"
        for variant, each in outcomes.items()
    ]
    told = [f"| {variant} | {sentence} |" for variant, sentence in refused.items()]
    return TEXT.format(
        seconds=f"{first:g}, {second:g} and {third:g}",
        at_once=len(AT_ONCE),
        served="\n".join(served),
        tools=made,
        refused="\n".join(told),
    )
