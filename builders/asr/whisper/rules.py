"""Which token may follow: Whisper's rules, as transformers' ``generate`` applies them.

SuppressTokensAtBeginLogitsProcessor, SuppressTokensLogitsProcessor and
WhisperTimeStampLogitsProcessor, in that order, then the greedy choice. Time-stamp tokens come last
in the vocabulary, text tokens first, the end and the other special ones between: the three parts
are judged by their maxima and sums, so that the vocabulary is read few times.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from builders.asr.whisper.generation import Generation

NEVER = -1e30
"""Added to the logit of a token that may not follow. Infinity would make sums of nothing NaN."""


class Rules(nn.Module):
    """The choice of the next token.

    Args:
        generation: what the checkpoint says of the text.
        vocabulary: how many tokens there are.
    """

    def __init__(self, generation: Generation, vocabulary: int) -> None:
        super().__init__()
        self.end, self.first = generation.end, generation.first_time_stamp
        stamps = vocabulary - self.first
        barred = torch.zeros(3, vocabulary)
        barred[:, list(generation.suppressed)] = NEVER
        barred[1, list(generation.suppressed_first)] = NEVER
        # WhisperTimeStampLogitsProcessor alone bars this one; it is the table's last row.
        barred[2, generation.no_time_stamps] = NEVER
        self.always, self.at_first, self.stamped = (nn.Buffer(row[None]) for row in barred)
        latest = stamps if generation.initial is None else generation.initial
        self.latest = min(latest, stamps)
        self.stamp = nn.Buffer(torch.arange(self.first, vocabulary)[None])

    def forward(
        self, logits: Tensor, history: Tensor, first: Tensor, time_stamps: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One choice for each row.

        Args:
            logits: FP32 [rows, vocabulary].
            history: INT64 [rows, 3]: the last generated token, the one before, the newest time
                stamp. A token that is not there yet is -1; before the first, "the one before"
                counts as a time stamp.
            first: BOOL [rows, 1], whether this is the first token after the prompt.
            time_stamps: BOOL [rows, 1], whether the rules for them hold.

        Returns:
            INT64 [rows] tokens, FP32 [rows] log-probabilities among what was allowed, and the
            history with the tokens.
        """
        # Three broadcast rows are chosen from, not three tables added: one pass over the logits.
        barred = torch.where(time_stamps, self.stamped, self.always)
        barred = torch.where(first, torch.minimum(barred, self.at_first), barred)
        scores = logits + barred
        last, before, newest = history[:, 0:1], history[:, 1:2], history[:, 2:3]
        after_stamp = last >= self.first
        after_pair = after_stamp & ((before < 0) | (before >= self.first))
        after_end = after_stamp & ~after_pair
        only_stamps = time_stamps & first

        text = torch.where(time_stamps & (after_end | first), NEVER, 0.0)
        special = torch.where(only_stamps, NEVER, 0.0)
        lowest = torch.where(after_end, newest, newest + 1)
        highest = torch.where(first, self.first + self.latest, self.stamp[:, -1:])
        shut = after_pair | ((self.stamp < lowest) & (newest >= 0)) | (self.stamp > highest)
        stamps = scores[:, self.first :] + torch.where(time_stamps & shut, NEVER, 0.0)

        parts = (scores[:, : self.end] + text, scores[:, self.end : self.first] + special, stamps)
        values, indices = zip(*(part.max(dim=1, keepdim=True) for part in parts), strict=True)
        sums = [
            value + torch.log(torch.exp(part - value).sum(dim=1, keepdim=True))
            for part, value in zip(parts, values, strict=True)
        ]
        # The probability of all time stamps together, against that of the likeliest other token.
        certain = time_stamps & (sums[2] > torch.maximum(values[0], values[1]))
        bar = torch.where(certain, NEVER, 0.0)
        best = torch.cat([values[0] + bar, values[1] + bar, values[2]], dim=1)
        places = torch.cat([indices[0], indices[1] + self.end, indices[2] + self.first], dim=1)
        part = best.argmax(dim=1, keepdim=True)
        total = torch.logsumexp(torch.cat([sums[0] + bar, sums[1] + bar, sums[2]], dim=1), dim=1)
        chosen = places.gather(1, part)
        log_probability = best.gather(1, part)[:, 0] - total
        newest = torch.where(chosen >= self.first, chosen, newest)
        return chosen[:, 0], log_probability, torch.cat([chosen, last, newest], dim=1)
