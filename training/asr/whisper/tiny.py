"""Trains the tiny Whisper of the tests: ``python -m training.asr.whisper.tiny --out FOLDER``.

About a quarter of an hour on one core. The same seed gives the same weights on the same machine.
A run that was stopped goes on where it last saved, in ``FOLDER/training.pt``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.asr.whisper.tiny_speech import RATE, WORDS, Phrase, talk
from training.asr.whisper.tiny_tokenizer import (
    LANGUAGES,
    byte_symbols,
    make_tokenizer,
    save_tokenizer,
)

SECONDS = 10
"""Whisper hears 30 s at once; a third of it is trained in a fifth of the time."""

STEPS, BATCH, RATE_OF_LEARNING, WARMUP = 2000, 8, 2e-3, 100
WITHOUT_TIME_STAMPS, TRANSLATED, EMPTY = 0.15, 0.3, 0.04
"""Shares of the windows."""

NEAR = 0.1
"""Seconds around a time stamp in which it is heard."""

POSITIONS = SECONDS * 50
"""Of the encoder, which steps by 20 ms."""

SAVE_EVERY = 100
IGNORED = -100


def build(tokenizer: Any, seed: int) -> Any:
    """An untrained ``WhisperForConditionalGeneration`` of half a million weights."""
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

    ids = tokenizer.convert_tokens_to_ids
    end = ids("<|endoftext|>")
    ends = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    torch.manual_seed(seed)
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        d_model=64,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=256,
        decoder_ffn_dim=256,
        num_mel_bins=80,
        max_source_positions=POSITIONS,
        max_target_positions=128,
        decoder_start_token_id=ids("<|startoftranscript|>"),
        begin_suppress_tokens=None,
        dropout=0.0,
        **ends,
    )
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=ids("<|startoftranscript|>"),
        max_length=config.max_target_positions,
        is_multilingual=True,
        lang_to_id={f"<|{name}|>": ids(f"<|{name}|>") for name in LANGUAGES},
        task_to_id={name: ids(f"<|{name}|>") for name in ("transcribe", "translate")},
        no_timestamps_token_id=ids("<|notimestamps|>"),
        prev_sot_token_id=ids("<|startofprev|>"),
        max_initial_timestamp_index=250,
        suppress_tokens=sorted(
            ids(f"<|{name}|>")
            for name in (
                *("translate", "transcribe", "startoflm", "startofprev", "nospeech"),
                "startoftranscript",
            )
        ),
        begin_suppress_tokens=[ids("Ġ"), end],
        # The layer that learns to look where the next token is heard.
        alignment_heads=[[1, 0], [1, 1]],
        return_timestamps=False,
        **ends,
    )
    decoder, encoder = model.model.decoder, model.model.encoder
    with torch.no_grad():
        # A time stamp starts as the place in the sound that it names: both step by 20 ms.
        first = ids("<|0.00|>")
        places = encoder.embed_positions.weight
        decoder.embed_tokens.weight.normal_(0, 0.1)
        decoder.embed_tokens.weight[first : first + len(places)] = 0.5 * places
    return model


@dataclass(frozen=True)
class Row:
    """One window's tokens, and where in the sound each is heard.

    Attributes:
        tokens: prompt, text and end.
        prompt: how many of them are the prompt.
        heard: for each token, the first and the last second; None for tokens that are not heard.
    """

    tokens: list[int]
    prompt: int
    heard: list[tuple[float, float] | None]


def target(
    ids: Mapping[str, int], rng: np.random.Generator, language: str, phrases: list[Phrase]
) -> Row:
    """A window's tokens in the form that Whisper was trained on."""
    first = ids["<|0.00|>"]
    task = "translate" if rng.uniform() < TRANSLATED else "transcribe"
    words = WORDS["en" if task == "translate" else language]
    prompt = [ids["<|startoftranscript|>"], ids[f"<|{language}|>"], ids[f"<|{task}|>"]]
    stamped = rng.uniform() >= WITHOUT_TIME_STAMPS
    if not stamped:
        prompt.append(ids["<|notimestamps|>"])
    tokens: list[int] = []
    heard: list[tuple[float, float] | None] = []

    def stamp(seconds: float) -> None:
        if stamped:
            tokens.append(first + _tick(seconds))
            heard.append((seconds - NEAR, seconds + NEAR))

    for phrase in phrases:
        stamp(phrase.start)
        if phrase.end > SECONDS:
            break
        tokens += [ids[f"Ġ{_symbols(words[index])}"] for index in phrase.words]
        heard += phrase.spans
        stamp(phrase.end)
    if stamped and not tokens:
        stamp(0.0)
    return Row(
        [*prompt, *tokens, ids["<|endoftext|>"]], len(prompt), [None] * len(prompt) + heard + [None]
    )


def _symbols(word: str) -> str:
    symbols = byte_symbols()
    return "".join(symbols[byte] for byte in word.encode())


def _tick(seconds: float) -> int:
    """The nearest tenth of a second, in steps of 20 ms: fewer time stamps are learnt sooner."""
    return round(seconds * 10) * 5


@dataclass(frozen=True)
class Batch:
    """What a step is trained on.

    Attributes:
        features: FP32 [rows, mels, frames].
        given: INT64 [rows, length], the decoder's input.
        wanted: INT64 [rows, length], the tokens after; ignored where the caller decides.
        heard: BOOL [rows, length, positions], where the wanted token is heard.
        said: INT64 [rows, positions], the word said there plus one, German after English; or 0.
    """

    features: Tensor
    given: Tensor
    wanted: Tensor
    heard: Tensor
    said: Tensor


def batch(ids: Mapping[str, int], extractor: Any, seed: int, step: int) -> Batch:
    """The step's windows: a function of seed and step alone."""
    rng = np.random.default_rng([seed, step])
    waves, rows = [], []
    said = torch.zeros(BATCH, POSITIONS, dtype=torch.int64)
    for number in range(BATCH):
        language = LANGUAGES[int(rng.integers(len(LANGUAGES)))]
        wave, phrases = talk(rng, language, SECONDS)
        if rng.uniform() < EMPTY:
            wave, phrases = 1e-3 * rng.standard_normal(wave.size).astype(np.float32), []
        for phrase in phrases:
            for index, (start, end) in zip(phrase.words, phrase.spans, strict=True):
                label = 1 + index + (20 if language == "de" else 0)
                said[number, round(start * 50) : round(end * 50)] = label
        waves.append(wave)
        rows.append(target(ids, rng, language, phrases))
    features = extractor(waves, sampling_rate=RATE, return_tensors="pt").input_features
    longest = max(len(row.tokens) for row in rows) - 1
    given = torch.full((BATCH, longest), ids["<|endoftext|>"])
    wanted = torch.full((BATCH, longest), IGNORED)
    heard = torch.zeros(BATCH, longest, POSITIONS, dtype=torch.bool)
    for number, row in enumerate(rows):
        length = len(row.tokens) - 1
        given[number, :length] = torch.tensor(row.tokens[:-1])
        wanted[number, :length] = torch.tensor(row.tokens[1:])
        # Only the language is found from the start token; the caller gives the task and the rest.
        wanted[number, 1 : row.prompt - 1] = IGNORED
        for place, span in enumerate(row.heard[1:]):
            if span is not None:
                low, high = (min(max(round(each * 50), 0), POSITIONS - 1) for each in span)
                heard[number, place, low : high + 1] = True
    return Batch(features, given, wanted, heard, said)


def loss_of(model: Any, words: nn.Linear, made: Batch) -> tuple[Tensor, float]:
    """The loss, and the share of tokens that were right.

    Besides the tokens, the encoder's output is to tell the word that is said at each position, and
    the decoder's last layer to look where its next token is heard: with both a small model learns
    in minutes what it finds out by itself in hours.
    """
    output = model(
        input_features=made.features,
        decoder_input_ids=made.given,
        use_cache=False,
        output_attentions=True,
    )
    tokens = nn.functional.cross_entropy(
        output.logits.flatten(0, 1), made.wanted.flatten(), ignore_index=IGNORED
    )
    frames = nn.functional.cross_entropy(
        words(output.encoder_last_hidden_state).flatten(0, 1), made.said.flatten()
    )
    looked = output.cross_attentions[-1].mean(1)
    there = (looked * made.heard).sum(-1)[made.heard.any(-1)]
    counted = made.wanted != IGNORED
    right = (output.logits.argmax(-1) == made.wanted)[counted].float().mean().item()
    return tokens + frames - torch.log(there + 1e-6).mean(), right


def train(out: Path, *, seed: int = 0, steps: int = STEPS) -> None:
    """Train, and write a checkpoint in Hugging Face format, its weights as FP16."""
    from transformers import WhisperFeatureExtractor

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tokenizer = make_tokenizer((*WORDS["en"], *WORDS["de"]))
    extractor = WhisperFeatureExtractor(feature_size=80, chunk_length=SECONDS)
    ids = tokenizer.get_vocab()
    model = build(tokenizer, seed).train()
    model.model.decoder.set_attn_implementation("eager")
    words = nn.Linear(model.config.d_model, 1 + 2 * 20)
    optimiser = torch.optim.AdamW(
        (each for each in (*model.parameters(), *words.parameters()) if each.requires_grad),
        lr=RATE_OF_LEARNING,
        weight_decay=0.01,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARMUP) * (1 - step / steps) ** 0.5
    )
    out.mkdir(parents=True, exist_ok=True)
    saved = out / "training.pt"
    step = 0
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        model.load_state_dict(state["model"])
        words.load_state_dict(state["words"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        step = state["step"]
    began = time.monotonic()
    while step < steps:
        loss, right = loss_of(model, words, batch(ids, extractor, seed, step))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        step += 1
        if step % 20 == 0:
            seconds = time.monotonic() - began
            print(
                f"step {step}: loss {loss.item():.3f}, right {right:.3f}, {seconds:.0f} s",
                flush=True,
            )
        if step % SAVE_EVERY == 0 or step == steps:
            kept = {"model": model, "words": words, "optimiser": optimiser, "schedule": schedule}
            state = {name: each.state_dict() for name, each in kept.items()}
            torch.save({**state, "step": step}, saved)
    model.half().save_pretrained(out)
    extractor.save_pretrained(out)
    save_tokenizer(tokenizer, out)
    saved.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    train(arguments.out, steps=arguments.steps)
