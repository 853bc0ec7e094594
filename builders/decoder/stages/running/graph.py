"""The decoder's graph, run on one shared cache.

The cache of a layer is one array for all slots, and each run works on it in place: ONNX Runtime is
given the same memory as past and as present (``GroupQueryAttention`` then writes the new rows
only). Rows of a batch are neighbouring slots, so that a run of some slots needs no copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROWS, MASK, PLACES, LOGITS = "inputs_embeds", "attention_mask", "logits_at", "logits"
_PARTS = ("key", "value")


@dataclass(frozen=True)
class Sizes:
    """A decoder's numbers.

    Attributes:
        layers: of the decoder.
        kv_heads: heads of keys and values.
        head_dim: numbers of a head.
        hidden: numbers of an embedding.
        vocab: tokens.
    """

    layers: int
    kv_heads: int
    head_dim: int
    hidden: int
    vocab: int

    @property
    def token_bytes(self) -> int:
        """Bytes of cache that a token takes."""
        return self.layers * 2 * self.kv_heads * self.head_dim * 4


class Graph:
    """Runs the decoder on the slots of a cache.

    It is used by one thread. All memory of the cache is taken at once, so that a server which has
    started has it, and what is measured of one is all that it will take.

    Args:
        folder: holds ``model.onnx``.
        sizes: the decoder's.
        slots: how many there are.
        context: tokens of a slot.
        threads: of ONNX Runtime; 0 for as many as there are cores.
    """

    def __init__(
        self, folder: Path, sizes: Sizes, slots: int, context: int, threads: int = 0
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Between two runs the threads would burn the time that answers need to be sent.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.sizes, self.slots, self.context = sizes, slots, context
        shape = (slots, sizes.kv_heads, context, sizes.head_dim)
        self._cache = [
            {part: np.full(shape, 0, np.float32) for part in _PARTS} for _ in range(sizes.layers)
        ]
        self._steps: dict[tuple[int, int], _Run] = {}

    def extend(self, slot: int, length: int, rows: np.ndarray) -> np.ndarray:
        """Puts further tokens of one request behind those in its slot.

        Args:
            slot: whose cache grows.
            length: tokens that are in it already.
            rows: FP32 [new, hidden], their embeddings.

        Returns:
            FP32 [vocab], the logits behind the last of them.
        """
        new = len(rows)
        run = _Run(self, slot, 1, new)
        run.rows[0] = rows
        logits: np.ndarray = run.once(np.array([length + new]), length + new)[0]
        return logits

    def step(self, first: int, rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Puts one token behind those in each of some neighbouring slots.

        Args:
            first: the first of the slots.
            rows: FP32 [slots, hidden], the tokens' embeddings.
            lengths: [slots], tokens that are in each already.

        Returns:
            FP32 [slots, vocab], the logits behind them; overwritten by the next step.
        """
        count = len(rows)
        run = self._steps.get((first, count))
        if run is None:
            run = self._steps[first, count] = _Run(self, first, count, 1)
        run.rows[:, 0] = rows
        return run.once(lengths + 1, int(lengths.max()) + 1)

    def copy(self, source: int, target: int, length: int) -> None:
        """Copies the cache of a slot's first tokens to another slot."""
        for layer in self._cache:
            for part in layer.values():
                part[target, :, :length] = part[source, :, :length]

    def swap(self, one: int, other: int, length: int) -> None:
        """Exchanges the cache of two slots' first tokens."""
        for layer in self._cache:
            for part in layer.values():
                kept = part[one, :, :length].copy()
                part[one, :, :length] = part[other, :, :length]
                part[other, :, :length] = kept


class _Run:
    """The tensors of a run on some slots, bound to the session.

    Attributes:
        rows: FP32 [slots, new, hidden], to be filled in.
    """

    def __init__(self, graph: Graph, first: int, count: int, new: int) -> None:
        sizes = graph.sizes
        self._session = graph._session
        self._binding = self._session.io_binding()
        self.rows = np.zeros((count, new, sizes.hidden), np.float32)
        self._logits = np.zeros((count, 1, sizes.vocab), np.float32)
        self._places = np.array([new - 1], np.int64)
        self._mask = np.zeros(count * graph.context, np.int64)
        self._bind(self._binding.bind_input, ROWS, self.rows)
        self._bind(self._binding.bind_input, PLACES, self._places)
        self._bind(self._binding.bind_output, LOGITS, self._logits)
        for number, layer in enumerate(graph._cache):
            for part, whole in layer.items():
                own = whole[first : first + count]
                self._bind(self._binding.bind_input, f"past_key_values.{number}.{part}", own)
                self._bind(self._binding.bind_output, f"present.{number}.{part}", own)

    def once(self, lengths: np.ndarray, total: int) -> np.ndarray:
        """Runs it; the logits behind each slot's last token.

        Args:
            lengths: [slots], tokens of each slot with the new ones.
            total: the largest of them.
        """
        count = len(self.rows)
        # The graph sums a row to the slot's length, so the ones may stand anywhere.
        mask = self._mask[: count * total].reshape(count, total)
        np.less(np.arange(total), lengths[:, None], out=mask, casting="unsafe")
        self._bind(self._binding.bind_input, MASK, mask)
        self._session.run_with_iobinding(self._binding)
        return self._logits[:, 0]

    @staticmethod
    def _bind(bind: Any, name: str, array: np.ndarray) -> None:
        bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def neighbours(slots: Sequence[int]) -> tuple[int, int]:
    """The first of some slots, and how many there are from it to the last."""
    return min(slots), max(slots) - min(slots) + 1
