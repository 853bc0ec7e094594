"""What the Whisper export is compared with: transformers' feature extractor and ``generate``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from builders.asr.sound import RATE, speech_like
from builders.asr.whisper.checkpoint import FRAME, HOP, WhisperCheckpoint, read_checkpoint
from builders.asr.whisper.generation import TASKS
from builders.kit.family import Int8, Parity
from repository.arrays import Arrays

OWN = -100.0
"""``loudest`` of a window whose own loudest value counts."""


def window_of(recording: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A recording of whole hops as the graph takes it: reflected at both ends, as torch.stft does.

    Args:
        recording: FP32 [hop * frames].

    Returns:
        FP32 [hop * (frames - 1) + n_fft].
    """
    half = FRAME // 2
    return np.pad(recording, (half, FRAME - half - HOP), mode="reflect")


@dataclass
class _Generated:
    """What the reference makes of one row.

    Attributes:
        tokens: INT [tokens], the end among them where it was reached.
        log_probs: of each.
        language: its number.
        attention: FP32 [tokens, heads, positions].
    """

    tokens: list[int]
    log_probs: list[float]
    language: int
    attention: npt.NDArray[np.float32]


def _reference(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What ``generate`` gives, row by row, so a graph that mixes up its rows is found."""
    return _answers(checkpoint, inputs, None)


def _followed(checkpoint: Path, inputs: Arrays, found: Arrays) -> Arrays:
    """What ``generate`` gives when it has to follow the tokens that were found.

    If the reference finds a token as probable as its own choice, within :data:`UNDECIDED`, that
    token is what was expected; otherwise the reference's choice is. So every token is judged by
    itself, and not by what an earlier one led to.
    """
    return _answers(checkpoint, inputs, found)


def _answers(checkpoint: Path, inputs: Arrays, found: Arrays | None) -> Arrays:
    from builders.kit.onnx import load_transformers, transformers_alone

    settings = read_checkpoint(checkpoint)
    # Any other attention than the eager one keeps its weights to itself.
    model = load_transformers(checkpoint, "WhisperForConditionalGeneration", attention="eager")
    # What the stage sets, for every request; transformers takes no list for the end.
    model.generation_config.eos_token_id = settings.generation.end
    model.generation_config.pad_token_id = settings.generation.padding
    for holder in (model.generation_config, model.config):
        for name in ("language", "task", "forced_decoder_ids"):
            setattr(holder, name, None)
    with transformers_alone() as transformers:
        extractor = transformers.WhisperFeatureExtractor.from_pretrained(
            checkpoint, local_files_only=True
        )
    rows = []
    with _no_advice():
        for row in range(len(inputs["windows"])):
            features = _features(settings, extractor, inputs, row)
            followed = None if found is None else _Followed.of(found, row, settings.generation.end)
            rows.append(_generate(settings, model, features, inputs, row, followed))
    lengths = [len(row.tokens) - (row.tokens[-1] == settings.generation.end) for row in rows]
    longest = max(lengths) + 1
    tokens = np.full((len(rows), longest), settings.generation.padding, np.int32)
    log_probs = np.zeros((len(rows), longest), np.float32)
    attention = np.zeros((len(rows), longest, *rows[0].attention.shape[1:]), np.float32)
    for index, each in enumerate(rows):
        tokens[index, : len(each.tokens)] = each.tokens
        log_probs[index, : len(each.tokens)] = each.log_probs
        attention[index, : len(each.tokens)] = each.attention
    return {
        "tokens": tokens,
        "lengths": np.array([[length] for length in lengths], np.int32),
        "log_probs": log_probs,
        "language": np.array([[each.language] for each in rows], np.int32),
        "attention": attention,
    }


@contextmanager
def _no_advice() -> Iterator[None]:
    """Keeps what transformers says of ``generate``'s arguments out of a build's output."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _features(settings: WhisperCheckpoint, extractor: Any, inputs: Arrays, row: int) -> Any:
    """The extractor's features of one row, FP32 [1, mels, frames] of a whole window."""
    import torch

    half = FRAME // 2
    made = extractor(
        inputs["windows"][row, half : half + HOP * int(inputs["frames"][row, 0])],
        sampling_rate=RATE,
        return_tensors="pt",
        padding="do_not_pad",
        truncation=False,
    ).input_features
    # The extractor's range ends 8 decades below the maximum, so a louder maximum raises it.
    made = torch.clamp(made, min=(float(inputs["loudest"][row, 0]) - 8.0 + 4.0) / 4.0)
    return torch.nn.functional.pad(made, (0, settings.frames - made.shape[2]))


@dataclass
class _Followed:
    """Makes ``generate`` follow given tokens, and records what it would have taken.

    A logits processor of transformers: it comes after Whisper's own.

    Attributes:
        taken: the tokens to take.
        language: the language's number that was found.
        expected: the token that each step should have given.
        log_probs: of each token taken.
    """

    taken: list[int]
    language: int
    expected: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, found: Arrays, row: int, end: int) -> _Followed:
        """What a row of the export's outputs says."""
        length = int(found["lengths"][row, 0])
        return cls([*found["tokens"][row, :length].tolist(), end], int(found["language"][row, 0]))

    def __call__(self, sequence: Any, scores: Any) -> Any:
        """Scores FP32 [1, vocabulary] -> the same, in which only the token to take is possible."""
        import torch

        log_probs = torch.log_softmax(scores.reshape(-1).float(), 0)
        token = self.taken[len(self.expected)]
        self.expected.append(_undecided(log_probs, token))
        self.log_probs.append(log_probs[token].item())
        forced = torch.full_like(scores, -torch.inf)
        forced[:, token] = 0
        return forced


def _undecided(log_probs: Any, chosen: int) -> int:
    """What was chosen, if it is as probable as the best within UNDECIDED; otherwise the best."""
    best = int(log_probs.argmax())
    return chosen if log_probs[chosen] >= log_probs[best] - UNDECIDED else best


def _generate(
    settings: WhisperCheckpoint,
    model: Any,
    features: Any,
    inputs: Arrays,
    row: int,
    followed: _Followed | None,
) -> _Generated:
    import torch

    languages = list(settings.generation.languages)
    options: dict[str, Any] = {}
    told = int(inputs["languages"][row, 0])
    if languages:
        number = followed.language if followed and told < 0 else told
        options = {
            "language": languages[number] if number >= 0 else None,
            "task": TASKS[int(inputs["tasks"][row, 0])],
        }
    if followed:
        options["logits_processor"] = [followed]
    with torch.no_grad():
        output = model.generate(
            features,
            **options,
            return_timestamps=bool(inputs["time_stamps"][row, 0]),
            force_unique_generate_call=True,
            return_dict_in_generate=True,
            output_scores=True,
            output_attentions=True,
            do_sample=False,
        )
        if isinstance(output, dict) and "segments" in output and "scores" not in output:
            output = output["segments"][0][0]["result"]
        sequence = output["sequences"].reshape(-1).tolist()
        tokens = sequence[-len(output["scores"]) :]
        log_probs = [
            torch.log_softmax(scores.reshape(-1).float(), 0)[token].item()
            for scores, token in zip(output["scores"], tokens, strict=True)
        ]
        language = (
            list(settings.generation.languages.values()).index(sequence[1]) if languages else 0
        )
        if followed:
            tokens, log_probs = followed.expected, followed.log_probs
            if languages and told < 0:
                language = _language(settings, model, features, followed.language)
    heads = len(settings.generation.alignment_heads)
    shape = (heads, settings.frames // 2) if heads else (1, 1)
    attention = np.zeros((len(tokens), *shape), np.float32)
    for index, layers in enumerate(output["cross_attentions"]):
        for number, (layer, head) in enumerate(settings.generation.alignment_heads):
            # The first step takes the whole prompt, and its last token chooses.
            attention[index, number] = layers[layer][0, head, -1].numpy()
    return _Generated(tokens, log_probs, language, attention)


def _language(settings: WhisperCheckpoint, model: Any, features: Any, found: int) -> int:
    """The language that should have been found, as ``generate`` finds it: from the first token."""
    import torch

    start = torch.tensor([[settings.generation.start]])
    scores = model(features, decoder_input_ids=start).logits[0, -1]
    among = scores[list(settings.generation.languages.values())].float()
    return _undecided(torch.log_softmax(among, 0), found)


def _inputs() -> Sequence[Arrays]:
    batches = (
        # (frames that are given, then of each row: those that count, language, task, time stamps)
        (250, OWN, ((250, -1, 0, True), (111, 0, 0, True))),
        (1000, 1.5, ((1000, 0, 0, True),)),
        (437, OWN, ((437, 1, 1, False), (437, -1, 0, True), (90, 0, 0, False))),
    )
    return [_batch(frames, loudest, rows) for frames, loudest, rows in batches]


def _batch(frames: int, loudest: float, rows: Sequence[tuple[int, int, int, bool]]) -> Arrays:
    windows = np.zeros((len(rows), HOP * (frames - 1) + FRAME), np.float32)
    for seed, (count, *_) in enumerate(rows):
        window = window_of(speech_like(HOP * count, seed))
        windows[seed, : window.size] = window
    columns = {"frames": 0, "languages": 1, "tasks": 2}
    return {
        "windows": windows,
        **{name: np.array([[row[k]] for row in rows], np.int32) for name, k in columns.items()},
        "loudest": np.full((len(rows), 1), loudest, np.float32),
        "time_stamps": np.array([[row[3]] for row in rows]),
    }


# Measured on the tests' tiny checkpoint and on a random one of Whisper-base's size.
WHISPER = Parity(reference=_reference, inputs=_inputs, absolute=1e-3, relative=1e-3)

UNDECIDED = 2.0
"""How much less probable than the best a token of the int8 graph may be, as a difference of natural
logarithms: at least 0.14 times as probable."""

# Measured: 1.5 and 0.08 on the tests' tiny checkpoint, 0.055 and 0.025 on a random one of
# Whisper-base's size.
WHISPER_INT8 = Int8(
    keep=("features.",),
    absolute={"log_probs": UNDECIDED},
    relative={"attention": 0.25},
    following=_followed,
)
