"""Whisper as two torch modules: what is computed once for a window, and what once for a token.

The second becomes the body of an ONNX ``Loop`` (:mod:`builders.asr.whisper.loop`), so its forward
takes and returns everything that one token leaves for the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from builders.asr.whisper.checkpoint import WhisperCheckpoint
from builders.asr.whisper.features import WhisperLogMel
from builders.asr.whisper.rules import Rules

if TYPE_CHECKING:
    from transformers.models.whisper.modeling_whisper import WhisperAttention


class Listen(nn.Module):
    """Features, encoder, and the keys and values of the decoder's cross-attention.

    Args:
        checkpoint: its settings.
        model: its ``WhisperForConditionalGeneration``.
    """

    def __init__(self, checkpoint: WhisperCheckpoint, model: Any) -> None:
        super().__init__()
        self.features = WhisperLogMel(checkpoint)
        self.encoder = model.model.encoder
        self.attention = nn.ModuleList([layer.encoder_attn for layer in model.model.decoder.layers])
        self.frames = checkpoint.frames
        generation = checkpoint.generation
        self.maximum, self.positions = generation.maximum, checkpoint.positions
        prompt = [generation.start]
        self.multilingual = bool(generation.languages)
        # A list of one stands in where there is nothing to choose from.
        choices = list(generation.languages.values()) or prompt
        tasks = [
            generation.tasks.get(name, generation.start) for name in ("transcribe", "translate")
        ]
        self.languages = nn.Buffer(torch.tensor(choices))
        self.tasks = nn.Buffer(torch.tensor(tasks))
        self.ends = nn.Buffer(torch.tensor([generation.start, generation.no_time_stamps]))

    def forward(
        self,
        windows: Tensor,
        frames: Tensor,
        loudest: Tensor,
        languages: Tensor,
        tasks: Tensor,
        time_stamps: Tensor,
    ) -> tuple[Tensor, ...]:
        """The ONNX model's inputs (see :func:`builders.asr.whisper.export.whisper`) -> first state.

        Returns:
            ``prompt`` INT64 [rows, 4 or 2] (a language still to be told is -1), INT64 [rows, 1]
            ``prompt_length``, how much of it counts, and ``limit``, the longest sequence;
            ``steps`` INT64 [1]; then each layer's keys and values FP32 [rows, heads, positions,
            head size].
        """
        features = self.features(windows, frames, loudest)
        # Whisper's long-form windows end in features of 0, where the recording does.
        features = nn.functional.pad(features, (0, self.frames - features.shape[2]))
        hidden = self.encoder(features).last_hidden_state
        start, last = (self.ends[each].expand(languages.shape) for each in range(2))
        prompt = [start, last]
        if self.multilingual:
            known = self.languages[torch.clamp(languages, min=0).to(torch.int64)]
            language = torch.where(languages < 0, -1, known)
            prompt = [start, language, self.tasks[tasks.to(torch.int64)], last]
        length = len(prompt) - time_stamps.to(torch.int64)
        limit = torch.clamp(length + self.maximum, max=self.positions)
        steps = limit.amax(dim=0) - 1
        cross = []
        for layer in cast("Iterable[WhisperAttention]", self.attention):
            for projection in (layer.k_proj, layer.v_proj):
                projected = projection(hidden)
                cross.append(_heads(projected, layer.num_heads))
        return torch.cat(prompt, dim=1), length, limit, steps, *cross


class Say(nn.Module):
    """One step of the decoder, and the choice of the next token.

    Args:
        checkpoint: its settings.
        model: its ``WhisperForConditionalGeneration``.
    """

    def __init__(self, checkpoint: WhisperCheckpoint, model: Any) -> None:
        super().__init__()
        self.decoder = model.model.decoder
        self.head = model.proj_out
        self.rules = Rules(checkpoint.generation, self.head.out_features)
        generation = checkpoint.generation
        self.end, self.padding = generation.end, generation.padding
        self.aligning = [
            [head for at, head in generation.alignment_heads if at == layer]
            for layer in range(len(self.decoder.layers))
        ]
        languages = list(generation.languages.values()) or [generation.start]
        self.languages = nn.Buffer(torch.tensor(languages))

    def forward(
        self,
        position: Tensor,
        prompt: Tensor,
        prompt_length: Tensor,
        limit: Tensor,
        time_stamps: Tensor,
        token: Tensor,
        history: Tensor,
        done: Tensor,
        language: Tensor,
        lengths: Tensor,
        caches: list[Tensor],
        cross: list[Tensor],
    ) -> tuple[Tensor, ...]:
        """One token further.

        Args:
            position: INT64 [1], of ``token`` in the sequence.
            prompt: INT64 [rows, prompt], as :class:`Listen` gives it.
            prompt_length: INT64 [rows, 1], how much of it counts.
            limit: INT64 [rows, 1], the longest sequence.
            time_stamps: BOOL [rows, 1], whether Whisper's rules for them hold.
            token: INT64 [rows].
            history: INT64 [rows, 3]: the last generated token, the one before, the newest time
                stamp; see :class:`Rules`.
            done: BOOL [rows], rows that have ended.
            language: INT64 [rows], the language's number.
            lengths: INT64 [rows], tokens so far, the end not counted.
            caches: each layer's keys, then values, FP32 [rows, heads, position, head size].
            cross: likewise of the cross-attention.

        Returns:
            Whether any row goes on BOOL [1]; then what becomes of ``token``, ``history``, ``done``,
            ``language``, ``lengths`` and ``caches``; then what is put out: the token INT32 [rows],
            its log-probability FP32 [rows], and the cross-attention's weights in the alignment
            heads FP32 [rows, heads, positions], 0 after a row's end; where there are no such heads,
            one 0 a row.
        """
        hidden = self.decoder.embed_tokens(token) + self.decoder.embed_positions.weight[position]
        hidden = hidden[:, None]
        kept: list[Tensor] = []
        looked: list[Tensor] = []
        for index, layer in enumerate(self.decoder.layers):
            normed = layer.self_attn_layer_norm(hidden)
            for old, projection in zip(
                caches[2 * index : 2 * index + 2],
                (layer.self_attn.k_proj, layer.self_attn.v_proj),
                strict=True,
            ):
                new = _heads(projection(normed), layer.self_attn.num_heads)
                kept.append(torch.cat([old, new], dim=2))
            hidden = hidden + _attend(layer.self_attn, normed, *kept[-2:])[0]
            normed = layer.encoder_attn_layer_norm(hidden)
            keys, values = cross[2 * index : 2 * index + 2]
            mixed, weights = _attend(layer.encoder_attn, normed, keys, values)
            hidden = hidden + mixed
            looked += [weights[:, head] for head in self.aligning[index]]
            normed = layer.final_layer_norm(hidden)
            hidden = hidden + layer.fc2(layer.activation_fn(layer.fc1(normed)))
        logits = self.head(self.decoder.layer_norm(hidden[:, 0]))

        following = torch.clamp(position + 1, max=prompt.shape[1] - 1)
        given = prompt.index_select(1, following)[:, 0]
        prompted = position + 1 < prompt_length[:, 0]
        told = logits[:, self.languages].argmax(dim=1)
        unknown = prompted & (given < 0)
        given = torch.where(unknown, self.languages[told], given)
        # The language stands second, whether it was detected or given.
        number = (given[:, None] == self.languages).to(torch.int64).argmax(dim=1)
        language = torch.where(position == 0, number, language)

        chosen, log_probability, history_after = self.rules(
            logits, history, position + 1 == prompt_length, time_stamps
        )
        chosen = torch.where(done, self.padding, chosen)
        log_probability = torch.where(done, 0.0, log_probability)
        # A Triton model cannot have a tensor without elements, so one element stands in.
        looked = looked or [hidden.new_zeros(hidden.shape[0], 1, 1)]
        attention = torch.where(done[:, None, None], 0.0, torch.cat(looked, dim=1))
        history = torch.where(prompted[:, None], history, history_after)
        done = done | (~prompted & (chosen == self.end))
        lengths = lengths + (~prompted & ~done).to(torch.int64)
        done = done | (position + 2 >= limit[:, 0])
        token = torch.where(prompted, given, chosen)
        go_on = (~done).any()[None]
        return (
            *(go_on, token, history, done, language, lengths),
            *kept,
            *(chosen.to(torch.int32), log_probability, attention),
        )


def _heads(projected: Tensor, heads: int) -> Tensor:
    """[rows, positions, size] -> [rows, heads, positions, head size]."""
    rows, positions, size = projected.shape
    return projected.reshape(rows, positions, heads, size // heads).transpose(1, 2)


def _attend(layer: Any, hidden: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """One query's attention: FP32 [rows, 1, size] -> the same, and [rows, heads, 1, positions]."""
    query = _heads(layer.q_proj(hidden) * layer.scaling, layer.num_heads)
    weights = torch.softmax(query @ keys.transpose(2, 3), dim=-1)
    mixed = (weights @ values).transpose(1, 2)
    output: Tensor = layer.out_proj(mixed.reshape(hidden.shape))
    return output, weights
