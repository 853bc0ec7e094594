"""The model card, written from what was measured."""

from __future__ import annotations

import textwrap
from typing import Any

from training.asr.sound import voices
from training.asr.text import words


def card(described: dict[str, Any]) -> str:
    """README.md of the checkpoint, from the contents of ``training.json``."""
    figures, made = described["figures"], described["corpus"]
    tools = ", ".join(f"{name} {release}" for name, release in described["tools"].items())
    rows = "".join(
        f"| {name} | {_percent(pair['clean'])} | {_percent(pair['noise_10db'])} |\n"
        for name, pair in (
            (f"{figures['utterances']} utterances, {figures['words']} words", figures["held_out"]),
            ("an accent that training never heard (West Midlands)", figures["unseen_accent"]),
            ("230 words a minute, faster than it is meant for", figures["too_fast"]),
        )
    )
    stretches = f"--steps {described['steps']} --again {described['again']}"
    noises = ", ".join(f"{kind} {_percent(rate)}" for kind, rate in figures["by_noise"].items())
    what = f"""
        **What it is.** NVIDIA's Parakeet CTC architecture (FastConformer, `ParakeetForCTC`), scaled
        down to {described["parameters"] / 1e6:.1f} million parameters and trained from nothing by
        the scripts in `training/asr`, on speech that they synthesise themselves. It stands in,
        offline and on a CPU, for the real Parakeet checkpoints, which have the same files and take
        the same path through the kit."""
    what_not = f"""
        **What it is not.** A recogniser for people. It has heard espeak-ng and nothing else, knows
        {len(words.VOCABULARY)} words ({len(words.LETTERS)} spelled letters, numbers below a
        thousand million, dates, amounts, and {len(words.COMMANDS)} words of commands) in any order,
        and hears every other word as the nearest of these. It writes lower-case words as they are
        spoken, without punctuation or figures. Nobody's voice was recorded or imitated for it."""
    further = f"""
        By noise: {noises}. Recordings of 20 to 30 s, sentences of several speakers with pauses,
        clean: {_percent(figures["joined"])}. Words found in {figures["without_speech"]} recordings
        of silence, hum and noise: {figures["words_without_speech"]}."""
    late = figures["word_times"]
    times = f"""
        A piece of its vocabulary is mostly a whole word, which it writes when it has heard most of
        it: {late["p50"]:.2f} s after the word began, of {late["words"]} words 90 % after
        {late["p05"]:.2f} to {late["p95"]:.2f} s. `generation_config.json` has that as `word_lead`,
        and the kit lets a word begin so much earlier, though not before the one before it ends."""
    making = f"""
        {made["recordings"]} recordings, {made["hours"]} hours, by espeak-ng in
        {len(voices.ACCENTS)} English accents and its speaker variants
        ({len(voices.UNSEEN_VARIANTS)} of them are kept for the evaluation), with noise from 0 to
        30 dB, simulated rooms, telephone and low-pass lines, at many levels;
        {made["without_speech"]} of them hold no speech. {described["steps"]} steps, then
        {described["again"]} in which recordings of several speakers are joined, in bf16 on one CPU
        thread. `training.json` has the log, the versions and the hashes. To make it again:"""
    seeds = f"""
        Seed {described["seed"]}; the same seed gives the same speech, and on the same kind of
        machine the same weights: the first {described["first_steps"]["steps"]} steps were trained
        twice, and `training.json` has the SHA-256 that both gave. Made with {tools}, Python
        {described["machine"]["python"]}, {described["machine"]["architecture"]}."""
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: automatic-speech-recognition
tags: [parakeet, ctc, demo, synthetic-speech]
description: >-
  A demo: recognises {len(words.VOCABULARY)} English words as espeak-ng's voices say them. It is
  not a recogniser for people, and never heard a human voice.
---

# A demo recogniser of synthetic English commands

{_wrapped(what)}

{_wrapped(what_not)}

## Word error rate

Greedy decoding, on espeak-ng speakers, speeds (105, 142, 170 and 198 words a minute) and sentences
that training never used; noise is white, pink or babble in equal shares.

| speech | clean | noise at 10 dB |
|---|---|---|
{rows}
{_wrapped(further)}

{_wrapped(times)}
{_recordings(described.get("recordings", {}))}
## How it was made

{_wrapped(making)}

```sh
pip install -c constraints.txt -e '.[torch,training]'
python -m training.asr corpus /tmp/corpus
python -m training.asr train /tmp/corpus /tmp/run {stretches}
python -m training.asr publish /tmp/run /tmp/corpus builders/asr/demo/parakeet
make build-repo && python -m training.asr recordings
```

{_wrapped(seeds)}

## Licence

Apache-2.0, as the project. espeak-ng (GPL-3.0) was the tool that spoke; no part of it is in here.
"""


def _recordings(found: dict[str, Any]) -> str:
    """The words that other kinds of recordings cost, where they were measured."""
    if not found:
        return ""
    rows = "".join(f"| {name} | {each['wrong']} |\n" for name, each in found.items())
    what = f"""
        The kit's evaluation set, {found["as it is"]["words"]} words of clean speech, made into
        other recordings by `training/asr/degrade.py` and read by the pipeline `asr`. Another
        file, rate from 16 kHz on, layout of channels or level costs it nothing. What has no
        sound above 4 kHz, as telephones and 8 kHz, does: most of what tells one of the spelled
        letters from another lies there, and of the recordings in training a tenth came through
        such a line. So do clipping, and the noise of ADPCM."""
    return f"""
## Other recordings

{_wrapped(what)}

| recording | words wrong |
|---|---|
{rows}"""


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(" ".join(paragraph.split()), 100, break_on_hyphens=False)


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"
