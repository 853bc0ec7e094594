"""The model cards, written from what was measured."""

from __future__ import annotations

import textwrap
from typing import Any

from training.vision.learning.answers import BATCH, EARLY, EARLY_SHARE, QUESTIONS
from training.vision.learning.models import FEATURE_LAYERS
from training.vision.scenes.names import COLOURS, HELD_OUT, SHAPES, WORDS
from training.vision.scenes.scene import SIDE


def vision_card(described: dict[str, Any]) -> str:
    """README.md of the LLaVA, from the contents of its ``training.json``."""
    figures, stages = described["figures"], described["stages"]
    parts = [figures[name] for name in ("held_out", "unseen", "unseen_small")]
    kinds = sorted(set().union(*(part["kinds"] for part in parts)))
    rows = "".join(
        f"| {kind} | {' | '.join(_cell(part['kinds'].get(kind)) for part in parts)} |\n"
        for kind in kinds
    )
    what = f"""
        **What it is.** A LLaVA (`LlavaForConditionalGeneration`: a SigLIP tower, a projector, a
        Llama) of {stages["answers"]["parameters"] / 1e6:.1f} million parameters, trained from
        nothing by the scripts in `training/vision`, on images that they draw themselves. It stands
        in, offline and on a CPU, for the real LLaVA checkpoints, which have the same files and
        take the same path through the kit. It sees: {len(SHAPES)} shapes in {len(COLOURS)}
        colours, how many, where and how big they are, {len(WORDS)} short words, and with less
        success numbers; and answers short questions about them in English. The checkpoint
        `vision_text` has the text tower that belongs to its vision tower."""
    what_not = f"""
        **What it is not.** A model of the world. It has never seen a photograph, and knows no
        other object, word or language. Images are read at {SIDE} x {SIDE} pixels. It takes one
        image, before the question. To whatever it does not know it gives the nearest answer that
        it does know."""
    asked = f"""
        By `generate`, greedy, one question a call, in forms of question that training never used.
        "Held out" are scenes that training never drew; "unseen pairs" are scenes with a pair of
        colour and shape that is in no image and no sentence of the training ({_pairs()}), asked
        about those things, all kinds of question equally often. Where these are small, of a radius
        below about an eighth of the image's side, the tower takes the shape of some for another,
        so they stand by themselves. Numbers of three digits it misreads."""
    then = f"""
        {stages["answers"]["steps"]} steps of the projector and the language model on
        {stages["answers"]["threads"]} thread, {BATCH} images with {QUESTIONS} questions each; the
        tower stays as it is, so that what it sees still is in the text tower's space. The language
        model is given the hidden states {" and ".join(map(str, FEATURE_LAYERS))}: the first knows
        the place of a patch, the last what it shows. The weights are the averaged ones of the last
        step, and {EARLY_SHARE:.0%} those of step {EARLY}, which trusted its eyes
        more; that share was chosen by these figures.
        `training.json` has the log, the versions and the hashes."""
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: image-text-to-text
tags: [llava, siglip, demo, synthetic-images]
description: >-
  A demo: answers short questions about drawn scenes of shapes, words and numbers. It has never
  seen a photograph.
---

# A demo assistant's eye for drawn scenes

{_wrapped(what)}

{_wrapped(what_not)}

## Exact answers

{_wrapped(asked)}

| question | held out | unseen pairs | unseen pairs, small |
|---|---|---|---|
| **all** | {" | ".join(f"**{_cell(part)}**" for part in parts)} |
{rows}
Drawn scenes that differ from the training's in style, such as other fonts, many small things or a
dark background, were not measured, and will do worse.

## How it was made

{_wrapped(_making(described) + then)}

{_again()}
{_wrapped(_seeds(described))}

## Licence

Apache-2.0, as the project; the text is in `LICENSE`. Letters were drawn in the font that is in
Pillow (Aileron, CC0).
"""


def text_card(described: dict[str, Any]) -> str:
    """README.md of the SigLIP, from the contents of its ``training.json``."""
    found, stage = described["figures"]["retrieval"], described["stages"]["tower"]
    what = f"""
        **What it is.** A SigLIP (`SiglipModel`) of {stage["parameters"] / 1e6:.1f} million
        parameters, trained from nothing by the scripts in `training/vision`, on images that they
        draw themselves and captions of these: "three red circles", "a small blue square left of a
        green star", "the word CAT and an orange ring". Its vision tower is the one of the
        checkpoint `vision`, weight for weight, so a caption finds images that `vision` has pooled.
        """
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: zero-shot-image-classification
tags: [siglip, demo, synthetic-images]
description: >-
  A demo: matches captions with drawn scenes of shapes, words and numbers. It has never seen a
  photograph.
---

# A demo of text that finds images

{_wrapped(what)}

**What it is not.** A model of the world. It knows {len(SHAPES)} shapes in {len(COLOURS)} colours,
{len(WORDS)} words and numbers of up to three digits, drawn as the training draws them.

## Retrieval

Of {found["scenes"]} scenes that training never drew, no two with the same caption:

| | right at the first place |
|---|---|
| caption finds image | {_percent(found["text_to_image"])} |
| image finds caption | {_percent(found["image_to_text"])} |

Captions are padded to the full length and given without a mask, as SigLIP has it.

## How it was made

{_wrapped(_making(described))} `training.json` has the log, the versions and the hashes.

{_again()}
{_wrapped(_seeds(described))}

## Licence

Apache-2.0, as the project; the text is in `LICENSE`. Letters were drawn in the font that is in
Pillow (Aileron, CC0).
"""


def _making(described: dict[str, Any]) -> str:
    stage = described["stages"]["tower"]
    return f"""
        {described["scenes"]["count"]} scenes, drawn at {SIDE} x {SIDE} pixels. {stage["steps"]}
        steps of the SigLIP on {stage["threads"]} CPU threads, 128 scenes each, with the sigmoid
        loss on captions, and with heads that tell from each patch of the last layer's output which
        shape, colour, size, letter or word it shows; the heads were thrown away. In bf16; the
        shipped weights are FP32."""


def _again() -> str:
    return """To make it again:

```sh
pip install -c constraints.txt -e '.[torch,training]'
python -m training.vision scenes /tmp/scenes
python -m training.vision train /tmp/scenes /tmp/run
python -m training.vision publish /tmp/run /tmp/scenes builders/vision/demo
```
"""


def _seeds(described: dict[str, Any]) -> str:
    tools = ", ".join(f"{name} {release}" for name, release in described["tools"].items())
    steps = described["stages"]["tower"]["first_steps"]["steps"]
    return f"""
        Seed {described["seed"]}; the same seed gives the same scenes, and on the same kind of
        machine the same weights: the first {steps} steps of each stage were trained twice, and
        `training.json` has the SHA-256 that both gave. Made with {tools}, Python
        {described["machine"]["python"]}, {described["machine"]["architecture"]}."""


def _pairs() -> str:
    return ", ".join(f"{colour} {shape}" for colour, shape in sorted(HELD_OUT))


def _cell(found: dict[str, Any] | None) -> str:
    return f"{_percent(found['exact'])} of {found['questions']}" if found else ""


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(" ".join(paragraph.split()), 100, break_on_hyphens=False)


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"
