"""The model card, written from what was measured."""

from __future__ import annotations

from typing import Any

from training.asr import voices, words


def card(described: dict[str, Any]) -> str:
    """README.md of the checkpoint, from the contents of ``training.json``."""
    figures, made = described["figures"], described["corpus"]
    tools = ", ".join(f"{name} {release}" for name, release in described["tools"].items())
    rows = "".join(
        f"| {name} | {_percent(pair['clean'])} | {_percent(pair['noise_10db'])} |\n"
        for name, pair in (
            (f"{figures['utterances']} utterances, {figures['words']} words", figures["held_out"]),
            ("an accent that training never heard (West Midlands)", figures["unseen_accent"]),
        )
    )
    spoken = (
        f"{len(words.VOCABULARY)} words ({len(words.LETTERS)} spelled letters, numbers below a "
        f"thousand million,\ndates, amounts, and {len(words.COMMANDS)} words of commands)"
    )
    recordings = (
        f"{made['recordings']} recordings, {made['hours']} hours, by espeak-ng in "
        f"{len(voices.ACCENTS)} English accents and its speaker\nvariants "
        f"({len(voices.UNSEEN_VARIANTS)} of them are kept for the evaluation),"
    )
    noises = ", ".join(f"{kind} {_percent(rate)}" for kind, rate in figures["by_noise"].items())
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: automatic-speech-recognition
tags: [parakeet, ctc, demo, synthetic-speech]
---

# A demo recogniser of synthetic English commands

**What it is.** NVIDIA's Parakeet CTC architecture (FastConformer, `ParakeetForCTC`), scaled down to
{described["parameters"] / 1e6:.1f} million parameters and trained from nothing by the scripts in
`training/asr`, on speech that they synthesise themselves. It stands in, offline and on a CPU, for
the real Parakeet checkpoints, which have the same files and take the same path through the kit.

**What it is not.** A recogniser for people. It has heard espeak-ng and nothing else, knows
{spoken},
in any order, and hears every other word as the nearest of these. It writes lower-case words as they
are spoken, without punctuation or figures. Nobody's voice was recorded or imitated for it.

## Word error rate

Greedy decoding, on espeak-ng speakers, speeds (105, 142, 170, 198 and 230 words a minute) and
sentences that training never used; noise is white, pink or babble in equal shares.

| speech | clean | noise at 10 dB |
|---|---|---|
{rows}
By noise: {noises}. Recordings of 20 to 30 s, several sentences with pauses, clean:
{_percent(figures["joined"])}. Words found in {figures["without_speech"]} recordings of silence,
hum and noise: {figures["words_without_speech"]}.

## How it was made

{recordings}
with noise from 0 to 30 dB, simulated rooms, telephone and low-pass lines, at many levels;
{made["without_speech"]} of them hold no speech. {described["steps"]} steps, in bf16 on a CPU.
`training.json` has the log, the versions and the hashes. To make it again:

```sh
pip install -c constraints.txt -e '.[torch,training]'
python -m training.asr corpus /tmp/corpus
python -m training.asr train /tmp/corpus /tmp/run --steps {described["steps"]}
python -m training.asr publish /tmp/run /tmp/corpus builders/asr/demo/parakeet
```

Seed {described["seed"]}; the same seed gives the same speech, and on the same kind of machine the
same weights. Made with {tools}, Python {described["machine"]["python"]},
{described["machine"]["architecture"]}.

## Licence

Apache-2.0, as the project. espeak-ng (GPL-3.0) was the tool that spoke; no part of it is in here.
"""


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"
