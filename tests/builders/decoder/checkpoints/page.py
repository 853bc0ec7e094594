"""The page that says which decoders were compared with transformers, and which are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from builders.decoder.checkpoint.refused import REFUSED as ARCHITECTURES
from builders.decoder.exports.exports import TOLERANCE
from tests.builders.decoder.checkpoints.forms import REFUSED, SEEING, TEXTS, Maker
from tests.builders.decoder.checkpoints.judged import NEW, PROMPTS, Outcome

PAGE = Path(__file__).parents[4] / "docs" / "decoder-checkpoints.md"

RECORD = Path(__file__).with_name("agreement.json")
"""What the last runs found."""

TOOLS = ("onnxruntime-genai", "onnxruntime", "transformers", "torch")

FORMS: Mapping[str, Maker] = {**TEXTS, **SEEING}
"""The checkpoints of the table."""


@dataclass(frozen=True)
class Found:
    """What was found of a checkpoint.

    Attributes:
        fp32: with all bits.
        int8: the largest difference of logits in 8 bits; None if that is refused.
        int4: likewise in 4.
    """

    fp32: Outcome
    int8: float | None
    int4: float | None


TEXT = """\
# Decoder checkpoints

Each of these checkpoints was made into a graph, and gives the logits and the tokens that
transformers gives. [Decoder](decoder.md#your-own-checkpoint) says how to serve a folder of yours.

| checkpoint | transformers' class | decoder | logits off | 8 bits | 4 bits |
|---|---|---|---|---|---|
{rows}

## How it was tried

`python -m tests.builders.decoder.checkpoints` writes this page. It makes each checkpoint with
transformers, tiny and with random weights, and makes its files as a build does. Then it compares
three kinds of calls: prompts of different length at once, one token more in rows of different
length, up to the end of the context, and a piece of a prompt behind another. Windows are shorter
than the texts. A checkpoint that differs gets no row.

- *logits off* is the largest difference, as a share of the largest logit; {fp32:.0e} is allowed.
- *8 bits* and *4 bits* are the same with matrices in so many bits, beside transformers with just
  those matrices; {few} is allowed. The difference is what products lose as they take their inputs
  in 8 bits. What the matrices have lost, only a score can say: `evaluation` in a profile.
- Prompts of {prompts} tokens were continued by {new} tokens each, all at once, in slots of one
  cache. Each token is the one that transformers' `generate` gives for that prompt alone.
- Names of checkpoints after the command try those alone.

## What is refused

A plan says why, before anything is built. These models, by the `model_type` in config.json:

| the model | `model_type` |
|---|---|
{architectures}

And these forms of models that are carried otherwise:

| checkpoint | what the sentence says |
|---|---|
{forms}

- A sliding window shows one token more in onnxruntime 1.23, which stages have in Triton up to
  24.10. There a text has as many tokens as a window at most.
- LongRoPE (`longrope`) has other angles for texts that are longer than the model was made for at
  first. Contexts end there.
- Of gpt-oss, most weights are in experts, which stay in FP32; 8 and 4 bits are refused.

Made with {tools}.
"""


def page() -> str:
    """The page as Markdown, from the record."""
    content = json.loads(RECORD.read_text("utf-8"))
    reasons: dict[str, list[str]] = {}
    for kind, reason in ARCHITECTURES.items():
        reasons.setdefault(reason, []).append(kind)
    return TEXT.format(
        rows="\n".join(row(name, each) for name, each in recorded().items()),
        fp32=TOLERANCE["fp32"],
        few=TOLERANCE["int4"],
        prompts=", ".join(map(str, PROMPTS)),
        new=NEW,
        architectures="\n".join(
            f"| {reason} | {', '.join(f'`{each}`' for each in sorted(kinds))} |"
            for reason, kinds in reasons.items()
        ),
        forms="\n".join(f"| {name} | {said} |" for name, (_, said) in REFUSED.items()),
        tools=", ".join(f"{name} {each}" for name, each in content["made_with"].items()),
    )


def row(name: str, found: Found) -> str:
    """A checkpoint's row."""
    outcome = found.fp32
    few = [f"{each:.2f}" if each is not None else "refused" for each in (found.int8, found.int4)]
    told = " | ".join((name, outcome.architecture, outcome.language_model))
    return f"| {told} | {outcome.logits:.0e} | {' | '.join(few)} |"


def recorded() -> dict[str, Found]:
    """What the last runs found, by the checkpoints' names."""
    return dict(_recorded())


def _recorded() -> Iterator[tuple[str, Found]]:
    content = json.loads(RECORD.read_text("utf-8"))["checkpoints"]
    for name in FORMS:
        if name in content:
            each = dict(content[name])
            yield name, Found(Outcome(**each.pop("fp32")), **each)


def record(found: Mapping[str, Found]) -> None:
    """Keep what was found, and write the page."""
    made = {name: version(name) for name in TOOLS}
    content = {"made_with": made, "checkpoints": {name: asdict(found[name]) for name in found}}
    RECORD.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(), "utf-8")
